/* SPDX-License-Identifier: Apache-2.0 */
/* claim.c - one data, one source: what others say beside a field's owner. */
#include "engine/claim.h"

#include "engine/app.h"
#include "engine/journal.h"
#include "engine/keys.h"
#include "engine/operations.h"
#include "engine/record.h"
#include "engine/source.h"
#include "engine/territory.h"

#include <string.h>

static const struct word states[] = {
	{ "open", "待核" }, { "accepted", "采纳" }, { "rejected", "不采纳" }, { "superseded", "已更新" }, { 0 },
};

/* `value` and `secret` are JSON with the one field, as a merge-patch of the record would have it. */
#define CLAIM(F) \
	F(text, resource, "台账", MUST, .max = 40) \
	F(text, record, "记录", MUST | INDEX, .max = 20) \
	F(text, field, "字段", MUST, .max = 60) \
	F(word, source, "来源", MUST, .words = sources) \
	F(text, value, "内容", 0, .max = 4000) \
	F(text, secret, "受保护内容", SEALED, .max = 4000) \
	F(area, area, "区划代码", MUST) \
	F(word, state, "状态", MUST | INDEX, .words = states) \
	F(text, decided_by, "核定人", 0, .max = 60) \
	F(instant, decided_at, "核定时间", 0)

struct claim { struct record is; CLAIM(FIELD_MEMBER) };
static const struct field fields[] = { CLAIM(FIELD_ROW) };

static const struct resource claim = {
	.name = "claim", .plural = "claims", .label = "数据异议", .en = "claim",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct claim),
	.ties = { .area = "area" },
	.readers = "bureau street community auditor",
};
static const struct resource *const resources[] = { &claim };

/* ---- who has said what ---- */

/* The member of `sources`, [source, day]; an owned field that nobody has said since is as old as the record. */
static bool source_of_field(const json_t *all, const char *name, struct text *source, struct text *day)
{
	const json_t *said = json_object_get(all, name);
	if (!said)
		said = json_object_get(all, "*");
	*source = json_text_of(json_array_get(said, 0));
	*day = json_text_of(json_array_get(said, 1));
	return source->ptr != NULL;
}

bool claim_is_due(const struct input *in, const struct slot *slot, const void *before)
{
	json_t *all = NULL;
	struct text source, day;
	if (!slot->field->owner || !input_gives(in, slot->field->name)) /* nothing is said of it */
		return false;
	if (in->decided || text_is(in->source, slot->field->owner) || !in->hidden.sources.ptr ||
	    json_read(in->hidden.sources, 4, &all) != JSON_FINE)
		return false;
	bool owners = source_of_field(all, slot->field->name, &source, &day) && text_is(source, slot->field->owner);
	/* Who made the record has said nothing of what was missing then. */
	bool said = json_object_get(all, slot->field->name) || record_value(slot, before, false).type != VALUE_NULL;
	json_decref(all);
	return owners && said;
}

void claim_confirm(struct input *in, const struct slot *slot)
{
	json_t *all = NULL;
	struct text source, day;
	if (!text_is(in->source, slot->field->owner) || !json_object_get(in->object, slot->field->name))
		return;
	if (in->hidden.sources.ptr)
		json_read(in->hidden.sources, 4, &all);
	bool is_news = !source_of_field(all, slot->field->name, &source, &day) || !text_is(source, slot->field->owner);
	json_decref(all);
	if (!is_news)
		return;
	claim_note_source(in, slot);
	in->changed = true;
}

void claim_note_source(struct input *in, const struct slot *slot)
{
	char today[DATE_CHARS];
	json_t *all = NULL;
	date_put(today, date_of_ms(clock_now_ms(store_clock(in->call->app->store))));
	if (!slot) {
		in->hidden.sources = text_printf(in->call->arena, "{\"*\":[\"%.*s\",\"%.*s\"]}", TEXT_ARG(in->source), DATE_CHARS, today);
		return;
	}
	if (!in->hidden.sources.ptr || json_read(in->hidden.sources, 4, &all) != JSON_FINE)
		all = json_object();
	json_object_set_new(all, slot->field->name, json_pack("[s%,s%]", in->source.ptr, in->source.len, today, sizeof today));
	char *written = json_dumps(all, JSON_COMPACT);
	in->hidden.sources = text_copy(in->call->arena, text_of(written));
	free(written);
	json_decref(all);
}

/* ---- taking claims ---- */

/* The value as JSON with the one field: clear, or secret where the field is sealed. */
static struct text value_of(struct input *in, const struct slot *slot, const void *record)
{
	struct buf value = buf_in(in->call->arena, 128, 16384);
	struct json_out json = json_out(&value);
	json_begin_object(&json);
	if (slot->box_column)
		json_member_text(&json, slot->name, input_plain(in, slot->field->name));
	else
		record_put_slot(&json, slot, record);
	json_end_object(&json);
	return buf_done(&value);
}

void claim_take(struct input *in, struct tx *tx, const struct slot *slot, const void *before)
{
	struct input apart = { .object = in->object, .cells = in->cells, .cell_count = in->cell_count };
	void *record = arena_take_raw(in->call->arena, in->shape->resource->size);
	memcpy(record, before, in->shape->resource->size);
	input_start_record(&apart, in->call, in->shape, in->id, &in->hidden);
	take_field(&apart, tx, slot->field, slot_at(slot, record));
	in->taken[in->taken_count++] = slot->field->name;
	if (!apart.changed || in->claim_count == COUNT(in->claims))
		return;
	in->claims[in->claim_count++] = (struct claimed){ slot, value_of(&apart, slot, record) };
}

/* ---- keeping them ---- */

struct open_claim {
	int64_t id;
	bool same; /* it says the value that is asked about */
};

static enum store_code find_open(struct tx *tx, struct input *in, const struct slot *slot, struct text source, struct text value,
                                 struct open_claim *found, size_t max, size_t *count)
{
	const struct shape *shape = app_shape(in->call->app, TEXT("claim"));
	unsigned char hash[SEAL_HASH_BYTES];
	struct text record = text_printf(in->call->arena, "%lld", (long long)in->id), keyed = { (char *)hash, sizeof hash };
	const char *kind = shape_slot(shape, TEXT("secret"))->hash_kind;
	if (slot->box_column)
		keys_hash(in->call->app->keys, kind, in->call->actor.district, value, hash);
	struct rows *rows = db_query(tx->db, "SELECT id, value, secret_hash, source FROM claim WHERE district = ?1 AND record = ?2"
		" AND field = ?3 AND state = 'open' AND ended_at IS NULL ORDER BY id",
		BIND(value_int(in->call->actor.district), value_text(record), value_text(slot->name)));
	*count = 0;
	while (rows_next(rows) && *count < max) {
		bool same = slot->box_column ? text_eq(rows_text(rows, 2), keyed) : text_eq(rows_text(rows, 1), value);
		if (!source.ptr || text_eq(rows_text(rows, 3), source))
			found[(*count)++] = (struct open_claim){ rows_int(rows, 0), same };
	}
	return rows_end(rows);
}

static enum store_code decide(struct tx *tx, struct call *call, int64_t id, const char *state)
{
	json_t *object = json_pack("{s:s,s:s,s:s}", "state", state, "decided_by", call->actor.name, "decided_at",
	                           clock_rfc3339(call->arena, tx->now_ms).ptr);
	enum store_code code = operation_change(tx, call, app_shape(call->app, TEXT("claim")), id, object, TEXT_NONE);
	json_decref(object);
	return code;
}

static enum store_code make(struct tx *tx, struct input *in, const struct slot *slot, struct text value, int64_t area)
{
	struct call *call = in->call;
	struct text record = text_printf(call->arena, "%lld", (long long)in->id);
	int64_t other = 0;
	/* While areas are merged, a record may lie in one that nothing is written to yet, or any more. */
	bool open = territory_open(tx->db, call->actor.district, area, &other);
	struct text place = text_printf(call->arena, "%lld", (long long)(open || !other ? area : other));
	json_t *object = json_pack("{s:s,s:s,s:s,s:s%,s:s%,s:s,s:s}", "resource", in->shape->resource->name, "record", record.ptr,
	                           "field", slot->field->name, "source", in->source.ptr, in->source.len,
	                           slot->box_column ? "secret" : "value", value.ptr, value.len, "area", place.ptr, "state", "open");
	enum store_code code = operation_make(tx, call, app_shape(call->app, TEXT("claim")), object);
	json_decref(object);
	return code;
}

static enum store_code keep_one(struct tx *tx, struct input *in, const struct claimed *claimed, int64_t area)
{
	struct open_claim open[8];
	size_t count = 0;
	enum store_code code = find_open(tx, in, claimed->slot, in->source, claimed->value, open, COUNT(open), &count);
	for (size_t i = 0; i < count && code == STORE_OK; i++) {
		if (open[i].same)
			return code; /* it is said once more */
		code = decide(tx, in->call, open[i].id, "superseded");
	}
	return code == STORE_OK ? make(tx, in, claimed->slot, claimed->value, area) : code;
}

/* The owner's word decides what others have claimed. */
static enum store_code settle(struct tx *tx, struct input *in, const struct slot *slot, const void *record)
{
	struct open_claim open[32];
	size_t count = 0;
	enum store_code code = find_open(tx, in, slot, TEXT_NONE, value_of(in, slot, record), open, COUNT(open), &count);
	for (size_t i = 0; i < count && code == STORE_OK; i++)
		code = decide(tx, in->call, open[i].id, open[i].same ? "accepted" : "rejected");
	return code;
}

struct placed {
	int64_t id, version, area;
};

static enum store_code put_in(struct tx *tx, struct call *call, const struct placed *was, int64_t area)
{
	enum store_code code = db_exec(tx->db, "UPDATE claim SET area = ?1, version = ?2, updated_at = ?3 WHERE district = ?4 AND id = ?5",
		BIND(value_int(area), value_int(was->version + 1), value_int(tx->now_ms), value_int(call->actor.district),
		     value_int(was->id)), NULL);
	return code != STORE_OK ? code : journal_write(tx, &call->actor, &(struct journal_line){
		.action = TEXT("update"), .resource = TEXT("claim"), .record = was->id, .version = was->version + 1,
		.places = { .area = area, .was_area = was->area }, .fields = TEXT("area"),
		.detail = text_printf(call->arena, "{\"area\":[\"%lld\",\"%lld\"]}", (long long)was->area, (long long)area) });
}

/* All that was claimed goes where the record goes: it is seen and decided by who keeps the record. */
static enum store_code follow(struct tx *tx, struct input *in, int64_t area)
{
	struct call *call = in->call;
	struct text record = text_printf(call->arena, "%lld", (long long)in->id);
	struct placed claims[32];
	size_t count = COUNT(claims);
	enum store_code code = STORE_OK;
	while (count == COUNT(claims) && code == STORE_OK) {
		struct rows *rows = db_query(tx->db, "SELECT id, version, area FROM claim WHERE district = ?1 AND record = ?2 AND area <> ?3"
			" AND ended_at IS NULL ORDER BY id LIMIT ?4",
			BIND(value_int(call->actor.district), value_text(record), value_int(area), value_int(COUNT(claims))));
		for (count = 0; rows_next(rows); count++)
			claims[count] = (struct placed){ rows_int(rows, 0), rows_int(rows, 1), rows_int(rows, 2) };
		code = rows_end(rows);
		for (size_t i = 0; i < count && code == STORE_OK; i++)
			code = put_in(tx, call, &claims[i], area);
	}
	return code;
}

enum store_code claim_keep(struct tx *tx, struct input *in, const void *record)
{
	struct tie_values ties = record_ties(in->shape, record);
	const struct slot *place = in->shape->tie_slots[0];
	bool is_placed = place && json_object_get(in->object, place->field->name);
	enum store_code code = is_placed ? follow(tx, in, ties.area) : STORE_OK;
	struct buf names = buf_in(in->call->arena, 64, 4096);
	struct json_out json = json_out(&names);
	json_begin_array(&json);
	for (size_t i = 0; i < in->claim_count && code == STORE_OK; i++) {
		code = keep_one(tx, in, &in->claims[i], ties.area);
		json_put_text(&json, in->claims[i].slot->name);
	}
	json_end_array(&json);
	for (size_t i = SYSTEM_SLOTS; i < in->shape->slot_count && code == STORE_OK; i++) {
		const struct slot *slot = &in->shape->slots[i];
		if (slot->field->owner && text_is(in->source, slot->field->owner) && input_gives(in, slot->field->name))
			code = settle(tx, in, slot, record);
	}
	if (in->claim_count > 0)
		in->call->claimed = buf_done(&names);
	return code;
}

/* ---- who says so ---- */

static enum store_code put_claims(struct call *call, struct db *db, struct json_out *json, int64_t id, const char *field)
{
	struct text record = text_printf(call->arena, "%lld", (long long)id);
	struct rows *rows = db_query(db, "SELECT id, source, value, secret, created_at FROM claim WHERE district = ?1 AND record = ?2"
		" AND field = ?3 AND state = 'open' AND ended_at IS NULL ORDER BY id LIMIT 32",
		BIND(value_int(call->actor.district), value_text(record), value_text(text_of(field))));
	json_key(json, TEXT("claims"));
	json_begin_array(json);
	while (rows_next(rows)) {
		json_begin_object(json);
		JSON_ID(json, "id", rows_int(rows, 0));
		JSON_TEXT(json, "source", rows_text(rows, 1));
		json_member_instant(json, TEXT("at"), rows_int(rows, 4));
		if (rows_text(rows, 2).ptr)
			json_member_raw(json, TEXT("says"), rows_text(rows, 2));
		else
			JSON_TEXT(json, "masked", rows_text(rows, 3));
		json_end_object(json);
	}
	json_end_array(json);
	return rows_end(rows);
}

enum store_code claim_answer_sources(struct call *call, struct db *db, const struct shape *shape, int64_t id, struct text sources_json)
{
	struct json_out json = call_json(call, 200);
	enum store_code code = STORE_OK;
	json_t *all = NULL;
	if (sources_json.ptr)
		json_read(sources_json, 4, &all);
	json_begin_object(&json);
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count && code == STORE_OK; i++) {
		struct text source = TEXT_NONE, day = TEXT_NONE;
		const struct field *field = shape->slots[i].field;
		if (!field->owner)
			continue;
		source_of_field(all, field->name, &source, &day);
		json_key(&json, shape->slots[i].name);
		json_begin_object(&json);
		JSON_TEXT(&json, "owner", text_of(field->owner));
		JSON_TEXT(&json, "source", source);
		JSON_TEXT(&json, "since", day);
		code = put_claims(call, db, &json, id, field->name);
		json_end_object(&json);
	}
	json_end_object(&json);
	json_decref(all);
	return code;
}

/* ---- deciding ---- */

/* The claim of the path, open and in the actor's areas. */
static enum store_code find_claim(struct tx *tx, struct call *call, struct claim *claimed, struct hidden *hidden)
{
	const struct shape *shape = app_shape(call->app, TEXT("claim"));
	enum store_code code = operation_find(tx->db, call, shape, call->id, claimed, hidden);
	if (code == STORE_OK && !text_is(claimed->state, "open"))
		return call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("已经核定"), TEXT("It has been decided"));
	return code;
}

static enum store_code check_target(struct tx *tx, struct call *call, const struct shape *target, int64_t id)
{
	void *record = arena_take_raw(call->arena, target->resource->size);
	enum store_code code = operation_find(tx->db, call, target, id, record, NULL);
	if (code == STORE_OK && record_has_ended(record))
		return call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("记录已终止"), TEXT("The record has ended"));
	return code;
}

static enum store_code apply(struct tx *tx, struct call *call, const struct claim *claimed, const struct hidden *hidden)
{
	const struct shape *target = app_shape(call->app, claimed->resource);
	struct input in = { .object = NULL };
	struct text value = claimed->value;
	json_t *object = NULL;
	int64_t record;
	if (!value.ptr) {
		input_start_record(&in, call, app_shape(call->app, TEXT("claim")), call->id, hidden);
		value = input_plain(&in, "secret");
	}
	if (!target || !value.ptr || !id_read(claimed->record, &record) || json_read(value, 8, &object) != JSON_FINE)
		return call_problem(call, PROBLEM_NOT_FOUND);
	enum store_code code = check_target(tx, call, target, record);
	if (code == STORE_OK)
		code = operation_change(tx, call, target, record, object, claimed->source);
	json_decref(object);
	return code;
}

static enum store_code answer_claim(struct tx *tx, struct call *call)
{
	struct claim now;
	const struct shape *shape = app_shape(call->app, TEXT("claim"));
	enum store_code code = operation_find(tx->db, call, shape, call->id, &now, NULL);
	if (code == STORE_OK)
		record_answer(call, shape, &now, 200);
	return code;
}

static enum store_code accept(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct claim claimed;
	struct hidden hidden;
	enum store_code code = find_claim(tx, call, &claimed, &hidden);
	if (code == STORE_OK)
		code = apply(tx, call, &claimed, &hidden);
	if (code == STORE_OK)
		code = decide(tx, call, call->id, "accepted");
	return code == STORE_OK ? answer_claim(tx, call) : code;
}

static enum store_code reject(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct claim claimed;
	struct hidden hidden;
	enum store_code code = find_claim(tx, call, &claimed, &hidden);
	if (code == STORE_OK)
		code = decide(tx, call, call->id, "rejected");
	return code == STORE_OK ? answer_claim(tx, call) : code;
}

/* ---- what they say of themselves ---- */

static const struct field source_fields[] = {
	{ .type = FIELD_word, .name = "owner", .label = "权威部门", .flags = MUST, .words = sources },
	{ .type = FIELD_word, .name = "source", .label = "来源", .words = sources },
	{ .type = FIELD_date, .name = "since", .label = "日期" },
};
static const struct field claim_fields[] = {
	{ .type = FIELD_ref, .name = "id", .label = "编号", .flags = MUST, .to = "claim" },
	{ .type = FIELD_word, .name = "source", .label = "来源", .flags = MUST, .words = sources },
	{ .type = FIELD_instant, .name = "at", .label = "时间", .flags = MUST },
	{ .type = FIELD_object, .name = "says", .label = "内容", .flags = MUST | DETAIL },
	{ .type = FIELD_text, .name = "masked", .label = "受保护内容", .flags = DETAIL },
};
const struct about claim_sources_about = {
	.gives = BODY_MEMBERS, .out = { ROWS(source_fields), .list = "claims", ROWS(claim_fields), .by_field = true },
};

/* What the claim says is taken like any change of the record. */
#define OF_CLAIM \
	.of = "claim", .gives = BODY_RECORD, \
	.problems = PROBLEM_LIST(PROBLEM_WRONG_STATE, PROBLEM_INVALID, PROBLEM_DUPLICATE, PROBLEM_REGISTERED_ELSEWHERE)
static const struct about accept_about = { "accept_claim", "采纳异议", "accept a claim", OF_CLAIM };
static const struct about reject_about = { "reject_claim", "不采纳异议", "reject a claim", OF_CLAIM };

static const struct route routes[] = {
	{ METHOD_POST, "/api/v1/claims/{id}/accept", "claim.decide", ROUTE_COMMAND, .command = accept, .about = &accept_about },
	{ METHOD_POST, "/api/v1/claims/{id}/reject", "claim.decide", ROUTE_COMMAND, .command = reject, .about = &reject_about },
};
static const struct grant grants[] = { { "claim.decide", "bureau street" } };

const struct module claim_module = {
	.name = "claim", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
	.routes = routes, .route_count = COUNT(routes), .grants = grants, .grant_count = COUNT(grants),
};
