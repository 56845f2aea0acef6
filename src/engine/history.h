/* SPDX-License-Identifier: Apache-2.0 */
/* history.h - journal lines as they are shown: what changed, with protected values masked, and the lines of one record. */
#ifndef ENGINE_HISTORY_H
#define ENGINE_HISTORY_H

#include "engine/app.h"
#include "engine/journal.h"

/* What such a page has, and what it is asked with: for what a route says of itself. */
extern const struct field history_next[1], history_line[10], history_params[2];
#define HISTORY_ROWS \
	.out = { ROWS(history_next), .list = "items", ROWS(history_line) }, .params = ROWS(history_params)

/* Writes the line as one object. */
void history_put(struct json_out *json, struct call *call, const struct journal_line *line);
/* A page of the lines of the record with the call's id, which the caller has found to be in sight; newest first. */
enum store_code history_answer(struct call *call, struct db *db, const char *resource);

#endif
