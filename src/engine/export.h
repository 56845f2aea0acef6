/* SPDX-License-Identifier: Apache-2.0 */
/* export.h - a list as a file. */
#ifndef ENGINE_EXPORT_H
#define ENGINE_EXPORT_H

#include "engine/app.h"

extern const struct module export_module;

#endif
