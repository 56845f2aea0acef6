/* SPDX-License-Identifier: Apache-2.0 */
/* export_own.h - a list while it becomes a file; seen only by export.c and the forms that it takes. */
#ifndef ENGINE_EXPORT_OWN_H
#define ENGINE_EXPORT_OWN_H

#include "engine/listing.h"
#include "engine/sent_file.h"

struct export;

/* How a list is written. */
struct export_form {
	const char *type, *suffix;
	enum store_code (*begin)(struct export *export); /* NULL: there is nothing before the rows */
	/* Writes export->record to export->rows: within a read, which may be run again. */
	void (*put_row)(struct export *export);
	enum store_code (*write)(struct export *export); /* the page that was read */
	enum store_code (*end)(struct export *export); /* NULL: there is nothing behind them */
	void (*drop)(struct export *export); /* instead of `end`, and whatever `begin` has said; NULL: nothing is held */
	bool whole; /* a record is all that is answered of it; not what fits into cells */
};
extern const struct export_form export_csv, export_xlsx, export_lines;

struct export_sheet; /* export_xlsx.c */

struct export {
	struct call *call;
	const struct export_form *form;
	struct list_wish wish;
	const struct slot *slots[RECORD_FIELDS_MAX];
	size_t slot_count;
	struct record_out asked; /* the fields, and today */
	struct text purpose; /* missing: nobody has said it */
	bool clear; /* sealed fields are shown as they are */
	struct sent_file file;
	struct export_sheet *sheet;
	const char *with_hidden; /* columns */
	int64_t count;
	void *record;
	struct arena scratch; /* of one page */
	struct arena kept; /* of what one page tells the next */
	/* of the page, as of its last run */
	struct buf rows;
	int64_t row_count;
	struct value last; /* of the sort column */
	int64_t last_id;
	bool is_shut, key_is_unknown; /* a sealed field did not open; and why */
};

/* Who took it, when, and for what: a line above the header. */
struct text export_watermark(struct export *export);

/* What a cell of the record says to people, as an import reads it; missing or empty: nothing. */
struct text export_cell(struct export *export, const struct slot *slot);
/* Writes the page's bytes to the file as they are. */
enum store_code export_write(struct export *export);

#endif
