/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - text, the growing buffer, and the arena under both. */
#include "base/arena.h"
#include "base/text.h"

#include <setjmp.h>
#include <signal.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)8 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void missing_is_not_empty(void **state)
{
	(void)state;
	assert_true(text_eq(TEXT_NONE, TEXT_NONE));
	assert_false(text_eq(TEXT_NONE, TEXT("")));
	assert_false(text_eq(TEXT(""), TEXT_NONE));
	assert_true(text_eq(TEXT(""), TEXT("")));
	assert_true(text_eq(text_of(NULL), TEXT_NONE));
	assert_null(text_copy(&arena, TEXT_NONE).ptr);
	assert_non_null(text_copy(&arena, TEXT("")).ptr);
	assert_string_equal(text_z(&arena, TEXT_NONE), "");
	assert_int_equal(text_utf8_length(TEXT_NONE), 0);
}

static void texts_compare_by_all_their_bytes(void **state)
{
	(void)state;
	assert_true(text_eq(TEXT("a\0b"), TEXT("a\0b")));
	assert_false(text_eq(TEXT("a\0b"), TEXT("a\0c")));
	assert_false(text_eq(TEXT("a"), TEXT("ab")));
	assert_true(text_is(TEXT("ab"), "ab"));
	assert_true(text_starts(TEXT("abc"), TEXT("ab")));
	assert_true(text_starts(TEXT("abc"), TEXT("")));
	assert_true(text_starts(TEXT_NONE, TEXT("")));
	assert_false(text_starts(TEXT("a"), TEXT("ab")));
	assert_true(text_compare(TEXT("a"), TEXT("b")) < 0 && text_compare(TEXT("b"), TEXT("a")) > 0);
	assert_true(text_compare(TEXT("a"), TEXT("ab")) < 0 && text_compare(TEXT("ab"), TEXT("a")) > 0);
	assert_true(text_compare(TEXT(""), TEXT("a")) < 0 && text_compare(TEXT(""), TEXT("")) == 0);
	assert_true(text_compare(TEXT("z"), TEXT("\xE5\xBC\xA0")) < 0 && text_compare(TEXT("ab"), TEXT("ab")) == 0);
}

static void blanks_are_trimmed(void **state)
{
	(void)state;
	assert_true(text_is(text_trim(TEXT(" \t\r\n a b \n")), "a b"));
	assert_true(text_is(text_trim(TEXT("\u3000 王 秀英 \u3000\u3000")), "王 秀英"));
	assert_true(text_is(text_trim(TEXT("\u3000")), ""));
	assert_true(text_is(text_trim(TEXT("")), ""));
	assert_true(text_is(text_trim(TEXT("\u3001a\u3001")), "\u3001a\u3001"));
	assert_null(text_trim(TEXT_NONE).ptr);
}

static void copies_end_with_zero(void **state)
{
	(void)state;
	struct text copy = text_copy(&arena, (struct text){ "abcdef", 3 });
	assert_int_equal(copy.len, 3);
	assert_string_equal(copy.ptr, "abc");
	struct text printed = text_printf(&arena, "%s-%d", "王", 42);
	assert_string_equal(printed.ptr, "王-42");
	assert_int_equal(printed.len, 6);
	for (int width = 120; width <= 300; width++) {
		struct text wide = text_printf(&arena, "%0*d", width, 7);
		assert_int_equal(wide.len, width);
		assert_int_equal(strlen(wide.ptr), width);
		assert_int_equal(wide.ptr[width - 1], '7');
	}
}

static void utf8_is_counted_and_checked(void **state)
{
	(void)state;
	assert_int_equal(text_utf8_length(TEXT("abc")), 3);
	assert_int_equal(text_utf8_length(TEXT("王秀英")), 3);
	assert_int_equal(text_utf8_length(TEXT("\U00020BB7野")), 2);
	assert_int_equal(text_utf8_length(TEXT("\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF")), 6);
	assert_int_equal(text_utf8_length(TEXT("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")), 2);
	static const struct text wrong[] = {
		{ "a\0b", 3 }, { "\0", 1 }, { "\x80", 1 }, { "\xBF", 1 }, { "\xC0\x80", 2 }, { "\xC1\xBF", 2 },
		{ "\xC2", 1 }, { "\xC2" "a", 2 }, { "\xE0\x9F\xBF", 3 }, { "\xE4\xB8", 2 }, { "\xE4\xB8" "a", 3 },
		{ "\xED\xA0\x80", 3 }, { "\xED\xBF\xBF", 3 }, { "\xF0\x8F\xBF\xBF", 4 }, { "\xF0\x90\x80", 3 },
		{ "\xF4\x90\x80\x80", 4 }, { "\xF5\x80\x80\x80", 4 }, { "\xF8\x88\x80\x80\x80", 5 }, { "\xFF", 1 },
		{ "\xFE", 1 }, { "ok\xE4", 3 },
	};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (text_utf8_length(wrong[i]) != SIZE_MAX)
			fail_msg("number %zu passed", i);
	}
}

static void integers_have_one_form_and_a_limit(void **state)
{
	(void)state;
	int64_t value = -7;
	assert_true(text_to_int(TEXT("0"), 10, &value));
	assert_true(value == 0);
	assert_true(text_to_int(TEXT("10"), 10, &value));
	assert_true(text_to_int(TEXT("9223372036854775807"), INT64_MAX, &value));
	assert_true(value == INT64_MAX);
	static const char *const wrong[] = { "", "11", "-1", "+1", " 1", "1 ", "1.0", "1e1", "0x1", "a" };
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(text_to_int(text_of(wrong[i]), 10, &value));
	assert_false(text_to_int(TEXT("9223372036854775808"), INT64_MAX, &value));
	assert_false(text_to_int(TEXT("99999999999999999999"), INT64_MAX, &value));
	assert_false(text_to_int(TEXT("18446744073709551617"), INT64_MAX, &value));
	assert_false(text_to_int(TEXT_NONE, INT64_MAX, &value));
	assert_true(value == INT64_MAX); /* untouched */
}

static void buffers_grow_and_keep_their_bytes(void **state)
{
	(void)state;
	struct buf b = buf_in(&arena, 1, 100000);
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "%04d,", i);
	assert_false(b.overflow);
	assert_int_equal(b.len, 25000);
	assert_memory_equal(b.ptr, "0000,0001,", 10);
	assert_memory_equal(b.ptr + 24990, "4998,4999,", 10);

	struct buf numbers = buf_in(&arena, 4, 1000);
	buf_int(&numbers, 0);
	buf_char(&numbers, ' ');
	buf_int(&numbers, INT64_MIN);
	buf_char(&numbers, ' ');
	buf_int(&numbers, INT64_MAX);
	buf_text(&numbers, TEXT_NONE);
	buf_text(&numbers, TEXT(""));
	assert_true(text_is(buf_done(&numbers), "0 -9223372036854775808 9223372036854775807"));
}

static void long_prints_are_whole(void **state)
{
	(void)state;
	struct buf b = buf_in(&arena, 8, 4096);
	for (int len = 250; len < 260; len++) {
		size_t before = b.len;
		buf_printf(&b, "%*d", len, 7);
		assert_int_equal(b.len - before, len);
		assert_int_equal(b.ptr[b.len - 1], '7');
	}
	assert_false(b.overflow);
}

static void a_full_buffer_remembers(void **state)
{
	(void)state;
	struct buf b = buf_in(&arena, 4, 10);
	buf_text(&b, TEXT("0123456789"));
	assert_false(b.overflow);
	assert_int_equal(b.len, 10);
	buf_char(&b, 'x');
	assert_true(b.overflow);
	assert_true(text_is(buf_done(&b), "0123456789"));

	/* what comes behind a piece that did not fit is not written either: a hole would be worse than a cut */
	struct buf cut = buf_in(&arena, 8, 8);
	buf_text(&cut, TEXT("1234"));
	buf_text(&cut, TEXT("too long by far"));
	buf_text(&cut, TEXT("56"));
	assert_true(cut.overflow);
	assert_true(text_is(buf_done(&cut), "1234"));

	struct buf printed = buf_in(&arena, 16, 300);
	buf_printf(&printed, "%400d", 1);
	assert_true(printed.overflow);
	assert_int_equal(printed.len, 0);
}

static void arenas_give_aligned_zeroes(void **state)
{
	(void)state;
	struct arena own = arena_new((size_t)4 << 20);
	for (int round = 0; round < 3; round++) {
		for (size_t size = 1; size < 2000; size += 7) {
			unsigned char *piece = arena_take(&own, size);
			assert_int_equal((uintptr_t)piece % alignof(max_align_t), 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(piece[i], 0);
			memset(piece, 0xA5, size);
		}
		assert_non_null(arena_take(&own, 0));
		assert_non_null(arena_take(&own, (size_t)1 << 20));
		arena_reset(&own);
		assert_int_equal(own.total, 0);
	}
	arena_free(&own);
	assert_non_null(arena_take(&own, 10)); /* an emptied arena is a new one */
	arena_free(&own);
}

static void an_arena_has_an_end(void **state)
{
	(void)state;
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* cmocka watches for this signal, and neither a message nor a core is wanted */
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		close(STDERR_FILENO);
		struct arena small = arena_new(4096);
		arena_take(&small, 2048);
		arena_take(&small, 2049);
		_exit(0);
	}
	int status;
	assert_true(waitpid(child, &status, 0) == child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void parts_end_at_a_character(void **state)
{
	(void)state;
	struct text rest = TEXT("a||b=c");
	assert_true(text_is(text_part(&rest, '|'), "a"));
	assert_true(text_is(text_part(&rest, '|'), ""));
	assert_true(text_is(text_part(&rest, '|'), "b=c"));
	assert_int_equal(rest.len, 0);
	assert_int_equal(text_part(&rest, '|').len, 0);
	rest = TEXT_NONE;
	assert_int_equal(text_part(&rest, '|').len, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_is_not_empty),
		cmocka_unit_test(parts_end_at_a_character),
		cmocka_unit_test(texts_compare_by_all_their_bytes),
		cmocka_unit_test(blanks_are_trimmed),
		cmocka_unit_test(copies_end_with_zero),
		cmocka_unit_test(utf8_is_counted_and_checked),
		cmocka_unit_test(integers_have_one_form_and_a_limit),
		cmocka_unit_test(buffers_grow_and_keep_their_bytes),
		cmocka_unit_test(long_prints_are_whole),
		cmocka_unit_test(a_full_buffer_remembers),
		cmocka_unit_test(arenas_give_aligned_zeroes),
		cmocka_unit_test(an_arena_has_an_end),
	};
	return cmocka_run_group_tests_name("text", tests, setup, teardown);
}
