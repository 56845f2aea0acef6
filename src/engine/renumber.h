/* SPDX-License-Identifier: Apache-2.0 */
/* renumber.h - records and accounts whose areas get other numbers: found resource by resource, changed and journalled in
 * slices, each remembered so that it can be taken back. */
#ifndef ENGINE_RENUMBER_H
#define ENGINE_RENUMBER_H

#include "engine/account.h"
#include "engine/job.h"

enum { RENUMBER_RANGES_MAX = 16, RENUMBER_ROWS = 50 };

struct new_number {
	int64_t was, now;
};

struct renumbering {
	struct job_work *work;
	int64_t ranges[RENUMBER_RANGES_MAX]; /* each with all below it gets other numbers */
	size_t range_count;
	struct new_number *numbers; /* by renumber_add */
	size_t count, room;
	bool remembers;
};

/* How far the records are through. */
struct renumber_place {
	int64_t shape, slot, id;
};

void renumber_add(struct renumbering *r, int64_t was, int64_t now); /* in any order; then: */
void renumber_sort(struct renumbering *r);
bool renumber_concerns(const struct renumbering *r, int64_t area);
/* The new number: its own, or that of the nearest area above it that has one. 0: it keeps its own. */
int64_t renumber_of(const struct renumbering *r, int64_t area);
/* The next records in all fields that are areas; *end when there is none left. Adds what it changed to work->progress. */
enum store_code renumber_records(struct tx *tx, struct renumbering *r, struct renumber_place *place, bool *end);
/* How many there are, and whether there is any, as far as an index tells at once. */
enum store_code renumber_count(struct tx *tx, struct renumbering *r, int64_t *count);
enum store_code renumber_any(struct tx *tx, struct renumbering *r, bool *any);
/* The next accounts behind *after. `widen`: they keep their areas, and get the new ones beside them where there is room. */
enum store_code renumber_accounts(struct tx *tx, struct renumbering *r, bool widen, int64_t *after, bool *end);

/* Takes the next of what was remembered back, where it is still as it was made. */
enum store_code renumber_undo(struct tx *tx, struct job_work *work, bool *end);
enum store_code renumber_forget(struct tx *tx, struct job_work *work, bool *end);

#endif
