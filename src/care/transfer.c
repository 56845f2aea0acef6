/* SPDX-License-Identifier: Apache-2.0 */
/* transfer.c - somebody who is registered elsewhere in the district has come to live here: asked for by the street that they came
 * to, decided by the one that keeps them. Who that is, is not told before it answers. */
#include "care/modules.h"
#include "engine/flow.h"
#include "engine/input.h"
#include "engine/operations.h"
#include "engine/reaction.h"
#include "engine/record.h"
#include "engine/territory.h"

static const struct word states[] = {
	{ "asked", "待答复" }, { "agreed", "已转入" }, { "refused", "未同意" }, { "withdrawn", "已撤回" }, { "lapsed", "已失效" }, { 0 },
};

#define TRANSFER(F) \
	FLOW(F, states) \
	F(text, name, "姓名", MUST | FIXED | SEARCH | PINYIN | PERSON, .max = 50, .headers = "老人姓名") \
	F(id_card, id_card, "公民身份号码", MUST | FIXED, .headers = "身份证号|身份证号码", .en = "identity number") \
	F(area, area, "转入区划", MUST, .headers = "区划代码", .en = "area to live in") \
	F(text, address, "转入后住址", OPTIONAL, .headers = "地址", .en = "address there") \
	F(text, reason, "转入原因", MUST, .max = 500) \
	F(ref, elder, "老人", KEPT | INDEX, .to = "elder") \
	F(area, from_area, "现登记区划", KEPT | HIDDEN, .en = "area that keeps the person") \
	F(text, answer, "答复", KEPT, .max = 500)

struct transfer { struct record is; TRANSFER(FIELD_MEMBER) };
static const struct field fields[] = { TRANSFER(FIELD_ROW) };

static bool is_asked_for(struct tx *tx, struct call *call, int64_t elder, int64_t area)
{
	return db_int(tx->db, 0, "SELECT 1 FROM transfer WHERE district = ?1 AND elder = ?2 AND area = ?3 AND state = 'asked'"
		" AND ended_at IS NULL LIMIT 1", BIND(value_int(call->actor.district), value_int(elder), value_int(area))) == 1;
}

static void find_person(struct input *in, struct tx *tx, void *record)
{
	struct transfer *transfer = record;
	struct tie_values ties = { 0 };
	struct text hash = input_hash(in, "id_card");
	if (!hash.ptr || operation_look_up(tx, in->call, "elder", "id_card", hash, &transfer->elder, &ties) != STORE_OK)
		return;
	transfer->from_area = ties.area;
	if (!transfer->elder)
		input_wrong(in, "id_card", "not_registered", "本区没有登记此人，请直接新建档案",
		            "Nobody in this district has registered them: create the record");
	else if (actor_covers(&in->call->actor, ties.area) && is_within(ties.area, transfer->area))
		input_wrong(in, "id_card", "already_here", "此人已登记在转入区划，不用申请",
		            "They are registered there already; there is nothing to ask for");
	else if (is_asked_for(tx, in->call, transfer->elder, transfer->area))
		input_wrong(in, "id_card", "already_asked", "已经申请过，正等待答复", "It has been asked for, and waits for an answer");
}

/* Only now does the person belong to whoever asked. */
static enum store_code take_in(struct tx *tx, struct call *call, const void *record)
{
	const struct transfer *transfer = record;
	json_t *change = json_object();
	json_object_set_new(change, "area", json_sprintf("%lld", (long long)transfer->area));
	if (transfer->address.ptr)
		json_object_set_new(change, "address", json_stringn(transfer->address.ptr, transfer->address.len));
	enum store_code code = operation_change(tx, call, app_shape(call->app, TEXT("elder")), transfer->elder, change, TEXT_NONE);
	json_decref(change);
	return code;
}

/* Whoever keeps the person now is asked. */
static enum store_code follow_person(struct tx *tx, struct call *call, struct input *in, const void *before, void *record)
{
	struct transfer *transfer = record;
	struct tie_values ties;
	(void)in;
	(void)before;
	enum store_code code = operation_ties(tx, call, "elder", transfer->elder, &ties);
	if (code == STORE_OK)
		transfer->from_area = ties.area;
	return code;
}

static const struct move moves[] = {
	{ "agree", "同意转出", "agree", "asked", "agreed", "bureau street community", BY_SECOND, .waits = true, .takes = "answer",
	  .effect = take_in },
	{ "refuse", "不同意", "refuse", "asked", "refused", "bureau street community", BY_SECOND, .waits = true, .needs = "answer" },
	{ "withdraw", "撤回", "withdraw", "asked", "withdrawn", "bureau street community", BY_KEEPER, .takes = "answer" },
	{ "lapse", "失效", "lapse", "asked", "lapsed", .roles = NULL },
	{ "rehome", "改由现登记地答复", "ask who keeps them now", "asked", NULL, .roles = NULL, .sets = follow_person },
};
static const struct open_state open_states[] = { { "asked", .within = { 5, IN_WORKDAYS } } };
static const struct flow flow = { "asked", ROWS(open_states), ROWS(moves) };

static const struct resource transfer = {
	.name = "transfer", .plural = "transfers", .label = "转入申请", .en = "transfer",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct transfer),
	.ties = { .area = "area", .second_area = "from_area" },
	.readers = "bureau street community auditor", .writers = "bureau street community", .revealers = "bureau street community",
	.finders = "bureau street community", .fill = find_person, .flow = &flow,
};
static const struct resource *const resources[] = { &transfer };

static const struct reaction reactions[] = {
	{ .on = "elder", .action = "end", .writes = "transfer", .does = "lapse", .by = "elder",
	  .zh = "老人档案终止，待答复的转入申请失效", .en = "an open transfer of somebody whose record ends lapses" },
	{ .on = "elder", .action = "update", .field = "area", .writes = "transfer", .does = "rehome", .by = "elder",
	  .zh = "老人登记区划变更，转入申请改由新的登记地答复", .en = "an open transfer is answered by whoever keeps the person now" },
};

const struct module transfer_module = {
	.name = "transfer", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
	.reactions = reactions, .reaction_count = COUNT(reactions),
};
