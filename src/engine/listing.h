/* SPDX-License-Identifier: Apache-2.0 */
/* listing.h - a page of records: filter, sort, cursor, limit, selected fields. */
#ifndef ENGINE_LISTING_H
#define ENGINE_LISTING_H

#include "engine/call.h"

enum list_type { LIST_TEXT, LIST_INT, LIST_DATE, LIST_AREA, LIST_ID };

struct list_field {
	const char *name; /* outside */
	const char *column; /* in SQL */
	enum list_type type;
	bool sorts; /* there is an index that gives this order */
};

struct list_spec {
	const char *columns; /* what `write` reads, with commas between; the id column and every column that sorts are among them */
	const char *from; /* the table */
	const char *id_column; /* the last sort key, unique in the district */
	const struct list_field *fields;
	size_t field_count;
	const char *order; /* the sort when none is asked for, as the outside writes it */
	const char *area_column, *second_area_column; /* scope; NULL area: the district alone is the scope */
	const char *where; /* a fixed condition, or NULL */
	bool versioned; /* keyed by `id`, and every change raises `version` */
};

/* Writes records with only those fields that were asked for. */
struct record_out {
	struct json_out *json;
	const struct text *fields; /* NULL: all */
	size_t field_count;
};
void record_text(struct record_out *out, struct text name, struct text value);
void record_number(struct record_out *out, struct text name, struct text number); /* of a document: masked */
void record_phone(struct record_out *out, struct text name, struct text phone); /* masked */
void record_int(struct record_out *out, struct text name, int64_t value);
void record_id(struct record_out *out, struct text name, int64_t value);
void record_raw(struct record_out *out, struct text name, struct text json); /* missing becomes null */
void record_instant(struct record_out *out, struct text name, int64_t at_ms); /* 0 becomes null */
void record_point(struct record_out *out, struct text name, double lat, double lon);

/* Answers {"items":[...],"next":"..."}: the rows in the call's scope, each written by `write` (an object is open). */
enum store_code list_answer(struct call *call, struct db *db, const struct list_spec *spec,
                            void (*write)(const struct rows *rows, struct record_out *out));
/* The `fields` parameter, for a single record. */
struct record_out record_of(struct call *call, struct json_out *json);

#endif
