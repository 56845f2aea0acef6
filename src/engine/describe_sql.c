/* SPDX-License-Identifier: Apache-2.0 */
/* describe_sql.c - the tables of a store, and how they are spread over the nodes of a Citus cluster. */
#include "engine/describe.h"

#include <string.h>

enum { TABLES_MAX = 256 };

/* A table as its statements tell of it. */
struct spread {
	struct text name;
	bool by_district; /* its key and all that is unique in it begin with the district */
};

struct spreads {
	struct spread list[TABLES_MAX];
	size_t count;
};

/* The word behind `before` in the statement; missing where that does not stand there. */
static struct text word_behind(struct text sql, const char *before)
{
	const char *at = memmem(sql.ptr, sql.len, before, strlen(before));
	if (!at)
		return TEXT_NONE;
	at += strlen(before);
	size_t rest = (size_t)(sql.ptr + sql.len - at), len = 0;
	while (len < rest && !strchr(" (,;)\n", at[len]))
		len++;
	return (struct text){ at, len };
}

static void note_table(struct spreads *spreads, const struct app *app, struct text name, struct text key)
{
	const struct shape *shape = app_shape(app, name);
	bool foreign = shape && shape->table.foreign_ids; /* its rows are the same for many districts */
	if (spreads->count < TABLES_MAX)
		spreads->list[spreads->count++] = (struct spread){ name, text_is(key, "district") && !foreign };
}

static void note_unique(struct spreads *spreads, struct text table, struct text first_column)
{
	for (size_t i = 0; i < spreads->count; i++)
		if (text_eq(spreads->list[i].name, table) && !text_is(first_column, "district"))
			spreads->list[i].by_district = false;
}

/* What a statement says of a table. Several may stand in one step, with ; between. */
static void read_statement(struct spreads *spreads, const struct app *app, struct text sql)
{
	struct text name = word_behind(sql, "CREATE TABLE IF NOT EXISTS ");
	if (!name.ptr)
		name = word_behind(sql, "CREATE TABLE ");
	if (name.ptr) {
		struct text key = word_behind(sql, "PRIMARY KEY (");
		note_table(spreads, app, name, key);
	} else if (text_starts(sql, TEXT("CREATE UNIQUE INDEX"))) {
		struct text table = word_behind(sql, " ON ");
		note_unique(spreads, table, word_behind((struct text){ table.ptr, (size_t)(sql.ptr + sql.len - table.ptr) }, "("));
	} else if (text_starts(sql, TEXT("DROP TABLE "))) {
		struct text gone = word_behind(sql, "DROP TABLE ");
		for (size_t i = 0; i < spreads->count; i++)
			if (text_eq(spreads->list[i].name, gone))
				spreads->list[i] = spreads->list[--spreads->count];
	}
}

static void read_statements(struct spreads *spreads, const struct app *app, struct text sql)
{
	while (sql.len > 0) {
		const char *end = memchr(sql.ptr, ';', sql.len);
		size_t len = end ? (size_t)(end - sql.ptr) : sql.len;
		read_statement(spreads, app, text_trim((struct text){ sql.ptr, len }));
		len += end ? 1 : 0;
		sql = (struct text){ sql.ptr + len, sql.len - len };
	}
}

/* A district's rows lie on one node, in all tables alike. What spans districts, or is unique beyond one, is on every node; what
 * only the opening of the store reads stays where it is. */
static void put_spread(struct buf *out, const struct spreads *spreads)
{
	const struct spread *first = NULL;
	for (size_t i = 0; i < spreads->count; i++) {
		const struct spread *spread = &spreads->list[i];
		if (text_starts(spread->name, TEXT("store_"))) {
			buf_printf(out, "-- %.*s stays on the coordinator\n", TEXT_ARG(spread->name));
		} else if (!spread->by_district) {
			buf_printf(out, "SELECT create_reference_table('%.*s');\n", TEXT_ARG(spread->name));
		} else {
			buf_printf(out, "SELECT create_distributed_table('%.*s', 'district'", TEXT_ARG(spread->name));
			if (first)
				buf_printf(out, ", colocate_with => '%.*s'", TEXT_ARG(first->name));
			buf_text(out, TEXT(");\n"));
			first = first ? first : spread;
		}
	}
}

void describe_sql(struct app *app, struct buf *out, bool postgres, bool citus)
{
	struct store_options options = { .url = NULL };
	size_t before = out->len;
	app_tables(app, &options);
	store_write_ddl(out, &options, postgres);
	if (!citus)
		return;
	struct spreads *spreads = arena_take(&app->arena, sizeof *spreads);
	read_statements(spreads, app, text_copy(&app->arena, (struct text){ out->ptr + before, out->len - before }));
	buf_text(out, TEXT("\n-- How the tables are spread. Run all of this on the coordinator of an empty database;\n"
		"-- then `songhe init` adds the first district. A district's writes must enter through one coordinator: the journal's\n"
		"-- order is that of its transaction numbers.\n"));
	put_spread(out, spreads);
}
