/* SPDX-License-Identifier: Apache-2.0 */
/* demo_data.h - an invented district: the same pack, number of elders, seed and day give the same one everywhere.
 *
 * demo_open() plans who lives with whom; from there every record is a pure function of its index: it can be made on any thread,
 * in any order, again. A record is a row of a file, as people hand them in.
 * Nobody is real: identity cards have prefixes 900000-909999, credit codes areas 900001-904095 (the pack's number), telephones
 * are of the youngest ranges and have 0000 behind their first three digits, and organizations have names that begin with 演示. */
#ifndef EDGE_DEMO_DATA_H
#define EDGE_DEMO_DATA_H

#include "base/check.h"
#include "engine/call.h"
#include "engine/pack.h"

enum { DEMO_ELDERS_MAX = 4900000, DEMO_CELLS_MAX = 40, DEMO_ORGANIZATION_KINDS = 8 };

struct demo_community;

struct demo {
	const struct pack *pack;
	uint64_t seed; /* the given one and the district, mixed */
	struct date today; /* on which ages and what expires are counted */
	const struct demo_community *communities;
	size_t community_count;
	const size_t *villages, *streets; /* indexes of the rural communities, and of each street's first community */
	size_t village_count, street_count;
	uint64_t weight; /* of all communities together: how many elders live where */
	uint32_t elder_count;
	const struct demo_pair *homes;
	size_t home_count;
	const uint32_t *beds_up_to; /* of each institution and those before it */
	const uint32_t *staff_up_to; /* of each organization and those before it */
	size_t institution_count, organization_count;
	uint32_t organizations[DEMO_ORGANIZATION_KINDS]; /* of each kind */
};

struct demo_row {
	struct arena *arena;
	struct pair cells[DEMO_CELLS_MAX];
	size_t count;
};

/* One more cell; none where the value is missing. */
void demo_cell(struct demo_row *row, const char *name, struct text value);
void demo_number(struct demo_row *row, const char *name, int64_t value);

/* Those of a household who are 60 or older: one, or a man and his wife. Who lives in an institution has no household. */
struct demo_home {
	bool has_household;
	struct demo_row household;
	struct demo_row elders[2];
	size_t elder_count;
};

enum { DEMO_NO_ORGANIZATION = -1 };

/* Reads the pack's communities into the arena, which must outlive the demo; all text made later may lie elsewhere. */
struct demo demo_open(const struct pack *pack, uint64_t elders, uint64_t seed, struct date today, struct arena *arena);
/* Home `index` of 0..home_count - 1; together they have elder_count elders. */
void demo_home(const struct demo *demo, size_t index, struct arena *arena, struct demo_home *out);
void demo_organization(const struct demo *demo, size_t index, struct arena *arena, struct demo_row *out);
/* How many facilities the pack's demo district has (demo.* in pack.conf). */
size_t demo_facility_count(const struct demo *demo);
/* Gives the index of the organization that runs it, or DEMO_NO_ORGANIZATION. */
int64_t demo_facility(const struct demo *demo, size_t index, struct arena *arena, struct demo_row *out);
size_t demo_staff_count(const struct demo *demo);
/* Gives the index of the organization. */
int64_t demo_staff(const struct demo *demo, size_t index, struct arena *arena, struct demo_row *out);

#endif
