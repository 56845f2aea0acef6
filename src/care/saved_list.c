/* SPDX-License-Identifier: Apache-2.0 */
/* saved_list.c - lists that people come back to (rows 39 and 61, D2, D9): who is on one is asked each time, by its filter, so
 * that nobody has to be put on it at 80, or taken off when moving away. It holds conditions, and nobody's data. */
#include "care/modules.h"
#include "engine/input.h"
#include "engine/listing.h"

static const struct word ledgers[] = {
	{ "elder", "老人" }, { "facility", "养老服务设施" }, { "household", "户" }, { "organization", "养老服务组织" }, { "staff", "服务人员" }, { 0 },
};
static const struct word roles_of_lists[] = {
	{ "bureau", "区民政局" }, { "street", "街道" }, { "community", "社区" }, { "operator", "平台运营" }, { "provider", "服务机构" }, { 0 },
};
static const struct word reasons[] = {
	{ "replaced", "已有新名单" }, { "mistake", "登记错误" }, { "other", "其他" }, { 0 },
};

/* `filter` is the JSON that a list of the ledger takes. */
#define SAVED_LIST(F) \
	F(text, name, "名称", MUST | UNIQUE | SEARCH, .max = 60) \
	F(word, ledger, "台账", MUST | FIXED, .words = ledgers) \
	F(text, filter, "筛选条件", MUST, .max = 8000) \
	F(words, roles, "供哪些角色使用", OPTIONAL, .words = roles_of_lists, .en = "roles that it is for") \
	F(text, basis, "依据", OPTIONAL, .max = 500, .en = "what asks for it")

struct saved_list { struct record is; SAVED_LIST(FIELD_MEMBER) };
static const struct field fields[] = { SAVED_LIST(FIELD_ROW) };

static void check(struct input *in, struct tx *tx, const void *record)
{
	const struct saved_list *list = record;
	struct filter_fault fault;
	(void)tx;
	const struct shape *shape = list->ledger.ptr ? app_shape(in->call->app, list->ledger) : NULL;
	if (shape && list->filter.ptr && !list_filter_holds(in->call, shape, list->filter, &fault))
		call_wrong(in->call, TEXT("/filter"), "bad_filter", fault.zh, fault.en);
}

static const struct resource saved_list = {
	.name = "saved_list", .plural = "saved_lists", .label = "名单", .en = "saved list",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct saved_list),
	.readers = "bureau street community auditor operator provider", .writers = "bureau",
	.check = check, .end_reasons = reasons,
};
static const struct resource *const resources[] = { &saved_list };

const struct module saved_list_module = {
	.name = "saved_list", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
