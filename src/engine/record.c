/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - one record of a declared resource: blank, read from a row, bound to a statement, written as JSON. */
#include "engine/record.h"

#include "engine/app.h"
#include "engine/tags.h"

#include <assert.h>
#include <string.h>

void record_blank(const struct shape *shape, void *record)
{
	memset(record, 0, shape->resource->size);
	for (size_t i = 0; i < shape->slot_count; i++)
		if (field_value(shape->slots[i].field) == VALUE_INT)
			*(int64_t *)slot_at(&shape->slots[i], record) = field_missing(shape->slots[i].field);
	struct record *head = record;
	head->id = 0;
}

void record_read(const struct shape *shape, const struct rows *rows, struct arena *arena, void *record)
{
	rows_read(rows, shape->columns, shape->column_count, arena, record);
}

void record_read_brief(const struct shape *shape, const struct rows *rows, void *record)
{
	rows_read(rows, shape->columns, shape->brief_columns, NULL, record);
}

struct value record_value(const struct slot *slot, const void *record, bool second)
{
	const void *at = slot_of(slot, record);
	switch (field_value(slot->field)) {
	case VALUE_INT: {
		int64_t number = *(const int64_t *)at;
		bool missing = number == field_missing(slot->field) && !(slot->field->flags & ZERO);
		return missing ? value_ref(0) : value_int(number);
	}
	case VALUE_REAL:
		return value_real(((const double *)at)[second]);
	default:
		return value_text(*(const struct text *)at);
	}
}

int64_t record_number(const struct shape *shape, const void *record, const char *field)
{
	return slot_int(shape_slot(shape, text_of(field)), record);
}

struct text record_string(const struct shape *shape, const void *record, const char *field)
{
	return slot_text(shape_slot(shape, text_of(field)), record);
}

struct tie_values record_ties(const struct shape *shape, const void *record)
{
	int64_t ids[5];
	for (size_t i = 0; i < COUNT(ids); i++)
		ids[i] = shape->tie_slots[i] ? slot_int(shape->tie_slots[i], record) : 0;
	return (struct tie_values){ ids[0], ids[1], ids[2], ids[3], ids[4] };
}

bool record_has_ended(const void *record)
{
	return ((const struct record *)record)->ended_at != MISSING;
}

struct places record_places(const struct shape *shape, const void *before, const void *record)
{
	struct tie_values now = record_ties(shape, record), was = before ? record_ties(shape, before) : (struct tie_values){ 0 };
	return (struct places){ .area = now.area, .hukou_area = now.second_area, .was_area = was.area, .was_hukou_area = was.second_area,
		                .organization = now.organization, .was_organization = was.organization,
		                .subject = now.own ? now.own : now.family };
}

bool record_is_there(struct db *db, struct arena *arena, const struct actor *actor, const struct shape *shape,
                     const struct tie_columns *ties, int64_t id)
{
	struct query query;
	query_start(&query, arena);
	query_sql(&query, "SELECT 1 FROM ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(actor->district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(id));
	query_sql(&query, " AND ended_at IS NULL");
	scope_condition(&query, actor, ties);
	struct rows *rows = query_run(&query, db);
	bool there = rows_next(rows);
	return rows_end(rows) == STORE_OK && there;
}

/* ---- written as JSON ---- */

struct record_out record_out_for(struct call *call, struct json_out *json)
{
	struct record_out out = { .json = json };
	date_put(out.today, date_of_ms(clock_now_ms(store_clock(call->app->store))));
	struct text rest = call_param(call, "fields");
	if (!rest.ptr)
		return out;
	struct text *fields = arena_take(call->arena, RECORD_FIELDS_MAX * sizeof *fields);
	while (rest.len > 0 && out.field_count < RECORD_FIELDS_MAX) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
		fields[out.field_count++] = text_trim((struct text){ rest.ptr, len });
		len += comma ? 1 : 0;
		rest.ptr += len;
		rest.len -= len;
	}
	out.fields = fields;
	return out;
}

static bool wanted(const struct record_out *out, struct text name)
{
	if (!out->fields)
		return true;
	for (size_t i = 0; i < out->field_count; i++)
		if (text_eq(out->fields[i], name))
			return true;
	return false;
}

void record_put_text(struct record_out *out, struct text name, struct text value)
{
	if (wanted(out, name))
		json_member_text(out->json, name, value);
}

void record_put_int(struct record_out *out, struct text name, int64_t value)
{
	if (!wanted(out, name))
		return;
	if (value == MISSING)
		json_member_null(out->json, name);
	else
		json_member_int(out->json, name, value);
}

void record_put_raw(struct record_out *out, struct text name, struct text json)
{
	if (wanted(out, name))
		json_member_raw(out->json, name, json);
}

static void put_point(struct json_out *json, struct text name, const struct point *point)
{
	if (point->lat == 0.0 && point->lon == 0.0) {
		json_member_null(json, name);
		return;
	}
	json_key(json, name);
	json_begin_object(json);
	json_member_real(json, TEXT("lat"), point->lat);
	json_member_real(json, TEXT("lon"), point->lon);
	json_end_object(json);
}

/* Exactly `scale` decimals: a price of 12.50 is not 12.5. */
static void put_decimal(struct json_out *json, struct text name, int64_t value, unsigned scale)
{
	char digits[2 * DECIMAL_MAX + 4], *end = digits;
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, unit = 1;
	for (unsigned i = 0; i < scale; i++)
		unit *= 10;
	if (value < 0)
		*end++ = '-';
	end = text_decimal(end, (int64_t)(size / unit));
	if (scale > 0)
		*end++ = '.';
	for (uint64_t rest = size % unit; unit > 1; rest %= unit) {
		unit /= 10;
		*end++ = (char)('0' + rest / unit);
	}
	json_member_raw(json, name, (struct text){ digits, (size_t)(end - digits) });
}

static void put_number(struct json_out *json, const struct slot *slot, int64_t value)
{
	if (slot->field->type == FIELD_ref || slot->field->type == FIELD_area)
		json_member_id(json, slot->name, value);
	else if (value == MISSING)
		json_member_null(json, slot->name);
	else if (slot->field->type == FIELD_instant)
		json_member_instant(json, slot->name, value);
	else if (slot->field->type == FIELD_boolean)
		json_member_raw(json, slot->name, value ? TEXT("true") : TEXT("false"));
	else if (slot->field->type == FIELD_decimal)
		put_decimal(json, slot->name, value, slot->field->scale);
	else
		json_member_int(json, slot->name, value);
}

static void put_slot(struct record_out *out, const struct slot *slot, const void *record)
{
	const void *at = slot_of(slot, record);
	if (!wanted(out, slot->name))
		return;
	if (!field_is_text(slot->field)) {
		if (slot->field->type == FIELD_point)
			put_point(out->json, slot->name, at);
		else
			put_number(out->json, slot, *(const int64_t *)at);
		return;
	}
	struct text value = *(const struct text *)at;
	if (slot->field->type == FIELD_tags)
		tags_put(out->json, slot->name, value, (struct text){ out->today, sizeof out->today });
	else if (slot->field->type == FIELD_words || slot->field->type == FIELD_refs)
		json_member_raw(out->json, slot->name, value.ptr ? value : TEXT("[]"));
	else if ((slot->field->flags & RAW) || slot->field->type == FIELD_file)
		json_member_raw(out->json, slot->name, value.ptr ? value : TEXT("null"));
	else
		record_put_sealed(out->json, slot, value);
}

void record_put_sealed(struct json_out *json, const struct slot *slot, struct text value)
{
	if (slot->field->type == FIELD_answers && text_starts(value, TEXT("{")))
		json_member_raw(json, slot->name, value);
	else
		json_member_text(json, slot->name, value);
}

void record_put_slot(struct json_out *json, const struct slot *slot, const void *record)
{
	struct record_out out = { .json = json };
	put_slot(&out, slot, record);
}

void record_put(struct record_out *out, const struct shape *shape, const void *record)
{
	const struct slot *slots = shape->slots;
	for (size_t i = 0; i < (out->brief ? shape->brief_slots : shape->slot_count); i++)
		if ((i < 2 || i >= SYSTEM_SLOTS) && slot_is_shown(&slots[i]))
			put_slot(out, &slots[i], record);
	if (shape->resource->derive)
		shape->resource->derive(record, out);
	for (size_t i = 2; i < (record_has_ended(record) ? SYSTEM_SLOTS : END_SLOTS); i++)
		put_slot(out, &slots[i], record);
}

static void put_followed(struct json_out *json, const struct call *call)
{
	json_key(json, TEXT("followed"));
	json_begin_array(json);
	for (size_t i = 0; i < call->followed_count; i++) {
		json_begin_object(json);
		JSON_TEXT(json, "resource", text_of(call->followed[i].resource));
		json_member_id(json, TEXT("id"), call->followed[i].id);
		JSON_TEXT(json, "action", text_of(call->followed[i].action));
		json_end_object(json);
	}
	json_end_array(json);
}

void record_answer(struct call *call, const struct shape *shape, const void *record, int status)
{
	struct json_out json = call_json(call, status);
	struct record_out out = record_out_for(call, &json);
	json_begin_object(&json);
	record_put(&out, shape, record);
	if (call->claimed.ptr)
		json_member_raw(&json, TEXT("claimed"), call->claimed);
	if (call->followed_count > 0)
		put_followed(&json, call);
	json_end_object(&json);
	call->version = ((const struct record *)record)->version;
}
