/* SPDX-License-Identifier: Apache-2.0 */
/* household.c - the households of elders (rows 38 and 118): who lives together, where, in which cell of the grid. */
#include "care/modules.h"
#include "engine/operations.h"
#include "engine/reaction.h"
#include "engine/record.h"

static const struct word structures[] = {
	{ "single", "单人户" }, { "couple", "夫妻户" }, { "two_generations", "两代户" }, { "three_generations", "三代及以上户" },
	{ "skip_generation", "隔代户" }, { "other", "其他" }, { 0 },
};

static const struct word reasons[] = {
	{ "moved_out", "迁出本区" }, { "merged", "并户" }, { "split", "分户" }, { "all_died", "无人在世" }, { "duplicate", "重复登记" },
	{ "mistake", "登记错误" }, { "other", "其他" }, { 0 },
};

#define HOUSEHOLD(F) \
	F(text, head, "户主", MUST | SEARCH | PINYIN | PERSON, .max = 50, .headers = "户主姓名", .en = "head of the household") \
	F(area, area, "区划代码", MUST) \
	F(area, grid, "网格", INDEX) \
	F(text, address, "住址", SEARCH, .headers = "地址") \
	F(point, position, "位置", 0) \
	F(word, structure, "家庭结构", 0, .words = structures) \
	F(integer, members, "家庭人口", 0, .min = 1, .max = 50) \
	F(integer, elders, "老年人口", 0, .max = 50) \
	F(phone, phone, "联系电话", 0, .headers = "电话") \
	OTHER_COLUMNS(F)

struct household { struct record is; HOUSEHOLD(FIELD_MEMBER) };
static const struct field fields[] = { HOUSEHOLD(FIELD_ROW) };

static const struct resource household = {
	.name = "household", .plural = "households", .label = "户", .en = "household",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct household),
	.ties = { .area = "area" },
	.same = "head area address",
	.readers = "bureau street community auditor operator", .writers = "bureau street community",
	.revealers = "bureau street community", .finders = "bureau street community operator",
	.end_reasons = reasons,
};
static const struct resource *const resources[] = { &household };

/* Where only one or two elders lived by themselves, nobody is left; in any other home somebody may be. */
static enum store_code end_empty(struct tx *tx, struct call *call, const void *before, const void *record)
{
	const struct record *elder = record;
	const struct shape *shape = app_shape(call->app, TEXT("household"));
	int64_t home = record_number(app_shape(call->app, TEXT("elder")), record, "household");
	(void)before;
	bool died = text_is(elder->end_reason, "died");
	if (!home || !(died || text_is(elder->end_reason, "moved_out")))
		return STORE_OK;
	bool alone = db_int(tx->db, 0, "SELECT 1 FROM household h WHERE h.district = ?1 AND h.id = ?2 AND h.ended_at IS NULL"
		" AND h.structure IN ('single', 'couple') AND NOT EXISTS (SELECT 1 FROM elder e WHERE e.district = h.district"
		" AND e.household = h.id AND e.ended_at IS NULL)", BIND(value_int(call->actor.district), value_int(home))) == 1;
	return alone ? operation_close(tx, call, shape, home, died ? "all_died" : "moved_out", elder->ended_on) : db_code(tx->db);
}

static const struct reaction reactions[] = {
	{ .on = "elder", .action = "end", .writes = "household", .does = "end", .react = end_empty,
	  .zh = "单人户、夫妻户的老人都已去世或迁出，该户终止", .en = "a home of one, or of a couple, ends with the last who lived there" },
};

const struct module household_module = {
	.name = "household", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
	.reactions = reactions, .reaction_count = COUNT(reactions),
};
