/* SPDX-License-Identifier: Apache-2.0 */
/* import_columns.h - what the columns of a file stand for, and where the records of its rows are. */
#ifndef EDGE_IMPORT_COLUMNS_H
#define EDGE_IMPORT_COLUMNS_H

#include "edge/cell.h"
#include "engine/app.h"

enum { COLUMNS_MAX = 256, HEADER_ROWS_MAX = 20 };

#define IMPORT_RESULT "导入结果" /* the column of a table that was given back: what it says is ours, and left out */

struct import_column {
	struct text header; /* as it stands in the file */
	const struct slot *slot; /* NULL: it is none of ours */
	bool ignored; /* somebody has said so: not even kept beside */
	const struct word *word; /* the column says yes or no to this word of the slot's list */
};

struct import_columns {
	struct import_column of[COLUMNS_MAX];
	size_t count, known;
};

/* What a row of headers stands for. `map` names fields by header, where somebody has said it by hand; null: it is none. */
void import_columns_read(struct import_columns *columns, struct arena *arena, const struct shape *shape, const struct text *cells,
                         size_t count, const json_t *map);

/* Communities and streets, as addresses name them. */
struct import_places;
struct import_places *import_places_read(struct db *db, struct arena *arena, unsigned district);
/* 0: the address names none, or several. */
int64_t import_places_find(const struct import_places *places, struct text address);
/* The area that is called so; 0: none, or several. */
int64_t import_places_named(const struct import_places *places, struct text name);

#endif
