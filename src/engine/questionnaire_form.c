/* SPDX-License-Identifier: Apache-2.0 */
/* questionnaire_form.c - a questionnaire as those see it who make a form of it, and as readers do. It holds nobody's data: whoever
 * is signed in may have it. */
#include "engine/questionnaire.h"

#include "engine/describe.h"

/* ---- the structure ---- */

static void put_head(struct json_out *json, const struct questionnaire *q)
{
	JSON_TEXT(json, "name", q->name);
	JSON_INT(json, "version", q->version);
	JSON_TEXT(json, "label", q->zh);
	JSON_TEXT(json, "en", q->en);
	JSON_TEXT(json, "from", q->from);
	JSON_TEXT(json, "to", q->to);
	JSON_TEXT(json, "source", q->source);
}

static void put_needs(struct json_out *json, const struct questionnaire *q, uint64_t needs)
{
	json_key(json, TEXT("needs"));
	json_begin_array(json);
	for (size_t i = 0; i < q->need_count; i++)
		if (needs >> i & 1)
			json_put_text(json, q->needs[i]);
	json_end_array(json);
}

static void put_option(struct json_out *json, const struct questionnaire *q, const struct question *item, size_t index)
{
	const struct word *option = &item->options[index];
	const struct meaning *meaning = &item->meanings[index];
	json_begin_object(json);
	json_key(json, TEXT("value"));
	if (item->field.type == FIELD_boolean)
		json_put_bool(json, text_is(text_of(option->word), "yes"));
	else
		json_put_text(json, text_of(option->word));
	JSON_TEXT(json, "label", text_of(option->zh));
	json_key(json, TEXT("score"));
	if (meaning->scored)
		json_put_int(json, meaning->score);
	else
		json_put_null(json);
	JSON_TEXT(json, "urgency", text_of(urgencies[meaning->urgency].word));
	put_needs(json, q, meaning->needs);
	json_end_object(json);
}

static void put_item(struct json_out *json, const struct questionnaire *q, const struct question *item)
{
	json_begin_object(json);
	JSON_TEXT(json, "name", text_of(item->field.name));
	JSON_TEXT(json, "label", text_of(item->field.label));
	JSON_TEXT(json, "en", text_of(item->field.en));
	JSON_TEXT(json, "type", text_of(field_type_names[item->field.type]));
	JSON_BOOL(json, "must", item->field.flags & MUST);
	if (item->field.type == FIELD_integer)
		JSON_INT(json, "min", item->field.min);
	if (item->field.type == FIELD_integer || item->field.type == FIELD_text)
		JSON_INT(json, "max", item->field.max);
	json_member_raw(json, TEXT("when"), item->when.ptr ? item->when : TEXT("null"));
	json_key(json, TEXT("options"));
	json_begin_array(json);
	for (size_t i = 0; i < item->option_count; i++)
		put_option(json, q, item, i);
	json_end_array(json);
	json_end_object(json);
}

static void put_sum(struct json_out *json, const struct questionnaire *q, const struct sum *sum)
{
	json_begin_object(json);
	JSON_TEXT(json, "name", text_of(sum->name));
	JSON_TEXT(json, "label", text_of(sum->zh));
	JSON_TEXT(json, "en", text_of(sum->en));
	json_key(json, TEXT("items"));
	json_begin_array(json);
	for (size_t i = 0; i < q->item_count; i++)
		if (sum->items >> i & 1)
			json_put_text(json, text_of(q->items[i].field.name));
	json_end_array(json);
	json_key(json, TEXT("grades"));
	json_begin_array(json);
	for (size_t i = 0; i < sum->grade_count; i++) {
		json_begin_object(json);
		JSON_TEXT(json, "word", text_of(sum->grades[i].word));
		JSON_TEXT(json, "label", text_of(sum->grades[i].zh));
		JSON_INT(json, "min", sum->grades[i].min);
		JSON_INT(json, "max", sum->grades[i].max);
		json_end_object(json);
	}
	json_end_array(json);
	json_end_object(json);
}

static void put_whole(struct json_out *json, const struct questionnaire *q)
{
	json_begin_object(json);
	put_head(json, q);
	JSON_TEXT(json, "needs_of", q->dictionary.len > 0 ? q->dictionary : TEXT_NONE);
	json_key(json, TEXT("items"));
	json_begin_array(json);
	for (size_t i = 0; i < q->item_count; i++)
		put_item(json, q, &q->items[i]);
	json_end_array(json);
	json_key(json, TEXT("sums"));
	json_begin_array(json);
	for (size_t i = 0; i < q->sum_count; i++)
		put_sum(json, q, &q->sums[i]);
	json_end_array(json);
	json_end_object(json);
}

/* ---- over the API ---- */

static void list(struct call *call)
{
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	for (size_t i = 0; i < questionnaire_count(); i++) {
		json_begin_object(&json);
		put_head(&json, questionnaire_at(i));
		json_end_object(&json);
	}
	json_end_array(&json);
	json_end_object(&json);
}

static void refuse(struct call *call, const char *zh, const char *en)
{
	call_problem_detail(call, PROBLEM_BAD_REQUEST, text_of(zh), text_of(en));
}

static void get(struct call *call)
{
	struct text name = call_param(call, "name"), on = call_param(call, "on"), said = call_param(call, "version");
	struct date day = date_of_ms(clock_now_ms(store_clock(call->app->store)));
	int64_t version = 0;
	if (!name.ptr)
		refuse(call, "请用 name 指明问卷", "Say with name which questionnaire");
	else if (on.ptr && said.ptr)
		refuse(call, "on 与 version 只能用一个", "Say either on or version");
	else if (on.ptr && !date_read(on, &day))
		refuse(call, "on 应为 YYYY-MM-DD", "on is a day, YYYY-MM-DD");
	else if (said.ptr && !text_to_int(said, INT32_MAX, &version))
		refuse(call, "version 应为整数", "version is a whole number");
	if (call->problem)
		return;
	const struct questionnaire *q = said.ptr ? questionnaire_version(name, version)
	                                         : questionnaire_on(name, date_text(call->arena, day));
	if (!q) {
		call_problem_detail(call, PROBLEM_NOT_FOUND, TEXT("没有这份问卷，或当天没有有效的版本"),
			TEXT("There is no such questionnaire, or no version of it holds on that day"));
		return;
	}
	struct json_out json = call_json(call, 200);
	put_whole(&json, q);
}

static const struct field heads[] = {
	{ .type = FIELD_text, .name = "name", .label = "名称", .flags = MUST },
	{ .type = FIELD_integer, .name = "version", .label = "版本", .flags = MUST },
	{ .type = FIELD_text, .name = "label", .label = "标题", .flags = MUST },
	{ .type = FIELD_text, .name = "en", .label = "英文标题", .flags = MUST, .en = "title in English" },
	{ .type = FIELD_date, .name = "from", .label = "启用日期", .flags = MUST },
	{ .type = FIELD_date, .name = "to", .label = "停用日期", .en = "the first day on which it no longer holds" },
	{ .type = FIELD_text, .name = "source", .label = "依据", .flags = MUST, .en = "what it is taken from" },
};
static const struct field params[] = {
	{ .type = FIELD_text, .name = "name", .label = "问卷", .flags = MUST, .en = "which questionnaire" },
	{ .type = FIELD_date, .name = "on", .label = "哪一天有效的版本，默认今天", .en = "the version that holds on this day; else today" },
	{ .type = FIELD_integer, .name = "version", .label = "版本", .min = 1, .max = INT32_MAX },
};
static const struct about list_about = { "list_questionnaire", "列表：问卷", "list: questionnaire", .gives = BODY_MEMBERS,
	                                 .out = { .list = "items", ROWS(heads) } };
static const struct about get_about = { "get_questionnaire", "问卷的内容", "a questionnaire", .gives = BODY_OBJECT,
	                                .params = ROWS(params), .problems = PROBLEM_LIST(PROBLEM_NOT_FOUND) };

static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/questionnaires", NULL, ROUTE_TASK, .task = list, .about = &list_about },
	{ METHOD_GET, "/api/v1/questionnaire", NULL, ROUTE_TASK, .task = get, .about = &get_about },
};

const struct module questionnaire_module = {
	.name = "questionnaire", .file = __FILE__, .routes = routes, .route_count = COUNT(routes),
};

/* ---- for readers ---- */

static void describe_meaning(struct buf *out, const struct questionnaire *q, const struct meaning *meaning)
{
	if (meaning->scored)
		buf_printf(out, " = %lld", (long long)meaning->score);
	if (meaning->urgency)
		buf_printf(out, " **%s**", urgencies[meaning->urgency].word);
	for (size_t i = 0; i < q->need_count; i++)
		if (meaning->needs >> i & 1)
			buf_printf(out, " → %.*s", TEXT_ARG(q->needs[i]));
}

/* A | would end the cell. */
static void describe_when(struct buf *out, struct text when)
{
	if (when.ptr)
		buf_char(out, '`');
	for (size_t i = 0; i < when.len; i++) {
		if (when.ptr[i] == '|')
			buf_char(out, '\\');
		buf_char(out, when.ptr[i]);
	}
	if (when.ptr)
		buf_char(out, '`');
}

static void describe_item(struct buf *out, const struct questionnaire *q, const struct question *item)
{
	const struct field *field = &item->field;
	buf_printf(out, "| `%s` | %s | %s", field->name, field->label, field_type_names[field->type]);
	if (field->type == FIELD_integer)
		buf_printf(out, ", %lld to %lld", (long long)field->min, (long long)field->max);
	if (field->type == FIELD_text)
		buf_printf(out, ", at most %lld characters", (long long)field->max);
	for (size_t i = 0; i < item->option_count; i++) {
		buf_printf(out, "%s `%s` %s", i ? "," : ":", item->options[i].word, item->options[i].zh);
		describe_meaning(out, q, &item->meanings[i]);
	}
	buf_printf(out, " | %s | ", field->flags & MUST ? "required" : "");
	describe_when(out, item->when);
	buf_text(out, TEXT(" |\n"));
}

static void describe_version(struct buf *out, const struct questionnaire *q)
{
	buf_printf(out, "\n### %.*s %.*s, version %lld\n\nFrom %.*s", TEXT_ARG(q->zh), TEXT_ARG(q->name), (long long)q->version,
	           TEXT_ARG(q->from));
	if (q->to.ptr)
		buf_printf(out, " until before %.*s", TEXT_ARG(q->to));
	buf_printf(out, ". %.*s.", TEXT_ARG(q->source));
	if (q->need_count > 0)
		buf_printf(out, " Needs are words of `%.*s`.", TEXT_ARG(q->dictionary));
	buf_text(out, TEXT("\n\n| item | | what is answered | | asked when |\n|---|---|---|---|---|\n"));
	for (size_t i = 0; i < q->item_count; i++)
		describe_item(out, q, &q->items[i]);
	for (size_t i = 0; i < q->sum_count; i++) {
		const struct sum *sum = &q->sums[i];
		buf_printf(out, "\nSum `%s` %s, %lld to %lld", sum->name, sum->zh, (long long)sum->least, (long long)sum->most);
		for (size_t g = 0; g < sum->grade_count; g++)
			buf_printf(out, "%s %lld to %lld `%s` %s", g ? "," : ":", (long long)sum->grades[g].min,
			           (long long)sum->grades[g].max, sum->grades[g].word, sum->grades[g].zh);
		buf_text(out, TEXT(".\n"));
	}
}

void questionnaires_describe(struct buf *out)
{
	buf_text(out, TEXT("\n## Questionnaires\n\n"
		"What an answer counts stands behind `=`, how urgent it is in **bold**, the need that it tells of behind `→`.\n"));
	for (size_t i = 0; i < questionnaire_count(); i++)
		describe_version(out, questionnaire_at(i));
}
