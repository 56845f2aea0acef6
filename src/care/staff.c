/* SPDX-License-Identifier: Apache-2.0 */
/* staff.c - the register of those who care (D21): posts, skills, certificates that expire, where they are on duty. Nobody is
 * active in it before the training for the post is done. */
#include "base/check.h"
#include "care/modules.h"
#include "engine/input.h"

static const struct word posts[] = {
	{ "carer", "养老护理员" }, { "home_carer", "居家护理员" }, { "social_worker", "社会工作者" }, { "nurse", "护士" },
	{ "doctor", "医生" }, { "rehabilitation", "康复治疗师" }, { "assessor", "评估员" }, { "visitor", "探访员" },
	{ "cook", "厨师" }, { "driver", "驾驶员" }, { "dispatcher", "座席" }, { "manager", "管理人员" }, { "other", "其他" }, { 0 },
};
static const struct word skills[] = {
	{ "meals", "助餐" }, { "bathing", "助浴" }, { "cleaning", "助洁" }, { "escort", "助行" }, { "medical_escort", "助医" },
	{ "errands", "代办" }, { "nursing", "基础护理" }, { "dementia_care", "失智照护" }, { "rehabilitation", "康复" },
	{ "mental", "心理慰藉" }, { "first_aid", "急救" }, { "hairdressing", "理发" }, { 0 },
};
static const struct word levels[] = {
	{ "5", "五级（初级工）" }, { "4", "四级（中级工）" }, { "3", "三级（高级工）" }, { "2", "二级（技师）" },
	{ "1", "一级（高级技师）" }, { 0 },
};
static const struct word states[] = { { "applicant", "待上岗" }, { "active", "在岗" }, { "suspended", "停岗" }, { 0 } };

static const struct word reasons[] = {
	{ "left", "离职" }, { "retired", "退休" }, { "dismissed", "辞退" }, { "died", "死亡" }, { "duplicate", "重复登记" },
	{ "mistake", "登记错误" }, { "other", "其他" }, { 0 },
};

#define STAFF(F) \
	F(text, name, "姓名", MUST | SEARCH | PINYIN | PERSON, .max = 50) \
	F(id_card, id_card, "公民身份号码", MUST | UNIQUE, .headers = "身份证号|身份证号码", .en = "identity number") \
	F(ref, organization, "所属组织", MUST, .to = "organization") \
	F(area, area, "服务区划", MUST, .headers = "区划代码") \
	F(word, post, "岗位", MUST | SORT, .words = posts) \
	F(word, state, "状态", MUST, .words = states) \
	F(words, skills, "技能", 0, .words = skills) \
	F(phone, phone, "联系电话", 0, .headers = "电话") \
	F(word, certificate_level, "职业技能等级", 0, .words = levels) \
	F(text, certificate_number, "证书编号", 0, .max = 60) \
	F(date, certificate_until, "证书有效期至", INDEX) \
	F(date, health_certificate_until, "健康证有效期至", 0) \
	F(date, trained_on, "岗前培训日期", 0) \
	F(integer, training_hours, "岗前培训学时", 0, .max = 10000) \
	F(date, hired_on, "入职日期", 0) \
	F(file, certificate_scan, "证书扫描件", DETAIL) \
	OTHER_COLUMNS(F)

struct staff { struct record is; STAFF(FIELD_MEMBER) };
static const struct field fields[] = { STAFF(FIELD_ROW) };

/* Pre-job training is a gate: 先培训后上岗. */
static void check(struct input *in, struct tx *tx, const void *record)
{
	const struct staff *s = record;
	struct date trained;
	if (s->state.ptr && text_is(s->state, "active") && !s->trained_on.ptr)
		input_wrong(in, "trained_on", "required", "完成岗前培训后才能上岗", "Nobody is active before the training for the post");
	if (s->trained_on.ptr && date_read(s->trained_on, &trained) && date_compare(trained, date_of_ms(tx->now_ms)) > 0)
		input_wrong(in, "trained_on", "out_of_range", "培训日期不能晚于今天", "The training cannot lie in the future");
}

static const struct resource staff = {
	.name = "staff", .plural = "staff", .label = "服务人员", .en = "staff",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct staff),
	.ties = { .area = "area", .organization = "organization", .own = "id" },
	.readers = "bureau street community auditor operator provider worker", .writers = "bureau street operator provider",
	.same = "name organization", .revealers = "bureau", .finders = "bureau street operator",
	.check = check, .end_reasons = reasons,
};
static const struct resource *const resources[] = { &staff };

const struct module staff_module = {
	.name = "staff", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
