/* SPDX-License-Identifier: Apache-2.0 */
/* import_row.c - a row of a file: which record it is about, and what becomes of that. */
#include "engine/import_row.h"

#include "engine/claim.h"
#include "engine/operations_own.h"
#include "engine/record.h"

#include <string.h>

enum { BACK_BYTES_MAX = 64 * 1024 };

/* One field of a row, looked at for itself; what is wrong with it is said when the whole row is taken. */
static bool take_apart(struct tx *tx, struct call *call, const struct shape *shape, const struct slot *slot, const struct input *row,
                       void *record, struct value *value)
{
	struct input in = { .object = row->object, .cells = row->cells, .cell_count = row->cell_count };
	size_t wrong_count = call->wrong_count;
	enum problem problem = call->problem;
	input_start_record(&in, call, shape, 0, NULL);
	in.create = false;
	in.unwritten = true;
	take_field(&in, tx, slot->field, slot_at(slot, record));
	bool fine = call->wrong_count == wrong_count && call->problem == problem;
	call->wrong_count = wrong_count;
	call->problem = problem;
	*value = operation_unique_value(slot, record, in.hidden.sealed);
	return fine && value->type != VALUE_NULL;
}

/* By what nobody else has. */
static enum store_code match_unique(struct tx *tx, struct call *call, const struct shape *shape, const struct input *row, void *scratch,
                                    bool ended, struct import_row *import)
{
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		struct value value;
		bool found;
		if (!(slot->field->flags & UNIQUE) || !take_apart(tx, call, shape, slot, row, scratch, &value))
			continue;
		import->has_number = true;
		if (import->key.len == 0)
			import->key = value.text;
		struct record *other = arena_take_raw(call->arena, shape->resource->size);
		enum store_code code = operation_find_by(tx, call, shape, slot, value, 0, ended, other, &found);
		if (code != STORE_OK)
			return code;
		if (!found)
			continue;
		if (!operation_sees(shape, &call->actor, other))
			return call_problem(call, PROBLEM_REGISTERED_ELSEWHERE);
		import->id = other->id;
		return STORE_OK;
	}
	return STORE_OK;
}

/* ---- masks ---- */

/* The slot of a cell that only has what may be seen of a sealed value, as lists and exports have it; NULL: it has a value. */
static const struct slot *masked_slot(const struct shape *shape, const struct pair *cell)
{
	if (!cell->value.len || !memchr(cell->value.ptr, '*', cell->value.len))
		return NULL;
	const struct slot *slot = shape_slot(shape, cell->name);
	bool whole = slot && (slot->field->flags & HEALTH) && !text_is(cell->value, "***"); /* people write stars into texts */
	return slot && slot->box_column && !whole ? slot : NULL;
}

/* A masked cell says nothing where the record (NULL: there is none) shows the same; elsewhere nobody knows what it stands for. */
static void drop_masked(struct call *call, const struct shape *shape, struct input *row, const void *record)
{
	struct pair *kept = arena_take_raw(call->arena, (row->cell_count + 1) * sizeof *kept);
	size_t count = 0;
	for (size_t i = 0; i < row->cell_count; i++) {
		const struct slot *slot = masked_slot(shape, &row->cells[i]);
		if (!slot)
			kept[count++] = row->cells[i];
		else if (!record || !text_eq(slot_text(slot, record), row->cells[i].value))
			call_wrong(call, text_printf(call->arena, "/%s", slot->field->name), "masked_value",
				TEXT("这是遮盖后的内容，不是原值，也与记录不符：请填写完整内容，或留空表示不改"),
				TEXT("It is masked, and not as the record shows it: fill it in whole, or leave it empty to change nothing"));
	}
	row->cells = kept;
	row->cell_count = count;
}

/* What is shown of a number tells people of one name apart. */
static void add_masks(const struct shape *shape, const struct input *row, struct query *query, struct buf *key)
{
	for (size_t i = 0; i < row->cell_count; i++) {
		const struct slot *slot = masked_slot(shape, &row->cells[i]);
		if (!slot || !(slot->field->flags & UNIQUE))
			continue;
		query_sql(query, " AND ");
		query_sql(query, slot->column);
		query_sql(query, " = ");
		query_value(query, value_text(row->cells[i].value));
		buf_text(key, row->cells[i].value);
		buf_char(key, '\n');
	}
}

/* ---- whom it is about ---- */

/* False: the row does not say all of it. */
static bool add_same(struct tx *tx, struct call *call, const struct shape *shape, const struct input *row, void *scratch, struct query *query,
                     struct buf *key)
{
	struct text names = text_of(shape->resource->same);
	while (names.len > 0) {
		const struct slot *slot = shape_slot(shape, text_word(&names));
		struct value value;
		if (!take_apart(tx, call, shape, slot, row, scratch, &value))
			return false;
		query_sql(query, " AND ");
		query_sql(query, slot->column);
		query_sql(query, " = ");
		query_value(query, value);
		if (value.type == VALUE_INT)
			buf_int(key, value.integer);
		else
			buf_text(key, value.text);
		buf_char(key, '\n');
	}
	return true;
}

/* Whom a row names by a number, that is nobody who has another. */
static void without_number(struct query *query, const struct shape *shape)
{
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (!(slot->field->flags & UNIQUE))
			continue;
		query_sql(query, " AND ");
		if (slot->hash_column)
			query_sql(query, slot->hash_column);
		else
			query_sql(query, slot->column);
		query_sql(query, " IS NULL");
	}
}

/* By what is said of nobody else, most likely. */
static enum store_code match_same(struct tx *tx, struct call *call, const struct shape *shape, const struct input *row, void *scratch,
                                  bool ended, struct import_row *import)
{
	struct query query;
	struct buf key = buf_in(call->arena, 128, 4096);
	query_start(&query, call->arena);
	query_sql(&query, "SELECT id FROM ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, ended ? " AND ended_at IS NOT NULL" : " AND ended_at IS NULL");
	if (!add_same(tx, call, shape, row, scratch, &query, &key))
		return STORE_OK;
	add_masks(shape, row, &query, &key);
	if (import->has_number)
		without_number(&query, shape);
	else
		import->key = buf_done(&key);
	scope_condition(&query, &call->actor, &shape->ties);
	query_sql(&query, " LIMIT 2");
	struct rows *rows = query_run(&query, tx->db);
	bool found = rows_next(rows);
	if (found)
		import->id = rows_int(rows, 0);
	bool several = found && rows_next(rows);
	enum store_code code = rows_end(rows);
	return code == STORE_OK && several ? call_problem(call, PROBLEM_SEVERAL_FIT) : code;
}

/* What the changed fields were, as a merge-patch. */
struct text import_row_back(struct input *in, const struct shape *shape, const void *before, const struct hidden *was)
{
	struct buf values = buf_in(in->call->arena, 512, BACK_BYTES_MAX);
	struct json_out json = json_out(&values);
	struct text names = buf_done(&in->fields);
	struct input then = { .call = in->call, .shape = shape, .id = in->id, .hidden = *was };
	json_begin_object(&json);
	while (names.len > 0) {
		const char *comma = memchr(names.ptr, ',', names.len);
		struct text name = { names.ptr, comma ? (size_t)(comma - names.ptr) : names.len };
		const struct slot *slot = shape_slot(shape, name);
		if (slot->box_column)
			json_member_text(&json, slot->name, input_plain(&then, slot->field->name));
		else
			record_put_slot(&json, slot, before);
		names = (struct text){ names.ptr + name.len + (comma != NULL), names.len - name.len - (comma != NULL) };
	}
	json_end_object(&json);
	return values.overflow ? TEXT_NONE : buf_done(&values);
}

static enum store_code import_change(struct tx *tx, struct call *call, const struct shape *shape, struct input *row,
                                     struct import_row *import)
{
	void *before = arena_take_raw(call->arena, shape->resource->size);
	struct record *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	enum store_code code = operation_find(tx->db, call, shape, import->id, before, &hidden);
	if (code != STORE_OK)
		return code;
	if (!operation_keeps(shape, &call->actor, before))
		return call_problem(call, PROBLEM_REGISTERED_ELSEWHERE);
	row->cell_count = import->said_count;
	drop_masked(call, shape, row, before);
	input_start_record(row, call, shape, import->id, &hidden);
	memcpy(record, before, shape->resource->size);
	if (!operation_take(row, tx, shape, before, record))
		return operation_refused(tx);
	import->end = row->changed ? IMPORT_CHANGED : row->claim_count > 0 ? IMPORT_CLAIMED : IMPORT_SAME;
	if (import->check)
		return STORE_OK;
	if (row->changed) {
		import->back = import_row_back(row, shape, before, &hidden);
		import->sources = hidden.sources;
		code = operation_write_change(tx, shape, row, before, &hidden, record, "update");
	}
	import->version = record->version;
	return code == STORE_OK && shape->owned ? claim_keep(tx, row, record) : code;
}

/* The record, among those that have ended or those that have not; 0: there is none. */
static enum store_code match(struct tx *tx, struct call *call, const struct shape *shape, const struct input *row, bool ended,
                             struct import_row *import)
{
	void *scratch = arena_take(call->arena, shape->resource->size);
	record_blank(shape, scratch);
	enum store_code code = match_unique(tx, call, shape, row, scratch, ended, import);
	if (code == STORE_OK && import->id == 0 && shape->resource->same)
		code = match_same(tx, call, shape, row, scratch, ended, import);
	return code;
}

/* ---- events ---- */

static struct text said(const struct input *row, const char *name)
{
	for (size_t i = 0; i < row->cell_count; i++)
		if (text_is(row->cells[i].name, name))
			return text_trim(row->cells[i].value);
	return TEXT_NONE;
}

/* By their names and days people are told apart, and nobody shall be dead by a slip in a number. */
static void check_person(struct tx *tx, struct call *call, const struct shape *shape, const struct input *row, const void *before)
{
	void *scratch = arena_take(call->arena, shape->resource->size);
	struct text names = text_of(shape->resource->same);
	record_blank(shape, scratch);
	while (names.len > 0) {
		const struct slot *slot = shape_slot(shape, text_word(&names));
		struct value value;
		if (!field_is_text(slot->field) || !take_apart(tx, call, shape, slot, row, scratch, &value))
			continue;
		if (!text_eq(value.text, slot_text(slot, before)))
			call_wrong(call, text_printf(call->arena, "/%s", slot->field->name), "contradicts_record",
				text_printf(call->arena, "与登记的%s不一致，请核对是不是同一个", slot->field->label),
				TEXT("The record says otherwise; make sure that it is the same"));
	}
}

static enum store_code write_event(struct tx *tx, struct call *call, const struct shape *shape, const struct input *row, bool returns,
                                   const void *before, const struct hidden *hidden, struct import_row *import)
{
	struct record *record = arena_take_raw(call->arena, shape->resource->size);
	const struct record *was = before;
	struct input in;
	struct text why = said(row, "end_reason"), on = said(row, "ended_on");
	enum store_code code = STORE_OK;
	import->end = returns ? IMPORT_RETURNED : IMPORT_ENDED;
	if (import->check)
		return returns ? STORE_OK : operation_take_end(&in, tx, call, shape, before, why, on, record);
	if (returns) {
		import->back = text_printf(call->arena, "%.*s\n%.*s", TEXT_ARG(was->end_reason), TEXT_ARG(was->ended_on));
		code = operation_reopen(tx, call, shape, before, hidden, record);
	} else {
		code = operation_end(tx, call, shape, before, hidden, why, on, record);
	}
	import->version = record->version;
	import->followed = call->followed;
	import->followed_count = call->followed_count;
	return code;
}

static enum store_code take_event(struct tx *tx, struct call *call, const struct shape *shape, struct input *row, struct import_row *import)
{
	void *before = arena_take_raw(call->arena, shape->resource->size);
	bool returns = text_is(said(row, "end_reason"), EVENT_RETURNED);
	struct hidden hidden;
	enum store_code code = match(tx, call, shape, row, returns, import);
	bool happens = import->id != 0;
	if (code == STORE_OK && !happens)
		code = match(tx, call, shape, row, !returns, import); /* it has been told before */
	if (code == STORE_OK && import->id == 0)
		return call_problem_detail(call, PROBLEM_NOT_FOUND, TEXT("没有找到这条记录，请核对编号"),
			TEXT("There is no such record; check the number"));
	if (code == STORE_OK)
		code = operation_find(tx->db, call, shape, import->id, before, &hidden);
	if (code != STORE_OK)
		return code;
	if (!operation_keeps(shape, &call->actor, before))
		return call_problem(call, PROBLEM_REGISTERED_ELSEWHERE);
	if (!said(row, "end_reason").len)
		call_wrong(call, TEXT("/end_reason"), "required", TEXT("有终止日期，没有终止原因"), TEXT("There is a day of the end, and no reason"));
	row->cell_count = import->said_count;
	check_person(tx, call, shape, row, before);
	if (call->problem != PROBLEM_NONE)
		return operation_refused(tx);
	import->end = IMPORT_SAME;
	return happens ? write_event(tx, call, shape, row, returns, before, &hidden, import) : STORE_OK;
}

/* ---- a row ---- */

enum store_code import_row_take(struct tx *tx, struct call *call, const struct shape *shape, struct input *row,
                                 struct import_row *import)
{
	enum store_code code = STORE_OK;
	row->unwritten = import->check;
	if (said(row, "end_reason").len > 0 || said(row, "ended_on").len > 0)
		return take_event(tx, call, shape, row, import);
	if (!import->invented)
		code = match(tx, call, shape, row, false, import);
	if (code != STORE_OK)
		return code;
	if (import->id)
		return import_change(tx, call, shape, row, import);
	struct record *record = arena_take(call->arena, shape->resource->size);
	drop_masked(call, shape, row, NULL);
	import->end = IMPORT_CREATED;
	code = import->check ? operation_prepare(tx, call, shape, row, record) : operation_create(tx, call, shape, row, record);
	if (code == STORE_OK && !import->check) {
		import->id = record->id;
		import->version = record->version;
	}
	return code;
}

static enum store_code undo_event(struct tx *tx, struct call *call, const struct shape *shape, const struct import_row *import,
                                  const void *before, const struct hidden *hidden)
{
	struct record *record = arena_take_raw(call->arena, shape->resource->size);
	if (import->end == IMPORT_ENDED)
		return operation_reopen(tx, call, shape, before, hidden, record);
	struct text why = { import->back.ptr, import->back.len - DATE_CHARS - 1 }, on = { why.ptr + why.len + 1, DATE_CHARS };
	return operation_end(tx, call, shape, before, hidden, why, on, record);
}

enum store_code import_row_undo(struct tx *tx, struct call *call, const struct shape *shape, const struct import_row *import, bool *kept)
{
	struct record *before = arena_take_raw(call->arena, shape->resource->size);
	struct record *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	struct input in = { .decided = true };
	call->id = import->id;
	enum store_code code = operation_find(tx->db, call, shape, import->id, before, &hidden);
	*kept = code == STORE_REFUSED || before->version != import->version ||
	        record_has_ended(before) != (import->end == IMPORT_ENDED);
	if (*kept) {
		call_again(call);
		return code == STORE_REFUSED ? STORE_OK : code;
	}
	if (code == STORE_OK && (import->end == IMPORT_ENDED || import->end == IMPORT_RETURNED))
		return undo_event(tx, call, shape, import, before, &hidden);
	if (code == STORE_OK && import->end == IMPORT_CREATED)
		return operation_end(tx, call, shape, before, &hidden, TEXT("mistake"), TEXT_NONE, record);
	if (code != STORE_OK || json_read(import->back, BODY_DEPTH_MAX, &in.object) != JSON_FINE)
		return code;
	input_start_record(&in, call, shape, import->id, &hidden);
	memcpy(record, before, shape->resource->size);
	if (!operation_take(&in, tx, shape, before, record))
		code = operation_refused(tx);
	in.hidden.sources = import->sources;
	if (code == STORE_OK && in.changed)
		code = operation_write_change(tx, shape, &in, before, &hidden, record, "update");
	json_decref(in.object);
	return code;
}
