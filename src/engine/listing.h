/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - a page of records: filter, sort, cursor, limit, selected fields. */
#ifndef ENGINE_LISTING_H
#define ENGINE_LISTING_H

#include "engine/filter.h"
#include "engine/record.h"

struct list_page {
	const struct slot *sort; /* NULL: by id alone */
	bool down;
	struct text sort_text; /* as the outside wrote it */
	int64_t limit;
	struct value after; /* of the sort column */
	int64_t after_id; /* 0: the first page */
};

/* Which records, in which order, from where on: what the parameters of a list say. */
struct list_wish {
	const struct shape *shape;
	struct list_page page;
	struct filter *filter; /* NULL: all that are in sight */
	struct filter_world world;
	bool to_the_end; /* page by page, all of them are wanted */
	bool with_ended; /* also those that have ended */
	struct arena *arena; /* of the statements; NULL: the call's */
};

/* Whether the text is a filter that the caller may use on the resource; when not, *fault says why. */
bool list_filter_holds(struct call *call, const struct shape *shape, struct text source, struct filter_fault *fault);
/* False: something in the parameters is wrong, which is answered. */
bool list_read(struct call *call, const struct shape *shape, struct list_wish *wish);
/* The statement, with one row more than the page takes; false: it would be too long, which is answered. */
bool list_query(struct query *query, struct db *db, struct call *call, const struct list_wish *wish, const char *columns);

/* All records in the caller's sight that a filter fits, behind one id and up to another, in the order of their ids: whoever goes
 * through all of them takes a stretch at a time, however few fit. False: the filter is none any more, which is answered. */
bool list_fitting(struct query *query, struct db *db, struct call *call, const struct shape *shape, struct text filter, int64_t after,
                  int64_t until, const char *columns);
/* Where such a stretch of so many records ends; INT64_MAX: there are no more. */
int64_t list_stretch(struct db *db, unsigned district, struct arena *arena, const struct shape *shape, int64_t after, int64_t count);

/* Answers {"items":[...],"next":"..."}: the records in the call's scope that have not ended. */
enum store_code list_answer(struct call *call, struct db *db, const struct shape *shape);

/* Answers the same with the records that a query finds: its columns are shape->brief_list, its rows in the order of their ids, one more
 * than `limit` where there is one. How many were answered, and whether there was that one. */
enum store_code list_found(struct call *call, struct db *db, const struct shape *shape, struct query *query, int64_t limit,
                           int64_t *count, bool *more);
/* The id behind which the page begins; missing: 0. False: it is no cursor of such a page, which is answered. */
bool list_cursor(struct call *call, const struct shape *shape, struct text cursor, int64_t *after);

/* Records of the call's resource that were looked at or taken away together. */
struct list_taken {
	struct text action; /* ACTION_LIST, ACTION_EXPORT */
	const struct slot *const *slots; /* what was seen of them */
	size_t slot_count;
	struct text filter; /* JSON; missing: none, or not to be told */
	struct text reason; /* missing: none was asked for */
	bool clear; /* what of it is sealed was seen in clear */
	int64_t count;
};
/* The line of the journal about it. */
enum store_code list_note(struct tx *tx, struct call *call, const struct list_taken *taken);

#endif
