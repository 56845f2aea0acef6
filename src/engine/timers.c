/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c - timers as they are shown, held and released; and what looks every day for missing holidays. */
#include "engine/timer.h"

#include "base/log.h"
#include "engine/input.h"
#include "engine/journal.h"
#include "engine/workdays.h"

#include <string.h>

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 200, REASON_MIN = 2, REASON_MAX = 200, KIND_MAX = 100 };

/* due_ms is TIMER_UNRESOLVED and next_ms NULL as timer.c has it. */
static const char *const steps[] = {
	"CREATE TABLE timer (district INTEGER NOT NULL, id INTEGER NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL,"
	" record INTEGER NOT NULL, due_ms INTEGER NOT NULL, next_ms INTEGER, set_ms INTEGER NOT NULL, from_on TEXT, workdays INTEGER,"
	" tries INTEGER NOT NULL, error TEXT, held TEXT, held_by TEXT, PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID",
	"CREATE UNIQUE INDEX timer_of ON timer (district, resource, record, kind)",
	"CREATE INDEX timer_next ON timer (district, next_ms, id) WHERE next_ms IS NOT NULL",
	"CREATE INDEX timer_due ON timer (district, due_ms, id)",
};
static const struct schema schema = { .owner = "timer", .steps = steps, .count = COUNT(steps), .id_table = "timer" };

#define COLUMNS "SELECT id, kind, resource, record, due_ms, next_ms, set_ms, from_on, workdays, tries, error, held, held_by FROM timer" \
	" WHERE district = "

enum { ID, KIND, RESOURCE, RECORD, DUE, NEXT, SET, FROM_ON, WORKDAYS, TRIES, ERROR, HELD, HELD_BY };

static const struct word states[] = {
	{ "waiting", "等待" }, { "failing", "重试中" }, { "held", "已暂停" }, { "unresolved", "待节假日数据" }, { 0 },
};

/* ---- one timer ---- */

static struct text state_of(const struct rows *rows)
{
	if (!rows_is_null(rows, HELD))
		return TEXT("held");
	if (rows_int(rows, DUE) == TIMER_UNRESOLVED)
		return TEXT("unresolved");
	return rows_is_null(rows, ERROR) ? TEXT("waiting") : TEXT("failing");
}

static void put_instant(struct json_out *json, struct text name, const struct rows *rows, int column)
{
	if (rows_is_null(rows, column) || rows_int(rows, column) == TIMER_UNRESOLVED)
		json_member_null(json, name);
	else
		json_member_instant(json, name, rows_int(rows, column));
}

static void put_timer(struct json_out *json, const struct app *app, const struct rows *rows)
{
	struct text kind = rows_text(rows, KIND), resource = rows_text(rows, RESOURCE);
	const struct timer_kind *timer = timer_kind_find(app, kind);
	const struct periodic *periodic = periodic_find(app, kind);
	json_begin_object(json);
	JSON_ID(json, "id", rows_int(rows, ID));
	JSON_TEXT(json, "kind", kind);
	JSON_TEXT(json, "title", text_of(timer ? timer->zh : periodic ? periodic->zh : NULL));
	JSON_BOOL(json, "periodic", text_is(resource, TIMER_PERIODIC));
	JSON_TEXT(json, "resource", text_is(resource, TIMER_PERIODIC) ? TEXT_NONE : resource);
	JSON_ID(json, "record", rows_int(rows, RECORD));
	JSON_TEXT(json, "state", state_of(rows));
	put_instant(json, TEXT("due_at"), rows, DUE);
	put_instant(json, TEXT("next_at"), rows, NEXT);
	put_instant(json, TEXT("set_at"), rows, SET);
	JSON_TEXT(json, "counted_from", rows_text(rows, FROM_ON));
	if (rows_is_null(rows, WORKDAYS))
		json_member_null(json, TEXT("workdays"));
	else
		JSON_INT(json, "workdays", rows_int(rows, WORKDAYS));
	JSON_INT(json, "tries", rows_int(rows, TRIES));
	JSON_TEXT(json, "error", rows_text(rows, ERROR));
	JSON_TEXT(json, "reason", rows_text(rows, HELD));
	JSON_TEXT(json, "held_by", rows_text(rows, HELD_BY));
	json_end_object(json);
}

/* Timers are about anybody in the district. */
static enum store_code check_reach(struct db *db, struct call *call)
{
	int64_t area = db_int(db, 0, "SELECT area FROM district WHERE number = ?1", BIND(value_int(call->actor.district)));
	if (db_code(db) != STORE_OK || actor_covers(&call->actor, area))
		return db_code(db);
	return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("由管辖全区的人查看"), TEXT("For who keeps the whole district"));
}

static enum store_code answer_one(struct db *db, struct call *call)
{
	struct query query;
	query_start(&query, call->arena);
	query_sql(&query, COLUMNS);
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(call->id));
	struct rows *rows = query_run(&query, db);
	bool found = rows_next(rows);
	if (found) {
		struct json_out json = call_json(call, 200);
		put_timer(&json, call->app, rows);
	}
	enum store_code code = rows_end(rows);
	return code == STORE_OK && !found ? call_problem(call, PROBLEM_NOT_FOUND) : code;
}

static enum store_code get(struct db *db, void *arg)
{
	struct call *call = arg;
	enum store_code code = check_reach(db, call);
	return code == STORE_OK ? answer_one(db, call) : code;
}

/* ---- the list ---- */

static void add_names(struct call *call, struct query *query)
{
	struct text kind = call_param(call, "kind"), resource = call_param(call, "resource");
	if (kind.ptr) {
		query_sql(query, " AND kind = ");
		query_value(query, value_text(kind));
	}
	if (resource.ptr) {
		query_sql(query, " AND resource = ");
		query_value(query, value_text(resource));
	}
}

static bool add_state(struct call *call, struct query *query)
{
	struct text said = call_param(call, "state");
	const struct word *state = said.ptr ? word_find(states, said) : NULL;
	if (said.ptr && !state) {
		call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("state 应为 waiting、failing、held 或 unresolved"),
			TEXT("state is waiting, failing, held or unresolved"));
		return false;
	}
	if (!state)
		return true;
	if (state == &states[0])
		query_sql(query, " AND next_ms IS NOT NULL AND error IS NULL");
	else if (state == &states[1])
		query_sql(query, " AND next_ms IS NOT NULL AND error IS NOT NULL");
	else if (state == &states[2])
		query_sql(query, " AND held IS NOT NULL");
	else
		query_sql(query, " AND held IS NULL AND next_ms IS NULL");
	return true;
}

static bool add_record(struct call *call, struct query *query)
{
	struct text said = call_param(call, "record");
	int64_t record;
	if (!said.ptr)
		return true;
	if (!id_read(said, &record)) {
		call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("record 是记录的编号"), TEXT("record is the number of a record"));
		return false;
	}
	query_sql(query, " AND record = ");
	query_value(query, value_int(record));
	return true;
}

/* DUE-ID: in the order of the list. */
static bool add_cursor(struct call *call, struct query *query)
{
	struct text said = call_param(call, "cursor");
	int64_t due_ms, id;
	if (!said.ptr)
		return true;
	const char *dash = said.len > 0 ? memchr(said.ptr, '-', said.len) : NULL;
	size_t len = dash ? (size_t)(dash - said.ptr) : said.len;
	if (!dash || !text_to_int((struct text){ said.ptr, len }, INT64_MAX, &due_ms) ||
	    !text_to_int((struct text){ dash + 1, said.len - len - 1 }, INT64_MAX, &id)) {
		call_problem(call, PROBLEM_BAD_CURSOR);
		return false;
	}
	query_sql(query, " AND (due_ms, id) > (");
	query_value(query, value_int(due_ms));
	query_sql(query, ", ");
	query_value(query, value_int(id));
	query_sql(query, ")");
	return true;
}

static enum store_code write_list(struct call *call, struct rows *rows, int64_t limit)
{
	struct json_out json = call_json(call, 200);
	struct text next = TEXT_NONE;
	int64_t due_ms = 0, id = 0;
	int missing = workdays_missing(date_of_ms(clock_now_ms(store_clock(call->app->store))));
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	for (int64_t count = 0; rows_next(rows); count++) {
		if (count == limit) {
			next = text_printf(call->arena, "%lld-%lld", (long long)due_ms, (long long)id);
			break;
		}
		put_timer(&json, call->app, rows);
		due_ms = rows_int(rows, DUE);
		id = rows_int(rows, ID);
	}
	json_end_array(&json);
	JSON_TEXT(&json, "next", next);
	if (missing)
		JSON_INT(&json, "holidays_missing", missing);
	else
		json_member_null(&json, TEXT("holidays_missing"));
	json_end_object(&json);
	return rows_end(rows);
}

static enum store_code list(struct db *db, void *arg)
{
	struct call *call = arg;
	struct text limit_text = call_param(call, "limit");
	int64_t limit = LIMIT_DEFAULT;
	struct query query;
	enum store_code code = check_reach(db, call);
	if (code != STORE_OK)
		return code;
	if (limit_text.ptr && (!text_to_int(limit_text, LIMIT_MAX, &limit) || limit < 1))
		return call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("limit 应在 1 到 200 之间"), TEXT("limit is between 1 and 200"));
	query_start(&query, call->arena);
	query_sql(&query, COLUMNS);
	query_value(&query, value_int(call->actor.district));
	add_names(call, &query);
	if (!add_state(call, &query) || !add_record(call, &query) || !add_cursor(call, &query))
		return STORE_REFUSED;
	query_sql(&query, " ORDER BY due_ms, id LIMIT ");
	query_value(&query, value_int(limit + 1));
	return write_list(call, query_run(&query, db), limit);
}

/* ---- holding and releasing ---- */

/* What is held, and why: also in the journal. */
static enum store_code note(struct tx *tx, struct call *call, const char *action, struct text before, struct text after)
{
	struct buf detail = buf_in(call->arena, 512, 8192);
	struct json_out json = json_out(&detail);
	int64_t area = db_int(tx->db, 0, "SELECT area FROM district WHERE number = ?1", BIND(value_int(call->actor.district)));
	json_begin_object(&json);
	json_key(&json, TEXT("reason"));
	json_begin_array(&json);
	json_put_text(&json, before);
	json_put_text(&json, after);
	json_end_array(&json);
	json_end_object(&json);
	return journal_write(tx, &call->actor, &(struct journal_line){ .action = text_of(action), .resource = TEXT("timer"),
		.record = call->id, .places = { .area = area }, .fields = TEXT("reason"), .detail = buf_done(&detail) });
}

/* False: it is not there, or not as it must be, which is answered. */
static enum store_code find_held(struct tx *tx, struct call *call, bool held, struct text *reason)
{
	enum store_code code = check_reach(tx->db, call);
	if (code != STORE_OK)
		return code;
	struct rows *rows = db_query(tx->db, "SELECT held FROM timer WHERE district = ?1 AND id = ?2",
	                             BIND(value_int(call->actor.district), value_int(call->id)));
	bool found = rows_next(rows), is_held = found && !rows_is_null(rows, 0);
	*reason = is_held ? text_copy(call->arena, rows_text(rows, 0)) : TEXT_NONE;
	code = rows_end(rows);
	if (code != STORE_OK || !found)
		return code != STORE_OK ? code : call_problem(call, PROBLEM_NOT_FOUND);
	return is_held == held ? STORE_OK : call_problem(call, PROBLEM_WRONG_STATE);
}

static const struct field reason_field = { .type = FIELD_text, .name = "reason", .label = "原因", .flags = MUST, .max = REASON_MAX };

static enum store_code hold(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct text reason = TEXT_NONE, before;
	struct input in = { .object = call->body };
	input_start(&in, call, true);
	take_field(&in, tx, &reason_field, &reason);
	if (reason.ptr && text_utf8_length(reason) < REASON_MIN)
		input_wrong(&in, reason_field.name, "too_short", "请写明原因，至少两个字", "Say why, in two characters or more");
	if (!input_finish(&in))
		return STORE_REFUSED;
	enum store_code code = find_held(tx, call, false, &before);
	if (code == STORE_OK)
		code = db_exec(tx->db, "UPDATE timer SET held = ?1, held_by = ?2, next_ms = NULL WHERE district = ?3 AND id = ?4",
			BIND(value_text(reason), value_text(text_of(call->actor.name)), value_int(call->actor.district),
			     value_int(call->id)), NULL);
	if (code == STORE_OK)
		code = note(tx, call, "hold", before, reason);
	return code == STORE_OK ? answer_one(tx->db, call) : code;
}

/* What has become due meanwhile fires now. */
static enum store_code release(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct text reason;
	enum store_code code = find_held(tx, call, true, &reason);
	if (code == STORE_OK)
		code = db_exec(tx->db, "UPDATE timer SET held = NULL, held_by = NULL, tries = 0, error = NULL,"
			" next_ms = CASE WHEN due_ms < ?1 THEN due_ms END WHERE district = ?2 AND id = ?3",
			BIND(value_int(TIMER_UNRESOLVED), value_int(call->actor.district), value_int(call->id)), NULL);
	if (code == STORE_OK)
		code = note(tx, call, "release", reason, TEXT_NONE);
	return code == STORE_OK ? answer_one(tx->db, call) : code;
}

/* ---- missing holidays ---- */

void timers_warn(struct date today)
{
	int missing = workdays_missing(today);
	if (missing)
		log_warn("the holidays of %d are not known: what is due in working days there waits for them (serve --holidays FILE)",
		         missing);
}

static enum store_code check_holidays(struct tx *tx, struct call *call, struct date day)
{
	(void)call;
	(void)day;
	timers_warn(date_of_ms(tx->now_ms));
	return STORE_OK;
}

static const struct periodic periodics[] = {
	{ "holidays.check", "检查节假日数据", "look for missing holidays", { EVERY_DAY, 0, 8, 0 }, MISSED_ONCE, check_holidays },
};

/* ---- what is declared ---- */

/* Kinds of timers and what is periodic stand in one column. */
static size_t declared_times(const struct module *const *modules, size_t count, const char *name)
{
	size_t times = 0;
	for (size_t m = 0; m < count; m++) {
		for (size_t i = 0; i < modules[m]->timer_count; i++)
			times += text_is(text_of(modules[m]->timers[i].name), name);
		for (size_t i = 0; i < modules[m]->periodic_count; i++)
			times += text_is(text_of(modules[m]->periodics[i].name), name);
	}
	return times;
}

static const char *mistake_in(const struct module *const *modules, size_t count, const char *name, const char *zh, const char *en,
                              bool does)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t first = name ? strspn(name, letters) : 0, second = first > 0 && name[first] == '.' ? strspn(name + first + 1, letters) : 0;
	if (second == 0 || name[first + 1 + second])
		return "the name of a timer is two names with a dot between: transfer.overdue";
	if (first + 1 + second > KIND_MAX)
		return "the name of a timer is too long";
	if (!zh || !*zh || !en || !*en || !does)
		return "a timer has a name in both languages, and something that it does";
	return declared_times(modules, count, name) > 1 ? "the timer is there twice" : NULL;
}

const char *timers_mistake(const struct module *const *modules, size_t count, const struct module *module, const char **of)
{
	const char *mistake = NULL;
	for (size_t i = 0; i < module->timer_count && !mistake; i++) {
		const struct timer_kind *kind = &module->timers[i];
		*of = kind->name;
		mistake = mistake_in(modules, count, kind->name, kind->zh, kind->en, kind->fire != NULL);
	}
	for (size_t i = 0; i < module->periodic_count && !mistake; i++) {
		const struct periodic *periodic = &module->periodics[i];
		*of = periodic->name;
		mistake = mistake_in(modules, count, periodic->name, periodic->zh, periodic->en, periodic->run != NULL);
		if (!mistake && (!moment_is_one(&periodic->moment) || periodic->missed > MISSED_SKIP))
			mistake = "there is no such moment";
	}
	return mistake;
}

/* ---- what they say of themselves ---- */

static const struct field timer_fields[] = {
	{ .type = FIELD_ref, .name = "id", .label = "编号", .flags = MUST },
	{ .type = FIELD_text, .name = "kind", .label = "定时", .flags = MUST },
	{ .type = FIELD_text, .name = "title", .label = "名称" },
	{ .type = FIELD_boolean, .name = "periodic", .label = "周期任务", .flags = MUST },
	{ .type = FIELD_text, .name = "resource", .label = "对象" },
	{ .type = FIELD_ref, .name = "record", .label = "记录编号" },
	{ .type = FIELD_word, .name = "state", .label = "状态", .flags = MUST, .words = states },
	{ .type = FIELD_instant, .name = "due_at", .label = "到期时间", .en = "when it is due" },
	{ .type = FIELD_instant, .name = "next_at", .label = "下次执行时间", .en = "when it is tried next" },
	{ .type = FIELD_instant, .name = "set_at", .label = "设置时间", .flags = MUST },
	{ .type = FIELD_date, .name = "counted_from", .label = "起算日" },
	{ .type = FIELD_integer, .name = "workdays", .label = "工作日数", .en = "working days" },
	{ .type = FIELD_integer, .name = "tries", .label = "失败次数", .flags = MUST, .en = "times that it failed" },
	{ .type = FIELD_text, .name = "error", .label = "失败原因" },
	{ .type = FIELD_text, .name = "reason", .label = "暂停原因", .en = "why it is on hold" },
	{ .type = FIELD_text, .name = "held_by", .label = "暂停人" },
};
static const struct field page_fields[] = {
	{ .type = FIELD_text, .name = "next", .label = "下一页" },
	{ .type = FIELD_integer, .name = "holidays_missing", .label = "缺节假日数据的年份", .en = "the year whose holidays are missing" },
};
static const struct field params[] = {
	{ .type = FIELD_word, .name = "state", .label = "状态", .words = states },
	{ .type = FIELD_text, .name = "kind", .label = "定时", .max = KIND_MAX },
	{ .type = FIELD_text, .name = "resource", .label = "对象", .max = KIND_MAX },
	{ .type = FIELD_ref, .name = "record", .label = "记录编号" },
	{ .type = FIELD_text, .name = "cursor", .label = "上一页的 next", .en = "the next of the page before" },
	{ .type = FIELD_integer, .name = "limit", .label = "条数", .min = 1, .max = LIMIT_MAX },
};
static const struct about list_about = { "list_timer", "列表：定时", "list: timers", .gives = BODY_MEMBERS,
	.out = { ROWS(page_fields), "items", ROWS(timer_fields) }, .params = params, .param_count = COUNT(params), .tie = "area",
	.problems = PROBLEM_LIST(PROBLEM_BAD_CURSOR) };
static const struct about get_about = { "get_timer", "查看：定时", "get: timer", .gives = BODY_MEMBERS, .out = { ROWS(timer_fields) },
	                                .tie = "area" };
static const struct about hold_about = { "hold_timer", "暂停：定时", "hold: timer", .takes = BODY_MEMBERS, .in = { &reason_field, 1 },
	.gives = BODY_MEMBERS, .out = { ROWS(timer_fields) }, .tie = "area", .problems = PROBLEM_LIST(PROBLEM_WRONG_STATE) };
static const struct about release_about = { "release_timer", "恢复：定时", "release: timer", .gives = BODY_MEMBERS,
	.out = { ROWS(timer_fields) }, .tie = "area", .problems = PROBLEM_LIST(PROBLEM_WRONG_STATE) };

static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/timers", "timer.read", ROUTE_READ, .read = list, .about = &list_about },
	{ METHOD_GET, "/api/v1/timers/{id}", "timer.read", ROUTE_READ, .read = get, .about = &get_about },
	{ METHOD_POST, "/api/v1/timers/{id}/hold", "timer.hold", ROUTE_COMMAND, .command = hold, .about = &hold_about },
	{ METHOD_POST, "/api/v1/timers/{id}/release", "timer.hold", ROUTE_COMMAND, .command = release, .about = &release_about },
};

static const struct grant grants[] = {
	{ "timer.read", "bureau auditor operator administrator" }, { "timer.hold", "bureau operator administrator" },
};

const struct module timer_module = {
	.name = "timer", .file = __FILE__, .routes = routes, .route_count = COUNT(routes), .grants = grants, .grant_count = COUNT(grants),
	.schema = &schema, .periodics = periodics, .periodic_count = COUNT(periodics),
	.journalled = "timer", .journalled_permission = "timer.read",
};
