/* SPDX-License-Identifier: Apache-2.0 */
/* operations.h - what can be done with the records of every declared resource. */
#ifndef ENGINE_OPERATIONS_H
#define ENGINE_OPERATIONS_H

#include "engine/app.h"

extern const struct operation operations[];
extern const size_t operation_count;

struct hidden;

/* One record in the actor's sight; `hidden` may be NULL. 404 is answered when there is none. */
enum store_code operation_find(struct db *db, struct call *call, const struct shape *shape, int64_t id, void *record,
                               struct hidden *hidden);
/* What the columns of shape->hidden_list hold, in a row behind those of shape->column_list. */
void operation_read_hidden(const struct shape *shape, const struct rows *rows, struct arena *arena, struct hidden *hidden);
/* Whose a record is, in the actor's sight. 404 is answered when there is none. */
enum store_code operation_ties(struct tx *tx, struct call *call, const char *resource, int64_t id, struct tie_values *ties);
/* The open record of which the sealed field has the hash (input_hash), whoever may see it: its number and whose it is. 0: none. */
enum store_code operation_look_up(struct tx *tx, struct call *call, const char *resource, const char *field, struct text hash,
                                  int64_t *id, struct tie_values *ties);
/* Whether the actor keeps the record (NULL: one that is tied to nobody), and does not only see it. */
bool operation_keeps(const struct shape *shape, const struct actor *actor, const void *record);
/* A record that the program itself makes, filled in but for what every record and its flow have. Nothing is checked. Without sealed
 * fields. STORE_DUPLICATE where something that must be unique is there already. */
enum store_code operation_add(struct tx *tx, struct call *call, const struct shape *shape, void *record);
/* A record that the program itself makes, from JSON with its fields, within the actor's keeping. */
enum store_code operation_make(struct tx *tx, struct call *call, const struct shape *shape, json_t *object);
/* A change that the program itself makes; with a `source` it is that one's word and is taken whoever owns the fields. */
enum store_code operation_change(struct tx *tx, struct call *call, const struct shape *shape, int64_t id, json_t *object,
                                 struct text source);
/* An end that the program itself makes; one that has ended stays as it is. `on` missing: today. */
enum store_code operation_close(struct tx *tx, struct call *call, const struct shape *shape, int64_t id, const char *why, struct text on);

#endif
