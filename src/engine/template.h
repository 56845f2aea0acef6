/* SPDX-License-Identifier: Apache-2.0 */
/* template.h - an empty table to be filled in and imported. */
#ifndef ENGINE_TEMPLATE_H
#define ENGINE_TEMPLATE_H

#include "engine/app.h"

extern const struct module template_module;

#endif
