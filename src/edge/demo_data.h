/* SPDX-License-Identifier: Apache-2.0 */
/* demo_data.h - invented elders and facilities for a demo district: the same seed gives the same ones everywhere.
 *
 * Everything is a pure function of pack, seed and index: record i can be made on any thread, in any order, again.
 * Nobody is real: identity cards have prefixes 900000-909999, telephones lie in 1990000xxxx (ten thousand numbers,
 * so households share them), and companies have names that begin with 演示. */
#ifndef EDGE_DEMO_DATA_H
#define EDGE_DEMO_DATA_H

#include "base/check.h"
#include "engine/pack.h"

enum { DEMO_TAGS_MAX = 6, DEMO_ELDERS_MAX = 4990000 };

struct demo_community;

struct demo {
	const struct pack *pack;
	uint64_t seed; /* the given one and the district, mixed */
	const struct demo_community *communities;
	size_t community_count;
	const size_t *villages, *streets; /* indexes of the rural communities, and of each street's first community */
	size_t village_count, street_count;
	uint64_t weight; /* of all communities together: how many elders live where */
};

struct demo_elder {
	struct text name;
	char id_card[19]; /* valid, of the same birth date and sex, no two alike for one seed */
	enum sex sex;
	struct date born_on; /* aged 60 to 105 on 2026-01-01, as the 66,198 of the Laishan census were */
	int64_t area; /* a community */
	int64_t hukou_area; /* a community, or 0: outside the pack's areas */
	const char *residence; /* registered separated migrant away */
	struct text address;
	char phone[16]; /* "" for a few */
	double lat, lon;
	const char *tags[DEMO_TAGS_MAX];
	size_t tag_count;
};

struct demo_facility {
	struct text name;
	const char *kind; /* care_institution street_center day_care_center mutual_help_home community_station canteen
	                   * meal_point */
	int64_t area; /* a community */
	struct text address;
	double lat, lon;
	struct date built_on;
	int use_years;
	const char *ownership; /* state collective private leased */
	struct text responsible_unit, manager;
	char phone[16];
	int64_t size_m2;
	int floors;
	int64_t beds_nursing, beds_general, beds_dementia; /* no bed is counted twice */
};

/* Reads the pack's communities into the arena, which must outlive the demo; all text made later may lie elsewhere. */
struct demo demo_open(const struct pack *pack, uint64_t seed, struct arena *arena);
/* Elder `index` of 0..DEMO_ELDERS_MAX - 1. */
void demo_elder(const struct demo *demo, uint64_t index, struct arena *arena, struct demo_elder *out);
/* How many facilities the pack's demo district has (demo.* in pack.conf). */
size_t demo_facility_count(const struct demo *demo);
void demo_facility(const struct demo *demo, size_t index, struct arena *arena, struct demo_facility *out);

#endif
