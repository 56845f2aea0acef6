/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c - records move from state to state. */
#include "engine/flow.h"

#include "engine/app.h"
#include "engine/deputy.h"
#include "engine/input_own.h"
#include "engine/operations_own.h"
#include "engine/record.h"
#include "engine/timer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- what is declared ---- */

bool flow_is_in(const struct move *move, struct text state)
{
	return text_lists(move->from, state);
}

const struct open_state *flow_open(const struct resource *resource, struct text state)
{
	for (size_t i = 0; i < resource->flow->open_count; i++)
		if (text_is(state, resource->flow->open[i].name))
			return &resource->flow->open[i];
	return NULL;
}

bool flow_is_over(const struct shape *shape, const void *record)
{
	return shape->resource->flow && !flow_open(shape->resource, slot_text(shape->state, record));
}

const struct move *flow_find(const struct resource *resource, struct text name)
{
	for (size_t i = 0; resource->flow && i < resource->flow->move_count; i++)
		if (text_is(name, resource->flow->moves[i].name))
			return &resource->flow->moves[i];
	return NULL;
}

/* ---- deadlines ---- */

static int64_t due_of(const struct shape *shape, const struct open_state *open, const void *record, int64_t now_ms)
{
	int64_t due_ms = DUE_UNKNOWN_MS;
	struct date day;
	int64_t hours = open->hours ? slot_int(shape_slot(shape, text_of(open->hours)), record) : 0;
	if (hours > 0)
		due_ms = now_ms + hours * 3600000;
	else if (!open->until)
		deadline_ms(open->within, now_ms, &due_ms);
	else if (date_read(slot_text(shape_slot(shape, text_of(open->until)), record), &day))
		due_ms = date_begins_ms(date_from_days(date_to_days(day) + 1));
	return due_ms;
}

/* NULL: it is closed, or has ended, or is not there yet. */
static const struct open_state *open_of(const struct shape *shape, const void *record)
{
	return record && !record_has_ended(record) ? flow_open(shape->resource, slot_text(shape->state, record)) : NULL;
}

/* Whether the record says otherwise until when its state may last. */
static bool is_put_off(const struct shape *shape, const struct open_state *open, const void *before, const void *record)
{
	const struct slot *until = open->until ? shape_slot(shape, text_of(open->until)) : NULL;
	return until && !text_eq(slot_text(until, before), slot_text(until, record));
}

/* A record that stays in its state stays due when it was. */
void flow_due(struct tx *tx, const struct shape *shape, const void *before, void *record)
{
	if (!shape->resource->flow)
		return;
	const struct open_state *open = open_of(shape, record);
	if (!open)
		*(int64_t *)slot_at(shape->state + FLOW_DUE_AT, record) = MISSING;
	else if (open != open_of(shape, before) || is_put_off(shape, open, before, record))
		*(int64_t *)slot_at(shape->state + FLOW_DUE_AT, record) = due_of(shape, open, record, tx->now_ms);
}

static void stamp(struct tx *tx, struct call *call, const struct shape *shape, void *record)
{
	*(int64_t *)slot_at(shape->state + FLOW_MOVED_AT, record) = tx->now_ms;
	*(struct text *)slot_at(shape->state + FLOW_MOVED_BY, record) = text_of(call->actor.name);
}

#define LATE "flow.late"

enum store_code flow_settle(struct tx *tx, struct call *call, const struct shape *shape, const void *before, const void *record)
{
	if (!shape->resource->flow)
		return STORE_OK;
	const struct open_state *open = open_of(shape, record), *was = open_of(shape, before);
	const char *resource = shape->resource->name;
	int64_t id = ((const struct record *)record)->id, due_ms = slot_int(shape->state + FLOW_DUE_AT, record);
	if (open == was && (!open || due_ms == slot_int(shape->state + FLOW_DUE_AT, before)))
		return STORE_OK;
	if (!open || !open->late)
		return was && was->late ? timer_clear(tx, call->actor.district, LATE, resource, id) : STORE_OK;
	if (due_ms != DUE_UNKNOWN_MS)
		return timer_set(tx, call->actor.district, LATE, resource, id, due_ms);
	return timer_set_deadline(tx, call->actor.district, LATE, resource, id, open->within, tx->now_ms, NULL);
}

static enum store_code fire_late(struct tx *tx, struct call *call, const struct timer *timer)
{
	const struct shape *shape = app_shape(call->app, timer->resource);
	void *record = arena_take_raw(call->arena, shape->resource->size);
	enum store_code code = operation_find(tx->db, call, shape, timer->record, record, NULL);
	const struct open_state *open = code == STORE_OK ? open_of(shape, record) : NULL;
	if (code != STORE_OK)
		return code;
	return open && open->late ? flow_make(tx, call, shape, timer->record, open->late) : STORE_OK;
}

static const struct timer_kind timers[] = { { LATE, "到期未办", "not done in time", fire_late } };
const struct module flow_module = { .name = "flow", .file = __FILE__, .timers = timers, .timer_count = COUNT(timers) };

void flow_start(struct tx *tx, struct call *call, const struct shape *shape, void *record)
{
	if (!shape->resource->flow)
		return;
	const char *(*begins)(struct tx *tx, struct call *call, void *record) = shape->resource->begins;
	*(struct text *)slot_at(shape->state, record) = text_of(begins ? begins(tx, call, record) : shape->resource->flow->start);
	assert(word_find(shape->state->field->words, slot_text(shape->state, record)));
	stamp(tx, call, shape, record);
	flow_due(tx, shape, NULL, record);
}

/* ---- a move ---- */

static bool take_fields(struct input *in, struct tx *tx, const struct shape *shape, const char *names, void *record)
{
	struct text rest = text_of(names);
	while (rest.len > 0) {
		const struct slot *slot = shape_slot(shape, text_word(&rest));
		take_field(in, tx, slot->field, slot_at(slot, record));
	}
	return in->call->problem == PROBLEM_NONE;
}

static enum store_code make(struct tx *tx, struct call *call, const struct shape *shape, const struct move *move, json_t *object,
                            const void *before, const struct hidden *was, void *record)
{
	struct input in = { .object = object, .needs = move->needs, .decided = true };
	memcpy(record, before, shape->resource->size);
	input_start_record(&in, call, shape, ((const struct record *)before)->id, was);
	take_fields(&in, tx, shape, move->needs, record);
	take_fields(&in, tx, shape, move->takes, record);
	if (move->to)
		input_set_text(&in, shape->state->field, slot_at(shape->state, record), text_of(move->to));
	if (!input_finish(&in))
		return operation_refused(tx);
	stamp(tx, call, shape, record);
	enum store_code code = move->guard ? move->guard(tx, call, before) : STORE_OK;
	struct call deputy = deputy_for(call);
	if (code == STORE_OK && move->sets)
		code = move->sets(tx, &deputy, &in, before, record);
	if (code == STORE_OK)
		code = operation_write_change(tx, shape, &in, before, was, record, move->name);
	deputy.followed = call->followed;
	deputy.followed_count = call->followed_count;
	if (code == STORE_OK && move->effect)
		code = move->effect(tx, &deputy, record);
	deputy_done(call, &deputy);
	return code;
}

static const char *zh_of(const struct field *field, struct text word)
{
	const struct word *found = word_find(field->words, word);
	return found ? found->zh : "?";
}

/* Whoever comes second learns who was first. */
static enum store_code refuse_state(struct call *call, const struct shape *shape, const void *record)
{
	struct text state = slot_text(shape->state, record), by = slot_text(shape->state + FLOW_MOVED_BY, record);
	struct text at = clock_rfc3339(call->arena, slot_int(shape->state + FLOW_MOVED_AT, record));
	return call_problem_detail(call, PROBLEM_WRONG_STATE,
		text_printf(call->arena, "现在的状态是“%s”（%.*s，%.*s）", zh_of(shape->state->field, state), TEXT_ARG(by), TEXT_ARG(at)),
		text_printf(call->arena, "It is now %.*s (%.*s, %.*s)", TEXT_ARG(state), TEXT_ARG(by), TEXT_ARG(at)));
}

static bool is_theirs(const struct shape *shape, const struct actor *actor, const struct move *move, const void *record)
{
	struct tie_values values = record_ties(shape, record);
	if (move->by == BY_KEEPER)
		return operation_keeps(shape, actor, record);
	return move->by == BY_SIGHT || actor_covers(actor, values.second_area);
}

bool flow_may(const struct app *app, const struct shape *shape, const struct actor *actor, const struct move *move, const void *record)
{
	char permission[2 * 64];
	snprintf(permission, sizeof permission, "%s.%s", shape->resource->name, move->name);
	return move->roles && actor_may(actor, access_number(&app->access, permission)) && is_theirs(shape, actor, move, record);
}

enum store_code flow_ask(struct tx *tx, struct call *call, const struct shape *shape, int64_t id, const struct move *move, json_t *said)
{
	void *before = arena_take_raw(call->arena, shape->resource->size), *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	enum store_code code = operation_find(tx->db, call, shape, id, before, &hidden);
	if (code == STORE_OK && record_has_ended(before))
		code = call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("记录已终止"), TEXT("The record has ended"));
	if (code == STORE_OK && !is_theirs(shape, &call->actor, move, before))
		code = call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("这一步由另一方办理"), TEXT("This step is somebody else's"));
	if (code == STORE_OK && !flow_is_in(move, slot_text(shape->state, before)))
		code = refuse_state(call, shape, before);
	if (code == STORE_OK)
		code = make(tx, call, shape, move, said, before, &hidden, record);
	if (code == STORE_OK)
		record_answer(call, shape, record, 200);
	return code;
}

enum store_code flow_command(struct tx *tx, void *arg)
{
	struct call *call = arg;
	return flow_ask(tx, call, call->route->shape, call->id, call->route->move, call->body);
}

enum store_code flow_make(struct tx *tx, struct call *call, const struct shape *shape, int64_t id, const char *name)
{
	const struct move *move = flow_find(shape->resource, text_of(name));
	void *before = arena_take_raw(call->arena, shape->resource->size), *record = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden;
	assert(move);
	enum store_code code = operation_find(tx->db, call, shape, id, before, &hidden);
	if (code == STORE_OK && (record_has_ended(before) || !flow_is_in(move, slot_text(shape->state, before))))
		code = refuse_state(call, shape, before);
	return code == STORE_OK ? make(tx, call, shape, move, NULL, before, &hidden, record) : code;
}

/* ---- what moves say of themselves ---- */

static size_t add_members(const struct shape *shape, const char *names, unsigned flags, struct field *fields)
{
	size_t count = 0;
	for (struct text rest = text_of(names); rest.len > 0; count++) {
		fields[count] = *shape_slot(shape, text_word(&rest))->field;
		fields[count].flags = (fields[count].flags & ~(unsigned)(KEPT | MUST | FIXED | DETAIL)) | flags;
	}
	return count;
}

const struct about *flow_about(struct arena *arena, const struct shape *shape, const struct move *move)
{
	const struct resource *resource = shape->resource;
	struct field *fields = arena_take(arena, 2 * resource->field_count * sizeof *fields);
	struct about *about = arena_take(arena, sizeof *about);
	static const enum problem wrong_state[] = { PROBLEM_WRONG_STATE, PROBLEM_NONE };
	enum problem *problems = arena_take(arena, PROBLEM_COUNT * sizeof *problems);
	size_t count = add_members(shape, move->needs, MUST, fields), problem_count = 0;
	count += add_members(shape, move->takes, DETAIL, fields + count);
	for (const enum problem *problem = wrong_state; *problem; problem++)
		problems[problem_count++] = *problem;
	for (const enum problem *problem = move->problems; problem && *problem; problem++)
		problems[problem_count++] = *problem;
	*about = (struct about){ .id = text_printf(arena, "%s_%s", move->name, resource->name).ptr,
		.zh = text_printf(arena, "%s：%s", move->label, resource->label).ptr,
		.en = text_printf(arena, "%s: %s", move->en ? move->en : move->name, resource->en).ptr, .of = resource->name,
		.takes = count ? BODY_MEMBERS : BODY_NONE, .in = { .fields = fields, .count = count }, .gives = BODY_RECORD,
		.problems = problems };
	return about;
}
