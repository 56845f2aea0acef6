/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - a page of records: filter, sort, cursor, limit, selected fields. */
#ifndef ENGINE_LISTING_H
#define ENGINE_LISTING_H

#include "engine/record.h"

/* Answers {"items":[...],"next":"..."}: the records in the call's scope that have not ended. */
enum store_code list_answer(struct call *call, struct db *db, const struct shape *shape);

#endif
