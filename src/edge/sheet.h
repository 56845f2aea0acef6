/* SPDX-License-Identifier: Apache-2.0 */
/* sheet.h - the rows of a table that somebody sends, whatever it was saved as: XLSX, or text with commas, tabs or semicolons in
 * UTF-8, GB18030 or UTF-16. */
#ifndef EDGE_SHEET_H
#define EDGE_SHEET_H

#include "base/csv.h"
#include "base/xlsx.h"

struct call;

/* One row, or why it is none. */
enum sheet_result {
	SHEET_ROW, SHEET_END, SHEET_TOO_MANY_CELLS, SHEET_CELL_TOO_LONG, SHEET_STRAY_QUOTE, SHEET_OPEN_QUOTE, SHEET_BAD_CHARACTERS,
	SHEET_STOPPED /* the file is damaged from here on; the call has been answered */
};

struct sheet {
	struct call *call;
	struct xlsx *xlsx; /* NULL: it is text */
	struct csv csv;
	char *mapped; /* the text as UTF-8, where it came as something else */
	size_t mapped_bytes, dropped;
	unsigned line; /* of the row, as a spreadsheet counts: from 1 */
	const struct text *cells; /* valid until the next row; an empty one is empty, never missing */
	size_t cell_count;
};

/* Of the call's body; of a workbook the sheet that its `sheet` parameter names. False: the call says why it cannot be read. */
bool sheet_open(struct sheet *sheet, struct call *call);
/* The arena takes what quotes were doubled in. */
enum sheet_result sheet_next(struct sheet *sheet, struct arena *arena);
void sheet_close(struct sheet *sheet);

#endif
