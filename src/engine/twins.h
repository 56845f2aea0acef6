/* SPDX-License-Identifier: Apache-2.0 */
/* twins.h - which records may be of one person, and in what two differ. */
#ifndef ENGINE_TWINS_H
#define ENGINE_TWINS_H

#include "engine/app.h"

extern const struct module twins_module;

#endif
