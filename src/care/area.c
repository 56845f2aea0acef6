/* SPDX-License-Identifier: Apache-2.0 */
/* area.c - the tree of areas: province, city, district, street, community (row 7 of the function list). */
#include "care/modules.h"

static const struct word levels[] = {
	{ "province", "省" }, { "city", "市" }, { "district", "区县" }, { "street", "街道" }, { "community", "社区" }, { 0 },
};

/* An area's number is its key: at first the statistical code padded to 15 digits, afterwards stable. */
static const struct field key = { .type = FIELD_area, .name = "number", .label = "区划编号", .flags = KEPT | MUST };

#define AREA(F) \
	F(text, name, "名称", MUST) \
	F(word, level, "级别", MUST, .words = levels) \
	F(area, parent, "上级区划", INDEX) \
	F(text, code, "统计用区划代码", MUST, .max = 17, .en = "statistical code") \
	F(date, code_date, "代码日期", MUST, .en = "day on which the code held")

struct area { struct record is; AREA(FIELD_MEMBER) };
static const struct field fields[] = { AREA(FIELD_ROW) };

static const struct resource area = {
	.name = "area", .plural = "areas", .label = "区划", .en = "area",
	.key = &key,
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct area),
	.ties = { .area = "number" },
	.readers = "bureau street community auditor administrator security operator",
};
static const struct resource *const resources[] = { &area };

static const char *const steps[] = {
	/* The tenants. Its GB/T 2260 code is an attribute: districts are re-coded, their number stays. */
	"CREATE TABLE district (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, plan TEXT NOT NULL,"
	" area INTEGER NOT NULL, lat REAL, lon REAL) STRICT",
};
static const struct schema schema = { .owner = "area", .steps = steps, .count = COUNT(steps) };

const struct module area_module = { .name = "area", .resources = resources, .resource_count = COUNT(resources), .schema = &schema };
