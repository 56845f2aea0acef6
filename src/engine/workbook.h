/* SPDX-License-Identifier: Apache-2.0 */
/* workbook.h - an XLSX workbook that is written to be sent. */
#ifndef ENGINE_WORKBOOK_H
#define ENGINE_WORKBOOK_H

#include "engine/sent_file.h"

#include <xlsxwriter.h>

enum {
	WORKBOOK_ROWS_MAX = LXW_ROW_MAX,
	WORKBOOK_SERIAL_1970 = 25569, /* what a sheet counts days from */
	WORKBOOK_DIGITS_MAX = 15 /* of a number, which is a double there */
};

/* `by_row`: its one sheet is written row after row, in as much memory as one row takes. */
lxw_workbook *workbook_begin(const struct sent_file *file, bool by_row);
lxw_worksheet *workbook_sheet(lxw_workbook *book, const char *name);
/* Puts all of it into the file, and looks whether it is there. STORE_FULL: it is not, logged; STORE_REFUSED: it is too large. */
enum store_code workbook_end(lxw_workbook *book, struct sent_file *file, struct call *call);
void workbook_drop(lxw_workbook *book); /* instead of workbook_end; NULL is fine */
/* Of cells that are text, whatever is typed into them: nothing is rounded, nothing becomes a formula. */
lxw_format *workbook_text_format(lxw_workbook *book);
double workbook_width(const struct field *field); /* of its column */
/* As a cell has it: what reads like the escape of a character (_x000D_) is told from one. */
const char *workbook_text(struct arena *arena, struct text text);

#endif
