/* SPDX-License-Identifier: Apache-2.0 */
/* test_xlsx.c - workbooks as programs write them, and as nobody should. */
#include "base/arena.h"
#include "base/xlsx.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zip.h>

#include <cmocka.h>

#define RELATIONS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define STRICT_RELATIONS "http://purl.oclc.org/ooxml/officeDocument/relationships"

enum { PARTS_MAX = 16, BIG_BLOCK = 4096 };

struct made_part {
	const char *name;
	struct text content;
	size_t blocks; /* of BIG_BLOCK bytes behind the content, and what closes it behind them */
	struct text closing;
	zip_uint16_t encryption;
};

static struct arena arena;
static struct made_part parts[PARTS_MAX];
static size_t part_count;
static int fd = -1;
static struct xlsx *xlsx;

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

/* ---- making a workbook ---- */

static struct made_part *part_called(const char *name)
{
	for (size_t i = 0; i < part_count; i++) {
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	}
	return NULL;
}

static struct made_part *put_part(const char *name, struct text content)
{
	struct made_part *part = part_called(name);
	if (!part) {
		assert_true(part_count < PARTS_MAX);
		part = &parts[part_count++];
	}
	*part = (struct made_part){ .name = name, .content = content };
	return part;
}

static void drop_part(const char *name)
{
	struct made_part *part = part_called(name);
	assert_non_null(part);
	*part = parts[--part_count];
}

static struct text sheet_of(const char *rows)
{
	return text_printf(&arena, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><worksheet xmlns=\"urn:main\">"
		"<sheetData>%s</sheetData></worksheet>", rows);
}

/* Everything that a workbook of one sheet has; tests change a part of it. */
static void begin_workbook(const char *rows)
{
	arena_reset(&arena);
	part_count = 0;
	put_part("_rels/.rels", TEXT("<Relationships>"
		"<Relationship Id='r1' Type='" RELATIONS "/officeDocument' Target='xl/workbook.xml'/></Relationships>"));
	put_part("xl/workbook.xml", TEXT("<workbook xmlns:r='" RELATIONS "'><sheets>"
		"<sheet name='名单' sheetId='1' r:id='r1'/></sheets></workbook>"));
	put_part("xl/_rels/workbook.xml.rels", TEXT("<Relationships>"
		"<Relationship Id='r1' Type='" RELATIONS "/worksheet' Target='worksheets/sheet1.xml'/>"
		"<Relationship Id='r2' Type='" RELATIONS "/worksheet' Target='/xl/worksheets/sheet2.xml'/>"
		"<Relationship Id='r3' Type='" RELATIONS "/chartsheet' Target='chartsheets/sheet1.xml'/>"
		"<Relationship Id='r4' Type='" RELATIONS "/sharedStrings' Target='../xl/./sharedStrings.xml'/>"
		"<Relationship Id='r5' Type='" RELATIONS "/styles' Target='styles.xml'/>"
		"<Relationship Id='r6' Type='" RELATIONS "/hyperlink' Target='https://example.org/' TargetMode='External'/>"
		"</Relationships>"));
	put_part("xl/worksheets/sheet1.xml", sheet_of(rows));
}

/* A block that packs about 1:80. */
static void fill_block(char *block, uint64_t at)
{
	memset(block, 'a', BIG_BLOCK);
	for (size_t i = 0; i < 40; i++) {
		at = at * 6364136223846793005u + 1442695040888963407u;
		block[i * 64] = (char)('a' + (at >> 40) % 26);
	}
}

struct big {
	const struct made_part *part;
	uint64_t next; /* 0: the content, then the blocks, then the closing */
	char block[BIG_BLOCK];
	struct text left;
	bool dense;
};

static zip_int64_t read_big(struct big *big, void *out, size_t len)
{
	const struct made_part *part = big->part;
	if (big->left.len == 0 && big->next <= part->blocks + 1) {
		big->left = (struct text){ big->block, BIG_BLOCK };
		if (big->next == 0 || big->next == part->blocks + 1)
			big->left = big->next == 0 ? part->content : part->closing;
		else if (big->dense)
			memset(big->block, 'a', BIG_BLOCK);
		else
			fill_block(big->block, big->next);
		big->next++;
	}
	if (len > big->left.len)
		len = big->left.len;
	if (len > 0)
		memcpy(out, big->left.ptr, len);
	big->left = (struct text){ big->left.ptr + len, big->left.len - len };
	return (zip_int64_t)len;
}

/* What libzip asks of a part that is too long for memory. */
static zip_int64_t serve_big(void *arg, void *data, zip_uint64_t len, zip_source_cmd_t command)
{
	struct big *big = arg;
	switch (command) {
	case ZIP_SOURCE_OPEN:
		big->next = big->left.len = 0;
		return 0;
	case ZIP_SOURCE_READ:
		return read_big(big, data, len);
	case ZIP_SOURCE_STAT:
		zip_stat_init(data);
		return sizeof(zip_stat_t);
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_FREE:
		return 0;
	case ZIP_SOURCE_SUPPORTS:
		return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
						      ZIP_SOURCE_FREE, -1);
	default:
		return 0;
	}
}

static struct big big;

static void add_part(zip_t *zip, const struct made_part *part)
{
	big.part = part->blocks > 0 ? part : big.part;
	zip_source_t *source = part->blocks > 0 ? zip_source_function(zip, serve_big, &big) :
						  zip_source_buffer(zip, part->content.ptr, part->content.len, 0);
	zip_int64_t at = zip_file_add(zip, part->name, source, 0);
	assert_true(at >= 0);
	assert_int_equal(zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_DEFLATE, 1), 0);
	if (part->encryption)
		assert_int_equal(zip_file_set_encryption(zip, (zip_uint64_t)at, part->encryption, "secret"), 0);
}

/* The package in a file of its own, which is no longer there once it is closed. */
static void write_package(void)
{
	char path[] = "/tmp/songhe-test-XXXXXX";
	int made = mkstemp(path);
	assert_true(made >= 0);
	close(made);
	zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	assert_non_null(zip);
	for (size_t i = 0; i < part_count; i++)
		add_part(zip, &parts[i]);
	assert_int_equal(zip_close(zip), 0);
	if (fd >= 0)
		close(fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	unlink(path);
}

static void write_bytes(const void *bytes, size_t len)
{
	if (fd >= 0)
		close(fd);
	fd = memfd_create("workbook", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
}

static char *read_package(size_t *len)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *bytes = malloc((size_t)size);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
	*len = (size_t)size;
	return bytes;
}

/* ---- what is expected of it ---- */

static void open_sheet(const char *sheet)
{
	enum xlsx_wrong wrong;
	xlsx = xlsx_open(fd, sheet, &wrong);
	assert_int_equal(wrong, XLSX_FINE);
	assert_non_null(xlsx);
}

static void open_workbook(void)
{
	write_package();
	open_sheet(NULL);
}

/* The next row is `number`, and its cells, joined with '|', read `joined`. */
static void expect(unsigned number, const char *joined)
{
	const struct text *cells;
	size_t count;
	unsigned row;
	assert_int_equal(xlsx_next(xlsx, &row, &cells, &count), XLSX_ROW);
	struct buf all = buf_in(&arena, 64, 1 << 20);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_char(&all, '|');
		assert_non_null(cells[i].ptr);
		buf_text(&all, cells[i]);
	}
	assert_string_equal(text_z(&arena, buf_done(&all)), joined);
	assert_int_equal(row, number);
}

static void expect_refused(enum xlsx_result result, unsigned number)
{
	const struct text *cells;
	size_t count;
	unsigned row;
	assert_int_equal(xlsx_next(xlsx, &row, &cells, &count), result);
	assert_int_equal(row, number);
	assert_int_equal(count, 0);
}

static void expect_last(enum xlsx_result result, enum xlsx_wrong why)
{
	const struct text *cells;
	size_t count;
	unsigned row;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(xlsx_next(xlsx, &row, &cells, &count), result);
		assert_int_equal(count, 0);
		assert_int_equal(xlsx_why(xlsx), why);
	}
	xlsx_close(xlsx);
	xlsx = NULL;
}

static void expect_end(void)
{
	expect_last(XLSX_END, XLSX_FINE);
}

static void expect_stopped(enum xlsx_wrong why)
{
	expect_last(XLSX_STOPPED, why);
}

static void expect_wrong_of(const char *sheet, enum xlsx_wrong expected)
{
	enum xlsx_wrong wrong = XLSX_FINE;
	assert_null(xlsx_open(fd, sheet, &wrong));
	assert_int_equal(wrong, expected);
}

static void expect_wrong(enum xlsx_wrong expected)
{
	write_package();
	expect_wrong_of(NULL, expected);
}

/* Whatever it is, it is read to an end. */
static void read_anything(void)
{
	enum xlsx_wrong wrong = XLSX_FINE;
	const struct text *cells;
	size_t count;
	unsigned row, before = 0;
	enum xlsx_result result;
	struct xlsx *any = xlsx_open(fd, NULL, &wrong);
	assert_int_equal(any == NULL, wrong != XLSX_FINE);
	assert_int_not_equal(wrong, XLSX_ENVIRONMENT);
	while (any && (result = xlsx_next(any, &row, &cells, &count)) != XLSX_END && result != XLSX_STOPPED) {
		assert_true(row > before);
		before = row;
	}
	xlsx_close(any);
}

/* ---- cells ---- */

static void texts_are_read_as_they_are(void **state)
{
	(void)state;
	begin_workbook("<row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='s'><v>1</v></c><c r='C1' t='s'><v>2</v></c>"
		"<c r='D1' t='s'><v>3</v></c><c r='E1' t='s'><v>4</v></c></row>"
		"<row r='2'><c r='A2' t='inlineStr'><is><t>李</t></is></c><c r='B2' t='inlineStr'><is><r><rPr><b/></rPr><t>建</t></r>"
		"<r><t xml:space='preserve'> 国</t></r><rPh sb='0' eb='1'><t>jian</t></rPh></is></c>"
		"<c r='C2' t='str'><f>A1&amp;\"x\"</f><v>结果</v></c><c r='D2' t='e'><v>#N/A</v></c></row>"
		"<row r='3'><c r='A3' t='b'><v>1</v></c><c r='B3' t='b'><v>0</v></c><c r='C3' t='s'><v></v></c>"
		"<c r='D3' t='s'/><c r='E3'><v>5</v></c><c r='F3' t='inlineStr'><is><t/></is></c></row>");
	put_part("xl/sharedStrings.xml", TEXT("<sst><si><t>王秀英</t></si><si><r><t>张</t></r><r><rPr><b/></rPr>"
		"<t xml:space='preserve'> 三 </t></r><rPh sb='0' eb='1'><t>zhang</t></rPh><phoneticPr/></si><si><t/></si>"
		"<si><t>a_x000D_&#10;b&lt;&amp;_x005F_x0041__x4E00__x0000__xD800__xZZZZ_</t></si>"
		"<si><t><![CDATA[<x>]]></t></si></sst>"));
	open_workbook();
	expect(1, "王秀英|张 三 ||a\r\nb<&_x0041_一_x0000__xD800__xZZZZ_|<x>");
	expect(2, "李|建 国|结果|#N/A");
	expect(3, "TRUE|FALSE|||5");
	expect_end();
}

static void a_number_is_exact_or_seen_to_be_rounded(void **state)
{
	(void)state;
	static const struct {
		const char *written, *read;
	} numbers[] = {
		{ "13912345678", "13912345678" }, { "1.3912345678E10", "13912345678" }, { "1.3912345678E+010", "13912345678" },
		{ "370613500101012", "370613500101012" }, { "999999999999999", "999999999999999" },
		{ "1000000000000000", "1E+15" }, { "370613195001010123", "3.706131950010101E+17" },
		{ "3.70613E+17", "3.70613E+17" }, { "3.7061319500101E+017", "3.7061319500101E+17" },
		{ "-3.70613195001011E+17", "-3.70613195001011E+17" },
		{ "0", "0" }, { "-0", "0" }, { "007", "7" }, { "-5", "-5" }, { "5.0", "5" }, { "5.10", "5.1" },
		{ "36.5", "36.5" }, { "-0.5", "-0.5" }, { ".5", "0.5" }, { "1E2", "100" }, { "0.1", "0.1" }, { "0.10000000000000001", "0.1" },
		{ "0.30000000000000004", "0.30000000000000004" },
		{ "1.5E-7", "1.5e-07" }, { "123456789.125", "123456789.125" }, { "1E999", "1E999" }, { "NaN", "NaN" }, { "0x10", "0x10" },
		{ "1 2", "1 2" }, { " 7 ", "7" }, { "-", "-" }, { "1.2.3", "1.2.3" }, { "1E+300", "1E+300" },
	};
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const char *written = numbers[i].written;
		begin_workbook(text_printf(&arena, "<row><c><v>%s</v></c><c t='n'><v>%s</v></c></row>", written, written).ptr);
		open_workbook();
		expect(1, text_printf(&arena, "%s|%s", numbers[i].read, numbers[i].read).ptr);
		expect_end();
	}
}

/* Style 1 is built in, 2 and on have the codes of the list below. */
static void put_styles(const char *const *codes, size_t count)
{
	struct buf all = buf_in(&arena, 4096, 1 << 16);
	buf_text(&all, TEXT("<styleSheet><numFmts>"));
	for (size_t i = 0; i < count; i++)
		buf_printf(&all, "<numFmt numFmtId='%zu' formatCode='%s'/>", 164 + i, codes[i]);
	buf_text(&all, TEXT("</numFmts><cellStyleXfs><xf numFmtId='14'/></cellStyleXfs><cellXfs><xf/><xf numFmtId='14'/>"));
	for (size_t i = 0; i < count; i++)
		buf_printf(&all, "<xf numFmtId='%zu'/>", 164 + i);
	buf_text(&all, TEXT("</cellXfs></styleSheet>"));
	put_part("xl/styles.xml", buf_done(&all));
}

static void styles_make_dates(void **state)
{
	(void)state;
	static const char *const dates[] = { "yyyy\"年\"m\"月\"d\"日\"", "[$-804]yyyy/m/d;@", "yyyy年m月d日", "h:mm:ss", "[Red]MM\\-DD",
		"_(* m/d_)", "aaa d" };
	static const char *const numbers[] = { "General", "0.00_);[Red](0.00)", "#,##0\"days\"", "\\d0", "[Magenta]0", "_d0*y",
		"G/通用格式", "@", "0.0E+00", "\"y", "[h" };
	for (size_t i = 0; i < COUNT(dates) + COUNT(numbers); i++) {
		bool is_date = i < COUNT(dates);
		begin_workbook("<row><c><v>18297</v></c><c s='1'><v>18297</v></c><c s='2'><v>18297</v></c><c s='9'><v>18297</v></c></row>");
		put_styles(is_date ? &dates[i] : &numbers[i - COUNT(dates)], 1);
		open_workbook();
		expect(1, is_date ? "18297|1950-02-03|1950-02-03|18297" : "18297|1950-02-03|18297|18297");
		expect_end();
	}
}

static void expect_date(const char *written, const char *read, bool date1904)
{
	begin_workbook(text_printf(&arena, "<row><c s='1'><v>%s</v></c></row>", written).ptr);
	put_styles(NULL, 0);
	if (date1904)
		put_part("xl/workbook.xml", TEXT("<workbook xmlns:r='" RELATIONS "'><workbookPr date1904='1'/><sheets>"
			"<sheet name='a' sheetId='1' r:id='r1'/></sheets></workbook>"));
	open_workbook();
	expect(1, read);
	expect_end();
}

static void dates_are_counted_as_excel_does(void **state)
{
	(void)state;
	expect_date("1", "1900-01-01", false);
	expect_date("59", "1900-02-28", false);
	expect_date("60", "60", false);
	expect_date("60.5", "60.5", false);
	expect_date("61", "1900-03-01", false);
	expect_date("46053", "2026-01-31", false);
	expect_date("46053.3541666667", "2026-01-31 08:30:00", false);
	expect_date("46052.99999999", "2026-01-31", false);
	expect_date("46053.000011574", "2026-01-31 00:00:01", false);
	expect_date("4.6053E4", "2026-01-31", false);
	expect_date("2958465", "9999-12-31", false);
	expect_date("2958465.9999999", "2958465.9999999", false);
	expect_date("2958466", "2958466", false);
	expect_date("-1", "-1", false);
	expect_date("0", "0", false);
	expect_date("0.5", "12:00:00", false);
	expect_date("x", "x", false);
	expect_date("1E300", "1E+300", false);
	expect_date("0", "1904-01-01", true);
	expect_date("60", "1904-03-01", true);
	expect_date("44591.25", "2026-01-31 06:00:00", true);
	expect_date("2957004", "2957004", true);
}

static void dates_may_be_written_out(void **state)
{
	(void)state;
	begin_workbook("<row><c t='d'><v>2026-01-31</v></c><c t='d'><v>2026-01-31T00:00:00Z</v></c>"
		"<c t='d'><v>2026-01-31T08:30:00.000</v></c></row>");
	open_workbook();
	expect(1, "2026-01-31|2026-01-31|2026-01-31 08:30:00");
	expect_end();
}

/* ---- rows ---- */

static void rows_and_cells_may_leave_gaps_or_their_names(void **state)
{
	(void)state;
	begin_workbook("<row r='2'><c r='B2'><v>1</v></c><c><v>2</v></c><c r='F2'><v>3</v></c><c r='G2' s='1'/></row><row/>"
		"<row><c/><c><v>4</v></c></row>"
		"<row r='9'><c r='A9' t='s'/></row><row r='1048576'><c r='A1048576'><v>5</v></c><c r='XFD1048576' s='3'/></row>");
	open_workbook();
	assert_string_equal(xlsx_sheet(xlsx), "名单");
	expect(2, "|1|2|||3");
	expect(4, "|4");
	expect(1048576, "5");
	expect_end();
}

static void what_is_out_of_order_stops(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"<row r='1'><c r='A1'><v>1</v></c></row>", "<row r='0'/>", "<row r='1048577'/>", "<row r='x'/>", "<row r=''/>",
		"<row r='99999999999'/>", "<row r='2'><c r='B2'/><c r='A2'/></row>", "<row r='2'><c r='B2'/><c r='B2'/></row>",
		"<row r='2'><c r='A3'/></row>", "<row r='2'><c r='2'/></row>", "<row r='2'><c r='A'/></row>",
		"<row r='2'><c r='XFE2'/></row>", "<row r='2'><c r='AAAAAAAAAAAAAAAAAAA2'/></row>", "<row r='2'><c r='a2'/></row>",
		"<row r='2'><c s='x'/></row>", "<row r='2'><c t='s'><v>0</v></c></row>", "<row r='2'><c t='s'><v>-1</v></c></row>",
		"<row r='2'><c t='s'><v>4294967296</v></c></row>", "<row r='2'><c t='s'><v>x</v></c></row>", "<row r='1048576'/><row/>",
		"<row r='2'>&nothing;</row>", "<row r='2'></c>", "<row r='2'><c><v>\x01</v></c></row>",
		"<row r='2'><c><v>\xFF</v></c></row>", "<row a='1' a='2'/>",
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		begin_workbook(text_printf(&arena, "<row r='1'><c><v>1</v></c></row>%s", rows[i]).ptr);
		open_workbook();
		expect(1, "1");
		expect_stopped(XLSX_BROKEN);
	}
}

static void too_many_cells_cost_their_row(void **state)
{
	(void)state;
	struct buf rows = buf_in(&arena, 64, 4 << 20);
	for (unsigned row = 0; row < 3; row++) {
		buf_text(&rows, TEXT("<row>"));
		for (unsigned i = 0; i < XLSX_CELLS_MAX + (row == 1); i++)
			buf_text(&rows, TEXT("<c t='b'><v>1</v></c>"));
		for (unsigned i = 0; i < 10000; i++)
			buf_text(&rows, TEXT("<c s='1'/>"));
		buf_text(&rows, TEXT("</row>"));
	}
	char *copy = strdup(text_z(&arena, buf_done(&rows)));
	begin_workbook(copy);
	free(copy);
	open_workbook();
	for (unsigned number = 1; number <= 3; number += 2) {
		const struct text *cells;
		size_t count;
		unsigned row;
		assert_int_equal(xlsx_next(xlsx, &row, &cells, &count), XLSX_ROW);
		assert_int_equal(row, number);
		assert_int_equal(count, XLSX_CELLS_MAX);
		if (number == 1)
			expect_refused(XLSX_TOO_MANY_CELLS, 2);
	}
	expect_end();
}

static void a_million_columns_are_not_held(void **state)
{
	(void)state;
	begin_workbook("");
	struct buf rows = buf_in(&arena, 64, 32 << 20);
	buf_text(&rows, TEXT("<worksheet><sheetData><row><c><v>1</v></c></row><row>"));
	for (unsigned i = 0; i < 1000000; i++)
		buf_text(&rows, TEXT("<c><v>1</v></c>"));
	buf_text(&rows, TEXT("</row></sheetData></worksheet>"));
	put_part("xl/worksheets/sheet1.xml", buf_done(&rows));
	open_workbook();
	expect(1, "1");
	expect_stopped(XLSX_BROKEN);
}

static void long_cells_cost_their_row(void **state)
{
	(void)state;
	begin_workbook("");
	char *fits = malloc(XLSX_CELL_MAX + 1);
	assert_non_null(fits);
	memset(fits, 'x', XLSX_CELL_MAX);
	fits[XLSX_CELL_MAX] = 0;
	put_part("xl/sharedStrings.xml", text_printf(&arena, "<sst><si><t>%s</t></si><si><t>%sx</t></si><si><t>y</t></si></sst>",
		fits, fits));
	put_part("xl/worksheets/sheet1.xml", sheet_of(text_printf(&arena,
		"<row><c t='s'><v>0</v></c><c t='inlineStr'><is><t>%s</t></is></c><c t='s'><v>2</v></c></row>"
		"<row><c t='s'><v>2</v></c><c t='s'><v>1</v></c></row>"
		"<row><c t='str'><v>%sx</v></c></row><row><c t='inlineStr'><is><r><t>%s</t></r><r><t>x</t></r></is></c></row>"
		"<row><c t='s'><v>2</v></c></row>",
		fits, fits, fits).ptr));
	open_workbook();
	const struct text *cells;
	size_t count;
	unsigned row;
	assert_int_equal(xlsx_next(xlsx, &row, &cells, &count), XLSX_ROW);
	assert_int_equal(count, 3);
	assert_true(text_is(cells[0], fits) && text_is(cells[1], fits) && text_is(cells[2], "y"));
	expect_refused(XLSX_CELL_TOO_LONG, 2);
	expect_refused(XLSX_CELL_TOO_LONG, 3);
	expect_refused(XLSX_CELL_TOO_LONG, 4);
	expect(5, "y");
	expect_end();
	free(fits);
}

static size_t memory_kb(void)
{
	char line[256];
	unsigned long kb = 0;
	FILE *status = fopen("/proc/self/status", "r");
	assert_non_null(status);
	while (fgets(line, sizeof line, status)) {
		if (strncmp(line, "RssAnon:", 8) == 0)
			kb = strtoul(line + 8, NULL, 10);
	}
	fclose(status);
	return kb;
}

static void a_cell_of_a_gigabyte_is_not_held(void **state)
{
	(void)state;
	begin_workbook("");
	struct made_part *part = put_part("xl/worksheets/sheet1.xml", TEXT("<worksheet><sheetData><row><c t='inlineStr'><is><t>"));
	part->blocks = (1 << 30) / BIG_BLOCK;
	part->closing = TEXT("</t></is></c></row><row><c><v>1</v></c></row></sheetData></worksheet>");
	write_package();
	size_t before = memory_kb();
	open_sheet(NULL);
	expect_refused(XLSX_CELL_TOO_LONG, 1);
	expect(2, "1");
	assert_true(memory_kb() < before + 4096);
	expect_end();
}

/* ---- sheets ---- */

static void the_first_sheet_with_content_is_read(void **state)
{
	(void)state;
	begin_workbook("<row r='3'><c r='A3' s='1'/></row>");
	put_part("xl/worksheets/sheet2.xml", sheet_of("<row><c><v>2</v></c></row>"));
	put_part("xl/workbook.xml", TEXT("<workbook xmlns:r='" RELATIONS "'><sheets><sheet name='h' state='hidden' sheetId='1' r:id='r2'/>"
		"<sheet name='v' state='veryHidden' sheetId='2' r:id='r2'/><sheet name='图' sheetId='3' r:id='r3'/>"
		"<sheet name='空 &amp; 白' sheetId='4' r:id='r1'/>"
		"<sheet name='人' state='visible' sheetId='5' r:id='r2'/></sheets></workbook>"));
	open_workbook();
	assert_int_equal(xlsx_sheet_count(xlsx), 2);
	assert_string_equal(xlsx_sheet_name(xlsx, 0), "空 & 白");
	assert_string_equal(xlsx_sheet_name(xlsx, 1), "人");
	assert_null(xlsx_sheet_name(xlsx, 2));
	assert_string_equal(xlsx_sheet(xlsx), "人");
	expect(1, "2");
	expect_end();
	open_sheet("人");
	expect(1, "2");
	expect_end();
	expect_wrong_of("h", XLSX_NO_SHEET);
	expect_wrong_of("空 & 白", XLSX_NO_SHEET);
	expect_wrong_of("无", XLSX_NO_SHEET);
}

static void names_may_have_prefixes_and_namespaces_differ(void **state)
{
	(void)state;
	begin_workbook("");
	put_part("_rels/.rels", TEXT("<p:Relationships xmlns:p='urn:p'>"
		"<p:Relationship Id='r1' Type='" STRICT_RELATIONS "/officeDocument' Target='/XL/book.xml'/></p:Relationships>"));
	drop_part("xl/workbook.xml");
	put_part("xl/book.xml",
		TEXT("<x:workbook xmlns:x='http://purl.oclc.org/ooxml/spreadsheetml/main' xmlns:q='" STRICT_RELATIONS "'>"
		"<x:workbookPr date1904='true'/>"
		"<x:sheets><x:sheet name='a' sheetId='1' q:id='r1'/></x:sheets></x:workbook>"));
	put_part("XL/_rels/book.xml.rels", TEXT("<Relationships>"
		"<Relationship Id='r1' Type='" STRICT_RELATIONS "/worksheet' Target='worksheets/sheet1.xml'/>"
		"<Relationship Id='r2' Type='" STRICT_RELATIONS "/sharedStrings' Target='sharedStrings.xml'/>"
		"<Relationship Id='r3' Type='" STRICT_RELATIONS "/styles' Target='styles.xml'/></Relationships>"));
	put_part("xl/sharedStrings.xml", TEXT("<x:sst xmlns:x='urn:x'><x:si><x:r><x:t>共享</x:t></x:r></x:si></x:sst>"));
	put_part("xl/styles.xml", TEXT("<x:styleSheet xmlns:x='urn:x'><x:cellXfs><x:xf/><x:xf numFmtId='14'/></x:cellXfs></x:styleSheet>"));
	put_part("xl/worksheets/sheet1.xml", TEXT("<x:worksheet xmlns:x='urn:x'><x:sheetData><x:row r='1'><x:c r='A1' t='s'>"
		"<x:v>0</x:v></x:c>"
		"<x:c r='B1' s='1'><x:v>0</x:v></x:c><x:c t='inlineStr'><x:is>"
		"<x:t>内</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>"));
	open_workbook();
	expect(1, "共享|1904-01-01|内");
	expect_end();
}

/* Elements of the same names elsewhere are something else. */
static void only_the_data_of_a_sheet_is_read(void **state)
{
	(void)state;
	begin_workbook("");
	put_part("xl/worksheets/sheet1.xml", TEXT("<worksheet><!-- <row/> --><cols><row><c><v>8</v></c></row></cols><sheetData><x>"
		"<c><v>9</v></c></x>"
		"<row r='1'><x><v>7</v></x><c r='A1'><f>SUM(1)</f><v>1</v><extLst><ext><v>6</v></ext></extLst></c></row></sheetData>"
		"<extLst><ext><row r='1'><c r='A1'><v>5</v></c></row></ext></extLst></worksheet>"));
	open_workbook();
	expect(1, "1");
	expect_end();
}

static void other_encodings_of_xml_are_read(void **state)
{
	(void)state;
	begin_workbook("");
	static const char ascii[] = "<worksheet><sheetData><row><c t='str'><v>\xE9</v></c></row></sheetData></worksheet>";
	put_part("xl/worksheets/sheet1.xml", text_printf(&arena, "<?xml version='1.0' encoding='ISO-8859-1'?>%s", ascii));
	open_workbook();
	expect(1, "é");
	expect_end();
	char *wide = arena_take(&arena, 2 * sizeof ascii);
	memcpy(wide, "\xFF\xFE", 2);
	for (size_t i = 0; i < sizeof ascii - 1; i++)
		wide[2 + 2 * i] = ascii[i];
	put_part("xl/worksheets/sheet1.xml", (struct text){ wide, 2 * sizeof ascii });
	open_workbook();
	expect(1, "é");
	expect_end();
}

static void workbooks_of_libreoffice_are_read(void **state)
{
	(void)state;
	arena_reset(&arena);
	if (fd >= 0)
		close(fd);
	fd = open("test/files/people.xlsx", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	open_sheet(NULL);
	assert_int_equal(xlsx_sheet_count(xlsx), 2);
	assert_string_equal(xlsx_sheet(xlsx), "老人");
	expect(1, "人员|||备注");
	expect(2, "王秀英|13912345678|1950-02-03|2026-01-31 08:30:00|36.5|1|3.7061319500101E+17");
	expect(6, "第一行\n第二行 <&>|13912345679|甲乙|#N/A|370613195001010123");
	expect_end();
	close(fd);
	fd = open("test/files/plain.xlsx", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	open_sheet("plain");
	expect(1, "姓名|身份证号|出生日期");
	expect(2, "王秀英|37061319500101012X|1950-01-01");
	expect(3, "李,建国|007");
	expect_end();
}

/* Two readers of one file do not disturb each other, and its position stays. */
static void the_file_may_be_shared(void **state)
{
	(void)state;
	enum xlsx_wrong wrong;
	const struct text *cells;
	size_t count;
	unsigned row;
	begin_workbook("<row><c><v>1</v></c></row><row><c><v>2</v></c></row>");
	write_package();
	assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
	struct xlsx *other = xlsx_open(fd, NULL, &wrong);
	open_sheet(NULL);
	expect(1, "1");
	assert_int_equal(xlsx_next(other, &row, &cells, &count), XLSX_ROW);
	expect(2, "2");
	assert_int_equal(xlsx_next(other, &row, &cells, &count), XLSX_ROW);
	assert_int_equal(row, 2);
	xlsx_close(other);
	expect_end();
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
}

/* ---- what is no workbook ---- */

static void other_files_are_told_apart(void **state)
{
	(void)state;
	static const char *const not_zip[] = { "", "P", "name,sex\n", "PK\5\6", "<html>", "%PDF-1.7" };
	for (size_t i = 0; i < COUNT(not_zip); i++) {
		write_bytes(not_zip[i], strlen(not_zip[i]));
		expect_wrong_of(NULL, XLSX_NOT_ZIP);
	}
	static char ole[4096] = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
	memcpy(ole + 1024, "W\0o\0r\0k\0b\0o\0o\0k", 16);
	write_bytes(ole, sizeof ole);
	expect_wrong_of(NULL, XLSX_OLD_XLS);
	write_bytes(ole, 8);
	expect_wrong_of(NULL, XLSX_OLD_XLS);
	memcpy(ole + 2048 + 128, "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0", 32);
	write_bytes(ole, sizeof ole);
	expect_wrong_of(NULL, XLSX_PASSWORD);
	begin_workbook("<row/>");
	part_called("_rels/.rels")->content = TEXT("<Relationships>"
		"<Relationship Id='r1' Type='" RELATIONS "/officeDocument' Target='word/document.xml'/></Relationships>");
	expect_wrong(XLSX_NOT_ZIP);
	put_part("word/document.xml", TEXT("<w:document xmlns:w='urn:w'/>"));
	put_part("word/_rels/document.xml.rels", TEXT("<Relationships/>"));
	expect_wrong(XLSX_NOT_ZIP);
	begin_workbook("<row><c><v>1</v></c></row>");
	drop_part("_rels/.rels");
	open_workbook();
	expect(1, "1");
	expect_end();
	drop_part("xl/workbook.xml");
	expect_wrong(XLSX_NOT_ZIP);
}

static void parts_that_are_locked_need_a_password(void **state)
{
	(void)state;
	static const zip_uint16_t ways[] = { ZIP_EM_TRAD_PKWARE, ZIP_EM_AES_256 };
	for (size_t i = 0; i < COUNT(ways); i++) {
		begin_workbook("<row><c><v>1</v></c></row>");
		part_called("xl/worksheets/sheet1.xml")->encryption = ways[i];
		expect_wrong(XLSX_PASSWORD);
		for (size_t at = 0; at < part_count; at++)
			parts[at].encryption = ways[i];
		expect_wrong(XLSX_PASSWORD);
	}
}

/* ---- damage ---- */

static void a_missing_or_broken_part_is_told(void **state)
{
	(void)state;
	static const char *const names[] = { "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml",
		"xl/styles.xml",
		                             "xl/worksheets/sheet1.xml" };
	static const char *const broken[] = { "", "<a", "<workbook>", "\x00\x01", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
		"<?xml version='1.0' encoding='GBK'?><a/>",
		                              "<!DOCTYPE sst SYSTEM 'file:///etc/passwd'><sst/>" };
	for (size_t i = 0; i < COUNT(names); i++) {
		for (size_t j = 0; j < COUNT(broken); j++) {
			begin_workbook("<row><c><v>1</v></c></row>");
			put_part(names[i], text_of(broken[j]));
			expect_wrong(XLSX_BROKEN);
		}
	}
	begin_workbook("");
	drop_part("xl/worksheets/sheet1.xml");
	expect_wrong(XLSX_BROKEN);
	begin_workbook("");
	drop_part("xl/_rels/workbook.xml.rels");
	expect_wrong(XLSX_BROKEN);
	begin_workbook("");
	part_called("xl/workbook.xml")->content = TEXT("<workbook><sheets><sheet name='a' id='r9'/></sheets></workbook>");
	expect_wrong(XLSX_BROKEN);
	begin_workbook("");
	expect_wrong(XLSX_NO_SHEET);
}

static void entities_are_never_expanded(void **state)
{
	(void)state;
	begin_workbook("");
	put_part("xl/worksheets/sheet1.xml", TEXT("<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
		"<!ENTITY c '&b;&b;&b;&b;&b;&b;'>]>"
		"<worksheet><sheetData><row><c t='str'><v>&c;</v></c></row></sheetData></worksheet>"));
	expect_wrong(XLSX_BROKEN);
}

static void bombs_are_told(void **state)
{
	(void)state;
	static const char *const names[] = { "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml" };
	big.dense = true;
	for (size_t i = 0; i < COUNT(names); i++) {
		begin_workbook("<row><c><v>1</v></c></row>");
		struct made_part *part = put_part(names[i], i == 0 ? TEXT("<worksheet><sheetData><row><c t='str'><v>") : TEXT("<sst>"
			"<si><t>"));
		part->blocks = (100 << 20) / BIG_BLOCK;
		expect_wrong(XLSX_BOMB);
	}
	big.dense = false;
}

/* What expat would have to hold: a long tag, many attributes, ever new names, depth. */
static void what_grows_in_the_parser_is_bounded(void **state)
{
	(void)state;
	begin_workbook("");
	struct made_part *part = put_part("xl/worksheets/sheet1.xml", TEXT("<worksheet a='"));
	part->blocks = (64 << 20) / BIG_BLOCK;
	write_package();
	size_t before = memory_kb();
	expect_wrong_of(NULL, XLSX_BOMB);
	assert_true(memory_kb() < before + 16384);
	struct buf names = buf_in(&arena, 64, 16 << 20);
	for (unsigned i = 0; i < 400000; i++)
		buf_printf(&names, "<a%u/>", i);
	put_part("xl/worksheets/sheet1.xml", text_printf(&arena, "<worksheet>%s</worksheet>", text_z(&arena, buf_done(&names))));
	expect_wrong(XLSX_BOMB);
	begin_workbook("");
	struct buf deep = buf_in(&arena, 64, 16 << 20);
	buf_text(&deep, TEXT("<worksheet>"));
	for (unsigned i = 0; i < 100; i++)
		buf_text(&deep, TEXT("<a>"));
	put_part("xl/worksheets/sheet1.xml", buf_done(&deep));
	expect_wrong(XLSX_BROKEN);
}

static void too_many_entries_are_refused(void **state)
{
	(void)state;
	begin_workbook("<row><c><v>1</v></c></row>");
	write_package();
	size_t len;
	char *bytes = read_package(&len);
	/* what claims a thousand million entries, in the way of Zip64 */
	char *claim = calloc(1, len + 76);
	assert_non_null(claim);
	memcpy(claim, bytes, len - 22);
	char *record = claim + len - 22;
	memcpy(record, "PK\6\6\x2c", 5);
	memcpy(record + 24, "\x00\xCA\x9A\x3B", 4);
	memcpy(record + 32, "\x00\xCA\x9A\x3B", 4);
	memcpy(record + 56, "PK\6\7", 4);
	uint64_t at = len - 22;
	memcpy(record + 64, &at, sizeof at);
	memcpy(record + 76, bytes + len - 22, 22);
	write_bytes(claim, len + 76);
	expect_wrong_of(NULL, XLSX_BOMB);
	free(claim);
	free(bytes);
	/* and what has too many of them */
	char path[] = "/tmp/songhe-test-XXXXXX";
	close(mkstemp(path));
	zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	assert_non_null(zip);
	for (unsigned i = 0; i < 12000; i++)
		assert_true(zip_file_add(zip, text_printf(&arena, "%u", i).ptr, zip_source_buffer(zip, "x", 1, 0), 0) >= 0);
	assert_int_equal(zip_close(zip), 0);
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	expect_wrong_of(NULL, XLSX_BOMB);
}

static void a_wrong_checksum_is_damage(void **state)
{
	(void)state;
	begin_workbook("<row><c t='str'><v>abcdefgh</v></c></row>");
	write_package();
	size_t len;
	char *bytes = read_package(&len);
	/* the directory's checksum of the sheet, which is the last entry */
	char *directory = memmem(bytes, len, "PK\1\2", 4);
	for (char *next = directory; next; next = memmem(next + 1, len - (size_t)(next + 1 - bytes), "PK\1\2", 4))
		directory = next;
	assert_non_null(directory);
	directory[16] ^= 1;
	write_bytes(bytes, len);
	free(bytes);
	open_sheet(NULL);
	expect(1, "abcdefgh");
	expect_stopped(XLSX_BROKEN);
}

static void damaged_files_are_read_to_an_end(void **state)
{
	(void)state;
	static const char *const files[] = { "test/files/people.xlsx", "test/files/plain.xlsx" };
	for (size_t i = 0; i < COUNT(files); i++) {
		if (fd >= 0)
			close(fd);
		fd = open(files[i], O_RDONLY | O_CLOEXEC);
		size_t len;
		char *bytes = read_package(&len);
		for (size_t at = 0; at < len; at += 97) {
			write_bytes(bytes, at);
			expect_wrong_of(NULL, at < 4 ? XLSX_NOT_ZIP : XLSX_BROKEN);
			bytes[at] = (char)~bytes[at];
			write_bytes(bytes, len);
			read_anything();
			bytes[at] = (char)~bytes[at];
		}
		free(bytes);
	}
}

static void without_a_temporary_directory_nothing_is_read(void **state)
{
	(void)state;
	begin_workbook("<row><c t='s'><v>0</v></c></row>");
	put_part("xl/sharedStrings.xml", TEXT("<sst><si><t>a</t></si></sst>"));
	const char *before = getenv("TMPDIR");
	char *copy = before ? strdup(before) : NULL;
	write_package();
	setenv("TMPDIR", "/nowhere/at/all", 1);
	expect_wrong_of(NULL, XLSX_ENVIRONMENT);
	if (copy)
		setenv("TMPDIR", copy, 1);
	else
		unsetenv("TMPDIR");
	free(copy);
	open_sheet(NULL);
	expect(1, "a");
	expect_end();
}

static void a_full_disk_is_told(void **state)
{
	(void)state;
	begin_workbook("<row><c t='s'><v>0</v></c></row>");
	struct buf strings = buf_in(&arena, 64, 1 << 20);
	buf_text(&strings, TEXT("<sst>"));
	for (unsigned i = 0; i < 10000; i++)
		buf_text(&strings, TEXT("<si><t>123456789</t></si>"));
	buf_text(&strings, TEXT("</sst>"));
	put_part("xl/sharedStrings.xml", buf_done(&strings));
	write_package();
	struct rlimit before, small;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ 8192, before.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	expect_wrong_of(NULL, XLSX_ENVIRONMENT);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read_as_they_are),
		cmocka_unit_test(a_number_is_exact_or_seen_to_be_rounded),
		cmocka_unit_test(styles_make_dates),
		cmocka_unit_test(dates_are_counted_as_excel_does),
		cmocka_unit_test(dates_may_be_written_out),
		cmocka_unit_test(rows_and_cells_may_leave_gaps_or_their_names),
		cmocka_unit_test(what_is_out_of_order_stops),
		cmocka_unit_test(too_many_cells_cost_their_row),
		cmocka_unit_test(a_million_columns_are_not_held),
		cmocka_unit_test(long_cells_cost_their_row),
		cmocka_unit_test(a_cell_of_a_gigabyte_is_not_held),
		cmocka_unit_test(the_first_sheet_with_content_is_read),
		cmocka_unit_test(names_may_have_prefixes_and_namespaces_differ),
		cmocka_unit_test(only_the_data_of_a_sheet_is_read),
		cmocka_unit_test(other_encodings_of_xml_are_read),
		cmocka_unit_test(workbooks_of_libreoffice_are_read),
		cmocka_unit_test(the_file_may_be_shared),
		cmocka_unit_test(other_files_are_told_apart),
		cmocka_unit_test(parts_that_are_locked_need_a_password),
		cmocka_unit_test(a_missing_or_broken_part_is_told),
		cmocka_unit_test(entities_are_never_expanded),
		cmocka_unit_test(bombs_are_told),
		cmocka_unit_test(what_grows_in_the_parser_is_bounded),
		cmocka_unit_test(too_many_entries_are_refused),
		cmocka_unit_test(a_wrong_checksum_is_damage),
		cmocka_unit_test(damaged_files_are_read_to_an_end),
		cmocka_unit_test(without_a_temporary_directory_nothing_is_read),
		cmocka_unit_test(a_full_disk_is_told),
	};
	return cmocka_run_group_tests_name("xlsx", tests, setup, teardown);
}
