/* SPDX-License-Identifier: Apache-2.0 */
/* describe_flows.c - flows and what follows from changes: as tables and diagrams, and as JSON. */
#include "engine/describe.h"

#include "engine/flow.h"
#include "engine/reaction.h"

/* ---- as pages ---- */

static void put_diagram(struct buf *out, const struct shape *shape)
{
	const struct flow *flow = shape->resource->flow;
	buf_printf(out, "```mermaid\nstateDiagram-v2\n\t[*] --> %s\n", flow->start);
	for (size_t i = 0; i < flow->move_count; i++) {
		struct text from = text_of(flow->moves[i].from);
		while (from.len > 0) {
			struct text state = text_word(&from);
			if (flow->moves[i].to)
				buf_printf(out, "\t%.*s --> %s: %s\n", TEXT_ARG(state), flow->moves[i].to, flow->moves[i].name);
		}
	}
	for (const struct word *state = shape->state->field->words; state->word; state++)
		if (!flow_open(shape->resource, text_of(state->word)))
			buf_printf(out, "\t%s --> [*]\n", state->word);
	buf_text(out, TEXT("```\n\n"));
}

static const char *const by_words[] = { [BY_KEEPER] = "who keeps it", [BY_SECOND] = "the second area", [BY_SIGHT] = "who sees it" };

static void put_moves(struct buf *out, const struct flow *flow)
{
	buf_text(out, TEXT("| move | | from | to | who | with | |\n|---|---|---|---|---|---|---|\n"));
	for (size_t i = 0; i < flow->move_count; i++) {
		const struct move *move = &flow->moves[i];
		const char *to = move->to ? move->to : "the same";
		buf_printf(out, "| `%s` | %s | %s | %s | %s%s%s | %s%s%s%s | %s|\n", move->name, move->label, move->from, to,
		           move->roles ? by_words[move->by] : "the system", move->roles ? ": " : "", move->roles ? move->roles : "",
		           move->needs ? move->needs : "", move->takes ? " (" : "", move->takes ? move->takes : "", move->takes ? ")" : "",
		           move->waits ? "waited for " : "");
	}
}

static const char *const unit_names[] = { [IN_MINUTES] = "minutes", [IN_HOURS] = "hours", [IN_DAYS] = "days",
	                                 [IN_WORKDAYS] = "working days" };

static void put_deadlines(struct buf *out, const struct flow *flow)
{
	buf_text(out, TEXT("\n| open | may last | then |\n|---|---|---|\n"));
	for (size_t i = 0; i < flow->open_count; i++) {
		const struct open_state *open = &flow->open[i];
		buf_printf(out, "| %s | ", open->name);
		if (open->until)
			buf_printf(out, "to the end of `%s`", open->until);
		else
			buf_printf(out, "%d %s", open->within.amount, unit_names[open->within.unit]);
		if (open->hours)
			buf_printf(out, ", or the hours in `%s`", open->hours);
		buf_printf(out, " | %s%s%s |\n", open->late ? "`" : "", open->late ? open->late : "it is overdue", open->late ? "`" : "");
	}
}

void describe_flow(struct buf *out, const struct shape *shape)
{
	const struct flow *flow = shape->resource->flow;
	if (flow) {
		buf_text(out, TEXT("\nIts flow:\n\n"));
		put_diagram(out, shape);
		put_moves(out, flow);
		put_deadlines(out, flow);
	}
	for (size_t i = 0; i < shape->reaction_count; i++) {
		const struct reaction *reaction = shape->reactions[i];
		buf_printf(out, "%s%s%s%s%s → %s %s: %s. %s.\n", i ? "- " : "\nWhat follows from its changes:\n\n- ", reaction->action,
		           reaction->field ? " (" : "", reaction->field ? reaction->field : "", reaction->field ? ")" : "",
		           reaction->writes, reaction->does, reaction->zh, reaction->en);
	}
}

/* ---- as JSON ---- */

static void put_names(struct json_out *json, const char *key, const char *list)
{
	struct text rest = text_of(list);
	json_key(json, text_of(key));
	json_begin_array(json);
	while (rest.len > 0)
		json_put_text(json, text_word(&rest));
	json_end_array(json);
}

static void put_move(struct json_out *json, const struct resource *resource, const struct move *move)
{
	static const char *const by[] = { [BY_KEEPER] = "keeper", [BY_SECOND] = "second", [BY_SIGHT] = "sight" };
	json_begin_object(json);
	JSON_TEXT(json, "name", text_of(move->name));
	JSON_TEXT(json, "label", text_of(move->label));
	JSON_TEXT(json, "en", text_of(move->en));
	put_names(json, "from", move->from);
	JSON_TEXT(json, "to", text_of(move->to));
	JSON_TEXT(json, "permission", move->roles ? text_printf(json->buf->arena, "%s.%s", resource->name, move->name) : TEXT_NONE);
	JSON_TEXT(json, "by", move->roles ? text_of(by[move->by]) : TEXT_NONE);
	JSON_BOOL(json, "waits", move->waits);
	put_names(json, "needs", move->needs);
	put_names(json, "takes", move->takes);
	json_end_object(json);
}

static void put_open(struct json_out *json, const struct flow *flow)
{
	json_key(json, TEXT("open"));
	json_begin_array(json);
	for (size_t i = 0; i < flow->open_count; i++) {
		const struct open_state *open = &flow->open[i];
		json_begin_object(json);
		JSON_TEXT(json, "state", text_of(open->name));
		JSON_TEXT(json, "until", text_of(open->until));
		JSON_TEXT(json, "hours", text_of(open->hours));
		if (!open->until) {
			JSON_INT(json, "amount", open->within.amount);
			JSON_TEXT(json, "unit", text_of(unit_names[open->within.unit]));
		}
		JSON_TEXT(json, "late", text_of(open->late));
		json_end_object(json);
	}
	json_end_array(json);
}

void describe_flow_json(struct json_out *json, const struct shape *shape)
{
	const struct flow *flow = shape->resource->flow;
	json_key(json, TEXT("flow"));
	if (!flow) {
		json_put_null(json);
	} else {
		json_begin_object(json);
		JSON_TEXT(json, "start", text_of(flow->start));
		put_open(json, flow);
		json_key(json, TEXT("moves"));
		json_begin_array(json);
		for (size_t i = 0; i < flow->move_count; i++)
			put_move(json, shape->resource, &flow->moves[i]);
		json_end_array(json);
		json_end_object(json);
	}
	json_key(json, TEXT("reactions"));
	json_begin_array(json);
	for (size_t i = 0; i < shape->reaction_count; i++) {
		const struct reaction *reaction = shape->reactions[i];
		json_begin_object(json);
		JSON_TEXT(json, "action", text_of(reaction->action));
		JSON_TEXT(json, "field", text_of(reaction->field));
		JSON_TEXT(json, "writes", text_of(reaction->writes));
		JSON_TEXT(json, "does", text_of(reaction->does));
		JSON_TEXT(json, "zh", text_of(reaction->zh));
		JSON_TEXT(json, "en", text_of(reaction->en));
		json_end_object(json);
	}
	json_end_array(json);
}
