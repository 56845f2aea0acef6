/* SPDX-License-Identifier: Apache-2.0 */
/* check_flows.c - what is wrong with declared flows and reactions: states that nobody answers for, and circles. */
#include "engine/check_declarations_own.h"

#include "engine/flow.h"
#include "engine/reaction.h"

#include <string.h>

enum { STATES_MAX = 32, CHAIN_MAX = 8 };

/* ---- flows ---- */

static const struct field *field_of(const struct resource *resource, struct text name)
{
	return field_find(resource->fields, resource->field_count, name);
}

static void check_states(struct check *check, const char *of, const struct word *states, const char *list)
{
	struct text rest = text_of(list);
	while (rest.len > 0) {
		struct text state = text_word(&rest);
		if (!word_find(states, state))
			check_wrong(check, of, "there is no state %.*s", TEXT_ARG(state));
	}
}

static void check_said(struct check *check, const struct resource *resource, const struct move *move, const char *list)
{
	struct text rest = text_of(list);
	while (rest.len > 0) {
		struct text name = text_word(&rest);
		const struct field *field = field_of(resource, name);
		if (!field || (field->flags & HIDDEN))
			check_wrong(check, move->name, "it asks for %.*s, which is no field that is shown", TEXT_ARG(name));
	}
}

static void check_move(struct check *check, const struct resource *resource, const struct word *states, const struct move *move)
{
	if (!check_is_name(move->name) || check_is_blank(move->label) || check_is_blank(move->en))
		check_wrong(check, move->name, "a move has a name, and a label in both languages");
	if (check_is_blank(move->from) || strchr(move->to ? move->to : "", ' '))
		check_wrong(check, move->name, "a move leads from some states to one");
	check_states(check, move->name, states, move->from);
	check_states(check, move->name, states, move->to);
	check_said(check, resource, move, move->needs);
	check_said(check, resource, move, move->takes);
	if (move->roles)
		check_roles(check, move->name, move->roles);
	if (move->waits && !move->roles)
		check_wrong(check, move->name, "nobody makes it, so nothing waits for it");
	if (move->by == BY_SECOND && !resource->ties.second_area)
		check_wrong(check, move->name, "its records are tied to no second area");
}

/* What is not closed waits for somebody, or moves on by itself when its time is over. */
static void check_owners(struct check *check, const struct resource *resource, const struct word *states)
{
	const struct flow *flow = resource->flow;
	for (const struct word *state = states; state->word; state++) {
		const struct open_state *open = flow_open(resource, text_of(state->word));
		bool waits = !open || open->late;
		for (size_t i = 0; i < flow->move_count; i++)
			waits = waits || (flow->moves[i].waits && flow_is_in(&flow->moves[i], text_of(state->word)));
		if (!waits)
			check_wrong(check, "state", "nobody is waited for in the state %s", state->word);
	}
}

static void check_open(struct check *check, const struct resource *resource, const struct word *states, const struct open_state *open)
{
	const struct field *until = open->until ? field_of(resource, text_of(open->until)) : NULL;
	const struct move *late = open->late ? flow_find(resource, text_of(open->late)) : NULL;
	check_states(check, "flow", states, open->name);
	if (open->until ? !until || until->type != FIELD_date || !(until->flags & MUST) : open->within.amount < 1)
		check_wrong(check, open->name, "it lasts a while, or to the end of a day that every record has");
	const struct field *hours = open->hours ? field_of(resource, text_of(open->hours)) : NULL;
	if (open->hours && (!hours || hours->type != FIELD_integer || !(hours->flags & ZERO)))
		check_wrong(check, open->name, "%s is no number of hours", open->hours);
	if (open->late && (!late || !late->to || !flow_is_in(late, text_of(open->name)) || late->needs || check_same(late->to, open->name)))
		check_wrong(check, open->name, "when it is late, a move out of it is made that needs nothing");
}

void check_flow(struct check *check, const struct resource *resource)
{
	static const char *const names[FLOW_FIELDS] = { "state", "moved_at", "moved_by", "due_at" };
	const struct flow *flow = resource->flow;
	for (size_t i = 0; i < COUNT(names); i++)
		if (resource->field_count <= i || !check_same(resource->fields[i].name, names[i])) {
			check_wrong(check, NULL, "the fields of a resource with a flow begin with FLOW(F, states)");
			return;
		}
	const struct word *states = resource->fields[0].words;
	if (!states || word_count(states) > STATES_MAX || check_is_blank(flow->start) || flow->move_count == 0) {
		check_wrong(check, NULL, "a flow has at most %d states, one of them at first, and moves", STATES_MAX);
		return;
	}
	check_states(check, "flow", states, flow->start);
	for (size_t i = 0; i < flow->open_count; i++)
		check_open(check, resource, states, &flow->open[i]);
	for (size_t i = 0; i < flow->move_count; i++) {
		check_move(check, resource, states, &flow->moves[i]);
		for (size_t k = 0; k < i; k++)
			if (check_same(flow->moves[k].name, flow->moves[i].name))
				check_wrong(check, flow->moves[i].name, "the move is there twice");
	}
	check_owners(check, resource, states);
}

/* ---- reactions ---- */

static bool happens(const struct resource *resource, const char *action)
{
	return action && (text_lists("create update end return", text_of(action)) || flow_find(resource, text_of(action)));
}

/* Whether what is written leads back to itself. */
static bool leads_to(const struct check *check, const char *resource, const char *action, const struct reaction *end, int depth)
{
	if (check_same(resource, end->on) && check_same(action, end->action))
		return true;
	if (depth == CHAIN_MAX)
		return true;
	for (size_t m = 0; m < check->count; m++)
		for (size_t i = 0; i < check->modules[m]->reaction_count; i++) {
			const struct reaction *next = &check->modules[m]->reactions[i];
			if (check_same(next->on, resource) && check_same(next->action, action) &&
			    leads_to(check, next->writes, next->does, end, depth + 1))
				return true;
		}
	return false;
}

void check_reaction(struct check *check, const struct reaction *reaction)
{
	const struct resource *on = check_find_resource(check, reaction->on), *writes = check_find_resource(check, reaction->writes);
	const char *of = check_is_blank(reaction->en) ? "reaction" : reaction->en;
	if (!on || !writes || check_is_blank(reaction->zh) || check_is_blank(reaction->en)) {
		check_wrong(check, of, "a reaction is on one resource, writes another, and says what it does in both languages");
		return;
	}
	if (!happens(on, reaction->action) || !happens(writes, reaction->does))
		check_wrong(check, of, "what it follows or what it does never happens");
	if (reaction->field && !field_of(on, text_of(reaction->field)))
		check_wrong(check, of, "%s has no field %s", on->name, reaction->field);
	const struct field *by = reaction->by ? field_of(writes, text_of(reaction->by)) : NULL;
	if ((reaction->by != NULL) == (reaction->react != NULL))
		check_wrong(check, of, "it is by a reference, or by what it calls");
	else if (reaction->by && (!by || by->type != FIELD_ref || !check_same(by->to, on->name) || !(by->flags & INDEX)))
		check_wrong(check, of, "%s is no reference to %s that has an index", reaction->by, on->name);
	else if (reaction->by && !flow_find(writes, text_of(reaction->does)))
		check_wrong(check, of, "%s is no move of %s", reaction->does, writes->name);
	if (leads_to(check, reaction->writes, reaction->does, reaction, 0))
		check_wrong(check, of, "what follows from it leads back to it, or too far");
}
