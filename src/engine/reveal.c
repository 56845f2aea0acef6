/* SPDX-License-Identifier: Apache-2.0 */
/* reveal.c - sealed fields of one record in clear, for a reason, behind a line of the journal.
 *
 * It is a task with a command in it, not a command: an Idempotency-Key would keep the answer, with what is in it. */
#include "engine/reveal.h"

#include "base/log.h"
#include "engine/input.h"
#include "engine/journal.h"
#include "engine/keys.h"
#include "engine/operations.h"
#include "engine/record.h"

enum { REASON_MIN = 2, REASON_MAX = 200, FIELDS_MAX = 32, REVEALS_AN_HOUR = 200, HOUR_MS = 60 * 60 * 1000 };

/* One row an account, so nothing grows: what was counted before the hour that began at since_ms is forgotten. */
static const char *const steps[] = {
	"CREATE TABLE reveal_count (district INTEGER NOT NULL, account INTEGER NOT NULL, since_ms INTEGER NOT NULL,"
	" reveals INTEGER NOT NULL, PRIMARY KEY (district, account)) STRICT, WITHOUT ROWID",
};
static const struct schema reveal_schema = { .owner = "reveal", .steps = steps, .count = COUNT(steps) };

struct wish {
	struct call *call;
	const struct slot *slots[FIELDS_MAX];
	size_t count;
	struct text reason;
	bool key_is_unknown; /* as of the last run */
};

/* ---- what was asked ---- */

static void take_field_name(struct wish *wish, size_t at, struct text name)
{
	struct call *call = wish->call;
	const struct slot *slot = name.ptr ? shape_slot(call->route->shape, name) : NULL;
	struct text pointer = text_printf(call->arena, "/fields/%zu", at);
	for (size_t i = 0; i < wish->count; i++)
		if (wish->slots[i] == slot)
			return;
	if (!name.ptr)
		call_wrong(call, pointer, "wrong_type", TEXT("数据类型不对"), TEXT("The value has the wrong type"));
	else if (!slot)
		call_wrong(call, pointer, "unknown_field", TEXT("没有这个字段"), TEXT("There is no such field"));
	else if (!slot->box_column)
		call_wrong(call, pointer, "not_sealed", TEXT("该字段没有加密"), TEXT("The field is not protected"));
	else
		wish->slots[wish->count++] = slot;
}

static void take_fields(struct wish *wish, const json_t *fields)
{
	struct call *call = wish->call;
	size_t count = json_array_size(fields);
	if (!fields || json_is_null(fields) || (json_is_array(fields) && count == 0))
		call_wrong(call, TEXT("/fields"), "required", TEXT("必填"), TEXT("This field is required"));
	else if (!json_is_array(fields))
		call_wrong(call, TEXT("/fields"), "wrong_type", TEXT("数据类型不对"), TEXT("The value has the wrong type"));
	else if (count > FIELDS_MAX)
		call_wrong(call, TEXT("/fields"), "out_of_range", TEXT("字段太多"), TEXT("Too many fields"));
	else
		for (size_t i = 0; i < count; i++)
			take_field_name(wish, i, json_text_of(json_array_get(fields, i)));
}

static const struct field reason_field = { .type = FIELD_text, .name = "reason", .flags = MUST, .max = REASON_MAX };
static const struct field fields_field = { .type = FIELD_words, .name = "fields", .flags = MUST };

static bool read_wish(struct wish *wish)
{
	struct input in = { .object = wish->call->body };
	input_start(&in, wish->call, true);
	take_fields(wish, json_object_get(in.object, fields_field.name));
	in.taken[in.taken_count++] = fields_field.name;
	take_field(&in, NULL, &reason_field, &wish->reason);
	if (wish->reason.ptr && text_utf8_length(wish->reason) < REASON_MIN)
		input_wrong(&in, reason_field.name, "too_short", "请写明原因，至少两个字", "Say why, in two characters or more");
	return input_finish(&in);
}

/* ---- how often ---- */

static enum store_code count_reveal(struct tx *tx, struct call *call)
{
	int64_t since_ms = 0, reveals = 0;
	struct rows *rows = db_query(tx->db, "INSERT INTO reveal_count (district, account, since_ms, reveals) VALUES (?1, ?2, ?3, 1)"
		" ON CONFLICT (district, account) DO UPDATE SET"
		" reveals = CASE WHEN reveal_count.since_ms > ?4 THEN reveal_count.reveals + 1 ELSE 1 END,"
		" since_ms = CASE WHEN reveal_count.since_ms > ?4 THEN reveal_count.since_ms ELSE excluded.since_ms END"
		" RETURNING since_ms, reveals",
		BIND(value_int(call->actor.district), value_int(call->actor.user), value_int(tx->now_ms), value_int(tx->now_ms - HOUR_MS)));
	while (rows_next(rows)) {
		since_ms = rows_int(rows, 0);
		reveals = rows_int(rows, 1);
	}
	enum store_code code = rows_end(rows);
	if (code != STORE_OK || reveals <= REVEALS_AN_HOUR)
		return code;
	call->retry_after_s = (unsigned)((since_ms + HOUR_MS - tx->now_ms) / 1000 + 1);
	return call_problem_detail(call, PROBLEM_RATE_LIMITED, TEXT("一小时内查看受保护信息的次数已达上限"),
		TEXT("Protected fields were looked at too often within an hour"));
}

/* ---- opening ---- */

/* All or nothing: of what does not open nobody shall think that it is empty. */
static enum store_code open_fields(struct wish *wish, const struct sealed *sealed, struct text *plain)
{
	struct call *call = wish->call;
	const struct keys *keys = call->app->keys;
	for (size_t i = 0; i < wish->count; i++) {
		const struct slot *slot = wish->slots[i];
		struct text box = sealed[slot->sealed].box;
		struct seal_place place = { call->actor.district, call->route->shape->resource->name, slot->field->name, call->id };
		if (keys_unseal(keys, call->arena, &place, box, &plain[i]))
			continue;
		wish->key_is_unknown = !keys_know(keys, box);
		log_error("reveal: %s of %s %lld does not open: %s", place.field, place.resource, (long long)place.id,
		          wish->key_is_unknown ? "its key is not here" : "it was altered");
		return call_problem(call, PROBLEM_INTERNAL);
	}
	return STORE_OK;
}

static struct text field_names(struct wish *wish)
{
	struct buf names = buf_in(wish->call->arena, 256, 4096);
	for (size_t i = 0; i < wish->count; i++) {
		if (i > 0)
			buf_char(&names, ',');
		buf_text(&names, wish->slots[i]->name);
	}
	return buf_done(&names);
}

static enum store_code write_look(struct tx *tx, struct wish *wish, const struct record *record)
{
	struct call *call = wish->call;
	const struct shape *shape = call->route->shape;
	struct tie_values ties = record_ties(shape, record);
	struct buf detail = buf_in(call->arena, 512, 8192);
	struct json_out json = json_out(&detail);
	json_begin_object(&json);
	json_key(&json, TEXT("fields"));
	json_begin_array(&json);
	for (size_t i = 0; i < wish->count; i++)
		json_put_text(&json, wish->slots[i]->name);
	json_end_array(&json);
	JSON_TEXT(&json, "reason", wish->reason);
	json_end_object(&json);
	return journal_write(tx, &call->actor, &(struct journal_line){
		.action = ACTION_LOOK,
		.resource = text_of(shape->resource->name),
		.record = record->id,
		.version = record->version,
		.places = { .area = ties.area, .hukou_area = ties.second_area, .organization = ties.organization,
		            .subject = ties.own ? ties.own : ties.family },
		.fields = field_names(wish),
		.detail = buf_done(&detail),
	});
}

static void answer(struct wish *wish, const struct text *plain)
{
	struct json_out json = call_json(wish->call, 200);
	json_begin_object(&json);
	for (size_t i = 0; i < wish->count; i++)
		record_put_sealed(&json, wish->slots[i], plain[i]);
	json_end_object(&json);
}

/* Who sees a person only by their household registration does not see this. */
static enum store_code reveal_in(struct tx *tx, void *arg)
{
	struct wish *wish = arg;
	struct call *call = wish->call;
	const struct shape *shape = call->route->shape;
	void *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	struct text plain[FIELDS_MAX];
	call_again(call);
	wish->key_is_unknown = false;
	enum store_code code = operation_find(tx->db, call, shape, call->id, record, &hidden);
	if (code == STORE_OK && !operation_keeps(shape, &call->actor, record))
		code = call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("由所在地管理，此处只能查看"),
			TEXT("It is kept by the area where it lies; here it can only be seen"));
	if (code == STORE_OK)
		code = count_reveal(tx, call);
	if (code == STORE_OK)
		code = open_fields(wish, hidden.sealed, plain);
	if (code == STORE_OK)
		code = write_look(tx, wish, record);
	if (code == STORE_OK)
		answer(wish, plain); /* sent when all this is on disk */
	return code;
}

static enum store_code refresh_keys(struct db *db, void *arg)
{
	return keys_refresh(arg, db);
}

static void reveal(struct call *call)
{
	struct wish wish = { .call = call };
	struct app *app = call->app;
	if (!read_wish(&wish))
		return;
	enum store_code code = store_command(app->store, LANE_INTERACTIVE, reveal_in, &wish);
	/* Another server may have made a new key, and sealed with it. */
	if (wish.key_is_unknown && store_read(app->store, 0, refresh_keys, app->keys) == STORE_OK)
		code = store_command(app->store, LANE_INTERACTIVE, reveal_in, &wish);
	app_settle(call, code);
}

static bool seals_something(const struct shape *shape)
{
	return shape->sealed_count > 0;
}

static const struct field taken[] = {
	{ .type = FIELD_words, .name = "fields", .label = "字段", .flags = MUST },
	{ .type = FIELD_text, .name = "reason", .label = "原因", .flags = MUST, .max = REASON_MAX },
};
static const struct about reveal_about = { .takes = BODY_MEMBERS, .in = { ROWS(taken) }, .gives = BODY_CLEAR,
	                                   .problems = PROBLEM_LIST(PROBLEM_RATE_LIMITED) };

static const struct operation operations_of_all[] = {
	{ METHOD_POST, "/{id}/reveal", RIGHT_REVEAL, ROUTE_TASK, .task = reveal, .has = seals_something,
	  .zh = "查看受保护信息", .en = "reveal",
	  .about = &reveal_about },
};

const struct module reveal_module = {
	.name = "reveal", .file = __FILE__,
	.operations = operations_of_all, .operation_count = COUNT(operations_of_all), .schema = &reveal_schema,
};
