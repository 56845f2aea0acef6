/* SPDX-License-Identifier: Apache-2.0 */
/* demo_own.h - what the files of the demo share: chance, names, places. */
#ifndef EDGE_DEMO_OWN_H
#define EDGE_DEMO_OWN_H

#include "base/arena.h"
#include "edge/demo_data.h"

#include <assert.h>
#include <string.h>

/* ---- chance ---- */

/* Each record has its own stream (splitmix64, Steele et al. 2014): integers only, alike on every machine. */
struct chance {
	uint64_t state;
};

enum stream {
	STREAM_ELDER = 1, STREAM_FACILITY, STREAM_DISTRICT, STREAM_COMMUNITY, STREAM_HOME, STREAM_ORGANIZATION, STREAM_STAFF, STREAM_ESTATE
};

static inline uint64_t chance_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static inline struct chance chance_of(uint64_t seed, enum stream stream, uint64_t index)
{
	return (struct chance){ chance_mix(chance_mix(seed + (uint64_t)stream) + index) };
}

/* 0..below-1 */
static inline size_t chance_below(struct chance *chance, size_t below)
{
	assert(below > 0 && below <= UINT32_MAX);
	return (size_t)(((chance_mix(chance->state += UINT64_C(0x9E3779B97F4A7C15)) >> 32) * below) >> 32);
}

static inline int64_t chance_between(struct chance *chance, int64_t first, int64_t last)
{
	return first + (int64_t)chance_below(chance, (size_t)(last - first + 1));
}

static inline bool chance_permille(struct chance *chance, size_t permille)
{
	return chance_below(chance, 1000) < permille;
}

/* ---- names (demo_names.c) ---- */

const char *demo_surname(struct chance *chance);
/* Given names of those who were born in this year. */
struct text demo_person(struct chance *chance, struct arena *arena, const char *surname, enum sex sex, int year);
struct text demo_phone(struct chance *chance, struct arena *arena);
/* The number of this person: ten thousand prefixes times 499 sequence numbers a sex give each index below DEMO_CARDS a pair of
 * its own, whatever the birth date. */
enum { DEMO_CARDS = 4990000, DEMO_STAFF_CARDS = DEMO_ELDERS_MAX };
struct text demo_id_card(const struct demo *demo, struct arena *arena, uint64_t index, struct date born_on, enum sex sex);
/* A day on which somebody is of this age today. */
struct date demo_birth_date(const struct demo *demo, struct chance *chance, int age);
struct date demo_day(const struct demo *demo, int64_t days_from_today);

/* ---- places (demo_places.c) ---- */

struct demo_community {
	int64_t area;
	struct text name; /* as the pack has it: 鹿鸣社区居委会 */
	struct text place; /* as in an address: 鹿鸣社区 */
	struct text street, county;
	bool is_village;
	int64_t near; /* the area whose known place it is laid out around */
	int64_t lat, lon; /* millionths of a degree */
	uint64_t weight_up_to; /* its own weight and that of all before it */
};

struct demo_spot {
	const struct demo_community *community;
	struct text address;
	int64_t lat, lon; /* millionths of a degree */
};

void demo_read_places(struct demo *demo, struct arena *arena);
const struct demo_community *demo_some_community(const struct demo *demo, struct chance *chance);
struct demo_spot demo_dwelling(const struct demo_community *community, struct chance *chance, struct arena *arena);
/* A house by a road, not a flat. */
struct demo_spot demo_house(const struct demo_community *community, struct chance *chance, struct arena *arena);
bool demo_ends_with(struct text t, struct text end);

/* ---- rows ---- */

void demo_date(struct demo_row *row, const char *name, struct date day);
void demo_place(struct demo_row *row, const struct demo_spot *spot); /* area, address, position */

/* ---- homes (demo_homes.c), sites (demo_sites.c), staff (demo_staff.c) ---- */

void demo_plan_homes(struct demo *demo, struct arena *arena);
void demo_plan_sites(struct demo *demo, struct arena *arena);
void demo_plan_staff(struct demo *demo, struct arena *arena);
/* A bed of an institution, each as likely as any other. */
struct demo_spot demo_institution(const struct demo *demo, struct chance *chance, struct arena *arena);

#endif
