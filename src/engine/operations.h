/* SPDX-License-Identifier: Apache-2.0 */
/* operations.h - what can be done with the records of every declared resource. */
#ifndef ENGINE_OPERATIONS_H
#define ENGINE_OPERATIONS_H

#include "engine/app.h"

extern const struct operation operations[];
extern const size_t operation_count;

/* One record from one row of a file, in the caller's transaction. */
enum store_code operation_import(struct tx *tx, struct call *call, const struct shape *shape, struct input *row);

#endif
