/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx.c - reading one sheet of an XLSX workbook row by row. */
#include "base/xlsx.h"

#include "base/log.h"
#include "base/xlsx_book.h"
#include "base/xlsx_part.h"
#include "base/xlsx_strings.h"
#include "base/xlsx_styles.h"
#include "base/xlsx_value.h"

#include <stdlib.h>
#include <string.h>

/* XFD; what lies behind XLSX_CELLS_MAX is looked at all the same, as it may be empty. */
enum { COLUMNS_MAX = 16384, LETTERS = 26 };

/* The names of sheets and parts: relations of the package and of the workbook, each of three texts, and the sheets. */
enum { NAMES_MAX = 32 << 20 };

/* A cell and its zero, and one that is read behind the last; pages that were never written take no memory. */
enum { SLOT = XLSX_CELL_MAX + 1, BYTES_MAX = (XLSX_CELLS_MAX + 1) * SLOT };

/* <worksheet> <sheetData><row r=><c r= s= t=> <f/> <v>value</v> <is> <t>text</t> or as in xlsx_strings.c </is> </c>... */
enum { ROOT = 1, DATA, ROW, CELL, IN_CELL, IN_INLINE, IN_RUN };

enum kind { NUMBER, SHARED, TEXT_VALUE, INLINE, BOOLEAN, DATE };

struct xlsx {
	struct package package;
	struct arena arena;
	struct book book;
	struct strings strings;
	struct styles styles;
	struct part part;
	const struct book_sheet *sheet;
	bool ended, first_waits; /* the first row is read by xlsx_open */
	/* where the parser is */
	bool in_data, in_row, in_cell, in_inline, in_run, in_text;
	/* the cell that is read */
	unsigned column; /* 0: none was yet */
	enum kind kind;
	unsigned style;
	bool too_long;
	char *text; /* in `bytes` */
	size_t text_len;
	/* the row that is read, or was */
	unsigned row;
	enum xlsx_result result;
	char *bytes;
	size_t bytes_len;
	struct text cells[XLSX_CELLS_MAX];
	size_t cell_count;
};

/* ---- where a row and a cell are ---- */

static bool begin_row(struct xlsx *xlsx, const char *reference)
{
	unsigned row = xlsx->row + 1;
	if (reference && (!part_number(reference, XLSX_ROWS_MAX, &row) || row <= xlsx->row))
		return false;
	xlsx->row = row;
	xlsx->column = 0;
	xlsx->result = XLSX_ROW;
	xlsx->bytes_len = xlsx->cell_count = 0;
	return row <= XLSX_ROWS_MAX;
}

/* "AB12" in row 12 is column 28. */
static bool read_column(const char *reference, unsigned row, unsigned *column)
{
	unsigned letters = 0, digits;
	for (; *reference >= 'A' && *reference <= 'Z' && letters <= COLUMNS_MAX; reference++)
		letters = letters * LETTERS + (unsigned)(*reference - 'A') + 1;
	*column = letters;
	return letters > 0 && letters <= COLUMNS_MAX && part_number(reference, XLSX_ROWS_MAX, &digits) && digits == row;
}

static enum kind kind_of(const char *type)
{
	static const struct {
		const char *name;
		enum kind kind;
	} kinds[] = { { "n", NUMBER }, { "s", SHARED }, { "inlineStr", INLINE }, { "b", BOOLEAN }, { "d", DATE } };
	for (size_t i = 0; type && i < COUNT(kinds); i++) {
		if (strcmp(type, kinds[i].name) == 0)
			return kinds[i].kind;
	}
	return type ? TEXT_VALUE : NUMBER; /* str, e */
}

/* Looks at all attributes in one go: most of a large workbook is this. */
static bool begin_cell(struct xlsx *xlsx, const char **attributes)
{
	unsigned column = xlsx->column + 1;
	const char *type = NULL;
	xlsx->style = 0;
	for (; *attributes; attributes += 2) {
		const char *name = attributes[0], *value = attributes[1];
		if (strcmp(name, "r") == 0 && (!read_column(value, xlsx->row, &column) || column <= xlsx->column))
			return false;
		if (strcmp(name, "s") == 0 && !part_number(value, STYLES_MAX, &xlsx->style))
			return false;
		if (strcmp(name, "t") == 0)
			type = value;
	}
	xlsx->column = column;
	xlsx->kind = kind_of(type);
	xlsx->too_long = false;
	xlsx->text = xlsx->bytes + xlsx->bytes_len;
	xlsx->text_len = 0;
	return column <= COLUMNS_MAX;
}

/* ---- what stands in a cell ---- */

/* Without blanks around it, and zero-terminated. */
static struct text plain_value(struct xlsx *xlsx)
{
	struct text value = text_trim((struct text){ xlsx->text, xlsx->text_len });
	xlsx->text[value.ptr - xlsx->text + (ptrdiff_t)value.len] = 0;
	return value;
}

static struct text boolean_value(struct xlsx *xlsx)
{
	struct text value = plain_value(xlsx);
	if (text_is(value, "1") || text_is(value, "true"))
		return TEXT("TRUE");
	return text_is(value, "0") || text_is(value, "false") ? TEXT("FALSE") : value;
}

/* What was written to `out` is kept where the cell's text was. */
static struct text keep(struct xlsx *xlsx, struct text value, const char *out)
{
	if (value.ptr != out)
		return value;
	xlsx->text_len = value.len; /* may be more than there was */
	return (struct text){ memcpy(xlsx->text, out, value.len), value.len };
}

static bool shared_value(struct xlsx *xlsx, struct text *value)
{
	unsigned at;
	struct text digits = plain_value(xlsx);
	*value = TEXT("");
	if (digits.len == 0)
		return true;
	if (!part_number(digits.ptr, UINT32_MAX, &at))
		return false;
	enum strings_result result = strings_get(&xlsx->strings, at, value);
	xlsx->too_long = result == STRINGS_TOO_LONG;
	return result != STRINGS_NONE;
}

/* The text of the cell; false: the file is broken. */
static bool cell_value(struct xlsx *xlsx, struct text *value)
{
	struct value_style style = { styles_is_date(&xlsx->styles, xlsx->style), xlsx->book.date1904 };
	char out[VALUE_CHARS];
	switch (xlsx->kind) {
	case SHARED:
		return shared_value(xlsx, value);
	case NUMBER:
		*value = keep(xlsx, value_number(plain_value(xlsx), style, out), out);
		return true;
	case DATE:
		*value = keep(xlsx, value_iso_date(plain_value(xlsx), out), out);
		return true;
	case BOOLEAN:
		*value = boolean_value(xlsx);
		return true;
	case TEXT_VALUE:
	case INLINE:
		*value = (struct text){ xlsx->text, value_unescape(xlsx->text, xlsx->text_len) };
		return true;
	}
	return false;
}

static void refuse_row(struct xlsx *xlsx, enum xlsx_result result)
{
	xlsx->result = result;
	xlsx->cell_count = xlsx->bytes_len = 0;
}

/* Of a row that was refused nothing is kept. */
static bool end_cell(struct xlsx *xlsx)
{
	struct text value = TEXT("");
	if (!xlsx->too_long && xlsx->text_len > 0 && !cell_value(xlsx, &value))
		return false;
	if (xlsx->result != XLSX_ROW || (!xlsx->too_long && value.len == 0))
		return true;
	if (xlsx->column > XLSX_CELLS_MAX) {
		refuse_row(xlsx, XLSX_TOO_MANY_CELLS);
	} else if (xlsx->too_long) {
		refuse_row(xlsx, XLSX_CELL_TOO_LONG);
	} else {
		while (xlsx->cell_count < xlsx->column - 1)
			xlsx->cells[xlsx->cell_count++] = TEXT("");
		xlsx->cells[xlsx->cell_count++] = value;
		xlsx->bytes_len += xlsx->text_len + 1;
	}
	return true;
}

/* ---- the sheet ---- */

static void begin_in_cell(struct xlsx *xlsx, unsigned depth, const char *name)
{
	bool is_inline = xlsx->kind == INLINE;
	if (depth == IN_CELL) {
		xlsx->in_inline = is_inline && strcmp(name, "is") == 0;
		xlsx->in_text = !is_inline && strcmp(name, "v") == 0;
	} else if (depth == IN_INLINE && xlsx->in_inline) {
		xlsx->in_run = strcmp(name, "r") == 0;
		xlsx->in_text = strcmp(name, "t") == 0;
	} else if (depth == IN_RUN && xlsx->in_run) {
		xlsx->in_text = strcmp(name, "t") == 0;
	}
}

static void on_begin(struct part *part, unsigned depth, const char *name, const char **attributes)
{
	struct xlsx *xlsx = part->arg;
	bool fine = true;
	if (depth >= IN_CELL) {
		if (xlsx->in_cell)
			begin_in_cell(xlsx, depth, name);
	} else if (depth == CELL) {
		xlsx->in_cell = xlsx->in_row && strcmp(name, "c") == 0;
		fine = !xlsx->in_cell || begin_cell(xlsx, attributes);
	} else if (depth == ROW) {
		xlsx->in_row = xlsx->in_data && strcmp(name, "row") == 0;
		fine = !xlsx->in_row || begin_row(xlsx, part_attribute(attributes, "r"));
	} else if (depth == DATA) {
		xlsx->in_data = strcmp(name, "sheetData") == 0;
	} else {
		fine = strcmp(name, "worksheet") == 0;
	}
	if (!fine)
		part_refuse(part, XLSX_BROKEN);
}

/* Longer than a cell may be, a text is dropped as it grows. */
static void on_text(struct part *part, const char *bytes, size_t len)
{
	struct xlsx *xlsx = part->arg;
	if (!xlsx->in_text || xlsx->too_long)
		return;
	xlsx->too_long = len > XLSX_CELL_MAX - xlsx->text_len;
	if (xlsx->too_long)
		return;
	memcpy(xlsx->text + xlsx->text_len, bytes, len);
	xlsx->text_len += len;
}

static void on_end(struct part *part, unsigned depth)
{
	struct xlsx *xlsx = part->arg;
	if (depth >= IN_CELL) {
		xlsx->in_text = false;
		xlsx->in_run = xlsx->in_run && depth > IN_INLINE;
	} else if (depth == CELL && xlsx->in_cell) {
		xlsx->in_cell = false;
		if (!end_cell(xlsx))
			part_refuse(part, XLSX_BROKEN);
	} else if (depth == ROW && xlsx->in_row) {
		xlsx->in_row = false;
		if (xlsx->result != XLSX_ROW || xlsx->cell_count > 0)
			part_pause(part);
	} else if (depth == DATA) {
		xlsx->in_data = false;
	}
}

static void close_sheet(struct xlsx *xlsx)
{
	part_close(&xlsx->part);
	xlsx->in_data = xlsx->in_row = xlsx->in_cell = xlsx->in_inline = xlsx->in_run = xlsx->in_text = false;
	xlsx->row = 0;
}

/* Reads on to a row with content; false: there is none, or something is wrong. */
static bool find_row(struct xlsx *xlsx)
{
	if (xlsx->ended || part_run(&xlsx->part) != PART_PAUSED) {
		xlsx->ended = true;
		xlsx->cell_count = 0;
	}
	return !xlsx->ended;
}

/* Opens the first of the sheets that are wanted which has a row. */
static bool find_sheet(struct xlsx *xlsx, const char *wanted)
{
	static const struct part_events events = { on_begin, on_end, on_text };
	for (size_t i = 0; i < xlsx->book.sheet_count && xlsx->package.wrong == XLSX_FINE; i++) {
		xlsx->sheet = &xlsx->book.sheets[i];
		if (wanted && strcmp(wanted, xlsx->sheet->name) != 0)
			continue;
		xlsx->ended = false;
		xlsx->first_waits = part_open(&xlsx->part, &xlsx->package, xlsx->sheet->part, &events, xlsx) && find_row(xlsx);
		if (xlsx->first_waits)
			return true;
		close_sheet(xlsx);
	}
	return package_fail(&xlsx->package, XLSX_NO_SHEET);
}

/* ---- opening and closing ---- */

static bool open_all(struct xlsx *xlsx, int fd, const char *sheet)
{
	struct book *book = &xlsx->book;
	return package_open(&xlsx->package, fd) && book_read(book, &xlsx->package, &xlsx->arena) &&
	       (!book->styles || styles_read(&xlsx->styles, &xlsx->package, book->styles)) &&
	       (!book->strings || strings_read(&xlsx->strings, &xlsx->package, book->strings)) && find_sheet(xlsx, sheet);
}

struct xlsx *xlsx_open(int fd, const char *sheet, enum xlsx_wrong *wrong)
{
	struct xlsx *xlsx = calloc(1, sizeof *xlsx);
	char *bytes = malloc(BYTES_MAX);
	*wrong = XLSX_FINE;
	if (!xlsx || !bytes) {
		log_error("no memory for a workbook");
		*wrong = XLSX_ENVIRONMENT;
		free(bytes);
		free(xlsx);
		return NULL;
	}
	xlsx->bytes = bytes;
	xlsx->arena = arena_new(NAMES_MAX);
	if (open_all(xlsx, fd, sheet))
		return xlsx;
	*wrong = xlsx->package.wrong;
	xlsx_close(xlsx);
	return NULL;
}

void xlsx_close(struct xlsx *xlsx)
{
	if (!xlsx)
		return;
	close_sheet(xlsx);
	strings_close(&xlsx->strings);
	package_close(&xlsx->package);
	arena_free(&xlsx->arena);
	free(xlsx->bytes);
	free(xlsx);
}

size_t xlsx_sheet_count(const struct xlsx *xlsx)
{
	return xlsx->book.sheet_count;
}

const char *xlsx_sheet_name(const struct xlsx *xlsx, size_t at)
{
	return at < xlsx->book.sheet_count ? xlsx->book.sheets[at].name : NULL;
}

const char *xlsx_sheet(const struct xlsx *xlsx)
{
	return xlsx->sheet->name;
}

enum xlsx_result xlsx_next(struct xlsx *xlsx, unsigned *row, const struct text **cells, size_t *cell_count)
{
	bool found = xlsx->first_waits || find_row(xlsx);
	xlsx->first_waits = false;
	*row = xlsx->row;
	*cells = xlsx->cells;
	*cell_count = xlsx->cell_count;
	if (found)
		return xlsx->result;
	return xlsx->package.wrong == XLSX_FINE ? XLSX_END : XLSX_STOPPED;
}

enum xlsx_wrong xlsx_why(const struct xlsx *xlsx)
{
	return xlsx->package.wrong;
}
