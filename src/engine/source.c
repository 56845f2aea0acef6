/* SPDX-License-Identifier: Apache-2.0 */
/* source.c - who says so. */
#include "engine/source.h"

const struct word sources[] = {
	{ "civil_affairs", "民政" }, { "public_security", "公安" }, { "health", "卫健" }, { "medical_insurance", "医保" },
	{ "human_resources", "人社" }, { "disabled_federation", "残联" }, { "veterans", "退役军人事务" }, { "housing", "住建" },
	{ "street", "街道" }, { "community", "社区" }, { "survey", "摸底调查" }, { "assessment", "能力评估" },
	{ "provider", "服务机构" }, { "worker", "服务人员" }, { "elder", "本人" }, { "family", "家属" }, { "device", "设备" },
	{ "platform", "平台运营" }, { "other", "其他" }, { 0 },
};

const struct field source_params[1] = {
	{ .type = FIELD_word, .name = "source", .label = "数据来源", .words = sources, .en = "who says so" },
};

struct text source_of(struct call *call)
{
	static const char *const of_roles[][2] = { { "bureau", "civil_affairs" }, { "street", "street" }, { "community", "community" },
		                                   { "provider", "provider" }, { "worker", "worker" }, { "elder", "elder" },
		                                   { "family", "family" }, { "operator", "platform" } };
	struct text named = call_param(call, "source");
	if (named.ptr) {
		const struct word *word = word_find(sources, named);
		if (!word)
			call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("没有这个数据来源"), TEXT("There is no such source"));
		return word ? text_of(word->word) : TEXT_NONE;
	}
	for (size_t i = 0; call->actor.role && i < COUNT(of_roles); i++)
		if (text_is(text_of(call->actor.role->name), of_roles[i][0]))
			return text_of(of_roles[i][1]);
	return TEXT("civil_affairs"); /* the operator of the machine works for the bureau */
}
