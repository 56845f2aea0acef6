/* SPDX-License-Identifier: Apache-2.0 */
/* area.c - the tree of areas: province, city, district, street, community (row 7 of the function list). */
#include "base/check.h"
#include "care/modules.h"
#include "engine/listing.h"

static const char *const steps[] = {
	/* The tenants. Its GB/T 2260 code is an attribute: districts are re-coded, their number stays. */
	"CREATE TABLE district (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, plan TEXT NOT NULL,"
	" area INTEGER NOT NULL, lat REAL, lon REAL) STRICT",
	"CREATE TABLE area (district INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, level TEXT NOT NULL,"
	" parent INTEGER, code TEXT NOT NULL, code_date TEXT NOT NULL, ended_at INTEGER, PRIMARY KEY (district, number))"
	" STRICT, WITHOUT ROWID",
};
static const struct schema schema = { .owner = "area", .steps = steps, .count = COUNT(steps) };

static const struct list_field fields[] = {
	{ "number", "number", LIST_AREA, true },
	{ "parent", "parent", LIST_AREA, false },
	{ "level", "level", LIST_TEXT, false },
	{ "name", "name", LIST_TEXT, false },
};

#define COLUMNS "number, name, level, parent, code, code_date"

static const struct list_spec list = {
	.columns = COLUMNS,
	.from = "area",
	.id_column = "number",
	.fields = fields,
	.field_count = COUNT(fields),
	.order = "number",
	.area_column = "number",
	.where = "ended_at IS NULL",
};

static void write(const struct rows *rows, struct record_out *out)
{
	record_id(out, TEXT("number"), rows_int(rows, 0));
	record_text(out, TEXT("name"), rows_text(rows, 1));
	record_text(out, TEXT("level"), rows_text(rows, 2));
	record_id(out, TEXT("parent"), rows_int(rows, 3));
	record_text(out, TEXT("code"), rows_text(rows, 4));
	record_text(out, TEXT("code_date"), rows_text(rows, 5));
}

static enum store_code list_areas(struct db *db, void *call)
{
	return list_answer(call, db, &list, write);
}

static enum store_code get(struct db *db, void *arg)
{
	struct call *call = arg;
	struct query query;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT " COLUMNS " FROM area WHERE district = ");
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND number = ");
	query_value(&query, value_int(call->id));
	scope_condition(&query, &call->actor, "number", NULL);
	struct rows *rows = query_run(&query, db);
	bool found = rows_next(rows);
	if (found) {
		struct json_out json = call_json(call, 200);
		struct record_out out = record_of(call, &json);
		json_begin_object(&json);
		write(rows, &out);
		json_end_object(&json);
	}
	enum store_code code = rows_end(rows);
	return code != STORE_OK || found ? code : call_problem(call, PROBLEM_NOT_FOUND);
}

static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/areas", MAY_READ_AREAS, ROUTE_READ, .read = list_areas },
	{ METHOD_GET, "/api/v1/areas/{id}", MAY_READ_AREAS, ROUTE_READ, .read = get },
};

const struct module area_module = {
	.name = "area",
	.schema = &schema,
	.routes = routes,
	.route_count = COUNT(routes),
	.resource = "area",
	.feed_permission = MAY_READ_AREAS,
};
