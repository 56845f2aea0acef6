/* SPDX-License-Identifier: Apache-2.0 */
/* cadence.c - who must be seen how often (K4, K34, K54, K95, K96; contradiction 1): the plans disagree, so each district says it in
 * rules of its own, and several hold side by side. */
#include "care/modules.h"
#include "engine/input.h"
#include "engine/listing.h"

static const struct word channels[] = { { "door", "上门" }, { "phone", "电话" }, { "either", "上门或电话" }, { 0 } };
static const struct word periods[] = { { "week", "每周" }, { "month", "每月" }, { "quarter", "每季度" }, { 0 } };
static const struct word visitors[] = {
	{ "community", "社区工作者" }, { "organization", "社会组织" }, { "volunteer", "志愿者" }, { "provider", "服务机构" }, { 0 },
};
static const struct word reasons[] = { { "replaced", "已有新规则" }, { "mistake", "登记错误" }, { "other", "其他" }, { 0 } };

/* `filter` is the JSON that a list of elders takes. A rule holds for the periods that begin on its days. */
#define CADENCE(F) \
	F(text, name, "名称", MUST | UNIQUE, .max = 60) \
	F(text, filter, "筛选条件", MUST, .max = 8000) \
	F(word, channel, "方式", MUST, .words = channels) \
	F(word, period, "周期", MUST, .words = periods) \
	F(integer, at_least, "每周期至少次数", MUST, .min = 1, .max = 10) \
	F(word, visitor, "由谁探访", MUST, .words = visitors) \
	F(boolean, signal_counts, "在线信号计入", OPTIONAL, .en = "a signal of the person counts") \
	F(integer, fence_m, "签到范围（米）", OPTIONAL, .min = 20, .max = 20000, .en = "metres from the address that count as there") \
	F(date, from_on, "起始日期", MUST) \
	F(date, to_on, "截止日期", OPTIONAL) \
	F(text, basis, "依据", OPTIONAL, .max = 500, .en = "what asks for it")

struct cadence { struct record is; CADENCE(FIELD_MEMBER) };
static const struct field fields[] = { CADENCE(FIELD_ROW) };

static void check(struct input *in, struct tx *tx, const void *record)
{
	const struct cadence *cadence = record;
	struct filter_fault fault;
	(void)tx;
	if (cadence->filter.ptr && !list_filter_holds(in->call, app_shape(in->call->app, TEXT("elder")), cadence->filter, &fault))
		call_wrong(in->call, TEXT("/filter"), "bad_filter", fault.zh, fault.en);
	if (cadence->to_on.ptr && cadence->from_on.ptr && text_compare(cadence->to_on, cadence->from_on) < 0)
		input_wrong(in, "to_on", "out_of_range", "截止日期早于起始日期", "It ends before it begins");
}

static const struct resource cadence = {
	.name = "cadence", .plural = "cadences", .label = "探访规则", .en = "cadence",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct cadence),
	.readers = "bureau street community auditor operator provider", .writers = "bureau", .check = check, .end_reasons = reasons,
};
static const struct resource *const resources[] = { &cadence };

const struct module cadence_module = {
	.name = "cadence", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
