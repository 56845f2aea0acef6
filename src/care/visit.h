/* SPDX-License-Identifier: Apache-2.0 */
/* visit.h - a welfare visit as it is kept; seen only by the files of visits (visit.c, visit_plan.c, coverage.c). */
#ifndef CARE_VISIT_H
#define CARE_VISIT_H

#include "engine/flow.h"
#include "engine/record.h"

extern const struct word visit_states[], visit_channels[], visit_exemptions[], visit_urgencies[], visit_needs[];

/* Of one that a rule asks for `cadence` and `period_from` are there; what is to be known on the way is copied from the elder. */
#define VISIT(F) \
	FLOW(F, visit_states) \
	F(ref, elder, "老人", MUST | FIXED | INDEX, .to = "elder") \
	F(area, area, "区划代码", KEPT) \
	F(text, name, "姓名", KEPT, .max = 50) \
	F(text, address, "住址", KEPT) \
	F(ref, cadence, "探访规则", KEPT, .to = "cadence") \
	F(date, period_from, "周期起始", KEPT) \
	F(date, due_on, "应访日期", MUST | SORT) \
	F(word, channel, "方式", MUST, .words = visit_channels) \
	F(ref, worker, "探访人", KEPT, .to = "staff", .en = "who goes") \
	F(ref, second_worker, "同行人", KEPT, .to = "staff", .en = "who goes along") \
	F(ref, organization, "探访组织", KEPT, .to = "organization") \
	F(instant, arrived_at, "到访时间", KEPT) \
	F(point, arrived_where, "到访位置", KEPT) \
	F(integer, distance_m, "与住址距离（米）", KEPT, .max = 10000000, .en = "metres from the address") \
	F(boolean, outside, "不在住址附近", KEPT, .en = "not near the address") \
	F(text, outside_reason, "原因", KEPT, .max = 200) \
	F(integer, tries, "未见到次数", KEPT | ZERO, .max = 100, .en = "times that nobody answered") \
	F(word, urgency, "紧急程度", KEPT, .words = visit_urgencies) \
	F(words, needs, "发现的需求", KEPT, .words = visit_needs) \
	F(word, exemption, "免访原因", KEPT, .words = visit_exemptions) \
	F(text, explanation, "未访说明", KEPT, .max = 500) \
	F(answers, script, "探访记录", KEPT | HEALTH | DETAIL, .questionnaire = "welfare_visit") \
	F(text, finding, "探访情况", KEPT | HEALTH | DETAIL, .max = 2000)

struct visit { struct record is; VISIT(FIELD_MEMBER) };

/* Of an elder what a visit has of them. */
void visit_copy(const struct shape *elders, const void *elder, struct visit *visit);
/* What is counted of visits, with each change of one. */
enum store_code visit_count(struct tx *tx, struct call *call, const void *before, const void *record);

#endif
