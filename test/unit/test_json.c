/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c - what is written reads back, and what is refused. */
#include "base/arena.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static void everything_is_written_in_its_form(void **state)
{
	(void)state;
	struct buf b = buf_in(&arena, 8, 1 << 16);
	struct json_out j = json_out(&b);
	json_begin_object(&j);
	JSON_ID(&j, "id", INT64_C(9007199254740993));
	JSON_ID(&j, "none", 0);
	JSON_TEXT(&j, "name", TEXT("王秀英"));
	JSON_TEXT(&j, "missing", TEXT_NONE);
	JSON_TEXT(&j, "empty", TEXT(""));
	JSON_INT(&j, "least", INT64_MIN);
	JSON_BOOL(&j, "yes", true);
	JSON_BOOL(&j, "no", false);
	json_key(&j, TEXT("list"));
	json_begin_array(&j);
	json_begin_object(&j);
	json_end_object(&j);
	json_begin_array(&j);
	json_end_array(&j);
	json_put_null(&j);
	json_put_real(&j, 37.5113);
	json_put_raw(&j, TEXT("{\"a\":1}"));
	json_put_int(&j, 1);
	json_end_array(&j);
	JSON_INT(&j, "last", 2);
	json_end_object(&j);
	static const char expected[] =
		"{\"id\":\"9007199254740993\",\"none\":null,\"name\":\"王秀英\",\"missing\":null,\"empty\":\"\","
		"\"least\":-9223372036854775808,\"yes\":true,\"no\":false,"
		"\"list\":[{},[],null,37.5113,{\"a\":1},1],\"last\":2}";
	assert_string_equal(text_z(&arena, buf_done(&b)), expected);
}

/* Every byte below U+0020, quotes and backslashes, at every place of a value. */
static void escapes_read_back(void **state)
{
	(void)state;
	char all[0x20 + 8];
	size_t len = 0;
	for (char c = 1; c < 0x20; c++)
		all[len++] = c;
	memcpy(all + len, "\"\\/\x7F王", 7);
	struct text hard = { all, len + 7 };
	for (size_t from = 0; from <= hard.len; from++) {
		struct buf b = buf_in(&arena, 8, 1 << 16);
		struct json_out j = json_out(&b);
		struct text value = { hard.ptr + from, hard.len - from };
		json_begin_array(&j);
		json_put_text(&j, TEXT("12345678plain"));
		json_put_text(&j, value);
		json_end_array(&j);
		struct text written = buf_done(&b);
		for (size_t i = 0; i < written.len; i++)
			assert_true((unsigned char)written.ptr[i] >= 0x20);
		json_t *read;
		if (text_utf8_length(value) == SIZE_MAX)
			continue; /* begins in the middle of a character */
		assert_int_equal(json_read(written, 1, &read), JSON_FINE);
		assert_true(text_eq(json_text_of(json_array_get(read, 1)), value));
		json_decref(read);
	}
}

static enum json_wrong reading(struct text source, unsigned max_depth)
{
	json_t *value;
	enum json_wrong wrong = json_read(source, max_depth, &value);
	assert_true((wrong == JSON_FINE) == (value != NULL));
	json_decref(value);
	return wrong;
}

static void any_value_is_read(void **state)
{
	(void)state;
	static const char *const fine[] = { "{}", "[]", "null", "1", "-0.5e3", "\"x\"", " [1] ", "\"\\ud842\\udfb7\"",
					    "{\"a\":{\"b\":[1,2,{\"c\":null}]}}" };
	for (size_t i = 0; i < COUNT(fine); i++)
		assert_int_equal(reading(text_of(fine[i]), 8), JSON_FINE);
}

static void what_is_not_json_is_malformed(void **state)
{
	(void)state;
	const struct text wrong[] = {
		{ "", 0 },
		{ NULL, 0 },
		TEXT(" "),
		TEXT("{"),
		TEXT("}"),
		TEXT("[1,]"),
		TEXT("{\"a\":1,}"),
		TEXT("{a:1}"),
		TEXT("{'a':1}"),
		TEXT("[1] x"),
		TEXT("[1][2]"),
		TEXT("nul"),
		TEXT("NaN"),
		TEXT("01"),
		TEXT("1e999"),
		TEXT("99999999999999999999"),
		TEXT("\"a\nb\""),
		TEXT("\"\\x\""),
		TEXT("\"open"),
		TEXT("\"open\\"),
		TEXT("\"\\ud800\""),
		TEXT("\"\xFF\""),
		TEXT("\"\xED\xA0\x80\""),
		TEXT("\"\xC0\x80\""),
		TEXT("{\"a\":1,\"a\":2}"),
		TEXT("[{\"a\":1,\"\\u0061\":2}]"),
		TEXT("\"\\u0000\""),
		TEXT("\"a\\u0000b\""),
		TEXT("{\"a\\u0000b\":1}"),
		TEXT("\"a\0b\""),
		TEXT("[1]\0"),
		TEXT("\0"),
		TEXT("\xEF\xBB\xBF[1]"),
	};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (reading(wrong[i], 8) != JSON_MALFORMED)
			fail_msg("number %zu: %.*s", i, TEXT_ARG(wrong[i]));
	}
}

static void depth_is_limited(void **state)
{
	(void)state;
	assert_int_equal(reading(TEXT("1"), 0), JSON_FINE);
	assert_int_equal(reading(TEXT("[]"), 0), JSON_TOO_DEEP);
	assert_int_equal(reading(TEXT("[[[]]]"), 3), JSON_FINE);
	assert_int_equal(reading(TEXT("[[[]]]"), 2), JSON_TOO_DEEP);
	assert_int_equal(reading(TEXT("[[],[],[{}]]"), 3), JSON_FINE);
	assert_int_equal(reading(TEXT("[{\"a\":[1]}]"), 3), JSON_FINE);
	assert_int_equal(reading(TEXT("[{\"a\":[1]}]"), 2), JSON_TOO_DEEP);
	assert_int_equal(reading(TEXT("[\"[[[[{{{{\"]"), 1), JSON_FINE);
	assert_int_equal(reading(TEXT("[\"\\\"[[[[\"]"), 1), JSON_FINE);
	assert_int_equal(reading(TEXT("[\"\\\\\",[[[1]]]]"), 2), JSON_TOO_DEEP);
	struct buf deep = buf_in(&arena, 64, 1 << 21);
	for (int i = 0; i < 1000000; i++)
		buf_char(&deep, i % 2 ? '[' : '{');
	assert_int_equal(reading(buf_done(&deep), 32), JSON_TOO_DEEP);
}

static void strings_are_borrowed(void **state)
{
	(void)state;
	json_t *value;
	assert_int_equal(json_read(TEXT("{\"a\":\"王\",\"b\":1,\"c\":\"\",\"d\":null}"), 1, &value), JSON_FINE);
	assert_true(text_is(json_text_of(json_object_get(value, "a")), "王"));
	assert_null(json_text_of(json_object_get(value, "b")).ptr);
	assert_true(text_is(json_text_of(json_object_get(value, "c")), ""));
	assert_null(json_text_of(json_object_get(value, "d")).ptr);
	assert_null(json_text_of(NULL).ptr);
	json_decref(value);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_written_in_its_form),
		cmocka_unit_test(escapes_read_back),
		cmocka_unit_test(any_value_is_read),
		cmocka_unit_test(what_is_not_json_is_malformed),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(strings_are_borrowed),
	};
	return cmocka_run_group_tests_name("json", tests, setup, teardown);
}
