/* SPDX-License-Identifier: Apache-2.0 */
/* test_csv.c - CSV as spreadsheets write it, and as nobody should. */
#include "base/arena.h"
#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct csv csv;

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

static void open_text(struct text source)
{
	csv = csv_open(source, ',');
}

/* The next record is on `line` and its cells, joined with '|', read `joined`. */
static void expect(unsigned line, const char *joined)
{
	enum csv_result result = csv_next(&csv, &arena);
	assert_int_equal(result, CSV_RECORD);
	struct buf all = buf_in(&arena, 64, 1 << 20);
	for (size_t i = 0; i < csv.cell_count; i++) {
		if (i > 0)
			buf_char(&all, '|');
		assert_non_null(csv.cells[i].ptr);
		buf_text(&all, csv.cells[i]);
	}
	assert_string_equal(text_z(&arena, buf_done(&all)), joined);
	assert_int_equal(csv.line, line);
}

static void expect_wrong(enum csv_result wrong, unsigned line)
{
	assert_int_equal(csv_next(&csv, &arena), wrong);
	assert_int_equal(csv.line, line);
	assert_int_equal(csv.cell_count, 0);
}

static void expect_end(void)
{
	assert_int_equal(csv_next(&csv, &arena), CSV_END);
	assert_int_equal(csv.cell_count, 0);
	assert_int_equal(csv_next(&csv, &arena), CSV_END);
}

static void plain_records_with_every_line_end(void **state)
{
	(void)state;
	static const char *const ends[] = { "\n", "\r\n", "\r" };
	for (size_t i = 0; i < COUNT(ends); i++) {
		open_text(text_printf(&arena, "name,sex%s王秀英,female%s,x%s", ends[i], ends[i], ends[i]));
		expect(1, "name|sex");
		expect(2, "王秀英|female");
		expect(3, "|x");
		expect_end();
	}
	open_text(TEXT("a\r\nb\rc\nd"));
	expect(1, "a");
	expect(2, "b");
	expect(3, "c");
	expect(4, "d");
	expect_end();
}

static void the_byte_order_mark_is_passed_over_once(void **state)
{
	(void)state;
	open_text(TEXT("\xEF\xBB\xBF" "a,b\n"));
	expect(1, "a|b");
	expect_end();
	open_text(TEXT("\xEF\xBB\xBF" "\"a\",b\n"));
	expect(1, "a|b");
	open_text(TEXT("\xEF\xBB\xBF\xEF\xBB\xBF" "a"));
	expect(1, "\xEF\xBB\xBF" "a");
	open_text(TEXT("\xEF\xBB\xBF"));
	expect_end();
}

static void nothing_is_an_end(void **state)
{
	(void)state;
	open_text(TEXT(""));
	expect_end();
	open_text(TEXT_NONE);
	expect_end();
	open_text(TEXT("\n\r\n\r,,,\n\"\",\"\"\n"));
	expect_end();
	assert_int_equal(csv.line, 5);
}

static void blank_rows_are_counted(void **state)
{
	(void)state;
	open_text(TEXT("a\n\n,,\nb\r\n\r\nc"));
	expect(1, "a");
	expect(4, "b");
	expect(6, "c");
	expect_end();
}

static void quotes_hold_commas_and_quotes(void **state)
{
	(void)state;
	open_text(TEXT("\"a,b\",\"c \"\"d\"\" e\",\"\",\"\"\"\"\n\"\"\"x\"\"\",y\n"));
	expect(1, "a,b|c \"d\" e||\"");
	expect(2, "\"x\"|y");
	expect_end();
	open_text(TEXT("\"a\""));
	expect(1, "a");
	expect_end();
}

static void a_line_break_in_quotes_stays_in_its_row(void **state)
{
	(void)state;
	open_text(TEXT("\"one\ntwo\r\nthree\",x\nnext,\"\n\"\nlast,y"));
	expect(1, "one\ntwo\r\nthree|x");
	expect(2, "next|\n");
	expect(3, "last|y");
	expect_end();
}

static void only_doubled_quotes_are_copied(void **state)
{
	(void)state;
	struct text source = TEXT("ab,\"cd\",\"e\"\"f\"\n");
	open_text(source);
	size_t before = arena.total;
	assert_int_equal(csv_next(&csv, &arena), CSV_RECORD);
	assert_ptr_equal(csv.cells[0].ptr, source.ptr);
	assert_ptr_equal(csv.cells[1].ptr, source.ptr + 4);
	assert_true(csv.cells[2].ptr < source.ptr || csv.cells[2].ptr > source.ptr + source.len);
	assert_true(arena.total > before && arena.total - before <= 16);
}

static void an_open_quote_ends_the_text(void **state)
{
	(void)state;
	open_text(TEXT("a,b\nc,\"d\ne,f\ng"));
	expect(1, "a|b");
	expect_wrong(CSV_OPEN_QUOTE, 2);
	expect_end();
	open_text(TEXT("\""));
	expect_wrong(CSV_OPEN_QUOTE, 1);
	expect_end();
	open_text(TEXT("\"a\"\""));
	expect_wrong(CSV_OPEN_QUOTE, 1);
	expect_end();
	open_text(TEXT("\"\xFF\" stray,\"never closed"));
	expect_wrong(CSV_STRAY_QUOTE, 1);
	expect_end();
}

static void stray_quotes_cost_their_line(void **state)
{
	(void)state;
	open_text(TEXT("5\" pipe,x\n\"a\"b,\"c\nd,e\n\"a\" ,b\r\nfine,\"1\"\n"));
	expect_wrong(CSV_STRAY_QUOTE, 1);
	expect_wrong(CSV_STRAY_QUOTE, 2);
	expect(3, "d|e");
	expect_wrong(CSV_STRAY_QUOTE, 4);
	expect(5, "fine|1");
	expect_end();
}

static void too_many_cells_cost_their_record(void **state)
{
	(void)state;
	struct buf source = buf_in(&arena, 64, 1 << 20);
	for (size_t record = 0; record < 3; record++) {
		for (size_t i = 1; i < CSV_CELLS_MAX + (record == 1); i++)
			buf_text(&source, TEXT("x,"));
		buf_text(&source, TEXT("\"y\ny\"\n"));
	}
	open_text(buf_done(&source));
	assert_int_equal(csv_next(&csv, &arena), CSV_RECORD);
	assert_int_equal(csv.cell_count, CSV_CELLS_MAX);
	assert_true(text_is(csv.cells[CSV_CELLS_MAX - 1], "y\ny"));
	expect_wrong(CSV_TOO_MANY_CELLS, 2);
	assert_int_equal(csv_next(&csv, &arena), CSV_RECORD);
	assert_int_equal(csv.line, 3);
	expect_end();
}

static void add_many(struct buf *source, const char *what, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_text(source, text_of(what));
}

static void long_cells_cost_their_record(void **state)
{
	(void)state;
	struct buf source = buf_in(&arena, 64, 1 << 20);
	add_many(&source, "a", CSV_CELL_MAX);
	buf_text(&source, TEXT("\n\""));
	add_many(&source, "\"\"", CSV_CELL_MAX);
	buf_text(&source, TEXT("\"\n"));
	add_many(&source, "a", CSV_CELL_MAX + 1);
	buf_text(&source, TEXT(",\"b\nb\"\n\""));
	add_many(&source, "\"\"", CSV_CELL_MAX + 1);
	buf_text(&source, TEXT("\",b\nc\n"));
	assert_false(source.overflow);
	open_text(buf_done(&source));
	assert_int_equal(csv_next(&csv, &arena), CSV_RECORD);
	assert_int_equal(csv.cells[0].len, CSV_CELL_MAX);
	assert_int_equal(csv_next(&csv, &arena), CSV_RECORD);
	assert_int_equal(csv.cells[0].len, CSV_CELL_MAX);
	assert_int_equal(csv.cells[0].ptr[CSV_CELL_MAX - 1], '"');
	expect_wrong(CSV_CELL_TOO_LONG, 3);
	expect_wrong(CSV_CELL_TOO_LONG, 4);
	expect(5, "c");
	expect_end();
}

static void wrong_bytes_cost_their_record(void **state)
{
	(void)state;
	/* the second record is GBK, the third a surrogate in UTF-8, the fourth holds U+0000 */
	open_text(TEXT("name,sex\n\xCD\xF5\xD0\xE3,x\n\xED\xA0\x80,x\na\0b,x\n王,x\n"));
	expect(1, "name|sex");
	expect_wrong(CSV_NOT_UTF8, 2);
	expect_wrong(CSV_NOT_UTF8, 3);
	expect_wrong(CSV_NOT_UTF8, 4);
	expect(5, "王|x");
	expect_end();
	open_text(TEXT("\xE7\x8E")); /* cut off inside a code point */
	expect_wrong(CSV_NOT_UTF8, 1);
	expect_end();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_records_with_every_line_end),
		cmocka_unit_test(the_byte_order_mark_is_passed_over_once),
		cmocka_unit_test(nothing_is_an_end),
		cmocka_unit_test(blank_rows_are_counted),
		cmocka_unit_test(quotes_hold_commas_and_quotes),
		cmocka_unit_test(a_line_break_in_quotes_stays_in_its_row),
		cmocka_unit_test(only_doubled_quotes_are_copied),
		cmocka_unit_test(an_open_quote_ends_the_text),
		cmocka_unit_test(stray_quotes_cost_their_line),
		cmocka_unit_test(too_many_cells_cost_their_record),
		cmocka_unit_test(long_cells_cost_their_record),
		cmocka_unit_test(wrong_bytes_cost_their_record),
	};
	return cmocka_run_group_tests_name("csv", tests, setup, teardown);
}
