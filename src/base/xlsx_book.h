/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_book.h - the table of contents of a workbook: which parts there are. Seen only by xlsx*.c. */
#ifndef BASE_XLSX_BOOK_H
#define BASE_XLSX_BOOK_H

#include "base/arena.h"
#include "base/xlsx_package.h"

/* A workbook of a thousand sheets is no list of people any more; Excel takes 31 characters for a name. */
enum { BOOK_SHEETS_MAX = 1000, BOOK_TEXT_MAX = 512 };

struct book_sheet {
	const char *name, *part;
};

struct book {
	struct book_sheet *sheets; /* with cells, and not hidden */
	size_t sheet_count;
	const char *strings, *styles; /* parts; NULL: there is none */
	bool date1904;
};

bool book_read(struct book *book, struct package *package, struct arena *arena);

#endif
