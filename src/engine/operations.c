/* SPDX-License-Identifier: Apache-2.0 */
/* operations.c - list, get, create, merge-patch and end of every declared resource. */
#include "engine/operations_own.h"

#include "engine/claim.h"
#include "engine/flow.h"
#include "engine/history.h"
#include "engine/input.h"
#include "engine/journal.h"
#include "engine/listing.h"
#include "engine/record.h"
#include "engine/reaction.h"
#include "engine/record_tokens.h"
#include "engine/source.h"
#include "engine/tags.h"

#include <assert.h>
#include <string.h>

/* ---- reading ---- */

static enum store_code list(struct db *db, void *arg)
{
	struct call *call = arg;
	return list_answer(call, db, call->route->shape);
}

void operation_read_hidden(const struct shape *shape, const struct rows *rows, struct arena *arena, struct hidden *hidden)
{
	int at = (int)shape->column_count;
	hidden->sealed = arena_take(arena, (shape->sealed_count + 1) * sizeof *hidden->sealed);
	for (size_t i = 0; i < shape->sealed_count; i++, at += 2)
		hidden->sealed[i] = (struct sealed){ .hash = text_copy(arena, rows_text(rows, at)),
			                             .box = text_copy(arena, rows_text(rows, at + 1)) };
	hidden->sources = shape->owned ? text_copy(arena, rows_text(rows, at)) : TEXT_NONE;
}

enum store_code operation_ties(struct tx *tx, struct call *call, const char *resource, int64_t id, struct tie_values *ties)
{
	const struct shape *shape = app_shape(call->app, text_of(resource));
	void *record = arena_take_raw(call->arena, shape->resource->size);
	enum store_code code = operation_find(tx->db, call, shape, id, record, NULL);
	if (code == STORE_OK)
		*ties = record_ties(shape, record);
	return code;
}

enum store_code operation_look_up(struct tx *tx, struct call *call, const char *resource, const char *field, struct text hash,
                                  int64_t *id, struct tie_values *ties)
{
	const struct shape *shape = app_shape(call->app, text_of(resource));
	struct record *record = arena_take_raw(call->arena, shape->resource->size);
	bool found;
	const struct slot *slot = shape_slot(shape, text_of(field));
	enum store_code code = operation_find_by(tx, call, shape, slot, value_blob(hash), 0, false, record, &found);
	*id = code == STORE_OK && found ? record->id : 0;
	if (*id)
		*ties = record_ties(shape, record);
	return code;
}

static struct rows *ask_for(struct db *db, struct call *call, const struct shape *shape, int64_t id, bool hidden)
{
	struct query query;
	query_start(&query, call->arena);
	if (hidden)
		query_sql(&query, shape->select_whole);
	else
		query_sql(&query, shape->select);
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(id));
	scope_condition(&query, &call->actor, &shape->ties);
	return query_run(&query, db);
}

enum store_code operation_find(struct db *db, struct call *call, const struct shape *shape, int64_t id, void *record,
                               struct hidden *hidden)
{
	struct rows *rows = ask_for(db, call, shape, id, hidden != NULL);
	bool found = rows_next(rows);
	if (found)
		record_read(shape, rows, call->arena, record);
	if (found && hidden)
		operation_read_hidden(shape, rows, call->arena, hidden);
	enum store_code code = rows_end(rows);
	return code != STORE_OK || found ? code : call_problem(call, PROBLEM_NOT_FOUND);
}

static enum store_code find(struct db *db, struct call *call, void *record, struct hidden *hidden)
{
	return operation_find(db, call, call->route->shape, call->id, record, hidden);
}

/* Written while the row stands: none of its texts is copied. */
static enum store_code get(struct db *db, void *arg)
{
	struct call *call = arg;
	const struct shape *shape = call->route->shape;
	void *record = arena_take_raw(call->arena, shape->resource->size);
	struct rows *rows = ask_for(db, call, shape, call->id, false);
	bool found = rows_next(rows);
	if (found) {
		record_read(shape, rows, NULL, record);
		record_answer(call, shape, record, 200);
	}
	enum store_code code = rows_end(rows);
	return code != STORE_OK || found ? code : call_problem(call, PROBLEM_NOT_FOUND);
}

static enum store_code history(struct db *db, void *arg)
{
	struct call *call = arg;
	void *record = arena_take_raw(call->arena, call->route->shape->resource->size);
	enum store_code code = find(db, call, record, NULL);
	return code == STORE_OK ? history_answer(call, db, call->route->shape->resource->name) : code;
}

static enum store_code sources_of(struct db *db, void *arg)
{
	struct call *call = arg;
	void *record = arena_take_raw(call->arena, call->route->shape->resource->size);
	struct hidden hidden;
	enum store_code code = find(db, call, record, &hidden);
	return code == STORE_OK ? claim_answer_sources(call, db, call->route->shape, call->id, hidden.sources) : code;
}

/* ---- what may be written ---- */

/* The tie by which the actor may change a record: a person is changed by the area where they live, not by the second one. */
static const struct slot *keeping_slot(const struct shape *shape, const struct actor *actor)
{
	static const unsigned slots[] = { [BOUND_AREA] = 0, [BOUND_ORGANIZATION] = 2, [BOUND_OWN] = 3, [BOUND_FAMILY] = 4 };
	return shape->tie_slots[slots[actor->role ? actor->role->bound : BOUND_AREA]];
}

bool operation_keeps(const struct shape *shape, const struct actor *actor, const void *record)
{
	struct tie_values values = record ? record_ties(shape, record) : (struct tie_values){ 0 };
	struct tie_columns ties = shape->ties;
	ties.second_area = NULL;
	return scope_sees(actor, &ties, &values);
}

/* A record is neither made in, nor moved to, somebody else's. */
static void check_keeping(struct input *in, const struct shape *shape, const void *before, const void *record)
{
	const struct actor *actor = &in->call->actor;
	const struct slot *slot = keeping_slot(shape, actor);
	if (!slot || slot->offset == 0 || !slot_int(slot, record) || operation_keeps(shape, actor, record))
		return;
	if (!before || slot_int(slot, before) != slot_int(slot, record))
		input_wrong(in, slot->field->name, "out_of_scope", "不在您的管辖范围内", "Outside your area");
}

bool operation_take(struct input *in, struct tx *tx, const struct shape *shape, const void *before, void *record)
{
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (slot->field->flags & (before ? KEPT | FIXED : KEPT))
			continue;
		size_t noted = in->fields.len;
		if (before && claim_is_due(in, slot, before))
			claim_take(in, tx, slot, before);
		else
			take_field(in, tx, slot->field, slot_at(slot, record));
		if (before && slot->field->owner && in->fields.len > noted)
			claim_note_source(in, slot);
		else if (before && slot->field->owner)
			claim_confirm(in, slot);
	}
	if (!before && shape->owned)
		claim_note_source(in, NULL);
	if (!before && shape->resource->fill)
		shape->resource->fill(in, tx, record);
	if (shape->resource->check)
		shape->resource->check(in, tx, record);
	check_keeping(in, shape, before, record);
	return input_finish(in);
}

enum store_code operation_find_by(struct tx *tx, struct call *call, const struct shape *shape, const struct slot *slot, struct value value,
                                  int64_t but, bool ended, void *record, bool *found)
{
	struct query query;
	query_start(&query, call->arena);
	query_sql(&query, shape->select);
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND ");
	if (slot->hash_column)
		query_sql(&query, slot->hash_column);
	else
		query_sql(&query, slot->column);
	query_sql(&query, " = ");
	query_value(&query, value);
	query_sql(&query, ended ? " AND ended_at IS NOT NULL AND id <> " : " AND ended_at IS NULL AND id <> ");
	query_value(&query, value_int(but));
	query_sql(&query, ended ? " ORDER BY ended_at DESC LIMIT 1" : "");
	struct rows *rows = query_run(&query, tx->db);
	*found = rows_next(rows);
	if (*found)
		record_read(shape, rows, call->arena, record);
	return rows_end(rows);
}

bool operation_sees(const struct shape *shape, const struct actor *actor, const void *record)
{
	struct tie_values ties = record_ties(shape, record);
	return scope_sees(actor, &shape->ties, &ties);
}

/* The same twice; the index finds it, here is said which. Who has it is told only to those who may see the record. */
static enum store_code check_unique(struct tx *tx, struct call *call, const struct shape *shape, const struct slot *slot,
                                    struct value value, const void *record)
{
	struct record *other = arena_take_raw(call->arena, shape->resource->size);
	bool found;
	enum store_code code = operation_find_by(tx, call, shape, slot, value, ((const struct record *)record)->id, false, other,
	                                         &found);
	if (code != STORE_OK || !found)
		return code;
	if (!operation_sees(shape, &call->actor, other))
		return call_problem(call, PROBLEM_REGISTERED_ELSEWHERE);
	return call_problem_detail(call, PROBLEM_DUPLICATE,
		text_printf(call->arena, "该%s已登记：记录 %lld", slot->field->label, (long long)other->id),
		text_printf(call->arena, "The %s is registered: record %lld", slot->field->en ? slot->field->en : slot->field->name,
		            (long long)other->id));
}

/* Of a slot that must be unique; NULL: the record has none. */
struct value operation_unique_value(const struct slot *slot, const void *record, const struct sealed *sealed)
{
	return slot->box_column ? value_blob(sealed[slot->sealed].hash) : record_value(slot, record, false);
}

static enum store_code check_all_unique(struct tx *tx, struct call *call, const struct shape *shape, const void *record,
                                        const struct input *in)
{
	enum store_code code = STORE_OK;
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count && tx->again && code == STORE_OK; i++) {
		const struct slot *slot = &shape->slots[i];
		struct value value = operation_unique_value(slot, record, in->hidden.sealed);
		if ((slot->field->flags & UNIQUE) && value.type != VALUE_NULL)
			code = check_unique(tx, call, shape, slot, value, record);
	}
	return code;
}

/* And then whatever follows from it. */
static enum store_code write_journal(struct tx *tx, struct call *call, const struct shape *shape, const char *action,
                                     const void *before, const void *record, const struct input *in)
{
	const struct record *head = record;
	struct text fields = in ? buf_done(&in->fields) : TEXT_NONE;
	enum store_code code = journal_write(tx, &call->actor, &(struct journal_line){
		.action = text_of(action),
		.resource = text_of(shape->resource->name),
		.record = head->id,
		.version = head->version,
		.places = record_places(shape, before, record),
		.fields = fields,
		.detail = in ? buf_done(&in->detail) : TEXT_NONE,
	});
	if (code == STORE_OK && shape->resource->changed)
		code = shape->resource->changed(tx, call, before, record);
	return code == STORE_OK ? reaction_run(tx, call, shape, action, fields, before, record) : code;
}

/* ---- statements ---- */

static enum store_code insert(struct tx *tx, struct call *call, const struct shape *shape, struct record *record,
                              const struct input *in)
{
	size_t columns = 1 + shape->column_count + 2 * shape->sealed_count + shape->owned, count = 0;
	struct value *values = arena_take_raw(call->arena, columns * sizeof *values);
	values[count++] = value_int(call->actor.district);
	record->version = 1;
	record->created_at = record->updated_at = tx->now_ms;
	for (size_t i = 0; i < shape->slot_count; i++) {
		values[count++] = record_value(&shape->slots[i], record, false);
		if (shape->slots[i].second_column)
			values[count++] = record_value(&shape->slots[i], record, true);
	}
	for (size_t i = 0; i < shape->sealed_count; i++) {
		values[count++] = value_blob(in->hidden.sealed[i].hash);
		values[count++] = value_blob(in->hidden.sealed[i].box);
	}
	if (shape->owned)
		values[count++] = value_text(in->hidden.sources);
	assert(count == columns);
	return db_exec(tx->db, shape->insert, values, count, NULL);
}

/* What stands beside the record. */
static enum store_code keep_beside(struct tx *tx, struct call *call, const struct shape *shape, const void *before,
                                   const struct hidden *was, const struct record *record, const struct hidden *hidden)
{
	enum store_code code = STORE_OK;
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count && code == STORE_OK; i++) {
		const struct slot *slot = &shape->slots[i];
		if (slot->table && !text_eq(before ? slot_text(slot, before) : TEXT_NONE, slot_text(slot, record)))
			code = tags_keep(tx, call->arena, slot, call->actor.district, record->id, slot_text(slot, record), !before);
	}
	if (code == STORE_OK)
		code = record_tokens_keep(tx, call, shape, before, was, record, hidden);
	return code;
}

static void set_columns(struct query *query, const struct slot *slot, const void *record, const struct input *in)
{
	query_sql(query, ", ");
	query_sql(query, slot->column);
	query_sql(query, " = ");
	query_value(query, record_value(slot, record, false));
	if (slot->second_column) {
		query_sql(query, ", ");
		query_sql(query, slot->second_column);
		query_sql(query, " = ");
		query_value(query, record_value(slot, record, true));
	}
	if (slot->box_column) {
		query_sql(query, ", ");
		query_sql(query, slot->hash_column);
		query_sql(query, " = ");
		query_value(query, value_blob(in->hidden.sealed[slot->sealed].hash));
		query_sql(query, ", ");
		query_sql(query, slot->box_column);
		query_sql(query, " = ");
		query_value(query, value_blob(in->hidden.sealed[slot->sealed].box));
	}
}

static bool differs(const struct slot *slot, const void *before, const void *record, const struct input *in)
{
	if (slot->box_column)
		return in && in->hidden.sealed[slot->sealed].changed;
	if (field_is_text(slot->field))
		return !text_eq(slot_text(slot, before), slot_text(slot, record));
	return memcmp(slot_of(slot, before), slot_of(slot, record), field_size(slot->field)) != 0;
}

/* Only what changed: an index on anything else is not touched. */
static enum store_code update(struct tx *tx, struct call *call, const struct shape *shape, const void *before, struct record *record,
                              const struct input *in)
{
	struct query query;
	record->version++;
	record->updated_at = tx->now_ms;
	query_start(&query, call->arena);
	query_sql(&query, "UPDATE ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " SET version = ");
	query_value(&query, value_int(record->version));
	for (size_t i = 2; i < shape->slot_count; i++)
		if (differs(&shape->slots[i], before, record, in))
			set_columns(&query, &shape->slots[i], record, in);
	if (in && shape->owned) {
		query_sql(&query, ", sources = ");
		query_value(&query, value_text(in->hidden.sources));
	}
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(record->id));
	return query_exec(&query, tx->db);
}

/* ---- commands ---- */

enum store_code operation_refused(struct tx *tx)
{
	return db_code(tx->db) != STORE_OK ? db_code(tx->db) : STORE_REFUSED;
}

/* Everything is taken and looked at, but nothing written. */
enum store_code operation_prepare(struct tx *tx, struct call *call, const struct shape *shape, struct input *in, struct record *record)
{
	const struct slot *keeping = keeping_slot(shape, &call->actor);
	if (!keeping ? !operation_keeps(shape, &call->actor, NULL) : keeping->offset == 0 && !shape->resource->number)
		return call_problem(call, PROBLEM_FORBIDDEN); /* it would be nobody's of theirs */
	record_blank(shape, record);
	record->id = id_next(store_ids(tx->store), call->actor.district);
	input_start_record(in, call, shape, record->id, NULL);
	if (!operation_take(in, tx, shape, NULL, record))
		return operation_refused(tx);
	flow_start(tx, call, shape, record);
	return STORE_OK;
}

enum store_code operation_create(struct tx *tx, struct call *call, const struct shape *shape, struct input *in,
                                   struct record *record)
{
	enum store_code code = operation_prepare(tx, call, shape, in, record);
	if (code == STORE_OK && shape->resource->number)
		code = shape->resource->number(tx, call, record);
	if (code == STORE_OK)
		code = check_all_unique(tx, call, shape, record, in);
	if (code == STORE_OK)
		code = insert(tx, call, shape, record, in);
	if (code == STORE_OK)
		code = flow_settle(tx, call, shape, NULL, record);
	if (code == STORE_OK)
		code = keep_beside(tx, call, shape, NULL, NULL, record, &in->hidden);
	if (code == STORE_OK)
		code = write_journal(tx, call, shape, "create", NULL, record, in);
	return code;
}

enum store_code operation_add(struct tx *tx, struct call *call, const struct shape *shape, void *record)
{
	struct record *head = record;
	struct input in = { .call = call };
	head->id = id_next(store_ids(tx->store), call->actor.district);
	in.hidden.sealed = arena_take(call->arena, (shape->sealed_count + 1) * sizeof *in.hidden.sealed);
	flow_start(tx, call, shape, record);
	enum store_code code = insert(tx, call, shape, record, &in);
	if (code == STORE_OK)
		code = flow_settle(tx, call, shape, NULL, record);
	if (code == STORE_OK)
		code = keep_beside(tx, call, shape, NULL, NULL, record, &in.hidden);
	return code == STORE_OK ? write_journal(tx, call, shape, "create", NULL, record, NULL) : code;
}

static enum store_code create(struct tx *tx, void *arg)
{
	struct call *call = arg;
	const struct shape *shape = call->route->shape;
	struct input in = { .object = call->body };
	struct record *record = arena_take_raw(call->arena, shape->resource->size);
	enum store_code code = operation_create(tx, call, shape, &in, record);
	if (code == STORE_OK) {
		record_answer(call, shape, record, 201);
		call->location = text_printf(call->arena, "%s/%lld", shape->path, (long long)record->id);
	}
	return code;
}

enum store_code operation_make(struct tx *tx, struct call *call, const struct shape *shape, json_t *object)
{
	struct input in = { .object = object };
	return operation_create(tx, call, shape, &in, arena_take_raw(call->arena, shape->resource->size));
}

/* The record of the path, kept by the actor, at the version that they have seen. */
static enum store_code find_kept(struct tx *tx, struct call *call, struct record *record, struct hidden *hidden)
{
	const struct shape *shape = call->route->shape;
	if (!call->if_match.ptr)
		return call_problem(call, PROBLEM_IF_MATCH_NEEDED);
	enum store_code code = find(tx->db, call, record, hidden);
	if (code != STORE_OK)
		return code;
	if (!operation_keeps(shape, &call->actor, record))
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("由所在地管理，此处只能查看"),
			TEXT("It is kept by the area where it lies; here it can only be seen"));
	return call_match(call, record->version);
}

enum store_code operation_find_to_change(struct tx *tx, struct call *call, struct record *record, struct hidden *hidden)
{
	enum store_code code = find_kept(tx, call, record, hidden);
	if (code == STORE_OK && record_has_ended(record))
		return call_problem_detail(call, PROBLEM_NOT_FOUND, TEXT("记录已终止"), TEXT("The record has ended"));
	if (code == STORE_OK && flow_is_over(call->route->shape, record))
		return call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("已经办结，不能再改"), TEXT("It is closed, and not changed any more"));
	return code;
}

enum store_code operation_write_change(struct tx *tx, const struct shape *shape, struct input *in, const void *before,
                                       const struct hidden *was, void *record, const char *action)
{
	struct call *call = in->call;
	flow_due(tx, shape, before, record);
	enum store_code code = check_all_unique(tx, call, shape, record, in);
	if (code == STORE_OK)
		code = update(tx, call, shape, before, record, in);
	if (code == STORE_OK)
		code = flow_settle(tx, call, shape, before, record);
	if (code == STORE_OK)
		code = keep_beside(tx, call, shape, before, was, record, &in->hidden);
	return code == STORE_OK ? write_journal(tx, call, shape, action, before, record, in) : code;
}

/* From `before` to `record`, as the input says. */
static enum store_code change(struct tx *tx, const struct shape *shape, struct input *in, const void *before,
                              const struct hidden *was, void *record)
{
	enum store_code code = STORE_OK;
	memcpy(record, before, shape->resource->size);
	if (!operation_take(in, tx, shape, before, record))
		return operation_refused(tx);
	if (in->changed)
		code = operation_write_change(tx, shape, in, before, was, record, "update");
	return code == STORE_OK && shape->owned ? claim_keep(tx, in, record) : code;
}

static enum store_code patch(struct tx *tx, void *arg)
{
	struct call *call = arg;
	const struct shape *shape = call->route->shape;
	void *before = arena_take_raw(call->arena, shape->resource->size), *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	enum store_code code = operation_find_to_change(tx, call, before, &hidden);
	if (code != STORE_OK)
		return code;
	struct input in = { .object = call->body };
	input_start_record(&in, call, shape, call->id, &hidden);
	code = change(tx, shape, &in, before, &hidden, record);
	if (code == STORE_OK)
		record_answer(call, shape, record, 200);
	return code;
}

enum store_code operation_close(struct tx *tx, struct call *call, const struct shape *shape, int64_t id, const char *why, struct text on)
{
	void *before = arena_take_raw(call->arena, shape->resource->size), *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	enum store_code code = operation_find(tx->db, call, shape, id, before, &hidden);
	if (code != STORE_OK || record_has_ended(before))
		return code;
	return operation_end(tx, call, shape, before, &hidden, text_of(why), on, record);
}

enum store_code operation_change(struct tx *tx, struct call *call, const struct shape *shape, int64_t id, json_t *object,
                                 struct text source)
{
	void *before = arena_take_raw(call->arena, shape->resource->size), *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	struct input in = { .object = object, .decided = source.ptr != NULL };
	enum store_code code = operation_find(tx->db, call, shape, id, before, &hidden);
	if (code != STORE_OK)
		return code;
	input_start_record(&in, call, shape, id, &hidden);
	if (source.ptr)
		in.source = source;
	return change(tx, shape, &in, before, &hidden, record);
}

static bool take_end(struct input *in, struct tx *tx, struct call *call, const struct shape *shape, struct text why, struct text on,
                     struct record *record)
{
	const struct field *reason = shape->slots[END_SLOTS].field, *day = shape->slots[END_SLOTS + 1].field;
	struct text today = date_text(call->arena, date_of_ms(tx->now_ms));
	struct pair *said = arena_take(call->arena, 2 * sizeof *said);
	said[0] = (struct pair){ text_of(reason->name), why };
	said[1] = (struct pair){ text_of(day->name), on.len > 0 ? on : today };
	*in = (struct input){ .cells = said, .cell_count = 2 };
	input_start(in, call, false);
	take_field(in, tx, reason, &record->end_reason);
	take_field(in, tx, day, &record->ended_on);
	if (record->ended_on.ptr && text_compare(record->ended_on, today) > 0)
		input_wrong(in, day->name, "out_of_range", "终止日期不能晚于今天", "The day of the end cannot lie in the future");
	record->ended_at = tx->now_ms;
	return input_finish(in);
}

enum store_code operation_take_end(struct input *in, struct tx *tx, struct call *call, const struct shape *shape, const void *before,
                                   struct text why, struct text on, struct record *record)
{
	enum store_code code = shape->resource->ending ? shape->resource->ending(tx, call, before) : STORE_OK;
	memcpy(record, before, shape->resource->size);
	if (code == STORE_OK && !take_end(in, tx, call, shape, why, on, record))
		code = operation_refused(tx);
	flow_due(tx, shape, before, record);
	return code;
}

enum store_code operation_end(struct tx *tx, struct call *call, const struct shape *shape, const void *before, const struct hidden *hidden,
                              struct text why, struct text on, struct record *record)
{
	struct input in;
	enum store_code code = operation_take_end(&in, tx, call, shape, before, why, on, record);
	if (code != STORE_OK)
		return code;
	code = update(tx, call, shape, before, record, NULL);
	if (code == STORE_OK)
		code = flow_settle(tx, call, shape, before, record);
	if (code == STORE_OK)
		code = record_tokens_keep(tx, call, shape, before, hidden, NULL, NULL);
	return code == STORE_OK ? write_journal(tx, call, shape, "end", before, record, &in) : code;
}

/* The reason and the day stand in the query: proxies drop the body of a DELETE, and a reason that was sent must not get lost. */
static enum store_code end(struct tx *tx, void *arg)
{
	struct call *call = arg;
	const struct shape *shape = call->route->shape;
	void *before = arena_take_raw(call->arena, shape->resource->size);
	struct record *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	enum store_code code = operation_find_to_change(tx, call, before, &hidden);
	if (code == STORE_OK)
		code = operation_end(tx, call, shape, before, &hidden, call_param(call, shape->slots[END_SLOTS].field->name),
		                     call_param(call, shape->slots[END_SLOTS + 1].field->name), record);
	if (code == STORE_OK)
		record_answer(call, shape, record, 200);
	return code;
}

enum store_code operation_reopen(struct tx *tx, struct call *call, const struct shape *shape, const void *before,
                                 const struct hidden *hidden, struct record *record)
{
	struct input in = { .cells = NULL };
	memcpy(record, before, shape->resource->size);
	input_start_record(&in, call, shape, record->id, hidden);
	record->ended_at = MISSING;
	record->end_reason = record->ended_on = TEXT_NONE;
	flow_due(tx, shape, before, record);
	enum store_code code = check_all_unique(tx, call, shape, record, &in);
	if (code == STORE_OK)
		code = update(tx, call, shape, before, record, &in);
	if (code == STORE_OK)
		code = flow_settle(tx, call, shape, before, record);
	if (code == STORE_OK)
		code = record_tokens_keep(tx, call, shape, NULL, NULL, record, hidden);
	json_end_object(&in.json);
	return code == STORE_OK ? write_journal(tx, call, shape, "return", before, record, NULL) : code;
}

/* Somebody came back, or it was a mistake. */
static enum store_code reopen(struct tx *tx, void *arg)
{
	struct call *call = arg;
	const struct shape *shape = call->route->shape;
	void *before = arena_take_raw(call->arena, shape->resource->size);
	struct record *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	enum store_code code = find_kept(tx, call, before, &hidden);
	if (code == STORE_OK && !record_has_ended(before))
		code = call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("记录没有终止"), TEXT("The record has not ended"));
	if (code == STORE_OK)
		code = operation_reopen(tx, call, shape, before, &hidden, record);
	if (code == STORE_OK)
		record_answer(call, shape, record, 200);
	return code;
}

/* What has a place in the tree of areas does not come back to it by itself. */
static bool may_return(const struct shape *shape)
{
	return !shape->resource->key && shape->resource->writers;
}

const struct operation operations[] = {
	{ METHOD_GET, "", RIGHT_READ, ROUTE_READ, .read = list, .zh = "列表", .en = "list",
	  .about = &(const struct about){ .gives = BODY_PAGE } },
	{ METHOD_POST, "", RIGHT_WRITE, ROUTE_COMMAND, .command = create, .zh = "新建", .en = "create",
	  .about = &(const struct about){ .takes = BODY_CREATE, .gives = BODY_RECORD, .status = 201, .params = ROWS(source_params) } },
	{ METHOD_GET, "/{id}", RIGHT_READ, ROUTE_READ, .read = get, .zh = "查看", .en = "get",
	  .about = &(const struct about){ .gives = BODY_PART } },
	{ METHOD_GET, "/{id}/history", RIGHT_READ, ROUTE_READ, .read = history, .zh = "变更记录", .en = "history",
	  .about = &(const struct about){ .gives = BODY_MEMBERS, HISTORY_ROWS, .problems = PROBLEM_LIST(PROBLEM_BAD_CURSOR) } },
	{ METHOD_GET, "/{id}/sources", RIGHT_READ, ROUTE_READ, .read = sources_of, .zh = "数据来源", .en = "sources",
	  .about = &claim_sources_about },
	{ METHOD_PATCH, "/{id}", RIGHT_WRITE, ROUTE_COMMAND, .command = patch, .zh = "修改", .en = "change",
	  .about = &(const struct about){ .takes = BODY_CHANGE, .gives = BODY_RECORD, .if_match = true, .params = ROWS(source_params) } },
	{ METHOD_DELETE, "/{id}", RIGHT_WRITE, ROUTE_COMMAND, .command = end, .zh = "终止", .en = "end",
	  .about = &(const struct about){ .gives = BODY_RECORD, .if_match = true, .ends = true } },
	{ METHOD_POST, "/{id}/return", RIGHT_WRITE, ROUTE_COMMAND, .command = reopen, .has = may_return, .zh = "恢复", .en = "return",
	  .about = &(const struct about){ .takes = BODY_NONE, .gives = BODY_RECORD, .if_match = true, .problems = PROBLEM_LIST(
	  	PROBLEM_WRONG_STATE, PROBLEM_DUPLICATE, PROBLEM_REGISTERED_ELSEWHERE) } },
};
const size_t operation_count = COUNT(operations);
