/* SPDX-License-Identifier: Apache-2.0 */
/* test_demo.c - the demo district is the same everywhere, valid, and as large as the plan says. */
#include "base/arena.h"
#include "base/check.h"
#include "edge/demo_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 200000, CENSUS = 66198, CENSUS_65 = 44837 };

static struct arena keep, scratch;

static int setup(void **state)
{
	(void)state;
	keep = arena_new((size_t)64 << 20);
	scratch = arena_new((size_t)64 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&keep);
	arena_free(&scratch);
	return 0;
}

static struct demo demo_of(const char *name, uint64_t seed)
{
	const struct pack *pack = pack_find(text_of(name));
	assert_non_null(pack);
	return demo_open(pack, seed, &keep);
}

static struct demo_elder elder_of(const struct demo *demo, uint64_t index)
{
	struct demo_elder elder;
	arena_reset(&scratch);
	demo_elder(demo, index, &scratch, &elder);
	return elder;
}

static int age_on_demo_day(struct date born)
{
	return 2026 - born.year - (born.month > 1 || born.day > 1 ? 1 : 0);
}

static bool is_word(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], word) == 0)
			return true;
	}
	return false;
}

/* ---- the same everywhere ---- */

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
	return hash;
}

static uint64_t hash_elder(uint64_t hash, const struct demo_elder *elder)
{
	hash = hash_bytes(hash, elder->name.ptr, elder->name.len);
	hash = hash_bytes(hash, elder->id_card, 18);
	hash = hash_bytes(hash, &elder->area, sizeof elder->area);
	hash = hash_bytes(hash, &elder->hukou_area, sizeof elder->hukou_area);
	hash = hash_bytes(hash, elder->residence, strlen(elder->residence));
	hash = hash_bytes(hash, elder->address.ptr, elder->address.len);
	hash = hash_bytes(hash, elder->phone, strlen(elder->phone));
	hash = hash_bytes(hash, &elder->lat, sizeof elder->lat);
	hash = hash_bytes(hash, &elder->lon, sizeof elder->lon);
	for (size_t i = 0; i < elder->tag_count; i++)
		hash = hash_bytes(hash, elder->tags[i], strlen(elder->tags[i]));
	return hash;
}

static uint64_t hash_elders(const struct demo *demo, uint64_t count, bool backwards)
{
	uint64_t sum = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct demo_elder elder = elder_of(demo, backwards ? count - 1 - i : i);
		sum += hash_elder(UINT64_C(14695981039346656037), &elder);
	}
	return sum;
}

static void one_seed_one_district(void **state)
{
	(void)state;
	struct demo demo = demo_of("laishan", 1), again = demo_of("laishan", 1), other = demo_of("laishan", 2);
	uint64_t hash = hash_elders(&demo, 1000, false);
	assert_true(hash_elders(&again, 1000, true) == hash);
	assert_true(hash_elders(&other, 1000, false) != hash);
	/* Whoever changes the generator changes this number, and knows that every demo store will look different. */
	assert_true(hash == UINT64_C(0xb1a1977a0ae9936b));
}

/* ---- elders ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void check_identity(const struct demo_elder *elder)
{
	struct id_card card;
	char phone[24];
	assert_int_equal(id_card_read(text_of(elder->id_card), true, &card), ID_CARD_FINE);
	assert_int_equal(id_card_read(text_of(elder->id_card), false, &card), ID_CARD_AREA);
	assert_int_equal(id_card_read(text_of(elder->id_card), true, &card), ID_CARD_FINE);
	assert_int_equal(card.sex, elder->sex);
	assert_int_equal(date_compare(card.born_on, elder->born_on), 0);
	assert_in_range(age_on_demo_day(elder->born_on), 60, 105);
	if (elder->phone[0]) {
		assert_int_equal(phone_read(text_of(elder->phone), phone), PHONE_MOBILE);
		assert_memory_equal(elder->phone, "1990000", 7);
	}
}

static void identity_cards_are_valid_and_unique(void **state)
{
	(void)state;
	struct demo demo = demo_of("laishan", 1);
	char (*cards)[19] = malloc(MANY * sizeof *cards);
	assert_non_null(cards);
	for (uint64_t i = 0; i < MANY; i++) {
		struct demo_elder elder = elder_of(&demo, i);
		check_identity(&elder);
		memcpy(cards[i], elder.id_card, sizeof elder.id_card);
	}
	qsort(cards, MANY, sizeof *cards, by_text);
	for (size_t i = 1; i < MANY; i++)
		assert_int_not_equal(strcmp(cards[i - 1], cards[i]), 0);
	free(cards);
}

/* Prefix and sequence alone tell any two elders of a seed apart, so the birth dates need not. */
static void prefix_and_sequence_never_repeat(void **state)
{
	(void)state;
	enum { ELDERS = 2000000 };
	struct demo demo = demo_of("laishan", 7);
	unsigned char *seen = calloc(10000 * 500, 1);
	assert_non_null(seen);
	for (uint64_t i = 0; i < ELDERS; i += 1 + i % 7 * 3) {
		struct demo_elder elder = elder_of(&demo, i);
		int64_t prefix, sequence;
		assert_true(text_to_int((struct text){ elder.id_card, 6 }, 909999, &prefix));
		assert_true(text_to_int((struct text){ elder.id_card + 14, 3 }, 999, &sequence));
		assert_in_range(prefix, 900000, 909999);
		assert_true(sequence > 0);
		unsigned char *own = &seen[(prefix - 900000) * 500 + (sequence - 1) / 2];
		assert_int_equal(*own, 0);
		*own = 1;
	}
	free(seen);
	elder_of(&demo, DEMO_ELDERS_MAX - 1);
}

static int elders_65_and_older(const struct demo *demo, uint64_t first, uint64_t count)
{
	int found = 0;
	for (uint64_t i = first; i < first + count; i++)
		found += age_on_demo_day(elder_of(demo, i).born_on) >= 65;
	return found;
}

static void ages_are_those_of_the_census(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct demo demo = demo_of("laishan", seed);
		assert_int_equal(elders_65_and_older(&demo, 0, CENSUS), CENSUS_65);
		assert_in_range(elders_65_and_older(&demo, 0, 1000), 670, 684);
		assert_in_range(elders_65_and_older(&demo, 500, 100), 65, 70);
	}
}

static void women_are_more_with_age(void **state)
{
	(void)state;
	struct demo demo = demo_of("laishan", 1);
	int women[2] = { 0 }, all[2] = { 0 };
	for (uint64_t i = 0; i < CENSUS; i++) {
		struct demo_elder elder = elder_of(&demo, i);
		int age = age_on_demo_day(elder.born_on);
		if (age < 65 || age >= 80) {
			all[age >= 80]++;
			women[age >= 80] += elder.sex == SEX_FEMALE;
		}
	}
	assert_in_range(women[0] * 1000 / all[0], 505, 545);
	assert_in_range(women[1] * 1000 / all[1], 570, 615);
}

/* One bit for each community of the pack that may be an elder's or a facility's. */
static bool is_community(const struct pack *pack, int64_t number)
{
	static const struct pack *read;
	static int64_t numbers[4000];
	static size_t count;
	if (read != pack) {
		struct csv areas = pack_areas(pack);
		count = 0;
		for (struct pack_area area; pack_next_area(&areas, &keep, &area);) {
			if (text_is(area.level, "community"))
				numbers[count++] = area.number;
		}
		read = pack;
	}
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (numbers[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && numbers[low] == number;
}

static void check_position(const struct pack *pack, int64_t area, double lat, double lon)
{
	struct pack_place place = pack_place(pack, area);
	double north = lat - (double)place.lat / 1e6, east = lon - (double)place.lon / 1e6;
	assert_true(north > -0.1 && north < 0.1 && east > -0.1 && east < 0.1);
}

static void check_elder(const struct pack *pack, const struct demo_elder *elder)
{
	static const char *const tags[] = {
		"living_alone", "empty_nest", "left_behind", "disabled", "semi_disabled", "dementia", "oldest_old",
		"severe_illness", "severe_disability", "extreme_poverty", "minimum_living_allowance", "low_income",
		"childless_widowed", "family_planning_special", "veteran", "no_guardian", "elder_with_disabled_child",
	};
	assert_true(is_community(pack, elder->area));
	bool migrant = strcmp(elder->residence, "migrant") == 0, separated = strcmp(elder->residence, "separated") == 0;
	if (migrant)
		assert_true(elder->hukou_area == 0);
	else
		assert_true(is_community(pack, elder->hukou_area) && (elder->hukou_area != elder->area) == separated);
	assert_true(migrant || separated || strcmp(elder->residence, "registered") == 0 ||
		    strcmp(elder->residence, "away") == 0);
	assert_in_range(text_utf8_length(elder->name), 2, 4);
	assert_in_range(text_utf8_length(elder->address), 10, 100);
	check_position(pack, elder->area, elder->lat, elder->lon);
	assert_true(elder->tag_count <= DEMO_TAGS_MAX);
	bool oldest_old = false;
	for (size_t i = 0; i < elder->tag_count; i++) {
		assert_true(is_word(elder->tags[i], tags, COUNT(tags)));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(elder->tags[i], elder->tags[k]);
		oldest_old = oldest_old || strcmp(elder->tags[i], "oldest_old") == 0;
	}
	assert_int_equal(oldest_old, age_on_demo_day(elder->born_on) >= 80);
}

static void elders_live_in_the_pack(void **state)
{
	(void)state;
	for (size_t i = 0; i < pack_count(); i++) {
		struct demo demo = demo_open(pack_at(i), 1, &keep);
		size_t here = 0;
		for (uint64_t k = 0; k < 20000; k++) {
			struct demo_elder elder = elder_of(&demo, k);
			check_elder(pack_at(i), &elder);
			here += strcmp(elder.residence, "migrant") != 0;
		}
		/* Laishan: 49,000 of 66,198 have their hukou in the district */
		assert_in_range(here, 14600, 15000);
	}
}

/* ---- facilities ---- */

static void check_facility(const struct pack *pack, const struct demo_facility *facility)
{
	static const char *const kinds[] = { "care_institution", "street_center", "day_care_center", "mutual_help_home",
					     "community_station", "canteen", "meal_point" };
	static const char *const owners[] = { "state", "collective", "private", "leased" };
	char phone[24];
	assert_true(is_word(facility->kind, kinds, COUNT(kinds)));
	assert_true(is_word(facility->ownership, owners, COUNT(owners)));
	assert_true(is_community(pack, facility->area));
	check_position(pack, facility->area, facility->lat, facility->lon);
	assert_in_range(text_utf8_length(facility->name), 5, 50);
	assert_in_range(text_utf8_length(facility->address), 5, 100);
	assert_in_range(text_utf8_length(facility->responsible_unit), 3, 50);
	assert_in_range(text_utf8_length(facility->manager), 2, 4);
	assert_int_equal(phone_read(text_of(facility->phone), phone), PHONE_MOBILE);
	assert_in_range(facility->built_on.year, 1998, 2024);
	assert_in_range(facility->use_years, 10, 50);
	assert_in_range(facility->floors, 1, 9);
	assert_true(facility->size_m2 >= 30);
	assert_true(facility->beds_nursing >= 0 && facility->beds_general >= 0 && facility->beds_dementia >= 0);
}

struct totals {
	size_t canteens, meal_points, others;
	int64_t nursing, general, dementia;
};

static struct totals totals_of(const struct demo *demo)
{
	struct totals totals = { 0 };
	for (size_t i = 0; i < demo_facility_count(demo); i++) {
		struct demo_facility facility;
		demo_facility(demo, i, &keep, &facility);
		check_facility(demo->pack, &facility);
		if (strcmp(facility.kind, "canteen") == 0)
			totals.canteens++;
		else if (strcmp(facility.kind, "meal_point") == 0)
			totals.meal_points++;
		else
			totals.others++;
		totals.nursing += facility.beds_nursing;
		totals.general += facility.beds_general;
		totals.dementia += facility.beds_dementia;
	}
	return totals;
}

static void laishan_has_its_facilities_and_beds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct demo demo = demo_of("laishan", seed);
		struct totals totals = totals_of(&demo);
		assert_int_equal(totals.canteens, 8);
		assert_int_equal(totals.meal_points, 60);
		assert_int_equal(totals.canteens + totals.others, 58);
		assert_int_equal(totals.nursing + totals.general + totals.dementia, 2286);
		assert_int_equal(totals.nursing, 863);
	}
}

static int by_name(const void *a, const void *b)
{
	const struct text *left = a, *right = b;
	return strcmp(left->ptr, right->ptr);
}

static void every_pack_has_facilities_of_different_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < pack_count(); i++) {
		struct demo demo = demo_open(pack_at(i), 1, &keep);
		struct totals totals = totals_of(&demo);
		assert_int_equal(totals.nursing, pack_number(pack_at(i), TEXT("demo.beds_nursing"), 0));
		size_t count = demo_facility_count(&demo);
		struct text *names = arena_take(&keep, count * sizeof *names);
		for (size_t k = 0; k < count; k++) {
			struct demo_facility facility;
			demo_facility(&demo, k, &keep, &facility);
			names[k] = text_copy(&keep, facility.name);
		}
		qsort(names, count, sizeof *names, by_name);
		for (size_t k = 1; k < count; k++)
			assert_string_not_equal(names[k - 1].ptr, names[k].ptr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_seed_one_district),
		cmocka_unit_test(identity_cards_are_valid_and_unique),
		cmocka_unit_test(prefix_and_sequence_never_repeat),
		cmocka_unit_test(ages_are_those_of_the_census),
		cmocka_unit_test(women_are_more_with_age),
		cmocka_unit_test(elders_live_in_the_pack),
		cmocka_unit_test(laishan_has_its_facilities_and_beds),
		cmocka_unit_test(every_pack_has_facilities_of_different_names),
	};
	return cmocka_run_group_tests_name("demo", tests, setup, teardown);
}
