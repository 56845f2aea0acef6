/* SPDX-License-Identifier: Apache-2.0 */
/* test_pack.c - the packs that the program carries are whole, and their area trees are trees. */
#include "base/arena.h"
#include "base/check.h"
#include "base/id.h"
#include "engine/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static const struct pack *find(const char *name)
{
	const struct pack *pack = pack_find(text_of(name));
	assert_non_null(pack);
	return pack;
}

static void five_packs_in_order(void **state)
{
	(void)state;
	static const char *const names[] = { "changning", "laishan", "ningbo", "tianning", "wuhua" };
	assert_int_equal(pack_count(), COUNT(names));
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_true(text_is(pack_at(i)->name, names[i]));
		assert_ptr_equal(pack_at(i), find(names[i]));
	}
	assert_null(pack_at(COUNT(names)));
	assert_null(pack_find(TEXT("lais")));
	assert_null(pack_find(TEXT("laishan/areas.csv")));
	assert_null(pack_find(TEXT_NONE));
}

/* Numbers stand in every id: these never change. */
static void numbers_and_codes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned number;
		int64_t code;
	} known[] = {
		{ "laishan", 1, 370613000000000 },
		{ "wuhua", 2, 530102000000000 },
		{ "tianning", 3, 320402000000000 },
		{ "ningbo", 4, 330200000000000 },
		{ "changning", 5, 310105000000000 },
	};
	for (size_t i = 0; i < COUNT(known); i++) {
		assert_int_equal(find(known[i].name)->number, known[i].number);
		assert_true(find(known[i].name)->code == known[i].code);
		assert_true(known[i].number >= 1 && known[i].number <= DISTRICT_MAX);
	}
}

static void laishan_reads_as_written(void **state)
{
	(void)state;
	const struct pack *pack = find("laishan");
	assert_true(text_is(pack->district, "莱山区"));
	assert_true(text_starts(pack->title, TEXT("莱山区“十四五”养老服务发展规划")));
	assert_true(pack->lat == 37.5113 && pack->lon == 121.445);
	assert_int_equal(date_compare(pack->codes_on, (struct date){ 2023, 6, 30 }), 0);
	assert_int_equal(pack_number(pack, TEXT("demo.beds"), 0), 2286);
	assert_int_equal(pack_number(pack, TEXT("demo.nothing"), 7), 7);
	assert_null(pack_value(pack, TEXT("demo")).ptr);
}

static void places_are_the_nearest_above(void **state)
{
	(void)state;
	const struct pack *pack = find("laishan");
	struct pack_place street = pack_place(pack, 370613003006000);
	assert_true(street.area == 370613003000000 && street.lat == 37448000 && street.lon == 121470000);
	struct pack_place centre = pack_place(pack, 370613000000000);
	assert_true(centre.area == 370613000000000 && centre.lat == 37511300 && centre.lon == 121445000);
}

static size_t level_of(struct text word)
{
	static const char *const words[] = { "province", "city", "district", "street", "community" };
	for (size_t i = 0; i < COUNT(words); i++) {
		if (text_is(word, words[i]))
			return i;
	}
	fail_msg("level %.*s", TEXT_ARG(word));
	return 0;
}

/* Every area lies in the last one read of the level above, in number and by its parent. */
static void check_tree(const struct pack *pack, size_t counts[5])
{
	struct pack_area above[5] = { 0 };
	int64_t last = 0;
	struct csv areas = pack_areas(pack);
	for (struct pack_area area; pack_next_area(&areas, &arena, &area);) {
		size_t level = level_of(area.level);
		assert_true(area.number > last);
		last = area.number;
		assert_in_range(text_utf8_length(area.name), 1, 50);
		if (level == 0) {
			assert_true(area.parent == 0);
		} else {
			assert_true(area.parent == above[level - 1].number);
			assert_true(area.number <= area_last(area.parent));
			assert_true(area_last(area.number) <= area_last(area.parent));
		}
		above[level] = area;
		counts[level]++;
	}
}

static void every_tree_is_a_tree(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t counts[5];
	} known[] = {
		{ "laishan", { 1, 1, 1, 6, 126 } },
		{ "wuhua", { 1, 1, 1, 11, 101 } },
		{ "tianning", { 1, 1, 1, 7, 125 } },
		{ "ningbo", { 1, 1, 10, 162, 3042 } },
		{ "changning", { 1, 1, 1, 10, 189 } },
	};
	for (size_t i = 0; i < COUNT(known); i++) {
		size_t counts[5] = { 0 };
		check_tree(find(known[i].name), counts);
		assert_memory_equal(counts, known[i].counts, sizeof counts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_packs_in_order),
		cmocka_unit_test(numbers_and_codes),
		cmocka_unit_test(laishan_reads_as_written),
		cmocka_unit_test(places_are_the_nearest_above),
		cmocka_unit_test(every_tree_is_a_tree),
	};
	return cmocka_run_group_tests_name("pack", tests, setup, teardown);
}
