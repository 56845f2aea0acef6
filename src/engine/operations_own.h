/* SPDX-License-Identifier: Apache-2.0 */
/* operations_own.h - what the rows of files (import_row.c) and merging (merge.c) use of the operations; seen only by these. */
#ifndef ENGINE_OPERATIONS_OWN_H
#define ENGINE_OPERATIONS_OWN_H

#include "engine/input.h"
#include "engine/operations.h"

/* The record that has not ended, other than `but`, of which the slot's column (of a sealed one, its hash) has the value; or the
 * last one that has `ended`. */
enum store_code operation_find_by(struct tx *tx, struct call *call, const struct shape *shape, const struct slot *slot, struct value value,
                                  int64_t but, bool ended, void *record, bool *found);
bool operation_sees(const struct shape *shape, const struct actor *actor, const void *record);
/* A field's value, or the hash of a sealed one; VALUE_NULL: there is none. */
struct value operation_unique_value(const struct slot *slot, const void *record, const struct sealed *sealed);

/* Takes all fields; `before` NULL: of a new record. False: something is wrong, or the store has failed. */
bool operation_take(struct input *in, struct tx *tx, const struct shape *shape, const void *before, void *record);
enum store_code operation_refused(struct tx *tx); /* what of the two */
/* A new record, taken and checked but not written; and written. */
enum store_code operation_prepare(struct tx *tx, struct call *call, const struct shape *shape, struct input *in, struct record *record);
enum store_code operation_create(struct tx *tx, struct call *call, const struct shape *shape, struct input *in, struct record *record);
/* From `before` with what `was` hidden to `record`, which has been taken; `action` is how the journal calls it. */
enum store_code operation_write_change(struct tx *tx, const struct shape *shape, struct input *in, const void *before,
                                       const struct hidden *was, void *record, const char *action);
/* The record of the call's path, not ended, kept by the actor, at the version that they have seen. */
enum store_code operation_find_to_change(struct tx *tx, struct call *call, struct record *record, struct hidden *hidden);
/* A record that has ended has not; in the index it is there again. */
enum store_code operation_reopen(struct tx *tx, struct call *call, const struct shape *shape, const void *before,
                                 const struct hidden *hidden, struct record *record);
/* An end is taken and checked, but not written; and written. `on` missing: today. */
enum store_code operation_take_end(struct input *in, struct tx *tx, struct call *call, const struct shape *shape, const void *before,
                                   struct text why, struct text on, struct record *record);
enum store_code operation_end(struct tx *tx, struct call *call, const struct shape *shape, const void *before, const struct hidden *hidden,
                              struct text why, struct text on, struct record *record);

#endif
