/* SPDX-License-Identifier: Apache-2.0 */
/* merge.h - two records of one person: which they may be, in what they differ, made one, and two again. */
#ifndef ENGINE_MERGE_H
#define ENGINE_MERGE_H

#include "engine/app.h"

extern const struct module twins_module; /* twins.c: the list and the comparison */
extern const struct module merge_module;

#endif
