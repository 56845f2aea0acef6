/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx.h - reading one sheet of an XLSX workbook row by row. */
#ifndef BASE_XLSX_H
#define BASE_XLSX_H

#include "base/text.h"

enum {
	XLSX_CELLS_MAX = 256, /* as in a CSV file */
	XLSX_CELL_MAX = 32768, /* bytes, as in a CSV file */
	XLSX_ROWS_MAX = 1048576 /* Excel has no more */
};

/* What is wrong with the whole file. */
enum xlsx_wrong {
	XLSX_FINE,
	XLSX_NOT_ZIP, /* nor any other file that holds a workbook: a text, a picture, a document */
	XLSX_OLD_XLS, /* as Excel wrote it before 2007 */
	XLSX_PASSWORD,
	XLSX_BOMB, /* unpacks to more than it may */
	XLSX_BROKEN, /* damaged, cut off, or not as a workbook is written */
	XLSX_NO_SHEET, /* none of that name that can be seen, or none with content */
	XLSX_ENVIRONMENT /* no temporary file, no memory, no reading: nothing that the file could help; logged */
};

enum xlsx_result {
	XLSX_ROW,
	XLSX_END,
	XLSX_TOO_MANY_CELLS, /* this and the next: the row was refused, without cells; reading goes on behind it */
	XLSX_CELL_TOO_LONG,
	XLSX_STOPPED /* nothing can be read from here on: xlsx_why */
};

struct xlsx;

/* Opens the first sheet with content that is not hidden, or the one called `sheet`. `fd` is read at its own places only, so its
 * position stays; it is not closed, and has to stay open until xlsx_close. NULL: *wrong says why. What is held does not grow with the
 * file, and is about 1 MB; what is made to be large, 8 MB of a row and 8 MB of XML. The texts that cells share go to an unnamed file in
 * TMPDIR when it is opened, which of a million rows takes a second. Of a reader one thread at a time makes use. */
struct xlsx *xlsx_open(int fd, const char *sheet, enum xlsx_wrong *wrong);
void xlsx_close(struct xlsx *xlsx);

/* The sheets that are not hidden, in the order of the workbook, and the one that is read. */
size_t xlsx_sheet_count(const struct xlsx *xlsx);
const char *xlsx_sheet_name(const struct xlsx *xlsx, size_t at);
const char *xlsx_sheet(const struct xlsx *xlsx);

/* The next row with content, up to its last cell with content; `row` as Excel counts, from 1. A cell is UTF-8, valid until the next call;
 * an empty one has len 0 and is never missing. A cell reads:
 *   text as it is; TRUE or FALSE; an error as it is shown (#N/A); of a formula, its result
 *   a date YYYY-MM-DD, with HH:MM:SS behind a blank where it has a time of day; a time of day without a date HH:MM:SS
 *   a whole number in its digits; from 1E+15 up 3.70613E+17: there a number has lost its last digits, which must not look like
 *   an identity number; any other number as the shortest text that reads back equal, without its unit: of 36% 0.36
 * What is merged stands in the first of its cells. A span of a day or more cannot be told from a date, and comes as one. */
enum xlsx_result xlsx_next(struct xlsx *xlsx, unsigned *row, const struct text **cells, size_t *cell_count);
enum xlsx_wrong xlsx_why(const struct xlsx *xlsx);

#endif
