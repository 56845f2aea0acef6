/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_xlsx.c - workbooks of any bytes: limits hold, rows only go up, what was read is UTF-8, and an end stays one. */
#include "base/xlsx.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>

#undef NDEBUG
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_LIMIT = 1 << 20, PARTS_MAX = 16, NAME_MAX_BYTES = 64 };

#define TYPE "urn:relationships/"

/* Where the input has none of this name. */
static const struct {
	const char *name;
	struct text content;
} usual[] = {
	{ "_rels/.rels", TEXT_OF("<a><Relationship Id='1' Type='" TYPE "officeDocument' Target='xl/workbook.xml'/></a>") },
	{ "xl/workbook.xml", TEXT_OF("<workbook><sheets><sheet name='a' r:id='1'/><sheet name='b' r:id='2'/></sheets></workbook>") },
	{ "xl/_rels/workbook.xml.rels", TEXT_OF("<a><Relationship Id='1' Type='" TYPE "worksheet' Target='sheet1.xml'/>"
		"<Relationship Id='2' Type='" TYPE "worksheet' Target='sheet2.xml'/>"
		"<Relationship Id='3' Type='" TYPE "sharedStrings' Target='strings.xml'/>"
		"<Relationship Id='4' Type='" TYPE "styles' Target='styles.xml'/></a>") },
	{ "xl/sheet1.xml", TEXT_OF("<worksheet/>") },
	{ "xl/sheet2.xml", TEXT_OF("<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>") },
};

static void check_row(unsigned row, unsigned before, const struct text *cells, size_t count)
{
	assert(row > before && row <= XLSX_ROWS_MAX && count >= 1 && count <= XLSX_CELLS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(cells[i].ptr && cells[i].len <= XLSX_CELL_MAX);
		assert(text_utf8_length(cells[i]) != SIZE_MAX);
	}
	assert(cells[count - 1].len > 0);
}

static void check_sheet(int fd, const char *sheet)
{
	enum xlsx_wrong wrong;
	enum xlsx_result result;
	const struct text *cells;
	size_t count;
	unsigned row, before = 0;
	struct xlsx *xlsx = xlsx_open(fd, sheet, &wrong);
	assert((xlsx == NULL) == (wrong != XLSX_FINE) && wrong != XLSX_ENVIRONMENT);
	if (!xlsx)
		return;
	assert(xlsx_sheet_count(xlsx) > 0 && !xlsx_sheet_name(xlsx, xlsx_sheet_count(xlsx)));
	assert(!sheet || strcmp(xlsx_sheet(xlsx), sheet) == 0);
	for (;;) {
		result = xlsx_next(xlsx, &row, &cells, &count);
		if (result == XLSX_END || result == XLSX_STOPPED)
			break;
		assert(xlsx_why(xlsx) == XLSX_FINE);
		if (result == XLSX_ROW)
			check_row(row, before, cells, count);
		else
			assert(row > before && count == 0);
		before = row;
	}
	assert(before > 0 || result == XLSX_STOPPED);
	assert((xlsx_why(xlsx) == XLSX_FINE) == (result == XLSX_END) && count == 0);
	assert(xlsx_next(xlsx, &row, &cells, &count) == result && count == 0);
	xlsx_close(xlsx);
}

static void add_part(zip_t *zip, const char *name, const void *bytes, size_t len)
{
	zip_source_t *source = zip_source_buffer(zip, bytes, len, 0);
	zip_int64_t at = zip_file_add(zip, name, source, ZIP_FL_OVERWRITE);
	if (at < 0)
		zip_source_free(source); /* no name for an entry */
	else
		zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_STORE, 0);
}

/* The input's parts: each begins with a line "=name". */
static void add_parts(zip_t *zip, struct text input)
{
	for (size_t parts = 0; input.len > 1 && input.ptr[0] == '=' && parts < PARTS_MAX; parts++) {
		const char *line = memchr(input.ptr, '\n', input.len), *end = input.ptr + input.len;
		if (!line || line - input.ptr > NAME_MAX_BYTES)
			return;
		char name[NAME_MAX_BYTES + 1] = { 0 };
		memcpy(name, input.ptr + 1, (size_t)(line - input.ptr - 1));
		const char *next = memmem(line, (size_t)(end - line), "\n=", 2);
		const char *content_end = next > line ? next : end;
		add_part(zip, name, line + 1, next == line ? 0 : (size_t)(content_end - line - 1));
		input = next ? (struct text){ next + 1, (size_t)(end - next - 1) } : TEXT("");
	}
}

/* A package of the parts, with checksums that agree: what lies behind them would hardly ever be reached otherwise. */
static void write_package(int fd, struct text input)
{
	zip_error_t error;
	zip_stat_t stat;
	zip_error_init(&error);
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
	zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, &error);
	assert(source && zip);
	zip_source_keep(source);
	for (size_t i = 0; i < COUNT(usual); i++)
		add_part(zip, usual[i].name, usual[i].content.ptr, usual[i].content.len);
	add_parts(zip, input);
	assert(zip_close(zip) == 0);
	assert(zip_source_open(source) == 0 && zip_source_stat(source, &stat) == 0);
	char *bytes = malloc(stat.size);
	assert(bytes && zip_source_read(source, bytes, stat.size) == (zip_int64_t)stat.size);
	assert(write(fd, bytes, stat.size) == (ssize_t)stat.size);
	free(bytes);
	zip_source_close(source);
	zip_source_free(source);
	zip_error_fini(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > SIZE_LIMIT)
		return 0;
	struct text input = { (const char *)data, size };
	int fd = memfd_create("workbook", MFD_CLOEXEC);
	assert(fd >= 0);
	if (text_starts(input, TEXT("=")))
		write_package(fd, input);
	else
		assert(write(fd, data, size) == (ssize_t)size);
	check_sheet(fd, NULL);
	check_sheet(fd, "b");
	close(fd);
	return 0;
}
