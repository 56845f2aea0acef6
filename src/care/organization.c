/* SPDX-License-Identifier: Apache-2.0 */
/* organization.c - the ledger of organizations (rows 4 and 152, D5, D11, D12): who provides care, under which licence. One
 * licence may have many sites (一照多址): these are the facilities that refer to it. */
#include "care/modules.h"
#include "engine/input.h"

static const struct word kinds[] = {
	{ "care_institution", "养老机构" }, { "home_service", "居家养老服务组织" }, { "community_service", "社区养老服务组织" },
	{ "medical", "医疗卫生机构" }, { "assessment", "评估机构" }, { "insurer", "长护险承办机构" }, { "catering", "助餐单位" },
	{ "training", "培训机构" }, { "social", "社会组织" }, { "platform", "平台运营单位" }, { "other", "其他" }, { 0 },
};
static const struct word natures[] = {
	{ "public", "公办" }, { "public_private", "公建民营" }, { "private", "民办" }, { "nonprofit", "民办非企业" }, { 0 },
};
static const struct word medical_levels[] = {
	{ "tertiary", "三级" }, { "secondary", "二级" }, { "primary", "一级" }, { "ungraded", "未定级" }, { 0 },
};

static const struct word reasons[] = {
	{ "deregistered", "注销" }, { "licence_revoked", "吊销" }, { "closed", "停止运营" }, { "duplicate", "重复登记" },
	{ "mistake", "登记错误" }, { "other", "其他" }, { 0 },
};

#define ORGANIZATION(F) \
	F(text, name, "名称", MUST | SEARCH | PINYIN, .max = 100, .headers = "机构名称|组织名称") \
	F(uscc, uscc, "统一社会信用代码", MUST | UNIQUE, .headers = "信用代码", .en = "unified social credit code") \
	F(word, kind, "类型", MUST | SORT, .words = kinds) \
	F(word, nature, "性质", 0, .words = natures) \
	F(word, medical_level, "医疗机构等级", 0, .words = medical_levels) \
	F(area, area, "区划代码", MUST) \
	F(text, address, "地址", SEARCH) \
	F(point, position, "位置", 0) \
	F(text, legal_person, "法定代表人", 0, .max = 50) \
	F(text, contact, "联系人", 0, .max = 50) \
	F(phone, phone, "联系电话", 0, .headers = "电话") \
	F(text, licence_number, "许可或备案编号", 0, .max = 60, .headers = "许可证号|备案号") \
	F(date, licence_from, "许可生效日期", 0) \
	F(date, licence_until, "许可有效期至", INDEX) \
	F(integer, capacity, "服务能力", 0, .max = 1000000, .headers = "床位数|容量") \
	F(file, licence_scan, "许可证扫描件", DETAIL) \
	OTHER_COLUMNS(F)

struct organization { struct record is; ORGANIZATION(FIELD_MEMBER) };
static const struct field fields[] = { ORGANIZATION(FIELD_ROW) };

static void check(struct input *in, struct tx *tx, const void *record)
{
	const struct organization *o = record;
	(void)tx;
	if (o->licence_from.ptr && o->licence_until.ptr && text_compare(o->licence_until, o->licence_from) < 0)
		input_wrong(in, "licence_until", "out_of_range", "早于生效日期", "Earlier than the first day of the licence");
}

static const struct resource organization = {
	.name = "organization", .plural = "organizations", .label = "养老服务组织", .en = "organization",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct organization),
	.ties = { .area = "area", .organization = "id" },
	.same = "name area",
	.readers = "bureau street community auditor operator provider", .writers = "bureau street provider",
	.revealers = "bureau street provider", .finders = "bureau street community operator",
	.check = check, .end_reasons = reasons,
};
static const struct resource *const resources[] = { &organization };

const struct module organization_module = {
	.name = "organization", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
