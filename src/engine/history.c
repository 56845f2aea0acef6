/* SPDX-License-Identifier: Apache-2.0 */
/* history.c - journal lines as they are shown. */
#include "engine/history.h"

#include "engine/input.h"
#include "engine/keys.h"

#include <string.h>

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 200 };

/* ---- what is in a line ---- */

const struct field history_next[] = { { .type = FIELD_text, .name = "next", .label = "下一页" } };
const struct field history_line[] = {
	{ .type = FIELD_integer, .name = "position", .label = "序号", .flags = MUST },
	{ .type = FIELD_instant, .name = "at", .label = "时间", .flags = MUST },
	{ .type = FIELD_text, .name = "actor", .label = "操作人", .flags = MUST },
	{ .type = FIELD_text, .name = "channel", .label = "渠道", .flags = MUST },
	{ .type = FIELD_text, .name = "behalf", .label = "受谁之托", .en = "on whose behalf" },
	{ .type = FIELD_text, .name = "action", .label = "动作", .flags = MUST },
	{ .type = FIELD_text, .name = "resource", .label = "对象", .flags = MUST },
	{ .type = FIELD_ref, .name = "id", .label = "编号" },
	{ .type = FIELD_integer, .name = "version", .label = "版本", .flags = MUST },
	{ .type = FIELD_object, .name = "changes", .label = "变更", .flags = MUST },
};
const struct field history_params[] = {
	{ .type = FIELD_text, .name = "cursor", .label = "上一页的 next", .en = "the next of the page before" },
	{ .type = FIELD_integer, .name = "limit", .label = "条数", .min = 1, .max = 200 },
};

/* ---- what changed ---- */

static bool has_sealed(const struct shape *shape, struct text fields)
{
	while (fields.len > 0) {
		const char *comma = memchr(fields.ptr, ',', fields.len);
		size_t len = comma ? (size_t)(comma - fields.ptr) : fields.len;
		const struct slot *slot = shape_slot(shape, (struct text){ fields.ptr, len });
		if (slot && slot->box_column)
			return true;
		len += comma ? 1 : 0;
		fields = (struct text){ fields.ptr + len, fields.len - len };
	}
	return false;
}

/* Where the box does not open (its key is not here any more), stars say that there was something. */
static struct text masked(struct call *call, const struct journal_line *line, const struct slot *slot, const json_t *value)
{
	struct text box, plain, encoded = json_text_of(value);
	const struct shape *shape = app_shape(call->app, line->resource);
	struct seal_place place = { line->district, shape->resource->name, slot->field->name, line->record };
	if (!encoded.ptr)
		return TEXT_NONE;
	if (!base64url_read(call->arena, encoded, &box) || !keys_unseal(call->app->keys, call->arena, &place, box, &plain))
		return TEXT("***");
	return field_mask(call->arena, slot->field, plain);
}

static void put_value(struct json_out *json, struct call *call, const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	json_put_raw(json, text ? text_copy(call->arena, text_of(text)) : TEXT("null"));
	free(text);
}

static void put_opened(struct json_out *json, struct call *call, const struct journal_line *line, const struct shape *shape)
{
	json_t *all = NULL, *change;
	const char *name;
	if (json_read(line->detail, BODY_DEPTH_MAX, &all) != JSON_FINE) {
		json_put_null(json);
		return;
	}
	json_begin_object(json);
	json_object_foreach(all, name, change) {
		const struct slot *slot = shape_slot(shape, text_of(name));
		json_key(json, text_of(name));
		json_begin_array(json);
		for (size_t side = 0; side < json_array_size(change); side++)
			if (slot && slot->box_column)
				json_put_text(json, masked(call, line, slot, json_array_get(change, side)));
			else
				put_value(json, call, json_array_get(change, side));
		json_end_array(json);
	}
	json_end_object(json);
	json_decref(all);
}

void history_put(struct json_out *json, struct call *call, const struct journal_line *line)
{
	const struct shape *shape = app_shape(call->app, line->resource);
	json_begin_object(json);
	JSON_INT(json, "position", line->pos);
	json_member_instant(json, TEXT("at"), line->at_ms);
	JSON_TEXT(json, "actor", line->actor);
	JSON_TEXT(json, "channel", line->channel);
	JSON_TEXT(json, "behalf", line->behalf);
	JSON_TEXT(json, "action", line->action);
	JSON_TEXT(json, "resource", line->resource);
	JSON_ID(json, "id", line->record);
	JSON_INT(json, "version", line->version);
	json_key(json, TEXT("changes"));
	if (shape && journal_is_change(line->action) && has_sealed(shape, line->fields))
		put_opened(json, call, line, shape);
	else
		json_put_raw(json, line->detail.ptr ? line->detail : TEXT("{}"));
	json_end_object(json);
}

/* ---- the lines of one record ---- */

struct page {
	struct call *call;
	struct json_out json;
	int64_t limit, count, last;
};

static bool put_line(void *arg, const struct journal_line *line)
{
	struct page *page = arg;
	if (page->count++ == page->limit)
		return false; /* there is one more */
	history_put(&page->json, page->call, line);
	page->last = line->pos;
	return true;
}

enum store_code history_answer(struct call *call, struct db *db, const char *resource)
{
	struct text cursor = call_param(call, "cursor"), limit = call_param(call, "limit");
	struct page page = { .call = call, .limit = LIMIT_DEFAULT };
	int64_t before = 0;
	if (cursor.ptr && !text_to_int(cursor, INT64_MAX, &before))
		return call_problem(call, PROBLEM_BAD_CURSOR);
	if (limit.ptr && (!text_to_int(limit, LIMIT_MAX, &page.limit) || page.limit < 1))
		return call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("limit 应在 1 到 200 之间"), TEXT("limit is between 1 and 200"));
	page.json = call_json(call, 200);
	json_begin_object(&page.json);
	json_key(&page.json, TEXT("items"));
	json_begin_array(&page.json);
	enum store_code code = journal_history(db, call->actor.district, text_of(resource), call->id, before, (int)page.limit + 1,
	                                       put_line, &page);
	json_end_array(&page.json);
	JSON_TEXT(&page.json, "next", page.count > page.limit ? text_printf(call->arena, "%lld", (long long)page.last) : TEXT_NONE);
	json_end_object(&page.json);
	return code;
}
