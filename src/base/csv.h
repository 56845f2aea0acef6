/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h - reading RFC 4180 text record by record. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/text.h"

/* Everything but CSV_RECORD and CSV_END is a record that was refused, without cells; reading goes on behind it. */
enum csv_result {
	CSV_RECORD,
	CSV_END,
	CSV_TOO_MANY_CELLS,
	CSV_CELL_TOO_LONG,
	CSV_STRAY_QUOTE, /* a quote inside an unquoted cell, or text behind a closing quote; the whole line is lost */
	CSV_OPEN_QUOTE, /* the text ended inside a quoted cell; CSV_END follows */
	CSV_NOT_UTF8 /* or U+0000 */
};

enum { CSV_CELLS_MAX = 256, CSV_CELL_MAX = 32768 }; /* bytes in a cell, doubled quotes counted once */

/* Reads text that lies in memory whole (or is mapped). A UTF-8 byte order mark is passed over; line ends are LF,
 * CRLF or CR; quotes follow RFC 4180; a record whose cells are all empty is passed over, but counted. */
struct csv {
	struct text source;
	size_t at;
	unsigned line; /* row of the last record, counted from 1 as a spreadsheet does: a line break inside quotes does
	                * not begin a new row, a blank line is a row */
	struct text cells[CSV_CELLS_MAX]; /* borrowed from the source, or from the arena where quotes were doubled;
	                                   * an empty cell is empty, never missing */
	size_t cell_count;
	char delimiter;
	/* What ends or spoils an unquoted cell. Such cells are a few bytes long, where a table is quicker than memchr; and looking
	 * for a byte that may be far away (a line feed in a text that has only CR) would cost square time. */
	bool special[256];
};

#define CSV_MARK TEXT("\xEF\xBB\xBF") /* stands at the beginning of a file: without it Excel takes UTF-8 for something else */

struct csv csv_open(struct text source, char delimiter);
/* Comma, tab or semicolon: of which the first lines have most. */
char csv_guess_delimiter(struct text source);
/* Writes one cell, in quotes where it needs them. */
void csv_put(struct buf *out, struct text cell);
/* The same of what somebody wrote: what a spreadsheet would take for a formula begins with an apostrophe, by which it is text. */
void csv_put_text(struct buf *out, struct text cell);
struct text csv_text(struct text cell); /* without that apostrophe */

/* One record takes at most CSV_CELLS_MAX * CSV_CELL_MAX bytes of the arena, and none unless quotes were doubled. */
enum csv_result csv_next(struct csv *csv, struct arena *arena);

#endif
