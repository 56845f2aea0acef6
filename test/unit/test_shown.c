/* SPDX-License-Identifier: Apache-2.0 */
/* test_shown.c - a record is shown again only in the version that it was kept in. */
#include "base/arena.h"
#include "engine/shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct shown *shown;

static int setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 << 20);
	shown = shown_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	shown_free(shown);
	arena_free(&arena);
	return 0;
}

/* What stands there for a record in this version; missing when nothing does. */
static struct text there(int64_t id, int64_t version)
{
	struct buf b = buf_in(&arena, 64, 4096);
	struct json_out json = json_out(&b);
	return shown_put(shown, id, version, &json) ? buf_done(&b) : TEXT_NONE;
}

static void only_the_same_version(void **state)
{
	(void)state;
	assert_null(there(7, 1).ptr);
	shown_keep(shown, 7, 1, TEXT("{\"a\":1}"));
	assert_true(text_is(there(7, 1), "{\"a\":1}"));
	assert_null(there(7, 2).ptr);
	assert_null(there(8, 1).ptr);
	shown_keep(shown, 7, 2, TEXT("{\"a\":2}"));
	assert_null(there(7, 1).ptr);
	assert_true(text_is(there(7, 2), "{\"a\":2}"));
}

static void what_is_too_long_is_not_kept(void **state)
{
	(void)state;
	char *longest = arena_take(&arena, 1001);
	memset(longest, ' ', 1001);
	shown_keep(shown, 9, 1, (struct text){ longest, 1000 });
	assert_int_equal(there(9, 1).len, 1000);
	shown_keep(shown, 9, 2, (struct text){ longest, 1001 });
	assert_null(there(9, 2).ptr);
}

/* Places are few: whoever comes later takes one over, and nobody is shown for somebody else. */
static void nobody_stands_for_another(void **state)
{
	(void)state;
	for (int64_t id = 1; id <= 100000; id++)
		shown_keep(shown, id << 10, id % 5 + 1, text_printf(&arena, "%lld", (long long)id));
	int64_t kept = 0;
	for (int64_t id = 1; id <= 100000; id++) {
		struct text text = there(id << 10, id % 5 + 1);
		kept += text.ptr != NULL;
		assert_true(!text.ptr || text_eq(text, text_printf(&arena, "%lld", (long long)id)));
	}
	assert_true(kept > 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_the_same_version, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_long_is_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_stands_for_another, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
