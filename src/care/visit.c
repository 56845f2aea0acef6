/* SPDX-License-Identifier: Apache-2.0 */
/* visit.c - welfare visits (探访关爱, rows 79 to 85): who is seen, by whom, where, what was found, and what follows from it. */
#include "care/visit.h"

#include "base/geo.h"
#include "care/modules.h"
#include "engine/input.h"
#include "engine/operations.h"
#include "engine/questionnaire.h"
#include "engine/reaction.h"

#include <string.h>

enum { FENCE_M = 300 /* where the rule says nothing */, TRIES_MAX = 3 };

const struct word visit_states[] = {
	{ "planned", "待安排" }, { "assigned", "待上门" }, { "arrived", "探访中" }, { "missed", "逾期未访（街道说明）" },
	{ "escalated", "逾期未访（区督办）" }, { "done", "已完成" }, { "signalled", "在线信号计入" }, { "made_up", "已补访" }, { "exempt", "免访" },
	{ "closed", "未访结案" }, { "lapsed", "已取消" }, { 0 },
};
const struct word visit_channels[] = { { "door", "上门" }, { "phone", "电话" }, { "either", "上门或电话" }, { 0 } };
const struct word visit_urgencies[] = { { "none", "无" }, { "soon", "较急" }, { "now", "紧急" }, { 0 } };
const struct word visit_exemptions[] = {
	{ "hospital", "住院" }, { "away", "外出" }, { "institution", "入住机构" }, { "refused", "本人谢绝" }, { "other", "其他" }, { 0 },
};
const struct word visit_needs[] = {
	{ "meals", "助餐" }, { "bathing", "助浴" }, { "cleaning", "助洁" }, { "escort", "助行" }, { "medical_escort", "助医" },
	{ "errands", "代办" }, { "nursing", "护理" }, { "rehabilitation", "康复" }, { "emergency_call", "紧急呼叫" },
	{ "day_care", "日间照料" }, { "mental", "精神慰藉" }, { "culture", "文体活动" }, { "home_adaptation", "适老化改造" },
	{ "other", "其他" }, { 0 },
};

static const struct field fields[] = { VISIT(FIELD_ROW) };

void visit_copy(const struct shape *elders, const void *elder, struct visit *visit)
{
	visit->area = record_number(elders, elder, "area");
	visit->name = record_string(elders, elder, "name");
	visit->address = record_string(elders, elder, "address");
}

/* ---- made by hand ---- */

static void fill(struct input *in, struct tx *tx, void *record)
{
	struct visit *visit = record;
	struct call *call = in->call;
	const struct shape *elders = app_shape(call->app, TEXT("elder"));
	void *elder = arena_take_raw(call->arena, elders->resource->size);
	if (visit->elder && operation_find(tx->db, call, elders, visit->elder, elder, NULL) == STORE_OK)
		visit_copy(elders, elder, visit);
}

static void check(struct input *in, struct tx *tx, const void *record)
{
	const struct visit *visit = record;
	struct date due;
	if (input_gives(in, "due_on") && visit->due_on.ptr && date_read(visit->due_on, &due) && date_compare(due, date_of_ms(tx->now_ms)) < 0)
		input_wrong(in, "due_on", "out_of_range", "应访日期已过", "That day is past");
}

/* ---- going there ---- */

static int64_t fence_m(struct tx *tx, struct call *call, const struct visit *visit)
{
	return db_int(tx->db, FENCE_M, "SELECT fence_m FROM cadence WHERE district = ?1 AND id = ?2 AND fence_m IS NOT NULL",
	              BIND(value_int(call->actor.district), value_int(visit->cadence)));
}

/* Far from the address is told, and never stops anybody: addresses are wrong, and people are met in the yard. */
static enum store_code arrive(struct tx *tx, struct call *call, struct input *in, const void *before, void *record)
{
	struct visit *visit = record;
	const struct shape *elders = app_shape(call->app, TEXT("elder"));
	void *elder = arena_take_raw(call->arena, elders->resource->size);
	(void)in;
	(void)before;
	visit->arrived_at = tx->now_ms;
	enum store_code code = operation_find(tx->db, call, elders, visit->elder, elder, NULL);
	const struct point *home = code == STORE_OK ? slot_of(shape_slot(elders, TEXT("position")), elder) : NULL;
	const struct point *here = &visit->arrived_where;
	if (home && (home->lat != 0.0 || home->lon != 0.0) && (here->lat != 0.0 || here->lon != 0.0)) {
		visit->distance_m = (int64_t)(geo_distance_m(home->lat, home->lon, here->lat, here->lon) + 0.5);
		visit->outside = visit->distance_m > fence_m(tx, call, visit);
	}
	return code;
}

static enum store_code take_worker(struct tx *tx, struct call *call, struct input *in, const void *before, void *record)
{
	struct visit *visit = record;
	const struct shape *staff = app_shape(call->app, TEXT("staff"));
	void *worker = arena_take_raw(call->arena, staff->resource->size);
	(void)in;
	(void)before;
	enum store_code code = operation_find(tx->db, call, staff, visit->worker, worker, NULL);
	if (code == STORE_OK && !text_is(record_string(staff, worker, "state"), "active"))
		return call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("该服务人员不在岗"), TEXT("That member of staff is not on duty"));
	if (code == STORE_OK)
		visit->organization = record_number(staff, worker, "organization");
	return code;
}

static enum store_code drop_worker(struct tx *tx, struct call *call, struct input *in, const void *before, void *record)
{
	struct visit *visit = record;
	(void)tx;
	(void)call;
	(void)in;
	(void)before;
	visit->worker = visit->second_worker = visit->organization = 0;
	return STORE_OK;
}

static enum store_code count_try(struct tx *tx, struct call *call, struct input *in, const void *before, void *record)
{
	struct visit *visit = record;
	(void)tx;
	(void)call;
	(void)in;
	(void)before;
	visit->tries++;
	return STORE_OK;
}

/* At the door one has been before one says what was found there; staff enter what others have on paper. */
static enum store_code has_arrived(struct tx *tx, struct call *call, const void *record)
{
	const struct visit *visit = record;
	(void)tx;
	bool goes = call->actor.role && strcmp(call->actor.role->name, "worker") == 0;
	if (goes && text_is(visit->channel, "door") && !text_is(visit->state, "arrived"))
		return call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("请先签到"), TEXT("Check in first"));
	return STORE_OK;
}

/* ---- what was found ---- */

static enum store_code read_script(struct tx *tx, struct call *call, struct input *in, const void *before, void *record)
{
	struct visit *visit = record;
	struct answered answered;
	(void)tx;
	(void)before;
	if (!questionnaire_answered(call->arena, input_plain(in, "script"), &answered))
		return call_problem(call, PROBLEM_INTERNAL);
	visit->urgency = text_of(visit_urgencies[answered.urgency].word);
	visit->needs = answered.needs ? answered_needs(call->arena, &answered) : TEXT_NONE;
	return STORE_OK;
}

static bool is_asked_already(struct tx *tx, struct call *call, const struct visit *visit, struct text kind)
{
	return db_int(tx->db, 0, "SELECT 1 FROM request WHERE district = ?1 AND elder = ?2 AND kind = ?3 AND due_at IS NOT NULL LIMIT 1",
		BIND(value_int(call->actor.district), value_int(visit->elder), value_text(kind))) == 1;
}

static enum store_code raise(struct tx *tx, struct call *call, const struct visit *visit, struct text kind, const char *urgency,
                             struct text what)
{
	if (is_asked_already(tx, call, visit, kind))
		return db_code(tx->db);
	json_t *wish = json_pack("{s:o, s:o, s:s%, s:s, s:s, s:s%, s:o}", "elder", json_sprintf("%lld", (long long)visit->elder), "area",
		json_sprintf("%lld", (long long)visit->area), "kind", kind.ptr, kind.len, "urgency", urgency, "channel", "visit",
		"what", what.ptr, what.len, "visit", json_sprintf("%lld", (long long)visit->is.id));
	enum store_code code = operation_make(tx, call, app_shape(call->app, TEXT("request")), wish);
	json_decref(wish);
	return code;
}

/* Each need that nobody is asked for yet becomes a request; and so does what is urgent without one. */
static enum store_code raise_needs(struct tx *tx, struct call *call, const void *record)
{
	const struct visit *visit = record;
	const char *urgency = text_is(visit->urgency, "now") ? "now" : text_is(visit->urgency, "soon") ? "soon" : "normal";
	json_t *needs = NULL, *need;
	size_t i;
	enum store_code code = STORE_OK;
	if (visit->needs.ptr && json_read(visit->needs, 2, &needs) != JSON_FINE)
		return call_problem(call, PROBLEM_INTERNAL);
	json_array_foreach(needs, i, need) {
		const struct word *word = word_find(visit_needs, json_text_of(need));
		if (code == STORE_OK && word)
			code = raise(tx, call, visit, text_of(word->word), urgency, text_printf(call->arena, "探访发现的需求：%s", word->zh));
	}
	if (code == STORE_OK && json_array_size(needs) == 0 && strcmp(urgency, "normal") != 0)
		code = raise(tx, call, visit, TEXT("safety"), urgency, TEXT("探访发现需要及时处理的情况，详见探访记录"));
	json_decref(needs);
	return code;
}

/* The third time that nobody answers, somebody else has to look. */
static enum store_code raise_unreachable(struct tx *tx, struct call *call, const void *record)
{
	const struct visit *visit = record;
	if (visit->tries != TRIES_MAX)
		return STORE_OK;
	return raise(tx, call, visit, TEXT("unreachable"), "now", TEXT("多次探访未见到本人，请尽快核实"));
}

/* ---- following the person ---- */

static enum store_code follow_person(struct tx *tx, struct call *call, struct input *in, const void *before, void *record)
{
	struct visit *visit = record;
	const struct shape *elders = app_shape(call->app, TEXT("elder"));
	void *elder = arena_take_raw(call->arena, elders->resource->size);
	(void)in;
	(void)before;
	enum store_code code = operation_find(tx->db, call, elders, visit->elder, elder, NULL);
	if (code == STORE_OK)
		visit_copy(elders, elder, visit);
	return code;
}

/* ---- the flow ---- */

#define STAFF "bureau street community operator"
#define OPEN "planned assigned arrived missed escalated"

static const struct move moves[] = {
	{ "assign", "安排", "assign", "planned assigned", "assigned", STAFF " provider", .waits = true, .needs = "worker",
	  .takes = "second_worker", .sets = take_worker },
	{ "unassign", "退回", "give back", "assigned", "planned", STAFF " provider worker", .sets = drop_worker },
	{ "check_in", "签到", "check in", "assigned", "arrived", STAFF " worker", .waits = true,
	  .takes = "arrived_where outside_reason second_worker", .sets = arrive },
	{ "finish", "完成", "finish", "planned assigned arrived", "done", STAFF " worker", .waits = true, .needs = "script", .takes = "finding",
	  .guard = has_arrived, .sets = read_script, .effect = raise_needs },
	{ "no_answer", "未见到本人", "nobody answered", "assigned arrived", "assigned", STAFF " worker", .takes = "finding", .sets = count_try,
	  .effect = raise_unreachable },
	{ "signal", "在线信号计入", "count a signal", "planned assigned", "signalled", .roles = NULL },
	{ "exempt", "免访", "exempt", "planned assigned missed escalated", "exempt", "bureau street community", .needs = "exemption",
	  .takes = "explanation" },
	{ "leave", "到访未结", "leave unfinished", "arrived", "assigned", .roles = NULL },
	{ "miss", "逾期", "miss", "planned assigned", "missed", .roles = NULL },
	{ "climb", "转区督办", "climb to the district", "missed", "escalated", .roles = NULL },
	{ "make_up", "补访", "make up", "missed escalated", "made_up", STAFF " worker", .waits = true, .needs = "script", .takes = "finding",
	  .sets = read_script, .effect = raise_needs },
	{ "explain", "说明结案", "explain and close", "missed", "closed", "bureau street", .waits = true, .needs = "explanation" },
	{ "settle", "督办结案", "settle", "escalated", "closed", "bureau", .waits = true, .needs = "explanation" },
	{ "lapse", "取消", "lapse", OPEN, "lapsed", .roles = NULL },
	{ "follow", "随人变更", "follow the person", OPEN, NULL, .roles = NULL, .sets = follow_person },
};
static const struct open_state open_states[] = {
	{ "planned", .until = "due_on", .late = "miss" },
	{ "assigned", .until = "due_on", .late = "miss" },
	{ "arrived", .within = { 12, IN_HOURS }, .late = "leave" },
	{ "missed", .within = { 2, IN_DAYS }, .late = "climb" },
	{ "escalated", .within = { 3, IN_DAYS } },
};
static const struct flow flow = { "planned", ROWS(open_states), ROWS(moves) };

static const char *const orders[] = { "cadence period_from elder", NULL };

static const struct resource visit = {
	.name = "visit", .plural = "visits", .label = "探访", .en = "visit",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct visit),
	.ties = { .area = "area", .organization = "organization", .own = "worker", .family = "elder" }, .orders = orders,
	.readers = STAFF " auditor provider worker family", .writers = STAFF, .revealers = STAFF " worker",
	.exporters = STAFF,
	.fill = fill, .check = check, .changed = visit_count, .flow = &flow,
};
static const struct resource *const resources[] = { &visit };

static const struct reaction reactions[] = {
	{ .on = "elder", .action = "end", .writes = "visit", .does = "lapse", .by = "elder",
	  .zh = "老人档案终止，未完成的探访取消", .en = "open visits to somebody whose record ends lapse" },
	{ .on = "elder", .action = "update", .field = "area", .writes = "visit", .does = "follow", .by = "elder",
	  .zh = "老人登记区划变更，未完成的探访由新的辖区办理", .en = "open visits go to the area that keeps the person now" },
	{ .on = "elder", .action = "update", .field = "address", .writes = "visit", .does = "follow", .by = "elder",
	  .zh = "老人住址变更，未完成的探访随之变更", .en = "open visits know where the person lives now" },
};

const struct module visit_module = {
	.name = "visit", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
	.reactions = reactions, .reaction_count = COUNT(reactions),
};
