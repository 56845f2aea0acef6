/* SPDX-License-Identifier: Apache-2.0 */
/* territory.c - what the engine itself knows of the tree of areas. */
#include "engine/territory.h"

#include "engine/account.h"

enum { TAKEN_MAX = 1000, SUCCESSORS_MAX = 16 };

static const char *const steps[] = {
	"CREATE TABLE area_hold (district INTEGER NOT NULL, area INTEGER NOT NULL, job INTEGER NOT NULL,"
	" PRIMARY KEY (district, area, job)) STRICT, WITHOUT ROWID",
	/* What a job that is under way has changed (engine/renumber.c). */
	"CREATE TABLE area_renumbered (district INTEGER NOT NULL, job INTEGER NOT NULL, resource TEXT NOT NULL, record INTEGER NOT NULL,"
	" field TEXT NOT NULL, value_before TEXT NOT NULL, value_after TEXT NOT NULL,"
	" PRIMARY KEY (district, job, resource, record, field)) STRICT, WITHOUT ROWID",
};
const struct schema territory_schema = { .owner = "territory", .steps = steps, .count = COUNT(steps) };

/* ---- numbers ---- */

bool series_under(struct text level, struct text parent_level, int64_t parent, struct series *series)
{
	static const struct {
		const char *level, *parent;
		int64_t first, last, step;
	} rows[] = {
		{ "street", "district", 1, 999, 1000000 }, { "community", "street", 1, 999, 1000 },
		{ "estate", "community", 1, 499, 1 }, { "grid", "community", 500, 999, 1 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!text_is(level, rows[i].level) || !text_is(parent_level, rows[i].parent))
			continue;
		*series = (struct series){ parent + rows[i].first * rows[i].step, parent + rows[i].last * rows[i].step, rows[i].step };
		return true;
	}
	return false;
}

int64_t series_next(const struct series *series, const int64_t *taken, size_t count)
{
	int64_t next = count > 0 ? taken[count - 1] + series->step : series->first;
	if (next <= series->last)
		return next;
	next = series->first;
	for (size_t i = 0; i < count && taken[i] == next; i++)
		next += series->step;
	return next <= series->last ? next : 0;
}

enum store_code territory_next(struct tx *tx, unsigned district, const struct series *series, int64_t *number)
{
	int64_t taken[TAKEN_MAX];
	size_t count = 0;
	struct rows *rows = db_query(tx->db, "SELECT id FROM area WHERE district = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id",
		BIND(value_int(district), value_int(series->first), value_int(series->last)));
	while (rows_next(rows) && count < TAKEN_MAX)
		if ((rows_int(rows, 0) - series->first) % series->step == 0)
			taken[count++] = rows_int(rows, 0);
	*number = series_next(series, taken, count);
	return rows_end(rows);
}

/* ---- which may be written ---- */

bool territory_open(struct db *db, unsigned district, int64_t area, int64_t *successor)
{
	struct rows *rows = db_query(db, "SELECT ended_at, successor FROM area WHERE district = ?1 AND id = ?2",
	                             BIND(value_int(district), value_int(area)));
	bool open = rows_next(rows);
	*successor = open ? rows_int(rows, 1) : 0;
	open = open && rows_is_null(rows, 0) && *successor == 0;
	rows_end(rows);
	/* The successor may have had one itself; while a job is under way one of the two refers back to the other. */
	int64_t next = *successor;
	for (int i = 0; i < SUCCESSORS_MAX && next != 0; i++) {
		next = db_int(db, 0, "SELECT successor FROM area WHERE district = ?1 AND id = ?2 AND ended_at IS NOT NULL",
		              BIND(value_int(district), value_int(*successor)));
		*successor = next ? next : *successor;
	}
	return open;
}

void territory_refuse(struct input *in, const char *name, int64_t successor)
{
	if (successor == 0) {
		input_wrong(in, name, "unknown_area", "本区没有这个区划代码", "No such area in this district");
		return;
	}
	call_wrong(in->call, text_printf(in->call->arena, "/%s", name), "unknown_area",
	           text_printf(in->call->arena, "该区划已变更，请使用 %lld", (long long)successor),
	           text_printf(in->call->arena, "The area is another one now: use %lld", (long long)successor));
}

/* ---- held by a job ---- */

enum store_code territory_hold(struct tx *tx, unsigned district, int64_t area, int64_t job)
{
	return db_exec(tx->db, "INSERT INTO area_hold (district, area, job) VALUES (?1, ?2, ?3)",
	               BIND(value_int(district), value_int(area), value_int(job)), NULL);
}

enum store_code territory_release(struct tx *tx, unsigned district, int64_t job)
{
	return db_exec(tx->db, "DELETE FROM area_hold WHERE district = ?1 AND job = ?2", BIND(value_int(district), value_int(job)), NULL);
}

bool territory_held(struct db *db, unsigned district, int64_t area)
{
	bool held = false;
	struct rows *rows = db_query(db, "SELECT area FROM area_hold WHERE district = ?1", BIND(value_int(district)));
	while (rows_next(rows))
		held = held || is_within(area, rows_int(rows, 0)) || is_within(rows_int(rows, 0), area);
	rows_end(rows);
	return held;
}

/* ---- what lives in an area ---- */

struct census {
	struct tx *tx;
	struct call *call;
	int64_t area;
	struct buf zh, en;
};

static void add_count(struct census *c, const char *label, const char *name, int64_t count)
{
	if (count == 0)
		return;
	buf_printf(&c->zh, "%s%s %lld", c->zh.len ? "、" : "", label, (long long)count);
	buf_printf(&c->en, "%s%s: %lld", c->en.len ? ", " : "", name, (long long)count);
}

/* In any of its fields; the tree itself by its numbers. */
static int64_t count_records(struct census *c, const struct shape *shape)
{
	struct query query;
	size_t areas = 0;
	bool is_tree = shape->slots[0].field->type == FIELD_area;
	query_start(&query, c->call->arena);
	query_sql(&query, "SELECT count(*) FROM ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(c->call->actor.district));
	query_sql(&query, " AND ended_at IS NULL AND (");
	for (size_t i = 0; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (slot->field->type != FIELD_area || (is_tree && i > 0))
			continue;
		query_sql(&query, areas++ > 0 ? " OR " : "");
		query_sql(&query, slot->column);
		query_sql(&query, " BETWEEN ");
		query_value(&query, value_int(c->area + is_tree));
		query_sql(&query, " AND ");
		query_value(&query, value_int(area_last(c->area)));
	}
	query_sql(&query, ")");
	if (areas == 0)
		return 0;
	struct rows *rows = query_run(&query, c->tx->db);
	int64_t count = rows_next(rows) ? rows_int(rows, 0) : 0;
	rows_end(rows);
	return count;
}

static int64_t count_accounts(struct census *c)
{
	int64_t count = 0;
	struct rows *rows = db_query(c->tx->db, "SELECT areas FROM account WHERE district = ?1 AND disabled = 0",
	                             BIND(value_int(c->call->actor.district)));
	while (rows_next(rows)) {
		struct account account;
		bool there = false;
		account_set_areas(&account, rows_text(rows, 0));
		for (size_t i = 0; i < account.area_count; i++)
			there = there || is_within(account.areas[i], c->area);
		count += there;
	}
	rows_end(rows);
	return count;
}

enum store_code territory_vacant(struct tx *tx, struct call *call, int64_t area)
{
	struct census c = { .tx = tx, .call = call, .area = area, .zh = buf_in(call->arena, 256, 4096),
		            .en = buf_in(call->arena, 256, 4096) };
	for (size_t i = 0; i < call->app->shape_count; i++) {
		const struct resource *resource = call->app->shapes[i]->resource;
		add_count(&c, resource->label, resource->name, count_records(&c, call->app->shapes[i]));
	}
	add_count(&c, "账号", "user", count_accounts(&c));
	if (db_code(tx->db) != STORE_OK)
		return db_code(tx->db);
	return c.zh.len == 0 ? STORE_OK : call_problem_detail(call, PROBLEM_AREA_IN_USE, buf_done(&c.zh), buf_done(&c.en));
}
