/* SPDX-License-Identifier: Apache-2.0 */
/* visit_plan.c - the visits that the rules ask for: each night, and when somebody asks, whoever fits a rule and has no visit of it in
 * the period gets one, and the open visits of those who do not fit any more lapse. Done again it changes nothing. */
#include "care/modules.h"
#include "care/visit.h"
#include "engine/input.h"
#include "engine/job.h"
#include "engine/listing.h"
#include "engine/operations.h"
#include "engine/timer.h"

#include <string.h>

enum { ALONE_ELDERS = 500, BESIDE_ELDERS = 50, STALE_MAX = 200, ALONE_MS = 40 };

/* ---- periods ---- */

struct period {
	struct date from, last;
};

static struct period period_of(struct text every, struct date day)
{
	struct period period = { day, day };
	int64_t days = date_to_days(day);
	if (text_is(every, "week")) { /* 1970-01-01 was a Thursday */
		int64_t monday = days - (days + 3) % 7;
		period.from = date_from_days(monday);
		period.last = date_from_days(monday + 6);
		return period;
	}
	int months = text_is(every, "quarter") ? 3 : 1, first = (day.month - 1) / months * months + 1, next = first + months;
	period.from = (struct date){ day.year, first, 1 };
	period.last = date_from_days(date_to_days(next > 12 ? (struct date){ day.year + 1, 1, 1 } : (struct date){ day.year, next, 1 }) - 1);
	return period;
}

/* ---- what is asked ---- */

static const struct field day_field[] = { { .type = FIELD_date, .name = "day", .label = "日期", .flags = OPTIONAL } };

/* The periods in which the day lies; without one, today. */
static enum store_code take(struct tx *tx, struct call *call, struct job_work *work, struct json_out *input)
{
	const struct text *given = work->given;
	struct text day = given ? text_copy(call->arena, *given) : TEXT_NONE;
	struct input in = { .object = call->body };
	input_start(&in, call, true);
	if (!given)
		take_field(&in, tx, &day_field[0], &day);
	if (!given && !input_finish(&in))
		return STORE_REFUSED;
	JSON_TEXT(input, "day", day.ptr ? day : date_text(call->arena, date_of_ms(tx->now_ms)));
	work->result = TEXT("{\"made\":0,\"lapsed\":0}");
	return STORE_OK;
}

/* ---- a slice ---- */

struct planning {
	struct tx *tx;
	struct call call;
	struct job_work *work;
	const struct shape *visits, *elders;
	struct date day;
	int64_t rule, after; /* the rule that is worked on, and the last elder that was looked at under it */
	int64_t made, lapsed;
	struct period period;
	struct text filter, channel, from_on;
	int64_t at_least;
};

/* The next rule that holds in its period; false: there is none, or the store has failed. */
static bool next_rule(struct planning *p)
{
	while (true) {
		struct rows *rows = db_query(p->tx->db, "SELECT id, filter, channel, period, at_least, from_on, to_on FROM cadence"
			" WHERE district = ?1 AND id >= ?2 AND ended_at IS NULL ORDER BY id LIMIT 1",
			BIND(value_int(p->call.actor.district), value_int(p->rule)));
		bool found = rows_next(rows), holds = false;
		if (found) {
			p->after = rows_int(rows, 0) == p->rule ? p->after : 0;
			p->rule = rows_int(rows, 0);
			p->filter = text_copy(p->work->arena, rows_text(rows, 1));
			p->channel = text_copy(p->work->arena, rows_text(rows, 2));
			p->period = period_of(rows_text(rows, 3), p->day);
			p->from_on = date_text(p->work->arena, p->period.from);
			p->at_least = rows_int(rows, 4);
			struct text last = date_text(p->work->arena, p->period.last), to_on = rows_text(rows, 6);
			holds = text_compare(rows_text(rows, 5), last) <= 0 && (!to_on.ptr || text_compare(to_on, p->from_on) >= 0);
		}
		if (rows_end(rows) != STORE_OK || !found)
			return false;
		if (holds)
			return true;
		p->rule++;
	}
}

/* An elder who fits the rule, with the visits of it that there are. */
struct fitting {
	int64_t id, visits;
	struct visit copy;
};

static size_t read_fitting(struct planning *p, int64_t until, struct fitting *list, size_t most)
{
	struct query query;
	size_t count = 0;
	void *elder = arena_take_raw(p->work->arena, p->elders->resource->size);
	if (!list_fitting(&query, p->tx->db, &p->call, p->elders, p->filter, p->after, until, p->elders->column_list))
		return 0;
	struct rows *rows = query_run(&query, p->tx->db);
	while (rows_next(rows) && count < most) {
		record_read(p->elders, rows, p->work->arena, elder);
		record_blank(p->visits, &list[count].copy);
		list[count].id = ((const struct record *)elder)->id;
		list[count].visits = 0;
		visit_copy(p->elders, elder, &list[count++].copy);
	}
	rows_end(rows);
	return count;
}

/* The rule's visits of this period to people of this slice: counted, and those whose person does not fit any more kept apart. */
static size_t compare_visits(struct planning *p, int64_t until, struct fitting *list, size_t count, int64_t stale[static STALE_MAX])
{
	size_t at = 0, stale_count = 0;
	struct rows *rows = db_query(p->tx->db, "SELECT id, elder, state FROM visit WHERE district = ?1 AND cadence = ?2 AND period_from = ?3"
		" AND elder > ?4 AND elder <= ?5 ORDER BY elder",
		BIND(value_int(p->call.actor.district), value_int(p->rule), value_text(p->from_on), value_int(p->after),
		     value_int(until)));
	while (rows_next(rows)) {
		int64_t elder = rows_int(rows, 1);
		struct text state = rows_text(rows, 2);
		while (at < count && list[at].id < elder)
			at++;
		if (at < count && list[at].id == elder)
			list[at].visits += !text_is(state, "lapsed");
		else if (stale_count < STALE_MAX && (text_is(state, "planned") || text_is(state, "assigned")))
			stale[stale_count++] = rows_int(rows, 0);
	}
	rows_end(rows);
	return stale_count;
}

static enum store_code make_visits(struct planning *p, struct fitting *one)
{
	enum store_code code = STORE_OK;
	for (; one->visits < p->at_least && code == STORE_OK; one->visits++, p->made++) {
		struct visit *visit = arena_take_raw(p->work->arena, sizeof *visit);
		*visit = one->copy;
		visit->elder = one->id;
		visit->cadence = p->rule;
		visit->period_from = p->from_on;
		visit->due_on = date_text(p->work->arena, p->period.last);
		visit->channel = p->channel;
		code = operation_add(p->tx, &p->call, p->visits, visit);
	}
	return code;
}

/* The people of one stretch of the ledger, under one rule; behind the last of them, on to the next rule. */
static enum store_code plan_some(struct planning *p, size_t most)
{
	struct fitting *list = arena_take(p->work->arena, most * sizeof *list);
	int64_t stale[STALE_MAX], until = list_stretch(p->tx->db, p->call.actor.district, p->work->arena, p->elders, p->after, (int64_t)most);
	size_t count = read_fitting(p, until, list, most);
	if (p->call.problem != PROBLEM_NONE)
		return job_fail(p->work, "探访规则的筛选条件已不适用", "The filter of a rule does not hold any more");
	size_t stale_count = compare_visits(p, until, list, count, stale);
	enum store_code code = db_code(p->tx->db);
	for (size_t i = 0; i < stale_count && code == STORE_OK; i++, p->lapsed++)
		code = flow_make(p->tx, &p->call, p->visits, stale[i], "lapse");
	for (size_t i = 0; i < count && code == STORE_OK; i++)
		code = make_visits(p, &list[i]);
	if (stale_count == STALE_MAX) /* there may be more: the same again */
		return code;
	p->work->progress += (int64_t)count;
	p->after = until == INT64_MAX ? 0 : until;
	p->rule += until == INT64_MAX;
	return code;
}

static void begin(struct planning *p, struct tx *tx, struct job_work *work)
{
	struct text rule = work->cursor.ptr ? work->cursor : TEXT("0 0");
	json_t *told = NULL;
	*p = (struct planning){ .tx = tx, .work = work, .visits = app_shape(work->app, TEXT("visit")),
		                .elders = app_shape(work->app, TEXT("elder")) };
	call_start(&p->call, work->app, work->arena);
	p->call.actor = actor_local(work->actor.district, work->app->home_area);
	memcpy(p->call.actor.name, "system", sizeof "system");
	memcpy(p->call.actor.channel, "job", sizeof "job");
	date_read(json_text_of(json_object_get(work->input, "day")), &p->day);
	text_to_int(text_word(&rule), INT64_MAX, &p->rule);
	text_to_int(text_word(&rule), INT64_MAX, &p->after);
	if (work->result.ptr && json_read(work->result, 3, &told) == JSON_FINE) {
		p->made = json_integer_value(json_object_get(told, "made"));
		p->lapsed = json_integer_value(json_object_get(told, "lapsed"));
	}
	json_decref(told);
}

static enum store_code step(struct tx *tx, struct job_work *work)
{
	struct planning p;
	int64_t until_ms = clock_steady_ms() + ALONE_MS;
	enum store_code code = STORE_OK;
	begin(&p, tx, work);
	do {
		bool wanted = store_is_wanted(tx->store);
		if (!next_rule(&p)) {
			work->done = true;
			code = db_code(tx->db);
			break;
		}
		code = plan_some(&p, wanted ? BESIDE_ELDERS : ALONE_ELDERS);
	} while (code == STORE_OK && !store_is_wanted(tx->store) && clock_steady_ms() < until_ms);
	work->cursor = text_printf(work->arena, "%lld %lld", (long long)p.rule, (long long)p.after);
	work->result = text_printf(work->arena, "{\"made\":%lld,\"lapsed\":%lld}", (long long)p.made, (long long)p.lapsed);
	return code;
}

static const struct about about = { "plan_visit", "安排探访：探访", "plan: visit", .takes = BODY_MEMBERS, .in = { ROWS(day_field) }, JOB_ANSWER };
static const struct job_kind jobs[] = {
	{ .name = "visit_plan", .path = "/api/v1/visit_plans", .permission = "visit.plan", .zh = "安排探访", .en = "planning visits",
	  .take = take, .step = step, .about = &about },
};
static const struct grant grants[] = { { "visit.plan", "bureau street" } };

/* ---- each night ---- */

static enum store_code plan_night(struct tx *tx, struct call *call, struct date day)
{
	struct text given = date_text(call->arena, day);
	return job_add(tx, call, &jobs[0], 0, &given);
}

static const struct periodic periodics[] = {
	{ "visit.plan", "按规则安排探访", "plans the visits that the rules ask for", { EVERY_DAY, 0, 0, 10 }, MISSED_ONCE, plan_night },
};

const struct module visit_plan_module = {
	.name = "visit_plan", .file = __FILE__, .jobs = jobs, .job_count = COUNT(jobs), .grants = grants, .grant_count = COUNT(grants),
	.periodics = periodics, .periodic_count = COUNT(periodics),
};
