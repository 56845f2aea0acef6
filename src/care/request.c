/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - whatever anybody asks for (rows 27 and 82): each has an owner, a deadline and an ending. It was answered, somebody was
 * helped, or it was referred, and then whoever was named is followed until they have helped. What is late climbs. */
#include "care/modules.h"
#include "engine/flow.h"
#include "engine/input.h"
#include "engine/operations.h"
#include "engine/reaction.h"
#include "engine/record.h"

static const struct word states[] = {
	{ "open", "待受理" }, { "accepted", "办理中" }, { "referred", "已转介" }, { "late", "超期（街道督办）" }, { "escalated", "超期（区督办）" },
	{ "answered", "已答复" }, { "helped", "已解决" }, { "withdrawn", "已撤销" }, { 0 },
};
static const struct word kinds[] = {
	{ "meals", "助餐" }, { "bathing", "助浴" }, { "cleaning", "助洁" }, { "escort", "助行" }, { "medical_escort", "助医" },
	{ "errands", "代办" }, { "nursing", "护理" }, { "rehabilitation", "康复" }, { "emergency_call", "紧急呼叫" },
	{ "day_care", "日间照料" }, { "mental", "精神慰藉" }, { "culture", "文体活动" }, { "home_adaptation", "适老化改造" },
	{ "policy", "政策咨询" }, { "allowance", "补贴津贴" }, { "poverty", "生活困难" }, { "safety", "安全隐患" }, { "unreachable", "联系不上" },
	{ "complaint", "投诉" }, { "other", "其他" }, { 0 },
};
static const struct word channels[] = {
	{ "phone", "电话" }, { "visit", "探访" }, { "window", "窗口" }, { "screen", "网上" }, { "device", "设备" }, { "family", "家属代提" },
	{ "letter", "来信" }, { 0 },
};
static const struct word urgencies[] = { { "normal", "一般" }, { "soon", "较急" }, { "now", "紧急" }, { 0 } };

#define REQUEST(F) \
	FLOW(F, states) \
	F(ref, elder, "老人", FIXED, .to = "elder") \
	F(area, area, "区划代码", MUST) \
	F(word, kind, "事项", MUST, .words = kinds) \
	F(word, urgency, "紧急程度", MUST | FIXED, .words = urgencies) \
	F(integer, hours, "办理时限（小时）", KEPT | ZERO, .max = 10000, .en = "hours for it") \
	F(word, channel, "渠道", MUST | FIXED, .words = channels) \
	F(text, asked_by, "提出人", OPTIONAL, .max = 50) \
	F(ref, organization, "转介给", KEPT, .to = "organization", .en = "referred to") \
	F(text, handler, "经办人", KEPT, .max = 50) \
	F(ref, visit, "来自探访", FIXED | INDEX, .to = "visit", .en = "visit that found it") \
	F(phone, phone, "回复电话", OPTIONAL, .en = "telephone to answer to") \
	F(text, what, "内容", MUST | HEALTH | DETAIL, .max = 2000) \
	F(text, result, "办理结果", KEPT | HEALTH | DETAIL, .max = 2000)

struct request { struct record is; REQUEST(FIELD_MEMBER) };
static const struct field fields[] = { REQUEST(FIELD_ROW) };

/* An urgent one has hours, not days. */
static void set_hours(struct input *in, struct tx *tx, void *record)
{
	struct request *request = record;
	(void)in;
	(void)tx;
	request->hours = text_is(request->urgency, "now") ? 2 : text_is(request->urgency, "soon") ? 24 : 0;
}

static const struct move moves[] = {
	{ "accept", "受理", "accept", "open late escalated", "accepted", "bureau street community operator", .waits = true,
	  .takes = "handler" },
	{ "answer", "答复", "answer", "open accepted referred late escalated", "answered", "bureau street community operator", .waits = true,
	  .needs = "result" },
	{ "help", "办结", "help", "open accepted referred late escalated", "helped", "bureau street community operator provider",
	  .waits = true, .needs = "result" },
	{ "refer", "转介", "refer", "open accepted referred late escalated", "referred", "bureau street community operator",
	  .needs = "organization" },
	{ "withdraw", "撤销", "withdraw", "open accepted referred late escalated", "withdrawn", "bureau street community operator",
	  .needs = "result" },
	{ "climb", "转街道督办", "climb to the street", "open accepted referred", "late", .roles = NULL },
	{ "climb_on", "转区督办", "climb to the district", "late", "escalated", .roles = NULL },
};
static const struct open_state open_states[] = {
	{ "open", .within = { 1, IN_WORKDAYS }, .hours = "hours", .late = "climb" },
	{ "accepted", .within = { 5, IN_WORKDAYS }, .hours = "hours", .late = "climb" },
	{ "referred", .within = { 7, IN_WORKDAYS }, .late = "climb" },
	{ "late", .within = { 2, IN_WORKDAYS }, .hours = "hours", .late = "climb_on" },
	{ "escalated", .within = { 3, IN_WORKDAYS } },
};
static const struct flow flow = { "open", ROWS(open_states), ROWS(moves) };

static const struct resource request = {
	.name = "request", .plural = "requests", .label = "诉求", .en = "request",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct request),
	.ties = { .area = "area", .organization = "organization", .family = "elder" },
	.readers = "bureau street community auditor operator provider family", .writers = "bureau street community operator",
	.revealers = "bureau street community operator provider",
	.exporters = "bureau street community operator", .fill = set_hours, .flow = &flow,
};
static const struct resource *const resources[] = { &request };

const struct module request_module = {
	.name = "request", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
