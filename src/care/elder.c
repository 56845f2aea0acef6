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
	{ "disability", "残疾" }, { "severe_disability", "重残" }, { "extreme_poverty", "特困" },
	{ "extreme_poverty_home", "特困分散供养" }, { "extreme_poverty_institution", "特困集中供养" }, { "minimum_living_allowance", "低保" },
	{ "low_income", "低收入" }, { "financial_hardship", "经济困难" }, { "childless_widowed", "孤寡" }, { "lone_elder", "孤老" },
	 { "family_planning_special", "计划生育特殊家庭" },
	{ "veteran", "优抚" }, { "three_elders", "“三老”人员" }, { "no_guardian", "无监护人" }, { "elder_with_disabled_child", "老残一体" }, { 0 },
};

static const struct word livings[] = {
	{ "alone", "独自居住" }, { "with_spouse", "与配偶同住" }, { "with_children", "与子女同住" }, { "with_relatives", "与亲友同住" },
	{ "with_carer", "与保姆同住" }, { "institution", "入住机构" }, { "other", "其他" }, { 0 },
};
static const struct word incomes[] = {
	{ "pension", "养老金" }, { "work", "劳动收入" }, { "children", "子女供养" }, { "allowance", "政府补助" }, { "savings", "储蓄" },
	{ "property", "财产收入" }, { "none", "无收入" }, { "other", "其他" }, { 0 },
};
static const struct word healths[] = {
	{ "good", "良好" }, { "fair", "一般" }, { "chronic", "患慢性病" }, { "poor", "较差" }, { "bedridden", "卧床" }, { 0 },
};
static const struct word cares[] = {
	{ "not_needed", "自理无需照料" }, { "spouse", "配偶照料" }, { "children", "子女照料" }, { "relatives", "亲友照料" },
	{ "paid", "雇人照料" }, { "institution", "机构照料" }, { "nobody", "无人照料" }, { 0 },
};
static const struct word difficulties[] = {
	{ "money", "经济困难" }, { "illness", "看病难" }, { "meals", "吃饭难" }, { "mobility", "出行难" }, { "housing", "住房困难" },
	{ "loneliness", "精神孤独" }, { "care", "照料困难" }, { "digital", "不会用智能设备" }, { "other", "其他" }, { 0 },
};
static const struct word needs[] = {
	{ "meals", "助餐" }, { "bathing", "助浴" }, { "cleaning", "助洁" }, { "escort", "助行" }, { "medical_escort", "助医" },
	{ "errands", "代办" }, { "nursing", "护理" }, { "rehabilitation", "康复" }, { "emergency_call", "紧急呼叫" },
	{ "day_care", "日间照料" }, { "mental", "精神慰藉" }, { "culture", "文体活动" }, { "home_adaptation", "适老化改造" },
	{ "other", "其他" }, { 0 },
};
static const struct word relations[] = {
	{ "spouse", "配偶" }, { "son", "儿子" }, { "daughter", "女儿" }, { "child_in_law", "儿媳或女婿" }, { "grandchild", "孙辈" },
	{ "sibling", "兄弟姐妹" }, { "parent", "父母" }, { "relative", "其他亲属" }, { "neighbour", "邻居" }, { "friend", "朋友" },
	{ "community", "社区工作者" }, { "organization", "组织或单位" }, { "other", "其他" }, { 0 },
};

static const struct word end_reasons_of_elders[] = {
	{ "died", "死亡" }, { "moved_out", "迁出本区" }, { "duplicate", "重复登记" }, { "mistake", "登记错误" }, { "other", "其他" }, { 0 },
};

/* What stands behind the tags is answered of a single elder: the survey of row 38, the guardian, two people to call. */
#define ELDER(F) \
	F(text, name, "姓名", MUST | SEARCH | PINYIN | PERSON, .max = 50, .owner = "public_security", .headers = "老人姓名") \
	F(id_card, id_card, "公民身份号码", UNIQUE, .owner = "public_security", .headers = "身份证号|身份证号码", .en = "identity number") \
	F(word, document_kind, "证件类型", 0, .words = documents) \
	F(text, document_number, "其他证件号码", SEALED, .max = 40) \
	F(word, sex, "性别", MUST, .owner = "public_security", .words = sexes) \
	F(date, born_on, "出生日期", MUST | SORT, .owner = "public_security") \
	F(area, area, "居住地区划", MUST, .headers = "区划代码") \
	F(area, hukou_area, "户籍地区划", 0, .owner = "public_security") \
	F(word, residence, "居住情况", 0, .words = residences) \
	F(text, address, "住址", SEARCH, .headers = "地址") \
	F(phone, phone, "联系电话", 0, .headers = "电话") \
	F(point, position, "位置", 0) \
	F(tags, tags, "标签", 0, .words = tags, .headers = "人员类别") \
	F(ref, household, "户", DETAIL | INDEX, .to = "household") \
	F(word, living, "生活现状", DETAIL, .words = livings, .headers = "居住方式") \
	F(words, income, "经济来源", DETAIL, .words = incomes, .headers = "主要经济来源") \
	F(word, health, "健康状况", DETAIL, .words = healths) \
	F(text, health_note, "健康情况说明", DETAIL | HEALTH, .max = 1000) \
	F(word, care, "照料情况", DETAIL, .words = cares) \
	F(words, difficulties, "存在困难", DETAIL, .words = difficulties) \
	F(words, needs, "服务需求", DETAIL, .words = needs) \
	F(date, surveyed_on, "摸底日期", DETAIL | INDEX) \
	F(text, guardian_name, "监护人", DETAIL, .max = 50, .headers = "监护人姓名") \
	F(word, guardian_relation, "监护人关系", DETAIL, .words = relations, .headers = "与监护人关系") \
	F(phone, guardian_phone, "监护人电话", DETAIL) \
	F(text, contact_name, "紧急联系人", DETAIL, .max = 50, .headers = "联系人|紧急联系人姓名") \
	F(word, contact_relation, "紧急联系人关系", DETAIL, .words = relations, .headers = "与联系人关系") \
	F(phone, contact_phone, "紧急联系人电话", DETAIL, .headers = "联系人电话") \
	F(text, second_contact_name, "第二联系人", DETAIL, .max = 50) \
	F(word, second_contact_relation, "第二联系人关系", DETAIL, .words = relations) \
	F(phone, second_contact_phone, "第二联系人电话", DETAIL) \
	OTHER_COLUMNS(F)

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
	if (e->contact_name.ptr && !e->contact_phone.ptr)
		input_wrong(in, "contact_phone", "required", "请填写紧急联系人电话", "Say how to reach the person to call");
	if (e->document_number.ptr && !e->document_kind.ptr)
		input_wrong(in, "document_kind", "required", "请选择证件类型", "Say which kind of document it is");
}

static const struct field derived[] = { { .type = FIELD_words, .name = "flags", .label = "提示" } };

static void derive(const void *record, struct record_out *out)
{
	const struct elder *e = record;
	static const struct text flags[] = { TEXT_OF("[]"), TEXT_OF("[\"no_identity_document\"]"), TEXT_OF("[\"to_be_placed\"]"),
		                             TEXT_OF("[\"no_identity_document\",\"to_be_placed\"]") };
	bool nameless = !e->id_card.ptr && !e->document_number.ptr, unplaced = e->area % 1000000 == 0; /* a street, or more */
	record_put_raw(out, TEXT("flags"), flags[nameless + 2 * unplaced]);
}

static const char *const orders[] = { "area born_on", NULL };

static const struct resource elder = {
	.name = "elder", .plural = "elders", .label = "老人", .en = "elder",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct elder),
	.ties = { .area = "area", .second_area = "hukou_area", .own = "id", .family = "id" },
	.same = "name born_on area", .twins = "born_on", .orders = orders,
	.readers = "bureau street community auditor operator elder family", .writers = "bureau street community",
	.revealers = "bureau street community", .finders = "bureau street community operator",
	.exporters = "bureau street community",
	.check = check, .end_reasons = end_reasons_of_elders,
	.derived = derived, .derived_count = COUNT(derived), .derive = derive,
};
static const struct resource *const resources[] = { &elder };

const struct module elder_module = {
	.name = "elder", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
