/* SPDX-License-Identifier: Apache-2.0 */
/* pages.c - the addresses that are not resources: the front door, health, metrics, the journal, the event stream. */
#include "edge/http.h"

#include "engine/history.h"

static const char front_door[] =
	"<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>松鹤 Songhe</title>"
	"<meta name=\"viewport\" content=\"width=device-width\">"
	"<style>body{font:18px/1.7 sans-serif;max-width:42em;margin:3em auto;padding:0 1em;color:#222}code{background:#eee}</style>"
	"<h1>松鹤</h1><p>区级智慧养老服务信息平台正在运行。</p>"
	"<p>The district's elderly-care platform is running.</p>"
	"<p>接口 API：<code>POST /api/v1/login</code>，<code>/api/v1/elders</code>，<code>/api/v1/facilities</code>，"
	"<code>/api/v1/areas</code>，<code>/api/v1/events</code></p></html>";

static void front(struct call *call)
{
	call_json(call, 200);
	buf_add(&call->out, front_door, sizeof front_door - 1);
	call->content_type = "text/html; charset=utf-8";
}

/* The process answers; says nothing of the store. */
static void live(struct call *call)
{
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	JSON_TEXT(&json, "status", TEXT("ok"));
	json_end_object(&json);
}

static enum store_code look(struct db *db, void *ignored)
{
	(void)ignored;
	db_int(db, 0, "SELECT max(number) FROM district", BIND_NONE);
	return db_code(db);
}

static void ready(struct call *call)
{
	if (store_read(call->app->store, 0, look, NULL) == STORE_OK)
		live(call);
	else
		call_problem(call, PROBLEM_UNAVAILABLE);
}

static enum store_code metrics(struct db *db, void *arg)
{
	struct call *call = arg;
	struct store_counters c = store_counters(call->app->store);
	(void)db;
	call_json(call, 200);
	const struct {
		const char *name, *type;
		uint64_t value;
	} rows[] = {
		{ "songhe_commands_total", "counter", c.commands },
		{ "songhe_commit_groups_total", "counter", c.groups },
		{ "songhe_commands_rolled_back_total", "counter", c.rolled_back },
		{ "songhe_command_retries_total", "counter", c.retries },
		{ "songhe_checkpoints_total", "counter", c.checkpoints },
		{ "songhe_wal_bytes", "gauge", c.wal_bytes },
		{ "songhe_feed_listeners", "gauge", feed_listeners(call->app->feed) },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		buf_printf(&call->out, "# TYPE %s %s\n%s %llu\n", rows[i].name, rows[i].type, rows[i].name,
		           (unsigned long long)rows[i].value);
	call->content_type = "text/plain; version=0.0.4; charset=utf-8";
	return STORE_OK;
}

/* ---- the journal, for the auditor ---- */

enum { LOOKED_THROUGH_MAX = 2000 }; /* by one request, where not every line is shown */

struct lines {
	struct call *call;
	struct json_out *json;
	int64_t last, limit;
	int count, looked_through;
	bool all, more;
};

/* Who audits some areas reads what happened there, as the record lies after it; what has no place is for who audits all. */
static bool is_shown(const struct lines *lines, const struct places *p)
{
	const struct actor *actor = &lines->call->actor;
	return lines->all || (p->area && actor_covers(actor, p->area)) || (p->hukou_area && actor_covers(actor, p->hukou_area));
}

static bool write_line(void *arg, const struct journal_line *line)
{
	struct lines *lines = arg;
	lines->looked_through++;
	if (is_shown(lines, &line->places)) {
		lines->more = lines->count == lines->limit;
		if (lines->more)
			return false;
		lines->count++;
		history_put(lines->json, lines->call, line);
	}
	lines->last = line->pos;
	return true;
}

static enum store_code journal(struct db *db, void *arg)
{
	struct call *call = arg;
	struct text cursor = call_param(call, "cursor"), limit_text = call_param(call, "limit");
	int64_t after = 0, limit = 50;
	if (cursor.ptr && !text_to_int(cursor, INT64_MAX, &after))
		return call_problem(call, PROBLEM_BAD_CURSOR);
	if (limit_text.ptr && (!text_to_int(limit_text, 200, &limit) || limit < 1))
		return call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("limit 应在 1 到 200 之间"), TEXT("limit is between 1 and 200"));
	struct json_out json = call_json(call, 200);
	struct lines lines = { .call = call, .json = &json, .last = after, .limit = limit, .all = app_covers_all(call->app, &call->actor) };
	int at_most = lines.all ? (int)limit + 1 : LOOKED_THROUGH_MAX;
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	enum store_code code = journal_read(db, call->actor.district, after, at_most, write_line, &lines);
	bool more = lines.more || lines.looked_through == LOOKED_THROUGH_MAX;
	json_end_array(&json);
	JSON_TEXT(&json, "next", more ? text_printf(call->arena, "%lld", (long long)lines.last) : TEXT_NONE);
	json_end_object(&json);
	return code;
}

/* ---- what they say of themselves ---- */

static const struct field status[] = { { .type = FIELD_text, .name = "status", .label = "状态", .flags = MUST } };
static const struct about front_about = { "front", "首页", "front page", .gives = BODY_HTML };
static const struct about live_about = { "livez", "进程是否在运行", "whether the process answers", .gives = BODY_MEMBERS,
	                                 .out = { ROWS(status) } };
static const struct about ready_about = { "readyz", "是否可以提供服务", "whether the store answers", .gives = BODY_MEMBERS,
	                                  .out = { ROWS(status) }, .problems = PROBLEM_LIST(PROBLEM_UNAVAILABLE) };
static const struct about metrics_about = { "metrics", "运行指标", "numbers for Prometheus", .gives = BODY_PLAIN };
static const struct about journal_about = { "list_journal", "操作日志", "the journal, oldest first", .gives = BODY_MEMBERS,
	HISTORY_ROWS, .problems = PROBLEM_LIST(PROBLEM_BAD_CURSOR) };
static const struct about events_about = { "follow_events", "实时变更", "changes as they happen", .gives = BODY_EVENTS };

static const struct route routes[] = {
	{ METHOD_GET, "/", NULL, ROUTE_TASK, .task = front, .open = true, .about = &front_about },
	{ METHOD_GET, "/livez", NULL, ROUTE_TASK, .task = live, .open = true, .about = &live_about },
	{ METHOD_GET, "/readyz", NULL, ROUTE_TASK, .task = ready, .open = true, .about = &ready_about },
	{ METHOD_GET, "/metrics", "journal.read", ROUTE_READ, .read = metrics, .about = &metrics_about },
	{ METHOD_GET, "/api/v1/journal", "journal.read", ROUTE_READ, .read = journal, .about = &journal_about },
	{ METHOD_GET, "/api/v1/events", NULL, ROUTE_STREAM, .about = &events_about },
};

static const struct grant grants[] = { { "journal.read", "auditor" } };

const struct module page_module = { .name = "page", .file = __FILE__, .routes = routes, .route_count = COUNT(routes),
	                                .grants = grants, .grant_count = COUNT(grants) };
