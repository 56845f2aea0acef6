/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - a page of records: filter, sort, cursor, limit, selected fields. */
#ifndef ENGINE_LISTING_H
#define ENGINE_LISTING_H

#include "engine/record.h"

/* Answers {"items":[...],"next":"..."}: the records in the call's scope that have not ended. */
enum store_code list_answer(struct call *call, struct db *db, const struct shape *shape);

/* Answers the same with the records that a query finds: its columns are shape->brief_list, its rows in the order of their ids, one more
 * than `limit` where there is one. How many were answered, and whether there was that one. */
enum store_code list_found(struct call *call, struct db *db, const struct shape *shape, struct query *query, int64_t limit,
                           int64_t *count, bool *more);
/* The id behind which the page begins; missing: 0. False: it is no cursor of such a page, which is answered. */
bool list_cursor(struct call *call, const struct shape *shape, struct text cursor, int64_t *after);

#endif
