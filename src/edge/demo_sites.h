/* SPDX-License-Identifier: Apache-2.0 */
/* demo_sites.h - the organizations of the demo, by index: what its facilities and its staff ask. */
#ifndef EDGE_DEMO_SITES_H
#define EDGE_DEMO_SITES_H

#include "edge/demo_own.h"

enum organization_kind {
	CARE_INSTITUTION, HOME_SERVICE, COMMUNITY_SERVICE, CATERING, MEDICAL, ASSESSMENT, SOCIAL, TRAINING, ORGANIZATIONS
};

/* And which of its kind it is. */
enum organization_kind demo_organization_kind(const struct demo *demo, size_t index, size_t *nth);
struct text demo_organization_name(const struct demo *demo, size_t index, struct arena *arena);
/* Where it has its seat. */
const struct demo_community *demo_seat(const struct demo *demo, size_t index);
const struct demo_community *demo_institution_place(const struct demo *demo, size_t nth);
int64_t demo_beds_of(const struct demo *demo, size_t organization);

#endif
