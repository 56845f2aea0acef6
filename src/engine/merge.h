/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h - two records of one person made one, and two again. */
#ifndef ENGINE_MERGE_H
#define ENGINE_MERGE_H

#include "engine/app.h"

extern const struct module merge_module;

#endif
