/* SPDX-License-Identifier: Apache-2.0 */
/* resource.h - a declared kind of record, and what the engine makes of the declaration when it starts.
 *
 * From the rows come the table and its indexes, the statements, list, get, create, merge-patch, end, history, import, what is
 * checked, what is journalled, what is described. Code is needed only for what no row can say: `check` and `derive`. */
#ifndef ENGINE_RESOURCE_H
#define ENGINE_RESOURCE_H

#include "engine/access.h"
#include "engine/field.h"
#include "engine/problem.h"
#include "store/token_index.h"

struct call;
struct flow;
struct input;
struct reaction;
struct record_out;
struct tx;

/* What somebody may do with records of a resource: the permission NAME.read, NAME.write ... */
enum right { RIGHT_READ, RIGHT_WRITE, RIGHT_REVEAL, RIGHT_FIND, RIGHT_EXPORT, RIGHTS };
extern const char *const right_names[RIGHTS];

/* Which of its fields tie a record to somebody; names, NULL: none does. "id" is the record itself. */
struct ties {
	const char *area; /* who keeps it: seen and changed by it */
	const char *second_area; /* seen by it, not changed */
	const char *organization;
	const char *own; /* the person whose record it is */
	const char *family; /* the elder it is about */
};

struct resource {
	const char *name; /* in journal lines, permissions and references: "elder" */
	const char *plural; /* in paths: "elders" */
	const char *label, *en; /* what people call it */
	const struct field *key; /* what its id is called outside, where it is no number of ours; NULL: "id" */
	const struct field *fields;
	size_t field_count;
	size_t size; /* of the typed record, which begins with a struct record */
	struct ties ties; /* with none at all, everybody in the district who may read sees every record */
	/* A row of a file is about the record with these same values, where no number (UNIQUE) tells; blanks between, plain fields
	 * only. NULL: only a number tells. */
	const char *same;
	/* A field that two records of one person have alike, where there may be such: they are listed, merged and split. NULL: two
	 * records are never of one. */
	const char *twins;
	const char *const *orders; /* more indexes, each a list of fields with blanks between; ends with NULL */
	/* Roles with blanks between, for each right; NULL: nobody has it. */
	const char *readers, *writers;
	const char *revealers; /* see sealed fields in clear, for a reason */
	const char *finders; /* search by the whole value or the last four of a sealed field */
	const char *exporters; /* take a list away as a file; NULL: whoever reads it */
	const struct field *derived; /* members of an answer that `derive` writes */
	size_t derived_count;
	/* Fills in what the system keeps of a new record, when each field has been taken. NULL: nothing. */
	void (*fill)(struct input *in, struct tx *tx, void *record);
	/* Rules over several fields, when each has been taken: adds what is wrong to the input. NULL: none. */
	void (*check)(struct input *in, struct tx *tx, const void *record);
	void (*derive)(const void *record, struct record_out *out);
	const struct flow *flow; /* its states and moves (engine/flow.h); NULL: it has none */
	/* In which of the states this new record begins, and what the system keeps of that. NULL: each begins where the flow does. */
	const char *(*begins)(struct tx *tx, struct call *call, void *record);
	/* Gives a new record its id, where that is no number of ours, when everything else is fine. NULL: it gets one of ours. */
	enum store_code (*number)(struct tx *tx, struct call *call, void *record);
	/* Asked before a record ends. NULL: it always may. */
	enum store_code (*ending)(struct tx *tx, struct call *call, const void *record);
	/* Told of each change of a record in its transaction, for what is counted of them. `before` is NULL for a new one. NULL: nobody. */
	enum store_code (*changed)(struct tx *tx, struct call *call, const void *before, const void *record);
	const struct word *end_reasons; /* why its records end; NULL: the ones that fit any */
	const enum problem *problems; /* that `check`, `number` and `ending` answer; PROBLEM_NONE is behind the last; NULL: none */
};

/* A field as it was laid out. */
struct slot {
	const struct field *field;
	struct text name;
	size_t offset; /* in the typed record */
	const char *column, *second_column; /* in SQL; the second is the longitude of a point */
	const char *hash_column, *box_column; /* of a sealed field: `column` holds what is shown of it */
	size_t sealed; /* its number among the sealed ones */
	const char *hash_kind, *last_kind; /* which values are comparable with it; the same of their last four characters */
	const char *table; /* of tags: where each stands as a row */
};

/* A resource as it was laid out. It lives as long as the app. */
struct shape {
	const struct resource *resource;
	struct slot *slots; /* the system's own, as struct record has them, and then the declared ones */
	size_t slot_count, brief_slots; /* the first of them are answered in lists */
	const char *path; /* "/api/v1/elders" */
	struct column *columns; /* of the typed record, in the order of column_list */
	size_t column_count;
	const char *column_list; /* "id, version, ..." */
	const char *brief_list; /* the same of the brief ones */
	size_t brief_columns;
	const char *hidden_list; /* behind a comma: the hash and box columns of all sealed fields, then `sources`; or empty */
	size_t sealed_count;
	bool owned; /* some field has an owner: the column `sources` says from whom each value is */
	const char *select, *select_whole; /* "SELECT id, version, ... FROM elder WHERE district = "; with the hidden columns */
	const char *insert; /* the whole statement: the district, then the columns, then the sealed ones */
	struct tie_columns ties;
	const struct slot *state; /* of its flow; when and by whom it came there are the two behind it. NULL: it has none */
	const struct reaction **reactions; /* that follow its changes */
	size_t reaction_count;
	const struct slot *tie_slots[5]; /* area, second area, organization, own, family; NULL: none */
	unsigned may[RIGHTS]; /* numbers of the permissions; PERMISSIONS_MAX: nobody has it */
	struct table table;
	struct token_index_sql found; /* of table.tokens, where it has one */
	const struct table *side_tables; /* beside it: one for each field of tags */
	size_t side_table_count;
};

enum { SYSTEM_SLOTS = 7, END_SLOTS = 5 /* why and when it ended: answered of what has */, INDEXES_MAX = 48 };

const char *resource_roles(const struct resource *resource, enum right right); /* NULL: nobody has it */
extern const struct word end_reasons[]; /* that fit any resource */
struct shape *shape_new(struct arena *arena, struct access *access, const struct resource *resource);
const struct slot *shape_slot(const struct shape *shape, struct text name); /* NULL: there is none that is shown */
static inline bool slot_is_shown(const struct slot *slot)
{
	return !(slot->field->flags & HIDDEN);
}
static inline bool shape_has_twins(const struct shape *shape)
{
	return shape->resource->twins != NULL;
}
/* The field that a column of a file stands for, by its name, its label or one of its other headers; NULL: none. */
const struct slot *shape_header(const struct shape *shape, struct text header);

#endif
