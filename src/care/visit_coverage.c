/* SPDX-License-Identifier: Apache-2.0 */
/* visit_coverage.c - how many of those whom a rule asks for have been seen (K4, K34, K54, K95, K96), by area: counted with each change
 * of a visit, so that nobody who looks at it has to count.
 *
 *	rate = done / due
 *	due   the rule's visits of the period, without those that are exempt or have lapsed
 *	done  visits made in the period, and signals where the rule says that they count; what was made up later is told apart
 *
 * After areas were merged, visits that were counted before stay counted under the area in which they were made. */
#include "care/modules.h"
#include "care/visit.h"
#include "engine/input.h"
#include "engine/job.h"

#include <string.h>

enum { AREAS_MAX = 400, STATES = 16 };

static const char *const steps[] = {
	"CREATE TABLE visit_count (district INTEGER NOT NULL, cadence INTEGER NOT NULL, period_from TEXT NOT NULL, area INTEGER NOT NULL,"
	" state TEXT NOT NULL, visits INTEGER NOT NULL, PRIMARY KEY (district, cadence, period_from, area, state)) STRICT, WITHOUT ROWID",
};
static const struct schema schema = { .owner = "visit_coverage", .steps = steps, .count = COUNT(steps) };

/* ---- counting ---- */

static enum store_code add(struct tx *tx, unsigned district, const struct visit *visit, int64_t by)
{
	return db_exec(tx->db, "INSERT INTO visit_count (district, cadence, period_from, area, state, visits) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT (district, cadence, period_from, area, state) DO UPDATE SET visits = visit_count.visits + excluded.visits",
		BIND(value_int(district), value_int(visit->cadence), value_text(visit->period_from), value_int(visit->area),
		     value_text(visit->state), value_int(by)), NULL);
}

static bool counts(const void *record)
{
	return record && ((const struct visit *)record)->cadence && !record_has_ended(record);
}

enum store_code visit_count(struct tx *tx, struct call *call, const void *before, const void *record)
{
	const struct visit *was = before, *now = record;
	bool counted = counts(before), count = counts(record);
	enum store_code code = STORE_OK;
	if (counted && count && was->area == now->area && text_eq(was->state, now->state))
		return STORE_OK;
	if (counted)
		code = add(tx, call->actor.district, was, -1);
	return code == STORE_OK && count ? add(tx, call->actor.district, now, 1) : code;
}

/* ---- what is asked ---- */

struct place {
	int64_t area;
	struct text name;
};

struct coverage {
	struct call *call;
	int64_t cadence, area;
	struct text period_from;
	struct place places[AREAS_MAX];
	size_t count;
	int64_t total[STATES];
};

static bool bad(struct call *call, const char *zh, const char *en)
{
	call_problem_detail(call, PROBLEM_BAD_REQUEST, text_of(zh), text_of(en));
	return false;
}

static bool read_wish(struct coverage *coverage)
{
	struct call *call = coverage->call;
	struct text area = call_param(call, "area");
	struct date day;
	coverage->period_from = call_param(call, "period_from");
	coverage->area = call->actor.area_count > 0 ? call->actor.areas[0] : 0;
	if (!id_read(call_param(call, "cadence"), &coverage->cadence))
		return bad(call, "请给出探访规则的编号 cadence", "Say the number of the rule: cadence");
	if (!date_read(coverage->period_from, &day))
		return bad(call, "请给出周期的起始日期 period_from", "Say the day on which the period begins: period_from");
	if (area.ptr && !area_read(area, &coverage->area))
		return bad(call, "area 不是区划编号", "area is no number of an area");
	if (!actor_covers(&call->actor, coverage->area)) {
		call_problem(call, PROBLEM_NOT_FOUND);
		return false;
	}
	return true;
}

/* The area's parts; one without parts stands for itself. */
static enum store_code read_places(struct db *db, struct coverage *coverage)
{
	struct rows *rows = db_query(db, "SELECT id, name FROM area WHERE district = ?1 AND (parent = ?2 OR id = ?2) ORDER BY id",
		BIND(value_int(coverage->call->actor.district), value_int(coverage->area)));
	while (rows_next(rows) && coverage->count < AREAS_MAX)
		coverage->places[coverage->count++] = (struct place){ rows_int(rows, 0),
			text_copy(coverage->call->arena, rows_text(rows, 1)) };
	return rows_end(rows);
}

static size_t state_number(struct text state)
{
	const struct word *word = word_find(visit_states, state);
	return word ? (size_t)(word - visit_states) : STATES - 1;
}

/* Of all below the area, or, where it has parts of its own beside it, of what lies in none of them. */
static enum store_code read_counts(struct db *db, struct coverage *coverage, int64_t from, int64_t to, int64_t of[static STATES])
{
	struct rows *rows = db_query(db, "SELECT state, sum(visits) FROM visit_count WHERE district = ?1 AND cadence = ?2"
		" AND period_from = ?3 AND area BETWEEN ?4 AND ?5 GROUP BY state",
		BIND(value_int(coverage->call->actor.district), value_int(coverage->cadence), value_text(coverage->period_from),
		     value_int(from), value_int(to)));
	memset(of, 0, STATES * sizeof *of);
	while (rows_next(rows))
		of[state_number(rows_text(rows, 0))] += rows_int(rows, 1);
	return rows_end(rows);
}

/* ---- the answer ---- */

static int64_t of_states(const int64_t of[static STATES], const char *states)
{
	int64_t sum = 0;
	struct text rest = text_of(states);
	while (rest.len > 0)
		sum += of[state_number(text_word(&rest))];
	return sum;
}

static void put_numbers(struct json_out *json, const int64_t of[static STATES])
{
	int64_t done = of_states(of, "done signalled"), open = of_states(of, "planned assigned arrived");
	int64_t missed = of_states(of, "missed escalated closed"), made_up = of_states(of, "made_up");
	int64_t due = done + open + missed + made_up;
	JSON_INT(json, "due", due);
	JSON_INT(json, "done", done);
	JSON_INT(json, "open", open);
	JSON_INT(json, "missed", missed);
	JSON_INT(json, "made_up", made_up);
	JSON_INT(json, "exempt", of_states(of, "exempt"));
	JSON_INT(json, "lapsed", of_states(of, "lapsed"));
	if (due > 0)
		json_member_real(json, TEXT("rate"), (double)(done * 10000 / due) / 100);
	else
		json_member_null(json, TEXT("rate"));
}

static struct text filter_of(struct coverage *coverage, int64_t area)
{
	return text_printf(coverage->call->arena, "{\"and\":[{\"==\":[{\"var\":\"cadence\"},\"%lld\"]},{\"==\":[{\"var\":\"period_from\"},"
		"\"%.*s\"]},{\"within\":[{\"var\":\"area\"},\"%lld\"]}]}", (long long)coverage->cadence, TEXT_ARG(coverage->period_from),
		(long long)area);
}

static enum store_code put_place(struct db *db, struct coverage *coverage, struct json_out *json, const struct place *place)
{
	int64_t of[STATES];
	bool itself = place->area == coverage->area && coverage->count > 1;
	enum store_code code = read_counts(db, coverage, place->area, itself ? place->area : area_last(place->area), of);
	for (size_t i = 0; i < STATES; i++)
		coverage->total[i] += of[i];
	json_begin_object(json);
	json_member_id(json, TEXT("area"), place->area);
	JSON_TEXT(json, "name", place->name);
	put_numbers(json, of);
	json_member_raw(json, TEXT("filter"), filter_of(coverage, place->area));
	json_end_object(json);
	return code;
}

static enum store_code answer(struct db *db, void *arg)
{
	struct call *call = arg;
	struct coverage *coverage = arena_take(call->arena, sizeof *coverage);
	coverage->call = call;
	if (!read_wish(coverage))
		return STORE_REFUSED;
	enum store_code code = read_places(db, coverage);
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	for (size_t i = 0; i < coverage->count && code == STORE_OK; i++)
		code = put_place(db, coverage, &json, &coverage->places[i]);
	json_end_array(&json);
	json_member_id(&json, TEXT("area"), coverage->area);
	json_member_id(&json, TEXT("cadence"), coverage->cadence);
	JSON_TEXT(&json, "period_from", coverage->period_from);
	put_numbers(&json, coverage->total);
	json_end_object(&json);
	return code;
}

static const struct field params[] = {
	{ .type = FIELD_ref, .name = "cadence", .label = "探访规则", .flags = MUST },
	{ .type = FIELD_date, .name = "period_from", .label = "周期起始", .flags = MUST, .en = "first day of the period" },
	{ .type = FIELD_area, .name = "area", .label = "区划" },
};
#define NUMBERS \
	{ .type = FIELD_integer, .name = "due", .label = "应访", .flags = MUST }, \
	{ .type = FIELD_integer, .name = "done", .label = "已访", .flags = MUST }, \
	{ .type = FIELD_integer, .name = "open", .label = "待访", .flags = MUST }, \
	{ .type = FIELD_integer, .name = "missed", .label = "未访", .flags = MUST }, \
	{ .type = FIELD_integer, .name = "made_up", .label = "补访", .flags = MUST }, \
	{ .type = FIELD_integer, .name = "exempt", .label = "免访", .flags = MUST }, \
	{ .type = FIELD_integer, .name = "lapsed", .label = "取消", .flags = MUST }, \
	{ .type = FIELD_decimal, .name = "rate", .label = "探访率（%）", .scale = 2, .en = "done of due, in percent" }
static const struct field whole[] = {
	{ .type = FIELD_area, .name = "area", .label = "区划", .flags = MUST },
	{ .type = FIELD_ref, .name = "cadence", .label = "探访规则", .flags = MUST },
	{ .type = FIELD_date, .name = "period_from", .label = "周期起始", .flags = MUST }, NUMBERS,
};
static const struct field parts[] = {
	{ .type = FIELD_area, .name = "area", .label = "区划", .flags = MUST },
	{ .type = FIELD_text, .name = "name", .label = "名称", .flags = MUST },
	NUMBERS, { .type = FIELD_object, .name = "filter", .label = "这些探访的筛选条件", .flags = MUST },
};
static const struct about about = {
	.id = "coverage_visit", .zh = "探访率", .en = "coverage of visits", .gives = BODY_MEMBERS,
	.out = { ROWS(whole), .list = "items", ROWS(parts) }, .params = ROWS(params), .tie = "area",
	.problems = PROBLEM_LIST(PROBLEM_NOT_FOUND),
};
static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/visit_coverage", "visit.coverage", ROUTE_READ, .read = answer, .about = &about },
};
static const struct grant grants[] = { { "visit.coverage", "bureau street community auditor operator" } };

const struct module visit_coverage_module = {
	.name = "visit_coverage", .file = __FILE__, .schema = &schema, .routes = routes, .route_count = COUNT(routes), .grants = grants,
	.grant_count = COUNT(grants),
};
