/* SPDX-License-Identifier: Apache-2.0 */
/* test_flow_declarations.c - mistakes in flows and reactions are told: states without an owner, moves that lead nowhere, circles. */
#include "engine/check_declarations.h"
#include "engine/flow.h"
#include "engine/reaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct word states[] = { { "open", "待办" }, { "done", "已办" }, { 0 } };

#define TICKET(F) \
	FLOW(F, states) \
	F(text, name, "名称", MUST) \
	F(area, area, "区划", MUST) \
	F(ref, other, "另一个", INDEX, .to = "ticket") \
	F(area, secret, "不显示", KEPT | HIDDEN)

struct ticket { struct record is; TICKET(FIELD_MEMBER) };
static const struct field fields[] = { TICKET(FIELD_ROW) };

static struct move moves[2];
static struct open_state opens[1];
static struct flow flow;
static struct resource ticket;
static const struct resource *const resources[] = { &ticket };
static struct reaction reactions[2];
static struct module module;
static const struct module *const modules[] = { &module };

static int fresh(void **state)
{
	(void)state;
	moves[0] = (struct move){ "finish", "办结", "finish", "open", "done", "bureau", .waits = true, .needs = "name" };
	moves[1] = (struct move){ "reopen", "重开", "reopen", "done", "open", "bureau", .by = BY_KEEPER };
	opens[0] = (struct open_state){ "open", .within = { 3, IN_DAYS } };
	flow = (struct flow){ "open", ROWS(opens), ROWS(moves) };
	ticket = (struct resource){ .name = "ticket", .plural = "tickets", .label = "单", .en = "ticket", .fields = fields,
		                    .field_count = COUNT(fields), .size = sizeof(struct ticket), .ties = { .area = "area" },
		                    .readers = "bureau", .writers = "bureau", .flow = &flow };
	reactions[0] = (struct reaction){ .on = "ticket", .action = "create", .writes = "ticket", .does = "finish", .by = "other",
		                          .zh = "随之办结", .en = "finishes the other" };
	module = (struct module){ .name = "ticket", .file = "src/care/ticket.c", .resources = resources, .resource_count = 1,
		                  .reactions = reactions, .reaction_count = 1 };
	return 0;
}

static char told[8192];

static size_t check_now(void)
{
	struct arena arena = arena_new(1 << 20);
	struct buf out = buf_in(&arena, 1024, sizeof told - 1);
	size_t mistakes = check_declarations(modules, COUNT(modules), &out);
	snprintf(told, sizeof told, "%.*s", (int)out.len, out.ptr);
	arena_free(&arena);
	return mistakes;
}

static void expect(const char *what)
{
	if (check_now() == 0 || !strstr(told, what))
		fail_msg("expected \"%s\", told: %s", what, told);
}

static void without_a_mistake_nothing_is_told(void **state)
{
	(void)state;
	if (check_now() != 0)
		fail_msg("%s", told);
}

static void moves_lead_between_states(void **state)
{
	(void)state;
	moves[1].from = "closed";
	expect("there is no state closed");
	fresh(state);
	moves[0].to = "gone";
	expect("there is no state gone");
	fresh(state);
	opens[0].name = "finished";
	expect("there is no state finished");
	fresh(state);
	opens[0].within.amount = 0;
	expect("it lasts a while");
	fresh(state);
	opens[0].until = "name";
	expect("it lasts a while");
	fresh(state);
	opens[0].late = "reopen";
	expect("a move out of it is made");
	fresh(state);
	opens[0].late = "finish";
	expect("that needs nothing");
	fresh(state);
	moves[1].name = "finish";
	expect("the move is there twice");
	fresh(state);
	moves[0].roles = "mayor";
	expect("mayor");
	fresh(state);
	moves[0].by = BY_SECOND;
	expect("its records are tied to no second area");
	fresh(state);
	moves[0].label = "";
	expect("a label in both languages");
}

static void moves_ask_for_fields_that_are_there(void **state)
{
	(void)state;
	moves[0].needs = "nothing";
	expect("it asks for nothing");
	fresh(state);
	moves[0].takes = "secret";
	expect("it asks for secret, which is no field that is shown");
}

static void what_is_open_waits_for_somebody(void **state)
{
	(void)state;
	moves[0].waits = false;
	expect("nobody is waited for in the state open");
	fresh(state);
	moves[0].roles = NULL;
	expect("nobody makes it, so nothing waits for it");
	fresh(state);
	ticket.fields = fields + 1;
	ticket.field_count--;
	expect("begin with FLOW");
}

static void reactions_follow_what_happens(void **state)
{
	(void)state;
	reactions[0].action = "vanish";
	expect("never happens");
	fresh(state);
	reactions[0].does = "vanish";
	expect("never happens");
	fresh(state);
	reactions[0].by = "name";
	expect("no reference to ticket");
	fresh(state);
	reactions[0].by = NULL;
	expect("by a reference, or by what it calls");
	fresh(state);
	reactions[0].on = "card";
	expect("a reaction is on one resource");
	fresh(state);
	reactions[0].field = "colour";
	expect("no field colour");
}

static void reactions_do_not_lead_in_circles(void **state)
{
	(void)state;
	reactions[0].action = "finish";
	expect("leads back to it");
	fresh(state);
	reactions[1] = reactions[0];
	reactions[0].action = "reopen";
	reactions[1].action = "finish";
	reactions[1].does = "reopen";
	module.reaction_count = 2;
	expect("leads back to it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_mistake_nothing_is_told, fresh),
		cmocka_unit_test_setup(moves_lead_between_states, fresh),
		cmocka_unit_test_setup(moves_ask_for_fields_that_are_there, fresh),
		cmocka_unit_test_setup(what_is_open_waits_for_somebody, fresh),
		cmocka_unit_test_setup(reactions_follow_what_happens, fresh),
		cmocka_unit_test_setup(reactions_do_not_lead_in_circles, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
