/* SPDX-License-Identifier: Apache-2.0 */
/* import_own.h - one table while it is read; seen only by import.c and import_rows.c. */
#ifndef EDGE_IMPORT_OWN_H
#define EDGE_IMPORT_OWN_H

#include "edge/import_batch.h"
#include "edge/import_columns.h"
#include "edge/import_file.h"
#include "edge/sheet.h"

enum { TOLD_MAX = 1000 };

/* Something said of one cell, or of a whole row. */
struct told {
	unsigned line;
	struct text column, value, message, message_en;
	const char *code;
	bool wrong;
};

struct told_list {
	struct told *of; /* TOLD_MAX of them */
	size_t count, all;
};

struct row {
	unsigned line;
	struct pair *cells; /* of fields, as they will be taken */
	size_t cell_count, said_count; /* behind the second: what follows from the others, for a record that is made */
	struct text *written; /* the row as it stands in the file */
	size_t written_count;
	bool good;
	struct told *told; /* of the row: wrong things and things worth knowing */
	size_t told_count, wrong_count;
};

/* Who stands in which line, so that nobody stands in two. */
struct seen {
	uint64_t *keys;
	unsigned *lines;
	size_t count, room;
	uint64_t seed; /* nobody can make a file whose keys all meet in one place */
};

struct import {
	struct call *call;
	const struct shape *shape;
	struct sheet sheet;
	struct import_columns columns;
	struct import_places *places;
	const struct slot *area, *address, *card, *sex, *born_on, *extra;
	int64_t area_else; /* where nothing says where */
	struct text event; /* that each row is, where it does not say another; missing: none */
	bool dry_run, wait;
	struct arena reading; /* of the row that was read last */
	struct arena arena; /* of the rows that wait */
	struct arena scratch; /* of one look at them: a read may be run again */
	struct row rows[PIECE_ROWS];
	size_t row_count;
	struct seen seen;
	struct told_list errors, notes;
	struct batch batch;
	unsigned line; /* of the row that was read last */
	struct import_file *back; /* the file as it is given back; NULL: nobody asked for it */
	int64_t stop_by_ms; /* steady; 0: the server goes on */
};

void import_keep_told(struct import *import, const struct told *told, struct told_list *list);
/* A row waits to be looked at. */
void import_keep_row(struct import *import, unsigned line, const struct text *cells, size_t count);
/* Looks at all that wait, says what is wrong with them, and lays down the good ones unless it is only looked. */
enum store_code import_flush(struct import *import);

#endif
