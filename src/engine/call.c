/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - one request while it is being answered. */
#include "engine/call.h"

#include <assert.h>
#include <string.h>

void call_start(struct call *call, struct app *app, struct arena *arena)
{
	*call = (struct call){ .app = app, .arena = arena, .content_type = "application/json", .raw_fd = -1 };
}

void call_end(struct call *call)
{
	if (call->content)
		call->content->close(call->content);
	call->content = NULL;
	json_decref(call->body);
	call->body = NULL;
}

void call_again(struct call *call)
{
	call->status = 0;
	call->problem = PROBLEM_NONE;
	call->detail_zh = call->detail_en = TEXT_NONE;
	call->wrong_count = 0;
	call->out.len = 0;
	call->version = 0;
	call->location = call->set_cookie = TEXT_NONE;
	call->content_type = "application/json";
	call->replayed = false;
	call->claimed = TEXT_NONE;
	call->followed_count = 0;
}

void call_moved(const struct call *call, int64_t done, int64_t total)
{
	if (call->moved)
		call->moved(done, total);
}

struct text call_param(const struct call *call, const char *name)
{
	for (size_t i = 0; i < call->pair_count; i++)
		if (text_is(call->pairs[i].name, name))
			return call->pairs[i].value;
	return TEXT_NONE;
}

bool call_flag(struct call *call, const char *name, bool *flag)
{
	struct text said = call_param(call, name);
	*flag = text_is(said, "true") || text_is(said, "1");
	if (!said.ptr || *flag || text_is(said, "false") || text_is(said, "0"))
		return true;
	call_problem_detail(call, PROBLEM_BAD_REQUEST, text_printf(call->arena, "%s 只能是 true 或 false", name),
		text_printf(call->arena, "%s is true or false", name));
	return false;
}

struct json_out call_json(struct call *call, int status)
{
	if (!call->out.ptr)
		call->out = buf_in(call->arena, 2048, ANSWER_BYTES_MAX);
	call->out.len = 0;
	call->out.overflow = false;
	call->status = status;
	return json_out(&call->out);
}

enum store_code call_problem(struct call *call, enum problem problem)
{
	return call_problem_detail(call, problem, TEXT_NONE, TEXT_NONE);
}

enum store_code call_problem_detail(struct call *call, enum problem problem, struct text zh, struct text en)
{
	assert(problem > PROBLEM_NONE && problem < PROBLEM_COUNT);
	call->problem = problem;
	call->status = problem_rows[problem].status;
	call->detail_zh = zh;
	call->detail_en = en;
	return STORE_REFUSED;
}

void call_wrong(struct call *call, struct text pointer, const char *code, struct text zh, struct text en)
{
	if (call->problem == PROBLEM_NONE)
		call_problem(call, PROBLEM_INVALID);
	if (!call->wrongs)
		call->wrongs = arena_take(call->arena, WRONG_MAX * sizeof *call->wrongs);
	if (call->wrong_count < WRONG_MAX)
		call->wrongs[call->wrong_count++] = (struct wrong){ pointer, code, zh, en };
}

static void write_wrongs(struct json_out *json, const struct call *call)
{
	json_key(json, TEXT("errors"));
	json_begin_array(json);
	for (size_t i = 0; i < call->wrong_count; i++) {
		const struct wrong *wrong = &call->wrongs[i];
		json_begin_object(json);
		JSON_TEXT(json, "pointer", wrong->pointer);
		JSON_TEXT(json, "code", text_of(wrong->code));
		JSON_TEXT(json, "message", wrong->zh);
		JSON_TEXT(json, "message_en", wrong->en);
		json_end_object(json);
	}
	json_end_array(json);
}

void call_write_problem(struct call *call)
{
	assert(call->problem != PROBLEM_NONE);
	const struct problem_row *row = &problem_rows[call->problem];
	struct json_out json = call_json(call, row->status);
	call->content_type = "application/problem+json";
	json_begin_object(&json);
	JSON_TEXT(&json, "type", text_printf(call->arena, "urn:songhe:problem:%s", row->code));
	JSON_TEXT(&json, "title", text_of(row->zh));
	JSON_TEXT(&json, "title_en", text_of(row->en));
	JSON_INT(&json, "status", row->status);
	JSON_TEXT(&json, "code", text_of(row->code));
	if (call->detail_zh.ptr)
		JSON_TEXT(&json, "detail", call->detail_zh);
	if (call->detail_en.ptr)
		JSON_TEXT(&json, "detail_en", call->detail_en);
	if (call->problem == PROBLEM_INVALID)
		write_wrongs(&json, call);
	json_end_object(&json);
}

enum store_code call_match(struct call *call, int64_t current)
{
	struct text rest = call->if_match;
	if (!rest.ptr)
		return call_problem(call, PROBLEM_IF_MATCH_NEEDED);
	struct text tag = text_printf(call->arena, "\"%lld\"", (long long)current);
	while (rest.len > 0) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
		struct text one = text_trim((struct text){ rest.ptr, len });
		if (text_is(one, "*") || text_eq(one, tag))
			return STORE_OK;
		len += comma ? 1 : 0;
		rest = (struct text){ rest.ptr + len, rest.len - len };
	}
	return call_problem(call, PROBLEM_STALE);
}
