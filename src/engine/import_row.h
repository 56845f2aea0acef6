/* SPDX-License-Identifier: Apache-2.0 */
/* import_row.h - a row of a file: the record that it is about is found by what nobody else has (UNIQUE), else by what is said of
 * nobody else (resource.same). It is made where there is none, changed where the row says something else of it, and left alone
 * where not; an empty cell says nothing, nor does one that has of a sealed value what the record shows of it. What its owner has
 * said stays, and a row beside it becomes a claim.
 *
 * A row with a reason of ending (`end_reason`, and the day `ended_on`) is an event: the record that is there ends with it, or,
 * where the reason is EVENT_RETURNED, one that had ended is there again. What else such a row says must not contradict the record,
 * and changes nothing. */
#ifndef ENGINE_IMPORT_ROW_H
#define ENGINE_IMPORT_ROW_H

#include "engine/input.h"

enum import_end { IMPORT_CREATED, IMPORT_CHANGED, IMPORT_SAME, IMPORT_CLAIMED, IMPORT_ENDED, IMPORT_RETURNED, IMPORT_ENDS };

#define EVENT_RETURNED "returned"

struct import_row {
	/* what is wished */
	bool check; /* it is only looked at what would become of it */
	bool invented; /* it is about nobody who is there */
	size_t said_count; /* of the cells; those behind follow from them, and are only for a record that is made */
	/* what became of it */
	enum import_end end;
	int64_t id, version; /* 0: it was only looked at, and is about nobody yet */
	struct text key; /* two rows with the same are about the same record; missing: nothing tells */
	bool has_number; /* it names its record by what nobody else has */
	struct text back, sources; /* of a change: what takes it back */
	const struct follower *followed; /* what it changed elsewhere */
	size_t followed_count;
};

/* In the caller's transaction; for a check, a reader's connection is enough. What is wrong with the row stands in the call. */
enum store_code import_row_take(struct tx *tx, struct call *call, const struct shape *shape, struct input *row, struct import_row *import);
/* What the fields were that an input has changed, as a merge-patch of the record. */
struct text import_row_back(struct input *in, const struct shape *shape, const void *before, const struct hidden *was);
/* Takes back what became of a row, unless its record has changed since: then it is `kept`. Calls with decided input. */
enum store_code import_row_undo(struct tx *tx, struct call *call, const struct shape *shape, const struct import_row *import, bool *kept);

#endif
