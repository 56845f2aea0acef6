/* SPDX-License-Identifier: Apache-2.0 */
/* territory.h - what the engine itself knows of the tree of areas: which numbers may be written, which is given next, what
 * lives in an area, which areas a job holds. */
#ifndef ENGINE_TERRITORY_H
#define ENGINE_TERRITORY_H

#include "engine/input.h"

/* The numbers that areas of one level have under one parent. */
struct series {
	int64_t first, last, step;
};

/* Province 2, city 2, district 2, street 3, community 3 digits; the last three are shared: estates have 001 to 499, grid cells
 * 500 to 999. False: the level has no numbers of ours under such a parent. */
bool series_under(struct text level, struct text parent_level, int64_t parent, struct series *series);
/* The next number behind the taken ones, which are in ascending order; where the last one is taken, the first free one. 0: all
 * are taken. */
int64_t series_next(const struct series *series, const int64_t *taken, size_t count);
/* The same of what the district's tree has; ended areas keep their numbers. */
enum store_code territory_next(struct tx *tx, unsigned district, const struct series *series, int64_t *number);

/* Whether records may be written there: the area is known, has not ended, and is not about to. When it has a successor, *successor
 * is where its records belong now. */
bool territory_open(struct db *db, unsigned district, int64_t area, int64_t *successor);
/* The field names no area that may be written to; says so, with the successor where there is one. */
void territory_refuse(struct input *in, const char *name, int64_t successor);

static inline bool is_within(int64_t area, int64_t number)
{
	return area >= number && area <= area_last(number);
}

/* Areas that a job works on: nobody else changes the tree there. */
enum store_code territory_hold(struct tx *tx, unsigned district, int64_t area, int64_t job);
enum store_code territory_release(struct tx *tx, unsigned district, int64_t job);
bool territory_held(struct db *db, unsigned district, int64_t area); /* it, one above it, or one below it */

/* Answers 409 with the counts where something lives in the area: records that have not ended, areas below it, accounts. */
enum store_code territory_vacant(struct tx *tx, struct call *call, int64_t area);

extern const struct schema territory_schema;

#endif
