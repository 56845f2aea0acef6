/* SPDX-License-Identifier: Apache-2.0 */
/* merge.c - two records of one person made one: what the one lacks, or what is said, comes from the other, which ends. Both keep
 * their history; what takes it back is kept, sealed, for as long as the two are. */
#include "engine/merge.h"

#include "engine/import_row.h"
#include "engine/journal.h"
#include "engine/keys.h"
#include "engine/operations_own.h"
#include "engine/record.h"

#include <stdlib.h>
#include <string.h>

enum { PATCH_BYTES_MAX = 64 * 1024 };

static const char *const steps[] = {
	"CREATE TABLE record_merge (district INTEGER NOT NULL, record INTEGER NOT NULL, other INTEGER NOT NULL, version INTEGER NOT NULL,"
	" back BLOB, PRIMARY KEY (district, record, other)) STRICT, WITHOUT ROWID",
};
static const struct schema schema = { .owner = "merge", .steps = steps, .count = COUNT(steps) };

struct merge {
	struct call *call;
	const struct shape *shape;
	int64_t other_id;
	bool take[RECORD_FIELDS_MAX]; /* of which slots the other's value counts */
	struct record *record, *other;
	struct hidden hidden, other_hidden;
};

/* ---- what was asked ---- */

static void take_names(struct merge *merge, const json_t *names)
{
	size_t i;
	const json_t *name;
	if (names && !json_is_array(names))
		call_wrong(merge->call, TEXT("/take"), "wrong_type", TEXT("数据类型不对"), TEXT("The value has the wrong type"));
	json_array_foreach((json_t *)(uintptr_t)names, i, name) {
		const struct slot *slot = shape_slot(merge->shape, json_text_of(name));
		size_t at = slot ? (size_t)(slot - merge->shape->slots) : 0;
		if (at < SYSTEM_SLOTS || slot->field->flags & (KEPT | FIXED))
			call_wrong(merge->call, text_printf(merge->call->arena, "/take/%zu", i), "unknown_field", TEXT("没有这个字段"),
			           TEXT("There is no such field"));
		else
			merge->take[at] = true;
	}
}

static bool read_wish(struct merge *merge, bool merges)
{
	struct call *call = merge->call;
	struct input in = { .object = call->body };
	input_start(&in, call, true);
	in.taken[in.taken_count++] = "other";
	if (!id_read(json_text_of(json_object_get(call->body, "other")), &merge->other_id))
		input_wrong(&in, "other", "required", "请给出另一条记录的编号", "Say the number of the other record");
	else if (merge->other_id == call->id)
		input_wrong(&in, "other", "out_of_range", "不能是同一条记录", "It is the same record");
	in.given_count = json_object_get(call->body, "other") != NULL;
	if (merges) {
		in.taken[in.taken_count++] = "take";
		in.given_count += json_object_get(call->body, "take") != NULL;
		take_names(merge, json_object_get(call->body, "take"));
	}
	return input_finish(&in);
}

static enum store_code find_other(struct tx *tx, struct merge *merge, bool ended)
{
	struct call *call = merge->call;
	enum store_code code = operation_find(tx->db, call, merge->shape, merge->other_id, merge->other, &merge->other_hidden);
	if (code != STORE_OK)
		return code;
	if (!operation_keeps(merge->shape, &call->actor, merge->other))
		return call_problem(call, PROBLEM_FORBIDDEN);
	if (record_has_ended(merge->other) != ended)
		return call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("另一条记录的状态不允许该操作"),
			TEXT("The other record's state does not allow it"));
	return STORE_OK;
}

static void begin(struct merge *merge, struct call *call)
{
	size_t size = call->route->shape->resource->size;
	*merge = (struct merge){ .call = call, .shape = call->route->shape };
	merge->record = arena_take_raw(call->arena, size);
	merge->other = arena_take_raw(call->arena, size);
}

/* ---- making one ---- */

static bool is_missing(const struct slot *slot, const void *record)
{
	if (slot->field->type == FIELD_point)
		return ((const struct point *)slot_of(slot, record))->lat == 0.0 && ((const struct point *)slot_of(slot, record))->lon == 0.0;
	return field_is_text(slot->field) ? !slot_text(slot, record).ptr : slot_int(slot, record) == field_missing(slot->field);
}

/* As a merge-patch of the one: what of the other is to be taken. */
static struct text patch_of(struct merge *merge)
{
	const struct shape *shape = merge->shape;
	struct buf patch = buf_in(merge->call->arena, 512, PATCH_BYTES_MAX);
	struct json_out json = json_out(&patch);
	struct input then = { .call = merge->call, .shape = shape, .id = merge->other_id, .hidden = merge->other_hidden };
	json_begin_object(&json);
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		bool wanted = merge->take[i] || (is_missing(slot, merge->record) && !is_missing(slot, merge->other));
		if (!wanted || slot->field->flags & (KEPT | FIXED) || slot->field->type == FIELD_file)
			continue;
		if (slot->box_column)
			record_put_sealed(&json, slot, input_plain(&then, slot->field->name));
		else
			record_put_slot(&json, slot, merge->other);
	}
	json_end_object(&json);
	return buf_done(&patch);
}

static struct seal_place place_of(const struct merge *merge)
{
	return (struct seal_place){ merge->call->actor.district, "record_merge", "back", merge->other_id };
}

/* The fields' old values and the sources, one behind the other. */
static enum store_code keep_back(struct tx *tx, struct merge *merge, int64_t version, struct text back)
{
	struct call *call = merge->call;
	struct seal_place place = place_of(merge);
	struct text sources = merge->hidden.sources.ptr ? merge->hidden.sources : TEXT("null");
	struct text both = text_printf(call->arena, "{\"back\":%.*s,\"sources\":%.*s}", TEXT_ARG(back), TEXT_ARG(sources));
	return db_exec(tx->db, "INSERT INTO record_merge (district, record, other, version, back) VALUES (?1, ?2, ?3, ?4, ?5)"
		" ON CONFLICT (district, record, other) DO UPDATE SET version = excluded.version, back = excluded.back",
		BIND(value_int(call->actor.district), value_int(call->id), value_int(merge->other_id), value_int(version),
		     value_blob(keys_seal(call->app->keys, call->arena, &place, both))), NULL);
}

static enum store_code note(struct tx *tx, struct merge *merge, const char *action, const struct record *record)
{
	struct text detail = text_printf(merge->call->arena, "{\"other\":\"%lld\"}", (long long)merge->other_id);
	return journal_write(tx, &merge->call->actor, &(struct journal_line){ .action = text_of(action),
		.resource = text_of(merge->shape->resource->name), .record = record->id, .version = record->version,
		.places = record_places(merge->shape, NULL, record), .detail = detail });
}

/* The other ends first: what only one may have is free then. */
static enum store_code take_over(struct tx *tx, struct merge *merge, struct record *record)
{
	struct call *call = merge->call;
	const struct shape *shape = merge->shape;
	struct record *ended = arena_take_raw(call->arena, shape->resource->size);
	struct input in = { .decided = true };
	if (json_read(patch_of(merge), BODY_DEPTH_MAX, &in.object) != JSON_FINE)
		return call_problem(call, PROBLEM_TOO_LARGE);
	enum store_code code = operation_end(tx, call, shape, merge->other, &merge->other_hidden, TEXT("duplicate"), TEXT_NONE, ended);
	input_start_record(&in, call, shape, call->id, &merge->hidden);
	memcpy(record, merge->record, shape->resource->size);
	if (code == STORE_OK && !operation_take(&in, tx, shape, merge->record, record))
		code = operation_refused(tx);
	if (code == STORE_OK && in.changed)
		code = operation_write_change(tx, shape, &in, merge->record, &merge->hidden, record, "update");
	if (code == STORE_OK)
		code = keep_back(tx, merge, record->version, import_row_back(&in, shape, merge->record, &merge->hidden));
	json_decref(in.object);
	return code == STORE_OK ? note(tx, merge, "merge", record) : code;
}

static enum store_code merge_records(struct tx *tx, void *arg)
{
	struct merge merge;
	begin(&merge, arg);
	struct record *record = arena_take_raw(merge.call->arena, merge.shape->resource->size);
	enum store_code code = operation_find_to_change(tx, merge.call, merge.record, &merge.hidden);
	if (code == STORE_OK && !read_wish(&merge, true))
		return STORE_REFUSED;
	if (code == STORE_OK)
		code = find_other(tx, &merge, false);
	if (code == STORE_OK)
		code = take_over(tx, &merge, record);
	if (code == STORE_OK)
		record_answer(merge.call, merge.shape, record, 200);
	return code;
}

/* ---- making two again ---- */

static enum store_code read_back(struct tx *tx, struct merge *merge, struct import_row *change)
{
	struct call *call = merge->call;
	struct seal_place place = place_of(merge);
	struct text box = TEXT_NONE, plain = TEXT_NONE;
	json_t *both = NULL;
	struct rows *rows = db_query(tx->db, "SELECT version, back FROM record_merge WHERE district = ?1 AND record = ?2 AND other = ?3",
		BIND(value_int(call->actor.district), value_int(call->id), value_int(merge->other_id)));
	bool found = rows_next(rows);
	if (found) {
		change->version = rows_int(rows, 0);
		box = text_copy(call->arena, rows_text(rows, 1));
	}
	enum store_code code = rows_end(rows);
	if (code != STORE_OK)
		return code;
	if (!found)
		return call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("这两条记录没有合并过"), TEXT("The two were not merged"));
	if (!keys_unseal(call->app->keys, call->arena, &place, box, &plain) || json_read(plain, BODY_DEPTH_MAX, &both) != JSON_FINE)
		return call_problem(call, PROBLEM_INTERNAL);
	char *back = json_dumps(json_object_get(both, "back"), JSON_COMPACT);
	char *sources = json_is_null(json_object_get(both, "sources")) ? NULL : json_dumps(json_object_get(both, "sources"), JSON_COMPACT);
	change->back = text_copy(call->arena, text_of(back));
	change->sources = sources ? text_copy(call->arena, text_of(sources)) : TEXT_NONE;
	free(back);
	free(sources);
	json_decref(both);
	return STORE_OK;
}

/* What has been changed since the two were made one stays as it is. */
static enum store_code make_two(struct tx *tx, struct merge *merge)
{
	struct call *call = merge->call;
	struct import_row change = { .end = IMPORT_CHANGED, .id = call->id };
	struct record *again = arena_take_raw(call->arena, merge->shape->resource->size);
	int64_t id = call->id;
	bool kept;
	enum store_code code = read_back(tx, merge, &change);
	if (code == STORE_OK)
		code = import_row_undo(tx, call, merge->shape, &change, &kept);
	call->id = id;
	if (code == STORE_OK)
		code = operation_reopen(tx, call, merge->shape, merge->other, &merge->other_hidden, again);
	if (code == STORE_OK)
		code = db_exec(tx->db, "DELETE FROM record_merge WHERE district = ?1 AND record = ?2 AND other = ?3",
			BIND(value_int(call->actor.district), value_int(call->id), value_int(merge->other_id)), NULL);
	return code;
}

static enum store_code split_records(struct tx *tx, void *arg)
{
	struct merge merge;
	begin(&merge, arg);
	struct record *now = arena_take_raw(merge.call->arena, merge.shape->resource->size);
	enum store_code code = operation_find_to_change(tx, merge.call, merge.record, &merge.hidden);
	if (code == STORE_OK && !read_wish(&merge, false))
		return STORE_REFUSED;
	if (code == STORE_OK)
		code = find_other(tx, &merge, true);
	if (code == STORE_OK)
		code = make_two(tx, &merge);
	if (code == STORE_OK)
		code = operation_find(tx->db, merge.call, merge.shape, merge.call->id, now, NULL);
	if (code == STORE_OK)
		code = note(tx, &merge, "split", now);
	if (code == STORE_OK)
		record_answer(merge.call, merge.shape, now, 200);
	return code;
}

/* ---- what they say of themselves ---- */

#define OTHER { .type = FIELD_text, .name = "other", .label = "另一条记录", .flags = MUST, .max = 20 }
static const struct field to_merge[] = { OTHER, { .type = FIELD_words, .name = "take", .label = "取另一条记录的字段", .flags = OPTIONAL } };
static const struct field to_split[] = { OTHER };
#define ABOUT(fields) \
	.takes = BODY_MEMBERS, .in = { ROWS(fields) }, .gives = BODY_RECORD, .if_match = true, \
	.problems = PROBLEM_LIST(PROBLEM_WRONG_STATE, PROBLEM_DUPLICATE, PROBLEM_REGISTERED_ELSEWHERE)
static const struct about merge_about = { ABOUT(to_merge) }, split_about = { ABOUT(to_split) };

static const struct operation operations_of_all[] = {
	{ METHOD_POST, "/{id}/merge", RIGHT_WRITE, ROUTE_COMMAND, .command = merge_records, .has = shape_has_twins, .zh = "合并", .en = "merge",
	  .about = &merge_about },
	{ METHOD_POST, "/{id}/split", RIGHT_WRITE, ROUTE_COMMAND, .command = split_records, .has = shape_has_twins, .zh = "拆分", .en = "split",
	  .about = &split_about },
};

const struct module merge_module = {
	.name = "merge", .file = __FILE__, .operations = operations_of_all, .operation_count = COUNT(operations_of_all), .schema = &schema,
};
