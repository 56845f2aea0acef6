/* SPDX-License-Identifier: Apache-2.0 */
/* describe_types.c - JSON Schema (2020-12, as OpenAPI 3.1 takes it) of fields, records and what all routes share. */
#include "engine/describe.h"

#include "engine/source.h"

#include <string.h>

#define REF "#/components/schemas/"
#define DIGITS "^[1-9][0-9]{0,18}$"

void put_ref(struct json_out *json, struct text ref)
{
	json_begin_object(json);
	JSON_TEXT(json, "$ref", ref);
	json_end_object(json);
}

/* "care_plan" becomes "CarePlan". */
static struct text type_name(struct arena *arena, const struct shape *shape, const char *behind)
{
	struct buf name = buf_in(arena, 64, 256);
	bool up = true;
	for (const char *at = shape->resource->name; *at; at++) {
		if (*at != '_')
			buf_char(&name, up && *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at);
		up = *at == '_';
	}
	buf_text(&name, text_of(behind));
	return buf_done(&name);
}

struct text schema_ref(struct arena *arena, const struct shape *shape, const char *behind)
{
	return text_printf(arena, REF "%.*s", TEXT_ARG(type_name(arena, shape, behind)));
}

/* ---- one field ---- */

static bool goes_out(enum use use)
{
	return use == ANSWERED || use == TOLD;
}

static void put_type(struct json_out *json, const char *type, bool nullable)
{
	if (!nullable) {
		JSON_TEXT(json, "type", text_of(type));
		return;
	}
	json_key(json, TEXT("type"));
	json_begin_array(json);
	json_put_text(json, text_of(type));
	json_put_text(json, TEXT("null"));
	json_end_array(json);
}

static void put_enum(struct json_out *json, const struct field *field, bool nullable)
{
	if (!words_of(field, 0))
		return;
	json_key(json, TEXT("enum"));
	json_begin_array(json);
	for (size_t i = 0; words_of(field, i); i++)
		json_put_text(json, text_of(words_of(field, i)));
	if (nullable)
		json_put_null(json);
	json_end_array(json);
}

static void put_text_type(struct json_out *json, const struct field *field, enum use use, bool nullable)
{
	bool masked = goes_out(use) && field_is_sealed(field);
	if (field->type == FIELD_answers && !masked) {
		put_type(json, "object", nullable);
		JSON_TEXT(json, "x-questionnaire", text_of(field->questionnaire));
		return;
	}
	put_type(json, "string", nullable);
	if (masked) {
		JSON_TEXT(json, "description", TEXT("masked"));
		return;
	}
	if (field->type == FIELD_uscc)
		JSON_TEXT(json, "pattern", TEXT("^[0-9A-Z]{18}$"));
	else if (field->type == FIELD_id_card)
		JSON_TEXT(json, "pattern", TEXT("^([0-9]{15}|[0-9]{17}[0-9Xx])$"));
	else if (!goes_out(use) && field->type == FIELD_text && (field->flags & MUST))
		JSON_INT(json, "minLength", 1);
	if (!goes_out(use) && field->type == FIELD_text)
		JSON_INT(json, "maxLength", field->max ? field->max : 200);
}

/* Limits are for what comes in: an older record may have more. */
static void put_number_type(struct json_out *json, const struct field *field, enum use use, bool nullable)
{
	put_type(json, field->type == FIELD_decimal ? "number" : "integer", nullable);
	if (field->type == FIELD_money)
		JSON_TEXT(json, "description", TEXT("fen"));
	if (field->type == FIELD_decimal)
		JSON_INT(json, "x-scale", field->scale);
	if (goes_out(use) || field->type == FIELD_decimal || (!field->min && !field->max))
		return;
	JSON_INT(json, "minimum", field->min);
	JSON_INT(json, "maximum", field->max);
}

static void put_word(struct json_out *json, const struct field *field)
{
	json_begin_object(json);
	put_type(json, "string", false);
	put_enum(json, field, false);
	json_end_object(json);
}

/* A tag may come with who says so, since when and until when; what is answered are the words that hold today. */
static void put_tag(struct json_out *json, const struct field *field)
{
	json_begin_object(json);
	json_key(json, TEXT("anyOf"));
	json_begin_array(json);
	put_word(json, field);
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("object"));
	json_member_raw(json, TEXT("required"), TEXT("[\"word\"]"));
	json_key(json, TEXT("properties"));
	json_begin_object(json);
	json_key(json, TEXT("word"));
	put_word(json, field);
	json_key(json, TEXT("source"));
	put_word(json, &source_params[0]);
	json_member_raw(json, TEXT("from"), TEXT("{\"type\":\"string\",\"format\":\"date\"}"));
	json_member_raw(json, TEXT("to"), TEXT("{\"type\":\"string\",\"format\":\"date\"}"));
	json_end_object(json);
	JSON_BOOL(json, "additionalProperties", false);
	json_end_object(json);
	json_end_array(json);
	json_end_object(json);
}

static void put_items(struct json_out *json, const struct field *field, enum use use, bool nullable)
{
	put_type(json, "array", nullable && use != ANSWERED && use != CLEARABLE);
	json_key(json, TEXT("items"));
	if (field->type == FIELD_tags && !goes_out(use)) {
		put_tag(json, field);
	} else if (field->type == FIELD_refs) {
		json_begin_object(json);
		put_type(json, "string", false);
		JSON_TEXT(json, "pattern", TEXT(DIGITS));
		json_end_object(json);
	} else {
		put_word(json, field);
	}
}

static void put_object_type(struct json_out *json, struct text ref, bool nullable)
{
	if (!nullable) {
		JSON_TEXT(json, "$ref", ref);
		return;
	}
	json_key(json, TEXT("anyOf"));
	json_begin_array(json);
	put_ref(json, ref);
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("null"));
	json_end_object(json);
	json_end_array(json);
}

/* The number alone, or the object as it was answered. */
static void put_file_number(struct json_out *json, bool nullable)
{
	json_key(json, TEXT("anyOf"));
	json_begin_array(json);
	json_begin_object(json);
	put_type(json, "string", nullable);
	JSON_TEXT(json, "pattern", TEXT(DIGITS));
	json_end_object(json);
	put_ref(json, TEXT(REF "File"));
	json_end_array(json);
}

static void put_format(struct json_out *json, const struct field *field, bool nullable)
{
	put_type(json, "string", nullable);
	if (field->type == FIELD_ref || field->type == FIELD_area)
		JSON_TEXT(json, "pattern", TEXT(DIGITS));
	else
		JSON_TEXT(json, "format", field->type == FIELD_date ? TEXT("date") : TEXT("date-time"));
}

static void put_field_type(struct json_out *json, const struct field *field, enum use use)
{
	const bool nullables[] = { [ANSWERED] = !(field->flags & (MUST | ZERO)), [TOLD] = !(field->flags & (MUST | ZERO)),
		                   [TAKEN] = field->flags & DETAIL, [CLEARABLE] = !(field->flags & MUST) };
	bool nullable = nullables[use];
	if (field->flags & RAW) {
		put_type(json, "object", nullable);
		return;
	}
	switch ((int)field->type) {
	case FIELD_text:
	case FIELD_id_card:
	case FIELD_uscc:
	case FIELD_phone:
	case FIELD_answers:
		put_text_type(json, field, use, nullable);
		break;
	case FIELD_word:
		put_type(json, "string", nullable);
		put_enum(json, field, nullable);
		break;
	case FIELD_words:
	case FIELD_tags:
	case FIELD_refs:
		put_items(json, field, use, nullable);
		break;
	case FIELD_integer:
	case FIELD_money:
	case FIELD_decimal:
		put_number_type(json, field, use, nullable);
		break;
	case FIELD_boolean:
		put_type(json, "boolean", nullable);
		break;
	case FIELD_point:
		put_object_type(json, TEXT(REF "Point"), nullable);
		break;
	case FIELD_file:
		if (goes_out(use))
			put_object_type(json, TEXT(REF "File"), nullable);
		else
			put_file_number(json, nullable);
		break;
	case FIELD_object:
		put_type(json, "object", nullable);
		break;
	default:
		put_format(json, field, nullable);
	}
}

void schema_of_field(struct json_out *json, struct arena *arena, const struct field *field, enum use use)
{
	json_begin_object(json);
	JSON_TEXT(json, "title", text_of(field->label));
	JSON_TEXT(json, "x-title-en", field_en(arena, field));
	put_field_type(json, field, use);
	if (field->to)
		JSON_TEXT(json, "x-to", text_of(field->to));
	json_end_object(json);
}

/* ---- objects ---- */

static void put_property(struct json_out *json, struct arena *arena, const struct field *field, enum use use)
{
	json_key(json, text_of(field->name));
	schema_of_field(json, arena, field, use);
}

static void close_object(struct json_out *json)
{
	JSON_BOOL(json, "additionalProperties", false);
	json_end_object(json);
}

static void list_property(struct json_out *json, struct arena *arena, const char *name, const struct members *members, enum use use)
{
	json_key(json, text_of(name));
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("array"));
	json_key(json, TEXT("items"));
	schema_of_members(json, arena, &(struct members){ .fields = members->list_fields, .count = members->list_count }, use);
	json_end_object(json);
}

/* What is answered is there, be it null; of what is taken only some must be there. */
static void object_schema(struct json_out *json, struct arena *arena, const struct members *members, enum use use)
{
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("object"));
	json_key(json, TEXT("required"));
	json_begin_array(json);
	for (size_t i = 0; i < members->count; i++)
		if (goes_out(use) ? !(members->fields[i].flags & DETAIL) : members->fields[i].flags & MUST)
			json_put_text(json, text_of(members->fields[i].name));
	if (members->list)
		json_put_text(json, text_of(members->list));
	if (members->second_list)
		json_put_text(json, text_of(members->second_list));
	json_end_array(json);
	json_key(json, TEXT("properties"));
	json_begin_object(json);
	for (size_t i = 0; i < members->count; i++)
		put_property(json, arena, &members->fields[i], use);
	if (members->list)
		list_property(json, arena, members->list, members, use);
	if (members->second_list)
		list_property(json, arena, members->second_list, members, use);
	json_end_object(json);
	close_object(json);
}

void schema_of_members(struct json_out *json, struct arena *arena, const struct members *members, enum use use)
{
	if (!members->by_field) {
		object_schema(json, arena, members, use);
		return;
	}
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("object"));
	json_key(json, TEXT("additionalProperties"));
	object_schema(json, arena, members, use);
	json_end_object(json);
}

/* ---- a resource ---- */

static const struct field claimed = { .type = FIELD_words, .name = "claimed", .label = "已转为异议的字段", .en = "kept as claims" };

static const struct field followed_fields[] = {
	{ .type = FIELD_text, .name = "resource", .label = "哪种记录", .flags = MUST },
	{ .type = FIELD_ref, .name = "id", .label = "编号", .flags = MUST },
	{ .type = FIELD_text, .name = "action", .label = "发生了什么", .flags = MUST },
};
static const struct members followed = { .list = "followed", .list_fields = followed_fields, .list_count = COUNT(followed_fields) };

static void part_schema(struct json_out *json, struct arena *arena, const struct shape *shape)
{
	const struct resource *resource = shape->resource;
	json_begin_object(json);
	JSON_TEXT(json, "title", text_of(resource->label));
	JSON_TEXT(json, "x-title-en", text_of(resource->en));
	JSON_TEXT(json, "type", TEXT("object"));
	json_key(json, TEXT("properties"));
	json_begin_object(json);
	for (size_t i = 0; i < shape->slot_count; i++)
		if (slot_is_shown(&shape->slots[i]))
			put_property(json, arena, shape->slots[i].field, ANSWERED);
	for (size_t i = 0; i < resource->derived_count; i++)
		put_property(json, arena, &resource->derived[i], ANSWERED);
	if (shape->owned)
		put_property(json, arena, &claimed, ANSWERED);
	if (shape->reaction_count > 0 || shape->resource->flow)
		list_property(json, arena, "followed", &followed, ANSWERED);
	json_end_object(json);
	close_object(json);
}

static void whole_schema(struct json_out *json, struct arena *arena, const struct shape *shape)
{
	const struct resource *resource = shape->resource;
	json_begin_object(json);
	JSON_TEXT(json, "$ref", schema_ref(arena, shape, "Part"));
	json_key(json, TEXT("required"));
	json_begin_array(json);
	for (size_t i = 0; i < shape->slot_count; i++)
		if ((i < END_SLOTS || i >= SYSTEM_SLOTS) && slot_is_shown(&shape->slots[i]))
			json_put_text(json, shape->slots[i].name);
	for (size_t i = 0; i < resource->derived_count; i++)
		json_put_text(json, text_of(resource->derived[i].name));
	json_end_array(json);
	json_end_object(json);
}

static void request_schema(struct json_out *json, struct arena *arena, const struct shape *shape, bool create)
{
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("object"));
	if (create) {
		json_key(json, TEXT("required"));
		json_begin_array(json);
		for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++)
			if ((shape->slots[i].field->flags & (MUST | KEPT)) == MUST)
				json_put_text(json, shape->slots[i].name);
		json_end_array(json);
	}
	json_key(json, TEXT("properties"));
	json_begin_object(json);
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++)
		if (!(shape->slots[i].field->flags & (create ? KEPT : KEPT | FIXED)))
			put_property(json, arena, shape->slots[i].field, CLEARABLE);
	json_end_object(json);
	close_object(json);
}

static void page_schema(struct json_out *json, struct arena *arena, const struct shape *shape)
{
	static const struct field rest[] = {
		{ .type = FIELD_text, .name = "next", .label = "下一页的 cursor", .en = "cursor of the next page" },
		{ .type = FIELD_integer, .name = "total", .label = "总数", .flags = MUST },
	};
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("object"));
	json_member_raw(json, TEXT("required"), TEXT("[\"items\",\"next\"]"));
	json_key(json, TEXT("properties"));
	json_begin_object(json);
	json_key(json, TEXT("items"));
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("array"));
	json_key(json, TEXT("items"));
	put_ref(json, schema_ref(arena, shape, "Part"));
	json_end_object(json);
	for (size_t i = 0; i < COUNT(rest); i++)
		put_property(json, arena, &rest[i], ANSWERED);
	json_end_object(json);
	close_object(json);
}

/* Whether some route takes or gives such a body of the resource. */
static bool is_used(const struct app *app, const struct shape *shape, enum body body)
{
	for (size_t i = 0; i < app->route_count; i++) {
		const struct route *route = &app->routes[i];
		if (route->shape == shape && (route->about->takes == body || route->about->gives == body))
			return true;
	}
	return false;
}

void schemas_of_resource(struct json_out *json, const struct app *app, const struct shape *shape)
{
	struct arena *arena = json->buf->arena;
	json_key(json, type_name(arena, shape, "Part"));
	part_schema(json, arena, shape);
	json_key(json, type_name(arena, shape, "Page"));
	page_schema(json, arena, shape);
	if (is_used(app, shape, BODY_RECORD)) {
		json_key(json, type_name(arena, shape, ""));
		whole_schema(json, arena, shape);
	}
	if (is_used(app, shape, BODY_CREATE)) {
		json_key(json, type_name(arena, shape, "Create"));
		request_schema(json, arena, shape, true);
	}
	if (is_used(app, shape, BODY_CHANGE)) {
		json_key(json, type_name(arena, shape, "Change"));
		request_schema(json, arena, shape, false);
	}
}

/* ---- what all share ---- */

static void problem_schema(struct json_out *json, struct arena *arena)
{
	static const struct field fields[] = {
		{ .type = FIELD_text, .name = "type", .label = "类型", .flags = MUST },
		{ .type = FIELD_text, .name = "title", .label = "标题", .flags = MUST },
		{ .type = FIELD_text, .name = "title_en", .label = "英文标题", .flags = MUST },
		{ .type = FIELD_integer, .name = "status", .label = "状态码", .flags = MUST },
		{ .type = FIELD_text, .name = "code", .label = "代码", .flags = MUST },
	};
	static const struct field more[] = {
		{ .type = FIELD_text, .name = "detail", .label = "详情", .flags = MUST },
		{ .type = FIELD_text, .name = "detail_en", .label = "英文详情", .flags = MUST },
	};
	static const struct field errors[] = {
		{ .type = FIELD_text, .name = "pointer", .label = "字段", .flags = MUST },
		{ .type = FIELD_text, .name = "code", .label = "代码", .flags = MUST },
		{ .type = FIELD_text, .name = "message", .label = "说明", .flags = MUST },
		{ .type = FIELD_text, .name = "message_en", .label = "英文说明", .flags = MUST },
	};
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("object"));
	json_member_raw(json, TEXT("required"), TEXT("[\"type\",\"title\",\"title_en\",\"status\",\"code\"]"));
	json_key(json, TEXT("properties"));
	json_begin_object(json);
	for (size_t i = 0; i < COUNT(fields); i++)
		put_property(json, arena, &fields[i], ANSWERED);
	for (size_t i = 0; i < COUNT(more); i++)
		put_property(json, arena, &more[i], ANSWERED);
	list_property(json, arena, "errors", &(struct members){ .list = "errors", ROWS(errors) }, ANSWERED);
	json_end_object(json);
	close_object(json);
}

void schemas_of_all(struct json_out *json)
{
	json_key(json, TEXT("Problem"));
	problem_schema(json, json->buf->arena);
	json_member_raw(json, TEXT("Point"), TEXT("{\"title\":\"位置（WGS-84）\",\"type\":\"object\",\"required\":[\"lat\",\"lon\"],"
		"\"properties\":{\"lat\":{\"type\":\"number\",\"minimum\":-90,\"maximum\":90},"
		"\"lon\":{\"type\":\"number\",\"minimum\":-180,\"maximum\":180}},\"additionalProperties\":false}"));
	json_member_raw(json, TEXT("File"), TEXT("{\"title\":\"文件\",\"type\":\"object\",\"required\":[\"id\"],\"properties\":{"
		"\"id\":{\"type\":\"string\",\"pattern\":\"" DIGITS "\"},\"type\":{\"type\":\"string\"},"
		"\"bytes\":{\"type\":\"integer\",\"minimum\":1}},\"additionalProperties\":false}"));
	json_member_raw(json, TEXT("Filter"), TEXT("{\"title\":\"筛选条件\",\"description\":\"JsonLogic form: docs/api.md\","
		"\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,\"properties\":{"
		"\"and\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"" REF "Filter\"}},"
		"\"or\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"" REF "Filter\"}}}}"));
}
