/* SPDX-License-Identifier: Apache-2.0 */
/* demo_homes.h - the elders of the demo by number: age, sex, wife or husband. */
#ifndef EDGE_DEMO_HOMES_H
#define EDGE_DEMO_HOMES_H

#include "edge/demo_own.h"

/* In the place of a wife or a husband: there is none; one who is not 60 yet. */
#define DEMO_NOBODY UINT32_MAX
#define DEMO_YOUNGER (UINT32_MAX - 1)

struct demo_pair {
	uint32_t elder, spouse;
};

int demo_age(const struct demo *demo, uint32_t number);
enum sex demo_sex(const struct demo *demo, uint32_t number);

#endif
