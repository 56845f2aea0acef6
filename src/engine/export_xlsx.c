/* SPDX-License-Identifier: Apache-2.0 */
/* export_xlsx.c - a list as a workbook: codes and words as text, numbers as numbers, days as days. */
#include "engine/export_own.h"
#include "engine/workbook.h"

#include "base/csv.h"

#include <stdlib.h>
#include <string.h>

struct export_sheet {
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *text, *day, *decimals[DECIMAL_MAX];
	lxw_row_t header, row; /* where the header stands, and where the next row will */
};

/* ---- columns ---- */

static lxw_format *decimal_format(struct export_sheet *sheet, unsigned scale)
{
	char format[2 + DECIMAL_MAX + 1] = "0.00000000000000000000";
	if (scale == 0 || scale >= DECIMAL_MAX)
		return NULL;
	if (!sheet->decimals[scale]) {
		format[2 + scale] = 0;
		sheet->decimals[scale] = workbook_add_format(sheet->book);
		format_set_num_format(sheet->decimals[scale], format);
	}
	return sheet->decimals[scale];
}

static lxw_format *format_of(struct export_sheet *sheet, const struct field *field)
{
	switch (field->type) {
	case FIELD_date:
		return sheet->day;
	case FIELD_integer:
	case FIELD_money:
	case FIELD_decimal:
		return decimal_format(sheet, field->type == FIELD_decimal ? field->scale : 0);
	default:
		return sheet->text; /* stays text when somebody goes through the cell: a code is not rounded, nothing becomes a formula */
	}
}

/* ---- the sheet ---- */

static void describe(struct export *export, const char *watermark)
{
	struct arena *arena = export->call->arena;
	workbook_set_properties(export->sheet->book, &(lxw_doc_properties){
		.title = (char *)(uintptr_t)export->wish.shape->resource->label,
		.author = (char *)(uintptr_t)text_z(arena, text_of(export->call->actor.name)),
		.comments = (char *)(uintptr_t)watermark,
	});
}

static enum store_code begin(struct export *export)
{
	struct export_sheet *sheet = arena_take(export->call->arena, sizeof *sheet);
	export->sheet = sheet;
	sheet->book = workbook_begin(&export->file, true);
	sheet->sheet = workbook_sheet(sheet->book, export->wish.shape->resource->label);
	lxw_format *bold = workbook_text_format(sheet->book), *above = workbook_text_format(sheet->book);
	sheet->text = workbook_text_format(sheet->book);
	sheet->day = workbook_add_format(sheet->book);
	format_set_bold(bold);
	format_set_font_color(above, LXW_COLOR_GRAY);
	format_set_num_format(sheet->day, "yyyy-mm-dd");
	const char *watermark = workbook_text(export->call->arena, export_watermark(export));
	describe(export, watermark);
	for (size_t i = 0; i < export->slot_count; i++) {
		const struct field *field = export->slots[i]->field;
		worksheet_set_column(sheet->sheet, (lxw_col_t)i, (lxw_col_t)i, workbook_width(field), format_of(sheet, field));
	}
	worksheet_write_string(sheet->sheet, sheet->row++, 0, watermark, above);
	for (size_t i = 0; i < export->slot_count; i++)
		worksheet_write_string(sheet->sheet, sheet->row, (lxw_col_t)i, export->slots[i]->field->label, bold);
	sheet->header = sheet->row++;
	return STORE_OK;
}

/* A cell is its text with a zero behind it: none has one in it. An apostrophe that an import would take for the one of a CSV, which
 * somebody may have saved as a workbook, gets another. */
static void put_row(struct export *export)
{
	for (size_t i = 0; i < export->slot_count; i++) {
		struct text cell = export_cell(export, export->slots[i]);
		buf_text(&export->rows, csv_text(cell).len == cell.len ? TEXT("") : TEXT("'"));
		buf_text(&export->rows, cell);
		buf_char(&export->rows, 0);
	}
}

/* ---- cells ---- */

static bool write_day(struct export_sheet *sheet, lxw_col_t column, struct text cell)
{
	static const struct date first = { 1900, 3, 1 }; /* before it a sheet counts a day that never was */
	struct date day;
	if (!date_read(cell, &day) || date_compare(day, first) < 0)
		return false;
	double serial = (double)(date_to_days(day) + WORKBOOK_SERIAL_1970);
	return worksheet_write_number(sheet->sheet, sheet->row, column, serial, sheet->day) == LXW_NO_ERROR;
}

static bool write_number(struct export_sheet *sheet, lxw_col_t column, const struct field *field, struct text cell)
{
	if (cell.len > WORKBOOK_DIGITS_MAX)
		return false;
	return worksheet_write_number(sheet->sheet, sheet->row, column, strtod(cell.ptr, NULL), format_of(sheet, field)) == LXW_NO_ERROR;
}

/* What people wrote is a string, whatever it begins with. */
static bool write_text(struct export *export, lxw_col_t column, struct text cell)
{
	struct export_sheet *sheet = export->sheet;
	const char *text = workbook_text(&export->scratch, cell);
	return worksheet_write_string(sheet->sheet, sheet->row, column, text, sheet->text) == LXW_NO_ERROR;
}

static bool write_cell(struct export *export, size_t i, struct text cell)
{
	const struct field *field = export->slots[i]->field;
	bool number = field->type == FIELD_integer || field->type == FIELD_money || field->type == FIELD_decimal;
	lxw_col_t column = (lxw_col_t)i;
	if (field->type == FIELD_date && write_day(export->sheet, column, cell))
		return true;
	if (number && write_number(export->sheet, column, field, cell))
		return true;
	return write_text(export, column, cell);
}

static enum store_code write_rows(struct export *export)
{
	struct export_sheet *sheet = export->sheet;
	const char *at = export->rows.ptr;
	if (export->rows.overflow)
		return call_problem(export->call, PROBLEM_TOO_LARGE);
	if (sheet->row + export->row_count > WORKBOOK_ROWS_MAX)
		return call_problem_detail(export->call, PROBLEM_TOO_LARGE, TEXT("超过工作簿的行数上限，请缩小范围或导出 CSV"),
			TEXT("More rows than a workbook has: narrow it down, or take CSV"));
	for (int64_t row = 0; row < export->row_count; row++, sheet->row++)
		for (size_t i = 0; i < export->slot_count; i++) {
			struct text cell = { at, strlen(at) };
			at += cell.len + 1;
			if (cell.len > 0 && !write_cell(export, i, cell))
				return STORE_BROKEN;
		}
	return ferror(sheet->sheet->optimize_tmpfile) ? STORE_FULL : STORE_OK;
}

static enum store_code end(struct export *export)
{
	struct export_sheet *sheet = export->sheet;
	lxw_col_t last = (lxw_col_t)(export->slot_count - 1);
	char all[LXW_MAX_CELL_RANGE_LENGTH];
	lxw_row_t last_row = sheet->row - 1;
	worksheet_freeze_panes(sheet->sheet, sheet->header + 1, 0);
	worksheet_autofilter(sheet->sheet, sheet->header, 0, last_row, last);
	lxw_rowcol_to_range(all, 0, 0, last_row, last);
	worksheet_ignore_errors(sheet->sheet, LXW_IGNORE_NUMBER_STORED_AS_TEXT, all); /* no green corner on every code */
	lxw_workbook *book = sheet->book;
	sheet->book = NULL;
	return workbook_end(book, &export->file, export->call);
}

static void drop(struct export *export)
{
	if (export->sheet)
		workbook_drop(export->sheet->book);
}

const struct export_form export_xlsx = { .type = XLSX_TYPE, .suffix = "xlsx", .begin = begin, .put_row = put_row, .write = write_rows,
	                                 .end = end, .drop = drop };
