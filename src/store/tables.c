/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - the store's tables: the steps that owners append, and the tables that are kept as they are declared. */
#include "store/backend.h"

#include "base/log.h"
#include "store/postgres.h"
#include "store/token_index.h"

#include <stdlib.h>

/* ---- steps ---- */

static const struct schema *schema_of(const struct store *store, struct text owner)
{
	for (size_t i = 0; i < store->options.schema_count; i++)
		if (text_is(owner, store->options.schemas[i]->owner))
			return store->options.schemas[i];
	return NULL;
}

/* The steps that the store remembers must be known here, or it was written by a newer program. */
static bool all_steps_known(struct store *store, struct db *db, bool *any)
{
	bool known = true;
	struct rows *rows = db_query(db, "SELECT owner, max(step) FROM store_schema GROUP BY owner", BIND_NONE);
	while (rows_next(rows)) {
		const struct schema *schema = schema_of(store, rows_text(rows, 0));
		*any = true;
		known = known && schema && rows_int(rows, 1) <= (int64_t)schema->count;
	}
	rows_end(rows);
	return known;
}

static bool take_missing_steps(struct db *db, const struct schema *schema)
{
	int64_t done = db_int(db, 0, "SELECT max(step) FROM store_schema WHERE owner = ?1",
	                      BIND(value_text(text_of(schema->owner))));
	const char *const *steps = db_is_postgres(db) && schema->postgres_steps ? schema->postgres_steps : schema->steps;
	for (int64_t step = done; step < (int64_t)schema->count; step++) {
		if (db_exec(db, steps[step], BIND_NONE, NULL) != STORE_OK ||
		    db_exec(db, "INSERT INTO store_schema (owner, step) VALUES (?1, ?2)",
		            BIND(value_text(text_of(schema->owner)), value_int(step + 1)), NULL) != STORE_OK) {
			log_error("store: step %d of %s failed", (int)step + 1, schema->owner);
			return false;
		}
	}
	return db_code(db) == STORE_OK;
}

static void raise_id_floor(struct store *store, struct db *db, const char *table)
{
	struct arena arena = arena_new(4096);
	const char *sql = text_printf(&arena,
	                              "SELECT max((SELECT max(t.id) FROM %s t WHERE t.district = d.number)) FROM district d",
	                              table).ptr;
	id_not_below(&store->ids, db_int(db, 0, sql, BIND_NONE));
	arena_free(&arena);
}

/* ---- declared tables ---- */

enum { COLUMNS_MAX = 256, DDL_BYTES_MAX = 64 * 1024 };

/* What the database has of a table. */
struct found {
	struct arena arena;
	struct text names[COLUMNS_MAX], types[COLUMNS_MAX];
	bool must[COLUMNS_MAX];
	size_t count;
};

/* A type of the database in SQLite's words. */
static struct text plain_type(struct text type)
{
	static const char *const types[][2] = { { "bigint", "INTEGER" }, { "double precision", "REAL" }, { "bytea", "BLOB" },
		                                { "text", "TEXT" } };
	for (size_t i = 0; i < COUNT(types); i++)
		if (text_is(type, types[i][0]))
			return text_of(types[i][1]);
	return type;
}

static bool find_columns(struct db *db, const char *table, struct found *found)
{
	struct rows *rows = db_query(db, db_is_postgres(db)
		? "SELECT column_name, data_type, CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END FROM information_schema.columns"
		  " WHERE table_schema = current_schema() AND table_name = ?1 ORDER BY ordinal_position"
		: "SELECT name, type, \"notnull\" FROM pragma_table_info(?1) ORDER BY cid", BIND(value_text(text_of(table))));
	found->count = 0;
	while (rows_next(rows) && found->count < COLUMNS_MAX) {
		found->names[found->count] = text_copy(&found->arena, rows_text(rows, 0));
		found->must[found->count] = rows_int(rows, 2) == 1;
		found->types[found->count++] = plain_type(text_copy(&found->arena, rows_text(rows, 1)));
	}
	return rows_end(rows) == STORE_OK;
}

static bool has_column(const struct found *found, const char *name, struct text *type)
{
	for (size_t i = 0; i < found->count; i++) {
		if (!text_is(found->names[i], name))
			continue;
		*type = found->types[i];
		return true;
	}
	return false;
}

static bool do_ddl(struct db *db, struct buf *ddl)
{
	struct text text = buf_done(ddl);
	bool done = !ddl->overflow && db_exec(db, text_z(ddl->arena, text), BIND_NONE, NULL) == STORE_OK;
	if (!done)
		log_error("store: this failed: %.*s", TEXT_ARG(text));
	return done;
}

static struct buf table_ddl(struct arena *arena, const struct table *table, bool postgres)
{
	bool by_district = postgres || table->foreign_ids;
	struct buf ddl = buf_in(arena, 4096, DDL_BYTES_MAX);
	if (table->key) {
		buf_printf(&ddl, "CREATE TABLE %s (", table->name);
		for (size_t i = 0; i < table->column_count; i++)
			buf_printf(&ddl, "%s %s%s, ", table->columns[i].name, table->columns[i].type,
			           table->columns[i].must ? " NOT NULL" : "");
		buf_printf(&ddl, "PRIMARY KEY (%s)) STRICT, WITHOUT ROWID", table->key);
		return ddl;
	}
	/* An id carries its district, so on SQLite it is the key by itself: a look-up by rowid costs a third of one by two
	 * columns. On PostgreSQL the key begins with the district, by which Citus shards. */
	buf_printf(&ddl, "CREATE TABLE %s (district INTEGER NOT NULL, id INTEGER %s", table->name,
	           by_district ? "NOT NULL" : "PRIMARY KEY");
	for (size_t i = 0; i < table->column_count; i++)
		buf_printf(&ddl, ", %s %s%s", table->columns[i].name, table->columns[i].type, table->columns[i].must ? " NOT NULL" : "");
	buf_printf(&ddl, "%s", by_district ? ", PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID" : ") STRICT");
	return ddl;
}

static bool make_table(struct db *db, const struct table *table, struct arena *arena)
{
	struct buf ddl = table_ddl(arena, table, db_is_postgres(db));
	return do_ddl(db, &ddl);
}

/* A column that is missing is added, or gets its new name. */
static bool keep_column(struct db *db, const char *table, const struct table_column *column, const struct found *found,
                        struct arena *arena)
{
	struct text type;
	struct buf ddl = buf_in(arena, 256, DDL_BYTES_MAX);
	if (has_column(found, column->name, &type)) {
		if (text_is(type, column->type))
			return true;
		log_error("store: column %s of table %s is %.*s, this program wants %s: give the field a new name instead",
		          column->name, table, TEXT_ARG(type), column->type);
		return false;
	}
	if (column->was && has_column(found, column->was, &type))
		buf_printf(&ddl, "ALTER TABLE %s RENAME COLUMN %s TO %s", table, column->was, column->name);
	else
		buf_printf(&ddl, "ALTER TABLE %s ADD COLUMN %s %s", table, column->name, column->type);
	log_info("store: %.*s", TEXT_ARG(buf_done(&ddl)));
	return do_ddl(db, &ddl);
}

/* A column that may be empty now may not have been. SQLite cannot say so of a column that is there: its table is made anew. */
static bool relax(struct db *db, const struct table *table, const struct table_column *column, struct arena *arena)
{
	struct buf ddl = buf_in(arena, 256, DDL_BYTES_MAX), list = buf_in(arena, 1024, DDL_BYTES_MAX);
	log_info("store: column %s of table %s may be empty now", column->name, table->name);
	if (db_is_postgres(db)) {
		buf_printf(&ddl, "ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", table->name, column->name);
		return do_ddl(db, &ddl);
	}
	for (size_t i = 0; i < table->column_count; i++)
		buf_printf(&list, ", %s", table->columns[i].name);
	struct buf fill = buf_in(arena, 1024, DDL_BYTES_MAX), drop = buf_in(arena, 256, DDL_BYTES_MAX);
	buf_printf(&ddl, "ALTER TABLE %s RENAME TO %s_before", table->name, table->name);
	buf_printf(&fill, "INSERT INTO %s (district, id%.*s) SELECT district, id%.*s FROM %s_before", table->name,
	           TEXT_ARG(buf_done(&list)), TEXT_ARG(buf_done(&list)), table->name);
	buf_printf(&drop, "DROP TABLE %s_before", table->name);
	if (!do_ddl(db, &ddl) || !make_table(db, table, arena) || !do_ddl(db, &fill) || !do_ddl(db, &drop))
		return false;
	for (size_t i = 0; i < table->index_count; i++) /* they went with it, and are made again */
		db_exec(db, "DELETE FROM store_index WHERE name = ?1", BIND(value_text(text_of(table->indexes[i].name))), NULL);
	return db_code(db) == STORE_OK;
}

static bool relax_columns(struct db *db, const struct table *table, const struct found *found, struct arena *arena)
{
	for (size_t i = 0; i < table->column_count && !table->key; i++)
		for (size_t f = 0; f < found->count; f++)
			if (!table->columns[i].must && found->must[f] && text_is(found->names[f], table->columns[i].name)) {
				if (!relax(db, table, &table->columns[i], arena))
					return false;
				if (!db_is_postgres(db)) /* all of them, with the one table */
					return true;
			}
	return true;
}

static bool is_declared(const struct table *table, struct text name)
{
	bool declared = !table->key && (text_is(name, "district") || text_is(name, "id"));
	for (size_t i = 0; i < table->column_count && !declared; i++)
		declared = text_is(name, table->columns[i].name) || (table->columns[i].was && text_is(name, table->columns[i].was));
	return declared;
}

static enum store_open_result keep_columns(struct db *db, const struct table *table, const struct found *found,
                                           struct arena *arena)
{
	for (size_t i = 0; i < found->count; i++) {
		if (is_declared(table, found->names[i]))
			continue;
		log_error("store: table %s has a column %.*s that this program does not know: it was written by a newer one, or a field"
		          " was taken away, which would lose what is in it", table->name, TEXT_ARG(found->names[i]));
		return STORE_TOO_NEW;
	}
	for (size_t i = 0; i < table->column_count; i++)
		if (!keep_column(db, table->name, &table->columns[i], found, arena))
			return STORE_UNUSABLE;
	return relax_columns(db, table, found, arena) ? STORE_OPENED : STORE_UNUSABLE;
}

static struct text index_ddl(struct arena *arena, const struct table *table, const struct table_index *index, bool beside)
{
	return text_printf(arena, "CREATE %sINDEX %s%s ON %s (%s)%s%s", index->unique ? "UNIQUE " : "",
	                   beside ? "CONCURRENTLY " : "", index->name, table->name, index->columns, index->where ? " WHERE " : "",
	                   index->where ? index->where : "");
}

/* How an index was made is remembered, so that one that is declared anew is made anew. */
static bool index_is_there(struct db *db, struct arena *arena, const struct table *table, const struct table_index *index)
{
	return db_int(db, 0, "SELECT 1 FROM store_index WHERE name = ?1 AND definition = ?2",
	              BIND(value_text(text_of(index->name)), value_text(index_ddl(arena, table, index, false)))) == 1;
}

static bool note_index(struct db *db, struct arena *arena, const struct table *table, const struct table_index *index)
{
	return db_exec(db, "INSERT INTO store_index (name, definition) VALUES (?1, ?2)"
		" ON CONFLICT (name) DO UPDATE SET definition = excluded.definition",
		BIND(value_text(text_of(index->name)), value_text(index_ddl(arena, table, index, false))), NULL) == STORE_OK;
}

static bool make_index(struct db *db, const struct table *table, const struct table_index *index, struct arena *arena, bool is_new)
{
	struct buf drop = buf_in(arena, 256, DDL_BYTES_MAX), make = buf_in(arena, 1024, DDL_BYTES_MAX);
	buf_printf(&drop, "DROP INDEX IF EXISTS %s", index->name);
	buf_text(&make, index_ddl(arena, table, index, false));
	if (!is_new)
		log_info("store: making index %s", index->name);
	bool made = (is_new || do_ddl(db, &drop)) && do_ddl(db, &make) && note_index(db, arena, table, index);
	if (!is_new && made)
		log_info("store: index %s is made", index->name);
	return made;
}

/* On PostgreSQL an index on a table with rows is made later, beside those who write (store_make_indexes). */
static bool keep_indexes(struct db *db, const struct table *table, struct arena *arena, bool is_new)
{
	for (size_t i = 0; i < table->index_count; i++) {
		if (!is_new && (db_is_postgres(db) || index_is_there(db, arena, table, &table->indexes[i])))
			continue;
		if (!make_index(db, table, &table->indexes[i], arena, is_new))
			return false;
	}
	return db_code(db) == STORE_OK;
}

static enum store_open_result keep_table(struct db *db, const struct table *table)
{
	struct found found = { .arena = arena_new(1 << 20) };
	enum store_open_result result = STORE_UNUSABLE;
	if (find_columns(db, table->name, &found)) {
		bool is_new = found.count == 0;
		if (is_new)
			result = make_table(db, table, &found.arena) ? STORE_OPENED : STORE_UNUSABLE;
		else
			result = keep_columns(db, table, &found, &found.arena);
		if (result == STORE_OPENED && !keep_indexes(db, table, &found.arena, is_new))
			result = STORE_UNUSABLE;
		if (result == STORE_OPENED && table->tokens && !token_index_make(db, table->tokens))
			result = STORE_UNUSABLE;
	}
	arena_free(&found.arena);
	return result;
}

static bool make_index_beside(struct db *db, const struct table *table, const struct table_index *index, struct arena *arena)
{
	struct buf drop = buf_in(arena, 256, DDL_BYTES_MAX), make = buf_in(arena, 1024, DDL_BYTES_MAX);
	buf_printf(&drop, "DROP INDEX CONCURRENTLY IF EXISTS %s", index->name);
	buf_text(&make, index_ddl(arena, table, index, true));
	log_info("store: making index %s; it does not keep others from writing", index->name);
	return do_ddl(db, &drop) && do_ddl(db, &make) && note_index(db, arena, table, index);
}

bool store_make_indexes(struct store *store, struct db *db)
{
	struct arena arena = arena_new(1 << 20);
	bool fine = true;
	for (size_t t = 0; t < store->options.table_count && fine; t++) {
		const struct table *table = store->options.tables[t];
		for (size_t i = 0; i < table->index_count && fine; i++)
			fine = index_is_there(db, &arena, table, &table->indexes[i]) ||
			       (db_code(db) == STORE_OK && make_index_beside(db, table, &table->indexes[i], &arena));
	}
	arena_free(&arena);
	return fine && db_code(db) == STORE_OK;
}

/* ---- all of it ---- */

static const char schema_table[] = "CREATE TABLE IF NOT EXISTS store_schema (owner TEXT NOT NULL, step INTEGER NOT NULL,"
	" PRIMARY KEY (owner, step)) STRICT, WITHOUT ROWID";
static const char index_table[] = "CREATE TABLE IF NOT EXISTS store_index (name TEXT NOT NULL PRIMARY KEY, definition TEXT NOT NULL)"
	" STRICT, WITHOUT ROWID";

static void write_ddl(struct buf *out, const char *sql, bool postgres)
{
	buf_text(out, text_trim(text_of(postgres ? pg_ddl(out->arena, sql) : sql)));
	buf_text(out, TEXT(";\n"));
}

/* As a literal of SQL. */
static void write_quoted(struct buf *out, struct text text)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\'')
			buf_char(out, '\'');
		buf_char(out, text.ptr[i]);
	}
	buf_char(out, '\'');
}

static void write_table(struct buf *out, const struct table *table, bool postgres)
{
	struct buf ddl = table_ddl(out->arena, table, postgres);
	write_ddl(out, text_z(out->arena, buf_done(&ddl)), postgres);
	for (size_t i = 0; i < table->index_count; i++) {
		struct text index = index_ddl(out->arena, table, &table->indexes[i], false);
		write_ddl(out, text_z(out->arena, index), postgres);
		buf_text(out, TEXT("INSERT INTO store_index (name, definition) VALUES ("));
		write_quoted(out, text_of(table->indexes[i].name));
		buf_text(out, TEXT(", "));
		write_quoted(out, index);
		buf_text(out, TEXT(");\n"));
	}
}

void store_write_ddl(struct buf *out, const struct store_options *options, bool postgres)
{
	write_ddl(out, schema_table, postgres);
	write_ddl(out, index_table, postgres);
	for (size_t i = 0; i < options->schema_count; i++) {
		const struct schema *schema = options->schemas[i];
		const char *const *steps = postgres && schema->postgres_steps ? schema->postgres_steps : schema->steps;
		for (size_t step = 0; step < schema->count; step++) {
			write_ddl(out, steps[step], postgres);
			buf_printf(out, "INSERT INTO store_schema (owner, step) VALUES ('%s', %zu);\n", schema->owner, step + 1);
		}
	}
	for (size_t i = 0; i < options->table_count; i++) {
		write_table(out, options->tables[i], postgres);
		if (options->tables[i]->tokens)
			write_ddl(out, token_index_ddl(out->arena, postgres, options->tables[i]->tokens).ptr, postgres);
	}
}

enum store_open_result store_prepare_schema(struct store *store, struct db *db)
{
	bool any = false;
	if (!store->options.read_only && (db_exec(db, schema_table, BIND_NONE, NULL) != STORE_OK ||
	                                  db_exec(db, index_table, BIND_NONE, NULL) != STORE_OK))
		return STORE_UNUSABLE;
	if (!all_steps_known(store, db, &any)) {
		log_error("store: it was written by a newer version of this program; update the program");
		return STORE_TOO_NEW;
	}
	if (db_code(db) != STORE_OK)
		return STORE_UNUSABLE;
	if (!any && !store->options.create)
		return STORE_MISSING;
	if (store->options.read_only)
		return STORE_OPENED;
	for (size_t i = 0; i < store->options.schema_count; i++)
		if (!take_missing_steps(db, store->options.schemas[i]))
			return STORE_UNUSABLE;
	for (size_t i = 0; i < store->options.table_count; i++) {
		enum store_open_result result = keep_table(db, store->options.tables[i]);
		if (result != STORE_OPENED)
			return result;
		if (!store->options.tables[i]->foreign_ids && !store->options.tables[i]->key)
			raise_id_floor(store, db, store->options.tables[i]->name);
	}
	struct tx tx = { .db = db, .store = store, .now_ms = clock_now_ms(store->options.clock) };
	for (size_t i = 0; i < store->options.schema_count; i++) {
		const struct schema *schema = store->options.schemas[i];
		if (schema->id_table)
			raise_id_floor(store, db, schema->id_table);
		if (schema->opened && schema->opened(&tx) != STORE_OK)
			return STORE_UNUSABLE;
	}
	return db_code(db) == STORE_OK ? STORE_OPENED : STORE_UNUSABLE;
}
