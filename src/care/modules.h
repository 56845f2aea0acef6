/* SPDX-License-Identifier: Apache-2.0 */
/* modules.h - the capabilities, one line each. Whoever adds one adds its line here, and nothing anywhere else. */
#ifndef CARE_MODULES_H
#define CARE_MODULES_H

#include "engine/app.h"

#define CAPABILITIES(C) \
	C(area) \
	C(area_change) \
	C(cadence) \
	C(elder) \
	C(facility) \
	C(household) \
	C(organization) \
	C(request) \
	C(saved_list) \
	C(staff) \
	C(transfer) \
	C(visit) \
	C(visit_coverage) \
	C(visit_plan)

#define CAPABILITY_DECLARATION(name) extern const struct module name##_module;
CAPABILITIES(CAPABILITY_DECLARATION)

#define CAPABILITY_ROW(name) &name##_module,

#endif
