/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - the program describes itself, out of what is declared: for programs (json, openapi), for databases (sql, citus),
 * for those who grant rights (matrix) and for readers (docs). An app that is only declared is enough (app_declared). */
#ifndef ENGINE_DESCRIBE_H
#define ENGINE_DESCRIBE_H

#include "engine/app.h"

enum { DESCRIPTION_BYTES_MAX = 4 << 20 };

/* All that is declared; its form is told in docs/schema.md. */
void describe_json(struct app *app, struct buf *out);
/* OpenAPI 3.1 of every route. */
void describe_openapi(struct app *app, struct buf *out);
/* Who may do what, and how far: CSV, a row for each operation, a column for each role. */
void describe_matrix(struct app *app, struct buf *out);
/* Markdown: the fields of each resource, and the problems. */
void describe_docs(struct app *app, struct buf *out);
/* How a store makes its tables; with `citus` also how they are spread (only PostgreSQL). */
void describe_sql(struct app *app, struct buf *out, bool postgres, bool citus);

/* ---- what they share ---- */

extern const char *const method_names[]; /* by enum method */
extern const char *const field_type_names[]; /* by enum field_type */
extern const char *const body_names[]; /* by enum body */

/* What route and operation say of themselves. */
struct text route_id(struct arena *arena, const struct route *route); /* operationId: "change_elder" */
struct text route_summary(struct arena *arena, const struct route *route, bool en);
const struct field *route_params(struct arena *arena, const struct route *route, size_t *count); /* of its query */
int route_status(const struct route *route); /* when it went well */
/* Which problems it may answer: those of its kind, and those that it names. */
void route_problems(const struct route *route, bool may[PROBLEM_COUNT]);
/* How far the role gets with it: "no", "yes", or the tie that a record must have: "area", "organization", "own", "family". */
const char *route_reach(const struct app *app, const struct route *route, const struct role *role);

struct text field_en(struct arena *arena, const struct field *field); /* without a label in English: its name, with blanks */
const char *words_of(const struct field *field, size_t index); /* word by word, then NULL; of roles where it is a role's name */

/* ---- describe_types.c: JSON Schema ---- */

enum use {
	ANSWERED, /* of a record: lists are never null */
	TOLD, /* members of a route's own */
	TAKEN, /* the same, coming in: what is DETAIL may be null */
	CLEARABLE /* into a record: null clears what need not be there */
};

void schema_of_members(struct json_out *json, struct arena *arena, const struct members *members, enum use use);
void schema_of_field(struct json_out *json, struct arena *arena, const struct field *field, enum use use);
void schemas_of_resource(struct json_out *json, const struct app *app, const struct shape *shape);
void schemas_of_all(struct json_out *json); /* those that no resource owns */
struct text schema_ref(struct arena *arena, const struct shape *shape, const char *behind); /* "#/components/schemas/ElderChange" */
void put_ref(struct json_out *json, struct text ref); /* {"$ref":...} */

/* The flow of a resource and what follows from its changes: as a page, and as members of an open object. */
void describe_flow(struct buf *out, const struct shape *shape);
void describe_flow_json(struct json_out *json, const struct shape *shape);

#endif
