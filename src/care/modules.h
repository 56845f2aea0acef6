/* SPDX-License-Identifier: Apache-2.0 */
/* modules.h - the capabilities. */
#ifndef CARE_MODULES_H
#define CARE_MODULES_H

#include "engine/app.h"

extern const struct module area_module, area_change_module, elder_module, facility_module, household_module,
	organization_module, staff_module;

#endif
