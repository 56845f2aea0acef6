/* SPDX-License-Identifier: Apache-2.0 */
/* facility.c - the ledger of facilities (row 97, D4): where, since when, whose, who answers for it, how many beds. */
#include "care/modules.h"
#include "engine/record.h"

static const struct word kinds[] = {
	{ "care_institution", "养老机构" }, { "street_center", "街道综合养老服务中心" }, { "day_care_center", "日间照料中心" },
	{ "community_station", "社区养老服务站" }, { "canteen", "社区食堂" }, { "meal_point", "助餐点" },
	{ "mutual_help_home", "互助幸福院" }, { 0 },
};
static const struct word ownerships[] = {
	{ "state", "国有" }, { "collective", "集体" }, { "private", "民营" }, { "leased", "租赁" }, { 0 },
};

static const struct word reasons[] = {
	{ "closed", "停止运营" }, { "demolished", "拆除" }, { "converted", "转作他用" }, { "duplicate", "重复登记" },
	{ "mistake", "登记错误" }, { "other", "其他" }, { 0 },
};

#define FACILITY(F) \
	F(text, name, "名称", MUST | SEARCH | PINYIN, .max = 100, .headers = "设施名称") \
	F(word, kind, "类型", MUST | SORT, .words = kinds) \
	F(area, area, "区划代码", MUST | SORT) \
	F(text, address, "地址", SEARCH, .headers = "建设地点") \
	F(point, position, "位置", 0) \
	F(date, built_on, "建成日期", 0) \
	F(integer, use_years, "使用年限", ZERO, .max = 200) \
	F(word, ownership, "产权归属", 0, .words = ownerships) \
	F(text, responsible_unit, "责任单位", 0, .max = 100) \
	F(text, manager, "管理人员", 0, .max = 50) \
	F(phone, phone, "联系电话", 0) \
	F(integer, size_m2, "建筑面积", ZERO, .max = 1000000) \
	F(integer, floors, "层数", ZERO, .max = 100) \
	F(integer, beds_nursing, "护理型床位", ZERO, .max = 10000) \
	F(integer, beds_general, "普通床位", ZERO, .max = 10000) \
	F(integer, beds_dementia, "认知症床位", ZERO, .max = 10000) \
	F(ref, organization, "运营机构", DETAIL, .to = "organization") \
	OTHER_COLUMNS(F)

struct facility { struct record is; FACILITY(FIELD_MEMBER) };
static const struct field fields[] = { FACILITY(FIELD_ROW) };
static const struct field derived[] = { { .type = FIELD_integer, .name = "beds", .label = "床位合计" } };

static void derive(const void *record, struct record_out *out)
{
	const struct facility *f = record;
	record_put_int(out, TEXT("beds"), f->beds_nursing + f->beds_general + f->beds_dementia);
}

static const char *const orders[] = { "area kind", NULL };

static const struct resource facility = {
	.name = "facility", .plural = "facilities", .label = "养老服务设施", .en = "facility",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct facility),
	.ties = { .area = "area", .organization = "organization" },
	.same = "name area", .orders = orders,
	.readers = "bureau street community auditor operator provider", .writers = "bureau street community provider",
	.revealers = "bureau street community provider", .finders = "bureau street community operator",
	.derived = derived, .derived_count = COUNT(derived), .derive = derive,
	.end_reasons = reasons,
};
static const struct resource *const resources[] = { &facility };

const struct module facility_module = {
	.name = "facility", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
