/* SPDX-License-Identifier: Apache-2.0 */
/* household.c - the households of elders (rows 38 and 118): who lives together, where, in which cell of the grid. */
#include "care/modules.h"

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

const struct module household_module = {
	.name = "household", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
