/* SPDX-License-Identifier: Apache-2.0 */
/* renumber.c - records and accounts whose areas get other numbers. */
#include "engine/renumber.h"

#include "engine/input.h"
#include "engine/journal.h"
#include "engine/operations.h"
#include "engine/record.h"
#include "engine/record_tokens.h"
#include "engine/territory.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_ROWS = 2000, ACCOUNTS = 200 };

bool renumber_concerns(const struct renumbering *r, int64_t area)
{
	for (size_t i = 0; i < r->range_count; i++)
		if (area != 0 && is_within(area, r->ranges[i]))
			return true;
	return false;
}

static int by_number(const void *a, const void *b)
{
	int64_t left = ((const struct new_number *)a)->was, right = ((const struct new_number *)b)->was;
	return (left > right) - (left < right);
}

void renumber_add(struct renumbering *r, int64_t was, int64_t now)
{
	if (r->count == r->room) {
		struct new_number *more = arena_take_raw(r->work->arena, (2 * r->room + 64) * sizeof *more);
		if (r->count > 0)
			memcpy(more, r->numbers, r->count * sizeof *more);
		r->numbers = more;
		r->room = 2 * r->room + 64;
	}
	r->numbers[r->count++] = (struct new_number){ was, now };
}

void renumber_sort(struct renumbering *r)
{
	if (r->count > 0)
		qsort(r->numbers, r->count, sizeof *r->numbers, by_number);
}

int64_t renumber_of(const struct renumbering *r, int64_t area)
{
	for (int64_t unit = 1; unit <= 1000000000; unit *= 1000) {
		struct new_number above = { area / unit * unit, 0 };
		const struct new_number *found = r->count == 0 ? NULL
			: bsearch(&above, r->numbers, r->count, sizeof *r->numbers, by_number);
		if (found)
			return found->now;
	}
	return 0;
}

/* ---- one record ---- */

static struct text number_text(struct arena *arena, int64_t number)
{
	return text_printf(arena, "%lld", (long long)number);
}

static enum store_code remember(struct tx *tx, const struct job_work *work, struct text resource, int64_t record, struct text field,
                                struct text before, struct text after)
{
	return db_exec(tx->db, "INSERT INTO area_renumbered (district, job, resource, record, field, value_before, value_after)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (district, job, resource, record, field)"
		" DO UPDATE SET value_before = excluded.value_before, value_after = excluded.value_after",
		BIND(value_int(work->actor.district), value_int(work->id), value_text(resource), value_int(record), value_text(field),
		     value_text(before), value_text(after)), NULL);
}

/* What stands elsewhere by the record's area goes along with it, in the same transaction. */
static enum store_code bring_along(struct tx *tx, struct job_work *work, const struct shape *shape, const void *before,
                                   const void *record)
{
	return record_tokens_move(tx, work->app, work->arena, work->actor.district, shape, before, record);
}

static enum store_code update(struct tx *tx, struct job_work *work, const struct shape *shape, const void *before,
                              const struct record *record)
{
	struct query query;
	query_start(&query, work->arena);
	query_sql(&query, "UPDATE ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " SET version = ");
	query_value(&query, value_int(record->version));
	query_sql(&query, ", updated_at = ");
	query_value(&query, value_int(record->updated_at));
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (slot->field->type != FIELD_area || slot_int(slot, before) == slot_int(slot, record))
			continue;
		query_sql(&query, ", ");
		query_sql(&query, slot->column);
		query_sql(&query, " = ");
		query_value(&query, value_int(slot_int(slot, record)));
	}
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(work->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(record->id));
	return query_exec(&query, tx->db);
}

static enum store_code write_line(struct tx *tx, struct job_work *work, const struct shape *shape, const void *before,
                                  const struct record *record)
{
	struct buf fields = buf_in(work->arena, 64, 4096), detail = buf_in(work->arena, 128, 16384);
	struct json_out json = json_out(&detail);
	json_begin_object(&json);
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (slot->field->type != FIELD_area || slot_int(slot, before) == slot_int(slot, record))
			continue;
		buf_printf(&fields, "%s%s", fields.len ? "," : "", slot->field->name);
		json_key(&json, slot->name);
		json_begin_array(&json);
		json_put_id(&json, slot_int(slot, before));
		json_put_id(&json, slot_int(slot, record));
		json_end_array(&json);
	}
	json_end_object(&json);
	return journal_write(tx, &work->actor, &(struct journal_line){
		.action = TEXT("renumber"), .resource = text_of(shape->resource->name), .record = record->id, .version = record->version,
		.places = record_places(shape, before, record),
		.fields = buf_done(&fields), .detail = buf_done(&detail) });
}

static enum store_code keep(struct tx *tx, struct job_work *work, const struct shape *shape, const void *before, struct record *record)
{
	record->version++;
	record->updated_at = tx->now_ms;
	enum store_code code = update(tx, work, shape, before, record);
	if (code == STORE_OK)
		code = write_line(tx, work, shape, before, record);
	return code == STORE_OK ? bring_along(tx, work, shape, before, record) : code;
}

static enum store_code renumber_one(struct tx *tx, struct renumbering *r, const struct shape *shape, const void *before)
{
	struct job_work *work = r->work;
	struct record *record = arena_take_raw(work->arena, shape->resource->size);
	enum store_code code = STORE_OK;
	memcpy(record, before, shape->resource->size);
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count && code == STORE_OK; i++) {
		const struct slot *slot = &shape->slots[i];
		int64_t was = slot->field->type == FIELD_area ? slot_int(slot, before) : 0;
		int64_t now = renumber_concerns(r, was) ? renumber_of(r, was) : 0;
		if (now == 0)
			continue;
		*(int64_t *)slot_at(slot, record) = now;
		if (r->remembers)
			code = remember(tx, work, text_of(shape->resource->name), record->id, slot->name, number_text(work->arena, was),
			                number_text(work->arena, now));
	}
	work->progress++;
	return code == STORE_OK ? keep(tx, work, shape, before, record) : code;
}

/* ---- finding records ---- */

/* The tree has jobs of its own. */
static bool holds_areas(const struct shape *shape, const struct slot *slot)
{
	return slot->field->type == FIELD_area && shape->slots[0].field->type != FIELD_area;
}

static bool has_index(const struct shape *shape, const struct slot *slot)
{
	size_t len = strlen(slot->column);
	for (size_t i = 0; i < shape->table.index_count; i++) {
		const struct table_index *index = &shape->table.indexes[i];
		const char *second = strchr(index->columns, ' ');
		if (!index->where && second && strncmp(second + 1, slot->column, len) == 0 && second[1 + len] == ',')
			return true;
	}
	return false;
}

static void add_ranges(struct query *query, const struct renumbering *r, const struct slot *slot)
{
	query_sql(query, " WHERE district = ");
	query_value(query, value_int(r->work->actor.district));
	for (size_t i = 0; i < r->range_count; i++) {
		query_sql(query, i == 0 ? " AND (" : " OR ");
		query_sql(query, slot->column);
		query_sql(query, " BETWEEN ");
		query_value(query, value_int(r->ranges[i]));
		query_sql(query, " AND ");
		query_value(query, value_int(area_last(r->ranges[i])));
	}
	query_sql(query, ")");
}

/* Without an index the table is gone through in windows, behind place->id up to *last; 0: there is nothing left. */
static enum store_code find_window(struct tx *tx, const struct renumbering *r, const struct shape *shape,
                                   const struct renumber_place *place, int64_t *last)
{
	struct query query;
	query_start(&query, r->work->arena);
	query_sql(&query, "SELECT max(id) FROM (SELECT id FROM ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(r->work->actor.district));
	query_sql(&query, " AND id > ");
	query_value(&query, value_int(place->id));
	query_sql(&query, " ORDER BY id LIMIT ");
	query_value(&query, value_int(WINDOW_ROWS));
	query_sql(&query, ") AS w");
	struct rows *rows = query_run(&query, tx->db);
	*last = rows_next(rows) ? rows_int(rows, 0) : 0;
	return rows_end(rows);
}

static enum store_code read_slice(struct tx *tx, const struct renumbering *r, const struct shape *shape, const struct slot *slot,
                                  int64_t after, int64_t last, void **records, size_t *count)
{
	struct query query;
	query_start(&query, r->work->arena);
	query_sql(&query, "SELECT ");
	query_sql(&query, shape->column_list);
	query_sql(&query, " FROM ");
	query_sql(&query, shape->table.name);
	add_ranges(&query, r, slot);
	if (last) {
		query_sql(&query, " AND id > ");
		query_value(&query, value_int(after));
		query_sql(&query, " AND id <= ");
		query_value(&query, value_int(last));
		query_sql(&query, " ORDER BY id");
	}
	query_sql(&query, " LIMIT ");
	query_value(&query, value_int(RENUMBER_ROWS));
	struct rows *rows = query_run(&query, tx->db);
	*count = 0;
	while (rows_next(rows)) {
		records[*count] = arena_take_raw(r->work->arena, shape->resource->size);
		record_read(shape, rows, r->work->arena, records[(*count)++]);
	}
	return rows_end(rows);
}

/* What was found by an index is found there no more once it has its new number: the next slice begins at the front again. */
static enum store_code take_slice(struct tx *tx, struct renumbering *r, const struct shape *shape, const struct slot *slot,
                                  struct renumber_place *place, bool *more)
{
	void *records[RENUMBER_ROWS];
	size_t count = 0;
	int64_t last = 0;
	bool windows = !has_index(shape, slot);
	enum store_code code = windows ? find_window(tx, r, shape, place, &last) : STORE_OK;
	*more = false;
	if (code == STORE_OK && (!windows || last))
		code = read_slice(tx, r, shape, slot, place->id, last, records, &count);
	for (size_t i = 0; i < count && code == STORE_OK; i++)
		code = renumber_one(tx, r, shape, records[i]);
	*more = windows ? last != 0 : count > 0;
	if (windows && last)
		place->id = count == RENUMBER_ROWS ? ((const struct record *)records[count - 1])->id : last;
	return code;
}

enum store_code renumber_records(struct tx *tx, struct renumbering *r, struct renumber_place *place, bool *end)
{
	struct app *app = r->work->app;
	for (; place->shape < (int64_t)app->shape_count; place->shape++, place->slot = place->id = 0) {
		const struct shape *shape = app->shapes[place->shape];
		for (; place->slot < (int64_t)shape->slot_count; place->slot++, place->id = 0) {
			bool more;
			const struct slot *slot = &shape->slots[place->slot];
			if (!holds_areas(shape, slot))
				continue;
			enum store_code code = take_slice(tx, r, shape, slot, place, &more);
			if (code != STORE_OK || more)
				return code;
		}
	}
	*end = true;
	return STORE_OK;
}

static enum store_code add_count(struct tx *tx, const struct renumbering *r, const struct shape *shape, const struct slot *slot,
                                 int64_t most, int64_t *count)
{
	struct query query;
	query_start(&query, r->work->arena);
	query_sql(&query, "SELECT count(*) FROM (SELECT 1 FROM ");
	query_sql(&query, shape->table.name);
	add_ranges(&query, r, slot);
	query_sql(&query, " LIMIT ");
	query_value(&query, value_int(most));
	query_sql(&query, ") AS there");
	struct rows *rows = query_run(&query, tx->db);
	*count += rows_next(rows) ? rows_int(rows, 0) : 0;
	return rows_end(rows);
}

static enum store_code count_up_to(struct tx *tx, const struct renumbering *r, int64_t most, int64_t *count)
{
	struct app *app = r->work->app;
	enum store_code code = STORE_OK;
	*count = 0;
	for (size_t s = 0; s < app->shape_count; s++)
		for (size_t i = 0; i < app->shapes[s]->slot_count && code == STORE_OK; i++)
			if (holds_areas(app->shapes[s], &app->shapes[s]->slots[i]) && has_index(app->shapes[s], &app->shapes[s]->slots[i]))
				code = add_count(tx, r, app->shapes[s], &app->shapes[s]->slots[i], most, count);
	return code;
}

enum store_code renumber_count(struct tx *tx, struct renumbering *r, int64_t *count)
{
	return count_up_to(tx, r, 1000000, count);
}

enum store_code renumber_any(struct tx *tx, struct renumbering *r, bool *any)
{
	int64_t count;
	enum store_code code = count_up_to(tx, r, 1, &count);
	*any = count > 0;
	return code;
}

/* ---- accounts ---- */

static enum store_code save_account(struct tx *tx, struct job_work *work, struct account *was, struct account *now)
{
	enum store_code code = account_find_place(tx->db, work->app, was);
	if (code == STORE_OK)
		code = account_find_place(tx->db, work->app, now);
	return code == STORE_OK ? account_save(tx, &work->actor, was, now) : code;
}

static bool covers(const struct account *account, int64_t area)
{
	for (size_t i = 0; i < account->area_count; i++)
		if (is_within(area, account->areas[i]))
			return true;
	return false;
}

static bool add_area(struct account *account, int64_t area)
{
	if (covers(account, area))
		return true;
	if (account->area_count == ACTOR_AREAS_MAX)
		return false;
	account->areas[account->area_count++] = area;
	return true;
}

static void change_areas(const struct renumbering *r, const struct account *was, struct account *now, bool widen)
{
	bool room = true;
	*now = *was;
	for (size_t i = 0; i < was->area_count && widen; i++)
		if (renumber_concerns(r, was->areas[i]))
			room = add_area(now, renumber_of(r, was->areas[i])) && room;
	if (widen && room)
		return;
	now->area_count = 0;
	for (size_t i = 0; i < was->area_count; i++)
		add_area(now, renumber_concerns(r, was->areas[i]) ? renumber_of(r, was->areas[i]) : was->areas[i]);
}

static enum store_code renumber_account(struct tx *tx, struct renumbering *r, int64_t id, bool widen)
{
	struct job_work *work = r->work;
	struct account was, now;
	bool found;
	enum store_code code = account_read(tx->db, work->arena, id, &was, &found);
	if (code != STORE_OK || !found)
		return code;
	change_areas(r, &was, &now, widen);
	struct text before = account_areas(work->arena, &was), after = account_areas(work->arena, &now);
	if (text_eq(before, after))
		return STORE_OK;
	if (r->remembers)
		code = remember(tx, work, TEXT("user"), id, TEXT("areas"), before, after);
	return code == STORE_OK ? save_account(tx, work, &was, &now) : code;
}

enum store_code renumber_accounts(struct tx *tx, struct renumbering *r, bool widen, int64_t *after, bool *end)
{
	int64_t ids[ACCOUNTS];
	size_t count = 0, looked = 0;
	struct rows *rows = db_query(tx->db, "SELECT id, areas FROM account WHERE district = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
		BIND(value_int(r->work->actor.district), value_int(*after), value_int(ACCOUNTS)));
	for (; rows_next(rows); looked++) {
		struct account account;
		bool there = false;
		account_set_areas(&account, rows_text(rows, 1));
		for (size_t i = 0; i < account.area_count; i++)
			there = there || renumber_concerns(r, account.areas[i]);
		*after = rows_int(rows, 0);
		if (there)
			ids[count++] = *after;
	}
	enum store_code code = rows_end(rows);
	for (size_t i = 0; i < count && code == STORE_OK; i++)
		code = renumber_account(tx, r, ids[i], widen);
	*end = looked < ACCOUNTS;
	return code;
}

/* ---- taking it back ---- */

struct remembered {
	struct text resource, field, before, after;
	int64_t record;
};

static bool has_area(const struct account *account, int64_t area)
{
	for (size_t i = 0; i < account->area_count; i++)
		if (account->areas[i] == area)
			return true;
	return false;
}

/* What the job gave goes, and what it took comes back; what somebody else or another job changed meanwhile stays. An account that has
 * nothing any more of what it had was given its areas anew, and keeps them. */
static void give_back(const struct account *was, const struct account *before, const struct account *after, struct account *now)
{
	bool same = was->area_count == after->area_count, there = false;
	for (size_t i = 0; i < was->area_count; i++) {
		same = same && was->areas[i] == after->areas[i];
		there = there || has_area(before, was->areas[i]);
	}
	*now = *was;
	if (!same && !there)
		return;
	now->area_count = 0;
	for (size_t i = 0; i < before->area_count; i++)
		if (has_area(was, before->areas[i]) || !has_area(after, before->areas[i]))
			now->areas[now->area_count++] = before->areas[i];
	for (size_t i = 0; i < was->area_count && now->area_count < ACTOR_AREAS_MAX; i++)
		if (!has_area(before, was->areas[i]) && !has_area(after, was->areas[i]))
			now->areas[now->area_count++] = was->areas[i];
}

static enum store_code undo_account(struct tx *tx, struct job_work *work, const struct remembered *m)
{
	struct account was, now, before, after;
	bool found;
	enum store_code code = account_read(tx->db, work->arena, m->record, &was, &found);
	if (code != STORE_OK || !found)
		return code;
	account_set_areas(&before, m->before);
	account_set_areas(&after, m->after);
	give_back(&was, &before, &after, &now);
	return save_account(tx, work, &was, &now);
}

static enum store_code undo_record(struct tx *tx, struct job_work *work, const struct remembered *m)
{
	const struct shape *shape = app_shape(work->app, m->resource);
	const struct slot *slot = shape ? shape_slot(shape, m->field) : NULL;
	int64_t before_number, after_number;
	if (!slot || !text_to_int(m->before, INT64_MAX, &before_number) || !text_to_int(m->after, INT64_MAX, &after_number))
		return STORE_OK;
	void *before = arena_take_raw(work->arena, shape->resource->size);
	struct record *record = arena_take_raw(work->arena, shape->resource->size);
	struct query query;
	query_start(&query, work->arena);
	query_sql(&query, "SELECT ");
	query_sql(&query, shape->column_list);
	query_sql(&query, " FROM ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(work->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(m->record));
	struct rows *rows = query_run(&query, tx->db);
	bool found = rows_next(rows);
	if (found)
		record_read(shape, rows, work->arena, before);
	enum store_code code = rows_end(rows);
	if (code != STORE_OK || !found || slot_int(slot, before) != after_number)
		return code;
	memcpy(record, before, shape->resource->size);
	*(int64_t *)slot_at(slot, record) = before_number;
	return keep(tx, work, shape, before, record);
}

enum store_code renumber_undo(struct tx *tx, struct job_work *work, bool *end)
{
	struct remembered all[RENUMBER_ROWS];
	size_t count = 0;
	struct rows *rows = db_query(tx->db, "SELECT resource, record, field, value_before, value_after FROM area_renumbered"
		" WHERE district = ?1 AND job = ?2 ORDER BY resource, record, field LIMIT ?3",
		BIND(value_int(work->actor.district), value_int(work->id), value_int(RENUMBER_ROWS)));
	while (rows_next(rows))
		all[count++] = (struct remembered){ text_copy(work->arena, rows_text(rows, 0)), text_copy(work->arena, rows_text(rows, 2)),
			                            text_copy(work->arena, rows_text(rows, 3)), text_copy(work->arena, rows_text(rows, 4)),
			                            rows_int(rows, 1) };
	enum store_code code = rows_end(rows);
	for (size_t i = 0; i < count && code == STORE_OK; i++) {
		code = text_is(all[i].resource, "user") ? undo_account(tx, work, &all[i]) : undo_record(tx, work, &all[i]);
		if (code == STORE_OK)
			code = db_exec(tx->db, "DELETE FROM area_renumbered WHERE district = ?1 AND job = ?2 AND resource = ?3"
				" AND record = ?4 AND field = ?5", BIND(value_int(work->actor.district), value_int(work->id),
				value_text(all[i].resource), value_int(all[i].record), value_text(all[i].field)), NULL);
		work->progress -= work->progress > 0;
	}
	*end = count < RENUMBER_ROWS;
	return code;
}

enum store_code renumber_forget(struct tx *tx, struct job_work *work, bool *end)
{
	int64_t dropped = 0;
	enum store_code code = db_exec(tx->db, "DELETE FROM area_renumbered WHERE (district, job, resource, record, field) IN"
		" (SELECT district, job, resource, record, field FROM area_renumbered WHERE district = ?1 AND job = ?2 LIMIT ?3)",
		BIND(value_int(work->actor.district), value_int(work->id), value_int(10 * RENUMBER_ROWS)), &dropped);
	*end = dropped < 10 * RENUMBER_ROWS;
	return code;
}
