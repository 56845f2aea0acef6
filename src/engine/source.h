/* SPDX-License-Identifier: Apache-2.0 */
/* source.h - who says so: the department or party behind a value (一数一源). */
#ifndef ENGINE_SOURCE_H
#define ENGINE_SOURCE_H

#include "engine/call.h"
#include "engine/field.h"

extern const struct word sources[];
extern const struct field source_params[1]; /* for what a route says of itself */

/* The source of what a call writes: what its `source` parameter names, else the actor's own. Missing: it names none that there
 * is; that is answered. */
struct text source_of(struct call *call);

#endif
