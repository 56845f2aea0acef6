/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - one record of a declared resource: blank, read from a row, bound to a statement, written as JSON. */
#ifndef ENGINE_RECORD_H
#define ENGINE_RECORD_H

#include "engine/call.h"
#include "engine/journal.h"
#include "engine/resource.h"

void record_blank(const struct shape *shape, void *record); /* nothing in it */
/* Reads the columns of shape->column_list. Texts are copied into the arena; without one they are borrowed from the row. */
void record_read(const struct shape *shape, const struct rows *rows, struct arena *arena, void *record);
/* The same with those of shape->brief_list, borrowed; the others stay as they are. */
void record_read_brief(const struct shape *shape, const struct rows *rows, void *record);
/* The column's value, to be bound; `second` of a point. */
struct value record_value(const struct slot *slot, const void *record, bool second);
struct tie_values record_ties(const struct shape *shape, const void *record);
bool record_has_ended(const void *record);
/* Where a change from `before` (NULL: it is new) to `record` lies, for its line in the journal. */
struct places record_places(const struct shape *shape, const void *before, const void *record);
/* Whether there is such a record that has not ended, in the actor's sight by these ties. An error stays in db_code. */
bool record_is_there(struct db *db, struct arena *arena, const struct actor *actor, const struct shape *shape,
                     const struct tie_columns *ties, int64_t id);

static inline void *slot_at(const struct slot *slot, void *record)
{
	return (char *)record + slot->offset;
}
static inline const void *slot_of(const struct slot *slot, const void *record)
{
	return (const char *)record + slot->offset;
}
static inline int64_t slot_int(const struct slot *slot, const void *record)
{
	return *(const int64_t *)slot_of(slot, record);
}
/* The same by its name, for those who do not have the record's type. */
int64_t record_number(const struct shape *shape, const void *record, const char *field);
struct text record_string(const struct shape *shape, const void *record, const char *field);
static inline struct text slot_text(const struct slot *slot, const void *record)
{
	return *(const struct text *)slot_of(slot, record);
}

/* ---- written as JSON ---- */

enum { RECORD_FIELDS_MAX = 128 }; /* that may be asked for: as many as a record can have */

/* Writes a record with only those fields that were asked for. */
struct record_out {
	struct json_out *json;
	const struct text *fields; /* NULL: all */
	size_t field_count;
	bool brief; /* without what is answered of single records only */
	char today[DATE_CHARS]; /* tags are shown that hold on this day */
};

/* As the `fields` parameter of the call asks. */
struct record_out record_out_for(struct call *call, struct json_out *json);
void record_put_text(struct record_out *out, struct text name, struct text value);
void record_put_int(struct record_out *out, struct text name, int64_t value); /* MISSING becomes null */
void record_put_raw(struct record_out *out, struct text name, struct text json);
/* One member, all of what may be seen of it. */
void record_put_slot(struct json_out *json, const struct slot *slot, const void *record);
/* The member of a sealed field, with what is shown of it or in clear. */
void record_put_sealed(struct json_out *json, const struct slot *slot, struct text value);
/* All members of an open object. */
void record_put(struct record_out *out, const struct shape *shape, const void *record);
/* The whole answer to a call, with its version. */
void record_answer(struct call *call, const struct shape *shape, const void *record, int status);

#endif
