/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h - the append-only record of every change: audit trail and live feed in one.
 *
 * A line is written in the transaction of the change. On SQLite it gets its position and hash there; on PostgreSQL a
 * sequencer gives them soon after commit, in an order that no later commit can disturb. Positions are gapless in a
 * district; each hash is SHA-256 over the hash before it and the line, so the chain shows any later tampering. */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include "base/crypto.h"
#include "engine/access.h"

/* Where a record lies, and where it lay before: the feed's scope needs no query. 0: nowhere, nobody. */
struct places {
	int64_t area, hukou_area, was_area, was_hukou_area;
	int64_t organization, was_organization;
	int64_t subject; /* whose record it is: an elder, a member of staff */
};

/* Lines are of changes, but for three actions: somebody saw what is protected, or took a list away. They name as `fields`
 * what was seen; `detail` holds the same as "fields":[...], and
 *	look          one record's protected values in clear: "reason":"..."
 *	list, export  many records, on a screen or as a file; the record is 0: "filter":{...}, "count":N; of a file that has a
 *	              purpose "reason":"...", and where sealed fields are in clear in it "clear":[...]
 * An ordinary read leaves no line. */
#define ACTION_LOOK TEXT("look")
#define ACTION_LIST TEXT("list")
#define ACTION_EXPORT TEXT("export")

struct journal_line {
	unsigned district;
	int64_t pos, at_ms;
	int64_t user;
	struct text actor, channel;
	struct text behalf; /* who asked for it, where somebody does it for another; missing: for oneself */
	struct text action; /* create, update, end, import, sign_in ...; or one of those above */
	struct text resource;
	int64_t record, version;
	struct places places;
	struct text fields; /* name,name: what changed; missing for a creation */
	struct text detail; /* JSON: {"field":[old,new]}, protected values masked; or as said above */
};

extern const struct schema journal_schema;

bool journal_is_change(struct text action); /* and not one of the three above */
enum store_code journal_write(struct tx *tx, const struct actor *actor, const struct journal_line *line);

/* Is handed lines, borrowed until it returns; false to stop. */
typedef bool journal_take(void *arg, const struct journal_line *line);
/* Up to `limit` lines behind `after`, oldest first. */
enum store_code journal_read(struct db *db, unsigned district, int64_t after, int limit, journal_take *take, void *arg);
/* Up to `limit` lines of one record before the position `before` (0: from the newest on), newest first. */
enum store_code journal_history(struct db *db, unsigned district, struct text resource, int64_t record, int64_t before, int limit,
                                journal_take *take, void *arg);
int64_t journal_head(struct db *db, unsigned district);
/* The same with the hash there; zeros where there is no line yet. */
enum store_code journal_tip(struct db *db, unsigned district, int64_t *pos, unsigned char hash[static HASH_BYTES]);
/* Gives positions to the lines that committed on PostgreSQL (store_options.sequence). */
enum store_code journal_sequence(struct tx *tx, bool *news);

/* The next district behind `after` that has lines or entries; INT64_MAX: none. */
int64_t journal_next_district(struct db *db, int64_t after);

struct journal_verdict {
	int64_t lines; /* in order so far: also the position of the last good one */
	unsigned char hash[HASH_BYTES]; /* of that one; zeros before the first */
	const char *what; /* what the first line is that is not in order, NULL: all are */
	int64_t wrong_pos; /* of that one */
	bool more; /* some lines were read: ask again */
	/* Asked about each line found in order: what is wrong with it all the same, or NULL. May be NULL itself. */
	const char *(*check)(void *arg, const struct journal_verdict *verdict);
	void *arg;
};
/* Walks one district's chain on from where `verdict` stands (zeroed at first, but for `check`), at most `limit` lines. */
enum store_code journal_verify(struct db *db, unsigned district, int limit, struct journal_verdict *verdict);

#endif
