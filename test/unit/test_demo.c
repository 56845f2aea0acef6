/* SPDX-License-Identifier: Apache-2.0 */
/* test_demo.c - the demo district is the same everywhere, agrees with itself, and is as large as the plan says. */
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

enum { CENSUS = 66198, CENSUS_65 = 44837 };

static const struct date today = { 2026, 3, 14 };
static struct arena keep, scratch;

static int setup(void **state)
{
	(void)state;
	keep = arena_new((size_t)256 << 20);
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

static struct demo demo_of(const char *name, uint64_t elders, uint64_t seed)
{
	const struct pack *pack = pack_find(text_of(name));
	assert_non_null(pack);
	return demo_open(pack, elders, seed, today, &keep);
}

static struct demo_home home_of(const struct demo *demo, size_t index)
{
	struct demo_home home;
	arena_reset(&scratch);
	demo_home(demo, index, &scratch, &home);
	return home;
}

static struct text cell(const struct demo_row *row, const char *name)
{
	struct text found = TEXT_NONE;
	for (size_t i = 0; i < row->count; i++) {
		if (!text_is(row->cells[i].name, name))
			continue;
		assert_null(found.ptr); /* no field twice */
		found = row->cells[i].value;
	}
	return found;
}

static bool is(const struct demo_row *row, const char *name, const char *value)
{
	return text_is(cell(row, name), value);
}

static int64_t number(const struct demo_row *row, const char *name)
{
	int64_t value = 0;
	struct text text = cell(row, name);
	assert_true(!text.ptr || text_to_int(text, INT64_MAX, &value));
	return value;
}

static struct date day(const struct demo_row *row, const char *name)
{
	struct date date;
	assert_true(date_read(cell(row, name), &date));
	return date;
}

static int age_of(const struct demo_row *elder)
{
	return date_age(day(elder, "born_on"), today);
}

static bool has_word(struct text list, const char *word)
{
	size_t len = strlen(word);
	while (list.len > 0) {
		const char *comma = memchr(list.ptr, ',', list.len);
		size_t piece = comma ? (size_t)(comma - list.ptr) : list.len;
		if (piece == len && memcmp(list.ptr, word, len) == 0)
			return true;
		list = (struct text){ list.ptr + piece + (comma != NULL), list.len - piece - (comma != NULL) };
	}
	return false;
}

static bool tagged(const struct demo_row *elder, const char *word)
{
	return has_word(cell(elder, "tags"), word);
}

/* ---- the same everywhere ---- */

static uint64_t hash_row(uint64_t hash, const struct demo_row *row)
{
	for (size_t i = 0; i < row->count; i++) {
		for (size_t k = 0; k < row->cells[i].value.len; k++)
			hash = (hash ^ (unsigned char)row->cells[i].value.ptr[k]) * UINT64_C(1099511628211);
		hash *= UINT64_C(1099511628211);
	}
	return hash;
}

static uint64_t hash_demo(const struct demo *demo, bool backwards)
{
	uint64_t sum = 0, start = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < demo->home_count; i++) {
		struct demo_home home = home_of(demo, backwards ? demo->home_count - 1 - i : i);
		uint64_t hash = hash_row(start, &home.household);
		for (size_t k = 0; k < home.elder_count; k++)
			hash = hash_row(hash, &home.elders[k]);
		sum += hash;
	}
	struct demo_row row;
	for (size_t i = 0; i < demo_staff_count(demo); i++)
		sum += (uint64_t)demo_staff(demo, i, &keep, &row) + hash_row(start, &row);
	for (size_t i = 0; i < demo_facility_count(demo); i++)
		sum += (uint64_t)demo_facility(demo, i, &keep, &row) + hash_row(start, &row);
	for (size_t i = 0; i < demo->organization_count; i++) {
		demo_organization(demo, i, &keep, &row);
		sum += hash_row(start, &row);
	}
	return sum;
}

static void one_seed_one_district(void **state)
{
	(void)state;
	struct demo demo = demo_of("laishan", 1000, 1), again = demo_of("laishan", 1000, 1), other = demo_of("laishan", 1000, 2);
	uint64_t hash = hash_demo(&demo, false);
	assert_true(hash_demo(&again, true) == hash);
	assert_true(hash_demo(&other, false) != hash);
	/* Whoever changes the generator changes this number, and knows that every demo store will look different. */
	assert_true(hash == UINT64_C(0xea28801e6fbdfe1a));
}

/* ---- elders ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void check_identity(const struct demo_row *person, bool is_elder)
{
	struct id_card card;
	char phone[24];
	assert_int_equal(id_card_read(cell(person, "id_card"), false, &card), ID_CARD_AREA);
	assert_int_equal(id_card_read(cell(person, "id_card"), true, &card), ID_CARD_FINE);
	assert_in_range(text_utf8_length(cell(person, "name")), 2, 4);
	if (is_elder) {
		assert_true(text_is(cell(person, "sex"), card.sex == SEX_MALE ? "male" : "female"));
		assert_int_equal(date_compare(card.born_on, day(person, "born_on")), 0);
		assert_in_range(age_of(person), 60, 105);
	}
	if (cell(person, "phone").ptr) {
		assert_int_equal(phone_read(cell(person, "phone"), phone), PHONE_MOBILE);
		assert_memory_equal(phone, "19", 2);
		assert_memory_equal(phone + 3, "0000", 4);
	}
}

static void identity_cards_are_valid_and_unique(void **state)
{
	(void)state;
	enum { ELDERS = 200000 };
	struct demo demo = demo_of("laishan", ELDERS, 1);
	size_t staff = demo_staff_count(&demo), count = 0;
	char (*cards)[19] = calloc(ELDERS + staff, sizeof *cards);
	assert_non_null(cards);
	for (size_t i = 0; i < demo.home_count; i++) {
		struct demo_home home = home_of(&demo, i);
		for (size_t k = 0; k < home.elder_count; k++) {
			check_identity(&home.elders[k], true);
			memcpy(cards[count++], cell(&home.elders[k], "id_card").ptr, 18);
		}
	}
	assert_int_equal(count, ELDERS);
	for (size_t i = 0; i < staff; i++) {
		struct demo_row row;
		demo_staff(&demo, i, &keep, &row);
		check_identity(&row, false);
		memcpy(cards[count++], cell(&row, "id_card").ptr, 18);
	}
	qsort(cards, count, sizeof *cards, by_text);
	for (size_t i = 1; i < count; i++)
		assert_int_not_equal(strcmp(cards[i - 1], cards[i]), 0);
	free(cards);
}

struct census {
	int elders, from_65, women_young, young, women_old, old, local;
};

static struct census count(const struct demo *demo)
{
	struct census c = { 0 };
	for (size_t i = 0; i < demo->home_count; i++) {
		struct demo_home home = home_of(demo, i);
		for (size_t k = 0; k < home.elder_count; k++) {
			const struct demo_row *elder = &home.elders[k];
			int age = age_of(elder);
			bool woman = is(elder, "sex", "female");
			assert_in_range(age, 60, 105);
			c.elders++;
			c.from_65 += age >= 65;
			c.young += age < 65;
			c.women_young += woman && age < 65;
			c.old += age >= 80;
			c.women_old += woman && age >= 80;
			c.local += !is(elder, "residence", "migrant");
		}
	}
	return c;
}

static void ages_are_those_of_the_census(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct demo demo = demo_of("laishan", CENSUS, seed);
		struct census c = count(&demo);
		assert_int_equal(c.elders, CENSUS);
		assert_int_equal(c.from_65, CENSUS_65);
		assert_in_range(c.women_young * 1000 / c.young, 505, 545);
		assert_in_range(c.women_old * 1000 / c.old, 570, 615);
		/* about 49,000 of them have their hukou in the district */
		assert_in_range(c.local, 48500, 49500);
	}
}

static void shares_hold_for_any_number(void **state)
{
	(void)state;
	static const int numbers[] = { 0, 1, 2, 3, 10, 31, 300, 1203, 2000, 100000 };
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct demo demo = demo_of("laishan", (uint64_t)numbers[i], 1);
		struct census c = count(&demo);
		assert_int_equal(c.elders, numbers[i]);
		assert_int_equal(c.from_65, ((int64_t)numbers[i] * CENSUS_65 * 2 + CENSUS) / (2 * CENSUS));
	}
}

/* Their ages are those of the day on which the demo is made, also on one that not every year has. */
static void ages_are_of_today(void **state)
{
	(void)state;
	static const struct date days[] = { { 2026, 1, 1 }, { 2028, 2, 29 }, { 2031, 12, 31 } };
	for (size_t i = 0; i < COUNT(days); i++) {
		struct demo demo = demo_open(pack_find(TEXT("laishan")), 5000, 1, days[i], &keep);
		int from_65 = 0;
		for (size_t k = 0; k < demo.home_count; k++) {
			struct demo_home home = home_of(&demo, k);
			for (size_t n = 0; n < home.elder_count; n++) {
				int age = date_age(day(&home.elders[n], "born_on"), days[i]);
				assert_in_range(age, 60, 105);
				from_65 += age >= 65;
			}
		}
		assert_int_equal(from_65, (5000 * (int64_t)CENSUS_65 * 2 + CENSUS) / (2 * CENSUS));
	}
}

/* One bit for each community of the pack that may be an elder's or a facility's. */
static bool is_community(const struct pack *pack, int64_t area)
{
	static const struct pack *read;
	static int64_t numbers[4000];
	static size_t communities;
	if (read != pack) {
		struct csv areas = pack_areas(pack);
		communities = 0;
		for (struct pack_area one; pack_next_area(&areas, &keep, &one);) {
			if (text_is(one.level, "community"))
				numbers[communities++] = one.number;
		}
		read = pack;
	}
	size_t low = 0, high = communities;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (numbers[middle] < area)
			low = middle + 1;
		else
			high = middle;
	}
	return low < communities && numbers[low] == area;
}

static void check_place(const struct pack *pack, const struct demo_row *row)
{
	int64_t area = number(row, "area");
	struct pack_place place = pack_place(pack, area);
	char *end, *position = (char *)(uintptr_t)text_z(&scratch, cell(row, "position"));
	double lat = strtod(position, &end), lon = strtod(end + 1, NULL);
	double north = lat - (double)place.lat / 1e6, east = lon - (double)place.lon / 1e6;
	assert_true(is_community(pack, area));
	assert_true(north > -0.1 && north < 0.1 && east > -0.1 && east < 0.1);
	assert_in_range(text_utf8_length(cell(row, "address")), 8, 100);
}

static void check_residence(const struct pack *pack, const struct demo_row *elder)
{
	int64_t hukou = number(elder, "hukou_area");
	if (is(elder, "residence", "migrant"))
		assert_true(hukou == 0);
	else
		assert_true(is_community(pack, hukou) && (hukou != number(elder, "area")) == is(elder, "residence", "separated"));
}

/* What is said of somebody in one place is not gainsaid in another. */
static void check_agreement(const struct demo_home *home, const struct demo_row *elder)
{
	bool alone = home->has_household && is(&home->household, "structure", "single");
	bool couple = home->has_household && is(&home->household, "structure", "couple");
	assert_int_equal(tagged(elder, "oldest_old"), age_of(elder) >= 80);
	assert_int_equal(tagged(elder, "living_alone"), alone);
	assert_int_equal(tagged(elder, "empty_nest"), couple);
	assert_false(tagged(elder, "disabled") && tagged(elder, "semi_disabled"));
	assert_int_equal(tagged(elder, "extreme_poverty"),
			 tagged(elder, "extreme_poverty_home") || tagged(elder, "extreme_poverty_institution"));
	assert_true(!tagged(elder, "extreme_poverty_institution") || !home->has_household);
	assert_true(!tagged(elder, "family_planning_special") || age_of(elder) < 80);
	assert_true(!tagged(elder, "veteran") || is(elder, "sex", "male"));
	if (cell(elder, "living").ptr) {
		assert_int_equal(is(elder, "living", "alone"), alone);
		assert_int_equal(is(elder, "living", "institution"), !home->has_household);
		assert_true(!couple || is(elder, "living", "with_spouse"));
		assert_true(!is(elder, "health", "good") || !tagged(elder, "disabled"));
		assert_true(!tagged(elder, "disabled") || !is(elder, "care", "not_needed"));
		assert_int_equal(cell(elder, "contact_name").ptr != NULL, cell(elder, "contact_phone").ptr != NULL);
		assert_true(date_compare(day(elder, "surveyed_on"), today) < 0);
		bool child = is(elder, "contact_relation", "son") || is(elder, "contact_relation", "daughter");
		assert_true(!tagged(elder, "childless_widowed") || !child);
	}
}

/* Who lives in an institution lives where it is. */
static void check_resident(const struct demo *demo, const struct demo_row *elder)
{
	bool found = false;
	for (size_t i = 0; i < demo->institution_count && !found; i++) {
		struct demo_row facility;
		demo_facility(demo, i, &scratch, &facility);
		found = text_eq(cell(&facility, "address"), cell(elder, "address")) &&
			text_eq(cell(&facility, "area"), cell(elder, "area")) &&
			text_eq(cell(&facility, "position"), cell(elder, "position"));
	}
	assert_true(found);
}

static void check_home(const struct pack *pack, const struct demo_home *home)
{
	const struct demo_row *first = &home->elders[0], *second = &home->elders[1];
	assert_in_range(home->elder_count, 1, 2);
	if (home->has_household) {
		check_place(pack, &home->household);
		assert_int_equal(number(&home->household, "elders"), home->elder_count);
		assert_in_range(number(&home->household, "members"), home->elder_count, 8);
		assert_true(text_eq(cell(&home->household, "address"), cell(first, "address")));
		assert_true(text_eq(cell(&home->household, "area"), cell(first, "area")));
		assert_true(text_eq(cell(&home->household, "head"), cell(first, "name")));
		if (is(&home->household, "structure", "single"))
			assert_true(number(&home->household, "members") == 1 && home->elder_count == 1);
		if (is(&home->household, "structure", "couple"))
			assert_int_equal(number(&home->household, "members"), 2);
	}
	for (size_t i = 0; i < home->elder_count; i++) {
		check_place(pack, &home->elders[i]);
		check_residence(pack, &home->elders[i]);
		check_agreement(home, &home->elders[i]);
	}
	if (home->elder_count == 2) {
		assert_false(text_eq(cell(first, "sex"), cell(second, "sex")));
		assert_in_range(age_of(first) - age_of(second) + 12, 0, 24);
		assert_true(text_eq(cell(first, "address"), cell(second, "address")));
		assert_true(text_eq(cell(first, "area"), cell(second, "area")));
	}
}

static void homes_agree_with_themselves(void **state)
{
	(void)state;
	for (size_t i = 0; i < pack_count(); i++) {
		struct demo demo = demo_open(pack_at(i), 20000, 1, today, &keep);
		int surveyed = 0, disabled[2] = { 0 }, with_two = 0;
		for (size_t k = 0; k < demo.home_count; k++) {
			struct demo_home home = home_of(&demo, k);
			check_home(pack_at(i), &home);
			if (!home.has_household && k % 50 == 0)
				check_resident(&demo, &home.elders[0]);
			with_two += home.elder_count == 2;
			for (size_t n = 0; n < home.elder_count; n++) {
				surveyed += cell(&home.elders[n], "living").ptr != NULL;
				disabled[age_of(&home.elders[n]) >= 80] += tagged(&home.elders[n], "disabled");
			}
		}
		assert_in_range(with_two, 5500, 7500);
		assert_in_range(surveyed, 5000, 9000);
		/* 80 and older are an eighth of all */
		assert_true(disabled[1] * 7 > disabled[0] * 2);
	}
}

/* ---- organizations, facilities, staff ---- */

static const char *const kinds[] = { "care_institution", "street_center", "day_care_center", "mutual_help_home",
				     "community_station", "canteen", "meal_point" };
enum { KINDS = COUNT(kinds), PLACES = 5 };

struct totals {
	size_t of[KINDS], older;
	int64_t nursing, beds, public_beds;
};

static void check_facility(const struct pack *pack, const struct demo_row *facility)
{
	check_place(pack, facility);
	assert_in_range(text_utf8_length(cell(facility, "name")), 5, 50);
	assert_in_range(text_utf8_length(cell(facility, "responsible_unit")), 3, 50);
	assert_in_range(text_utf8_length(cell(facility, "manager")), 2, 4);
	assert_in_range(day(facility, "built_on").year, 1998, 2024);
	assert_in_range(number(facility, "use_years"), 10, 50);
	assert_in_range(number(facility, "floors"), 1, 9);
	assert_true(number(facility, "size_m2") >= 30);
}

static struct totals totals_of(const struct demo *demo)
{
	struct totals totals = { 0 };
	for (size_t i = 0; i < demo_facility_count(demo); i++) {
		struct demo_row row, runner;
		int64_t organization = demo_facility(demo, i, &keep, &row);
		size_t kind = 0;
		check_facility(demo->pack, &row);
		while (!is(&row, "kind", kinds[kind]))
			kind++;
		assert_true(organization == DEMO_NO_ORGANIZATION || (organization >= 0 && (size_t)organization < demo->organization_count));
		assert_true(kind > 0 || organization >= 0);
		int64_t beds = number(&row, "beds_nursing") + number(&row, "beds_general") + number(&row, "beds_dementia");
		assert_int_equal(beds > 0, kind == 0);
		totals.of[kind]++;
		totals.older += kind < PLACES && date_compare(day(&row, "built_on"), (struct date){ 2020, 12, 31 }) <= 0;
		totals.nursing += number(&row, "beds_nursing");
		totals.beds += beds;
		if (kind > 0)
			continue;
		demo_organization(demo, (size_t)organization, &keep, &runner);
		assert_true(is(&runner, "kind", "care_institution"));
		totals.public_beds += is(&runner, "nature", "public") ? beds : 0;
	}
	return totals;
}

static void laishan_has_its_facilities_and_beds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct demo demo = demo_of("laishan", 3, seed);
		struct totals totals = totals_of(&demo);
		size_t places = 0;
		for (size_t i = 0; i < PLACES; i++)
			places += totals.of[i];
		assert_int_equal(places, 100);
		assert_int_equal(totals.older, 58);
		assert_int_equal(totals.of[5], 8);
		assert_int_equal(totals.of[6], 60);
		assert_int_equal(totals.beds, 2286);
		assert_int_equal(totals.nursing, 863);
	}
}

/* Where the plans set a least: see packs/README.md. */
static void other_plans_have_theirs(void **state)
{
	(void)state;
	struct demo tianning = demo_of("tianning", 3, 1), ningbo = demo_of("ningbo", 3, 1), changning = demo_of("changning", 3, 1);
	struct totals t = totals_of(&tianning), n = totals_of(&ningbo), c = totals_of(&changning);
	assert_true(t.nursing * 100 >= t.beds * 80 && t.public_beds * 100 <= t.beds * 20);
	assert_true(n.nursing * 100 >= n.beds * 60 && n.of[5] >= 200);
	assert_int_equal(c.of[0], 34);
	assert_int_equal(c.of[1], 10);
}

static int by_name(const void *a, const void *b)
{
	const struct text *left = a, *right = b;
	return text_compare(*left, *right);
}

static void assert_all_different(struct text *names, size_t total)
{
	qsort(names, total, sizeof *names, by_name);
	for (size_t i = 1; i < total; i++)
		assert_false(text_eq(names[i - 1], names[i]));
}

static void every_pack_has_different_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < pack_count(); i++) {
		struct demo demo = demo_open(pack_at(i), 3, 1, today, &keep);
		struct demo_row row;
		size_t facilities = demo_facility_count(&demo), organizations = demo.organization_count;
		assert_int_equal(totals_of(&demo).nursing, pack_number(pack_at(i), TEXT("demo.beds_nursing"), 0));
		struct text *names = arena_take(&keep, (facilities + 2 * organizations) * sizeof *names);
		for (size_t k = 0; k < facilities; k++) {
			demo_facility(&demo, k, &keep, &row);
			names[k] = cell(&row, "name");
		}
		assert_all_different(names, facilities);
		struct text *codes = names + organizations;
		for (size_t k = 0; k < organizations; k++) {
			demo_organization(&demo, k, &keep, &row);
			check_place(demo.pack, &row);
			names[k] = cell(&row, "name");
			codes[k] = cell(&row, "uscc");
			assert_true(uscc_is_valid(codes[k]));
			assert_memory_equal(codes[k].ptr + 2, "90", 2);
			assert_true(text_starts(names[k], TEXT("演示")));
			assert_true(!is(&row, "kind", "care_institution") || number(&row, "capacity") > 0);
		}
		assert_all_different(names, organizations);
		assert_all_different(codes, organizations);
	}
}

static void nobody_works_untrained(void **state)
{
	(void)state;
	struct demo demo = demo_of("laishan", CENSUS, 1);
	size_t active = 0, soon = 0, social = 0, total = demo_staff_count(&demo);
	struct date later = date_from_days(date_to_days(today) + 60);
	assert_in_range(total, 500, 1200);
	for (size_t i = 0; i < total; i++) {
		struct demo_row row;
		int64_t organization = demo_staff(&demo, i, &keep, &row);
		assert_true(organization >= 0 && (size_t)organization < demo.organization_count);
		assert_true(is_community(demo.pack, number(&row, "area")));
		assert_true(date_compare(day(&row, "hired_on"), today) <= 0);
		if (is(&row, "state", "active")) {
			active++;
			assert_true(date_compare(day(&row, "trained_on"), day(&row, "hired_on")) < 0);
		}
		social += is(&row, "post", "social_worker");
		if (cell(&row, "certificate_until").ptr) {
			struct date until = day(&row, "certificate_until");
			soon += date_compare(until, today) > 0 && date_compare(until, later) <= 0;
		}
	}
	assert_true(active * 10 > total * 8);
	assert_in_range(soon, 5, 80);
	/* one to a hundred beds */
	assert_true(social * 100 >= 2286);
	/* a small district has a few, and all of its organizations have somebody */
	struct demo small = demo_of("laishan", 3, 1);
	assert_in_range(demo_staff_count(&small), small.organization_count, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_seed_one_district),
		cmocka_unit_test(identity_cards_are_valid_and_unique),
		cmocka_unit_test(ages_are_those_of_the_census),
		cmocka_unit_test(shares_hold_for_any_number),
		cmocka_unit_test(ages_are_of_today),
		cmocka_unit_test(homes_agree_with_themselves),
		cmocka_unit_test(laishan_has_its_facilities_and_beds),
		cmocka_unit_test(other_plans_have_theirs),
		cmocka_unit_test(every_pack_has_different_names),
		cmocka_unit_test(nobody_works_untrained),
	};
	return cmocka_run_group_tests_name("demo", tests, setup, teardown);
}
