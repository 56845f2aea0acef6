/* SPDX-License-Identifier: Apache-2.0 */
/* elder.c - the ledger of elders (rows 38 and 48, D1, D10): who they are, where they live, how to reach them. */
#include "base/check.h"
#include "care/modules.h"
#include "engine/input.h"
#include "engine/record.h"

static const struct word sexes[] = { { "male", "男" }, { "female", "女" }, { 0 } };
static const struct word residences[] = {
	{ "registered", "户籍在住" }, { "separated", "人户分离" }, { "migrant", "外来常住" }, { "away", "外出" }, { 0 },
};
static const struct word documents[] = {
	{ "passport", "护照" }, { "hk_macao_permit", "港澳居民来往内地通行证" }, { "taiwan_permit", "台湾居民来往大陆通行证" },
	{ "foreign_permanent_permit", "外国人永久居留身份证" }, { "military", "军人证件" }, { "other", "其他证件" }, { 0 },
};
static const struct word tags[] = {
	{ "living_alone", "独居" }, { "empty_nest", "空巢" }, { "left_behind", "留守" }, { "disabled", "失能" },
	{ "semi_disabled", "半失能" }, { "dementia", "失智" }, { "oldest_old", "高龄" }, { "severe_illness", "重病" },
	{ "severe_disability", "重残" }, { "extreme_poverty", "特困" }, { "minimum_living_allowance", "低保" },
	{ "low_income", "低收入" }, { "childless_widowed", "孤寡" }, { "family_planning_special", "计划生育特殊家庭" },
	{ "veteran", "优抚" }, { "no_guardian", "无监护人" }, { "elder_with_disabled_child", "老残一体" }, { 0 },
};

#define ELDER(F) \
	F(text, name, "姓名", MUST, .max = 50, .headers = "老人姓名") \
	F(id_card, id_card, "公民身份号码", UNIQUE, .headers = "身份证号|身份证号码", .en = "identity number") \
	F(word, document_kind, "证件类型", 0, .words = documents) \
	F(text, document_number, "其他证件号码", SEALED, .max = 40) \
	F(word, sex, "性别", MUST, .words = sexes) \
	F(date, born_on, "出生日期", MUST | SORT) \
	F(area, area, "居住地区划", MUST, .headers = "区划代码") \
	F(area, hukou_area, "户籍地区划", 0) \
	F(word, residence, "居住情况", 0, .words = residences) \
	F(text, address, "住址", 0, .headers = "地址") \
	F(phone, phone, "联系电话", 0, .headers = "电话") \
	F(point, position, "位置", 0) \
	F(tags, tags, "标签", 0, .words = tags, .headers = "人员类别")

struct elder { struct record is; ELDER(FIELD_MEMBER) };
static const struct field fields[] = { ELDER(FIELD_ROW) };

static void check_against_card(struct input *in, const struct elder *e)
{
	struct id_card card;
	if (!e->id_card.ptr || id_card_read(input_plain(in, "id_card"), true, &card) != ID_CARD_FINE)
		return;
	if (e->sex.ptr && text_is(e->sex, "male") != (card.sex == SEX_MALE))
		input_wrong(in, "sex", "contradicts_id_card", "性别与公民身份号码不一致", "The sex contradicts the identity number");
	if (e->born_on.ptr && !text_eq(e->born_on, date_text(in->call->arena, card.born_on)))
		input_wrong(in, "born_on", "contradicts_id_card", "出生日期与公民身份号码不一致",
		            "The birth date contradicts the identity number");
}

static void check_birth(struct input *in, struct tx *tx, const struct elder *e)
{
	struct date born, today = date_of_ms(tx->now_ms);
	if (!e->born_on.ptr || !date_read(e->born_on, &born))
		return;
	if (date_compare(born, today) > 0 || today.year - born.year > 130)
		input_wrong(in, "born_on", "out_of_range", "出生日期不合理", "The birth date cannot be right");
}

static void check(struct input *in, struct tx *tx, const void *record)
{
	const struct elder *e = record;
	check_against_card(in, e);
	check_birth(in, tx, e);
	if (e->document_number.ptr && !e->document_kind.ptr)
		input_wrong(in, "document_kind", "required", "请选择证件类型", "Say which kind of document it is");
}

static const struct field derived[] = { { .type = FIELD_words, .name = "flags", .label = "提示" } };

static void derive(const void *record, struct record_out *out)
{
	const struct elder *e = record;
	record_put_raw(out, TEXT("flags"), e->id_card.ptr || e->document_number.ptr ? TEXT("[]") : TEXT("[\"no_identity_document\"]"));
}

static const char *const orders[] = { "area born_on", NULL };

static const struct resource elder = {
	.name = "elder", .plural = "elders", .label = "老人", .en = "elder",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct elder),
	.ties = { .area = "area", .second_area = "hukou_area", .own = "id", .family = "id" },
	.orders = orders,
	.readers = "bureau street community auditor operator elder family", .writers = "bureau street community",
	.check = check,
	.derived = derived, .derived_count = COUNT(derived), .derive = derive,
};
static const struct resource *const resources[] = { &elder };

const struct module elder_module = { .name = "elder", .resources = resources, .resource_count = COUNT(resources) };
