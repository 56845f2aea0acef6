/* SPDX-License-Identifier: Apache-2.0 */
/* import_file.c - the table that somebody has sent, as it is given back.
 *
 * Of a workbook every cell comes back as text: it was read as text already, and what stays text is not rounded when somebody goes
 * through the cells to put them right. What is said stands in front of a text, and behind the last column of a workbook, where a
 * filter finds it. */
#include "edge/import_file.h"

#include "base/csv.h"
#include "engine/workbook.h"

#include <stdlib.h>

enum {
	WRITE_BYTES = 256 * 1024, ROW_BYTES_MAX = 16 << 20,
	CELL_CHARS_MAX = 32767, /* of a cell in a workbook */
	WIDTH_OTHER = 14, WIDTH_RESULT = 48
};

struct import_file {
	const char *label;
	struct sent_file file;
	struct arena arena; /* of the rows that wait to be written, or of one row of a workbook */
	size_t at; /* where what is said stands in a workbook */
	bool again; /* the table has the column already, there */
	struct buf rows; /* of a text */
	lxw_workbook *book; /* NULL: it is a text */
	lxw_worksheet *sheet;
	lxw_format *text, *head, *said;
	lxw_row_t row, header; /* WORKBOOK_ROWS_MAX: not yet */
};

static void begin_rows(struct import_file *file)
{
	arena_reset(&file->arena);
	file->rows = buf_in(&file->arena, WRITE_BYTES, WRITE_BYTES + ROW_BYTES_MAX);
}

/* A name that we would not give is the file's all the same, and may be none that can be written. */
static void begin_workbook(struct import_file *file, const char *sheet)
{
	file->book = workbook_begin(&file->file, true);
	bool named = *sheet && workbook_validate_sheet_name(file->book, sheet) == LXW_NO_ERROR;
	file->sheet = workbook_sheet(file->book, named ? sheet : file->label);
	file->text = workbook_text_format(file->book);
	file->head = workbook_text_format(file->book);
	file->said = workbook_text_format(file->book);
	format_set_bold(file->head);
	format_set_font_color(file->said, 0xC00000);
}

struct import_file *import_file_new(const char *label, const char *sheet)
{
	struct import_file *file = calloc(1, sizeof *file);
	if (!file)
		abort();
	if (!sent_file_open(&file->file)) {
		free(file);
		return NULL;
	}
	file->label = label;
	file->header = WORKBOOK_ROWS_MAX;
	file->arena = arena_new(4 * (WRITE_BYTES + ROW_BYTES_MAX));
	if (sheet) {
		begin_workbook(file, sheet);
	} else {
		begin_rows(file);
		buf_text(&file->rows, CSV_MARK);
	}
	return file;
}

void import_file_columns(struct import_file *file, const struct import_columns *columns)
{
	file->at = columns->count;
	for (size_t i = 0; i < columns->count; i++)
		if (columns->of[i].ignored && text_is(columns->of[i].header, IMPORT_RESULT)) {
			file->at = i;
			file->again = true;
		}
	for (size_t i = 0; file->book && i < columns->count; i++) {
		const struct slot *slot = columns->of[i].slot;
		double width = slot && !columns->of[i].word ? workbook_width(slot->field) : WIDTH_OTHER;
		worksheet_set_column(file->sheet, (lxw_col_t)i, (lxw_col_t)i, width, file->text);
	}
	if (file->book)
		worksheet_set_column(file->sheet, (lxw_col_t)file->at, (lxw_col_t)file->at, WIDTH_RESULT, file->said);
}

/* ---- a text ---- */

static enum store_code write_rows(struct import_file *file, struct call *call)
{
	enum store_code code = sent_file_write(&file->file, call, buf_done(&file->rows));
	begin_rows(file);
	return code;
}

/* What is said comes first: it is seen at once, however many columns there are. */
static enum store_code put_line(struct import_file *file, struct call *call, const struct text *cells, size_t count, struct text said)
{
	csv_put(&file->rows, said);
	for (size_t i = 0; i < count; i++) {
		if (file->again && i == file->at)
			continue;
		buf_char(&file->rows, ',');
		csv_put_text(&file->rows, cells[i]);
	}
	buf_text(&file->rows, TEXT("\r\n"));
	return file->rows.len > WRITE_BYTES ? write_rows(file, call) : STORE_OK;
}

/* ---- a workbook ---- */

/* A text that is too long for a cell, by itself or once its escapes are told from others, is cut. */
static bool put_cell(struct import_file *file, size_t column, struct text cell, lxw_format *format)
{
	lxw_col_t at = (lxw_col_t)column;
	if (cell.len == 0)
		return true;
	lxw_error error = worksheet_write_string(file->sheet, file->row, at, workbook_text(&file->arena, cell), format);
	if (error == LXW_ERROR_MAX_STRING_LENGTH_EXCEEDED)
		error = worksheet_write_string(file->sheet, file->row, at, text_z(&file->arena, text_cut(cell, CELL_CHARS_MAX)), format);
	return error == LXW_NO_ERROR;
}

static enum store_code refuse_rows(struct call *call)
{
	return call_problem_detail(call, PROBLEM_TOO_LARGE, TEXT("超过工作簿的行数上限，请拆成几个文件"),
	                           TEXT("More rows than a workbook has: split it into several files"));
}

/* Cells behind the last column move on by one. */
static enum store_code put_row(struct import_file *file, struct call *call, const struct text *cells, size_t count, struct text said)
{
	bool is_head = file->header == file->row;
	lxw_format *format = is_head ? file->head : file->text;
	bool fine = true;
	if (file->row >= WORKBOOK_ROWS_MAX)
		return refuse_rows(call);
	arena_reset(&file->arena);
	for (size_t i = 0; i < count && i < file->at; i++)
		fine = fine && put_cell(file, i, cells[i], format);
	fine = fine && put_cell(file, file->at, said, is_head ? file->head : file->said);
	for (size_t i = file->at + file->again; i < count; i++)
		fine = fine && put_cell(file, file->again ? i : i + 1, cells[i], format);
	file->row++;
	if (ferror(file->sheet->optimize_tmpfile))
		return STORE_FULL;
	return fine ? STORE_OK : STORE_BROKEN;
}

static enum store_code end_workbook(struct import_file *file, struct call *call)
{
	char all[LXW_MAX_CELL_RANGE_LENGTH];
	lxw_row_t last = file->row - 1;
	worksheet_freeze_panes(file->sheet, file->header + 1, 0);
	worksheet_autofilter(file->sheet, file->header, 0, last, (lxw_col_t)file->at);
	lxw_rowcol_to_range(all, 0, 0, last, (lxw_col_t)file->at);
	worksheet_ignore_errors(file->sheet, LXW_IGNORE_NUMBER_STORED_AS_TEXT, all); /* no green corner on every code */
	lxw_workbook *book = file->book;
	file->book = NULL;
	return workbook_end(book, &file->file, call);
}

/* ---- either ---- */

enum store_code import_file_row(struct import_file *file, struct call *call, const struct text *cells, size_t count, struct text said)
{
	return file->book ? put_row(file, call, cells, count, said) : put_line(file, call, cells, count, said);
}

enum store_code import_file_header(struct import_file *file, struct call *call, const struct text *cells, size_t count)
{
	file->header = file->row;
	return import_file_row(file, call, cells, count, TEXT(IMPORT_RESULT));
}

enum store_code import_file_skip(struct import_file *file, struct call *call, unsigned count)
{
	enum store_code code = STORE_OK;
	if (file->book) {
		if (count > WORKBOOK_ROWS_MAX - file->row)
			return refuse_rows(call);
		file->row += count;
		return STORE_OK;
	}
	for (unsigned i = 0; i < count && code == STORE_OK; i++)
		code = put_line(file, call, NULL, 0, TEXT_NONE);
	return code;
}

void import_file_answer(struct import_file *file, struct call *call)
{
	bool workbook = file->book != NULL;
	enum store_code code = workbook ? end_workbook(file, call) : write_rows(file, call);
	if (code == STORE_OK)
		sent_file_answer(&file->file, call, workbook ? XLSX_TYPE : "text/csv; charset=utf-8",
		                 text_printf(call->arena, "%s-试导入结果.%s", file->label, workbook ? "xlsx" : "csv"));
	else
		app_settle(call, code);
}

void import_file_close(struct import_file *file)
{
	if (!file)
		return;
	workbook_drop(file->book);
	sent_file_close(&file->file);
	arena_free(&file->arena);
	free(file);
}
