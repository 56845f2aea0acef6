/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - what reading, compiling and asking a filter have in common. */
#include "engine/filter_tree.h"

const char *const filter_operators[FILTER_OPS] = {
	[FILTER_AND] = "and",     [FILTER_OR] = "or",    [FILTER_NOT] = "!",           [FILTER_EQUAL] = "==",
	[FILTER_UNEQUAL] = "!=",  [FILTER_LESS] = "<",   [FILTER_AT_MOST] = "<=",      [FILTER_MORE] = ">",
	[FILTER_AT_LEAST] = ">=", [FILTER_IN] = "in",    [FILTER_HAS] = "in",          [FILTER_WITHIN] = "within",
	[FILTER_STARTS] = "starts", [FILTER_MISSING] = "missing",
};

struct value filter_value(const struct filter *leaf, const struct literal *literal, const struct filter_world *world,
                          char day[static DATE_CHARS])
{
	if (!literal->from_today)
		return literal->text.ptr ? value_text(literal->text) : value_int(literal->number);
	struct date date = date_from_days(date_to_days(world->today) + literal->number);
	if (filter_type(leaf) == FIELD_instant)
		return value_int(date_begins_ms(date));
	date_put(day, date);
	return value_text((struct text){ day, DATE_CHARS });
}

static bool is_valid(const json_t *tag, struct text today)
{
	struct text from = json_text_of(json_object_get(tag, "from")), to = json_text_of(json_object_get(tag, "to"));
	return (!from.ptr || text_compare(from, today) <= 0) && (!to.ptr || text_compare(to, today) > 0);
}

bool filter_tags(struct text tags, struct date today, bool (*each)(struct text word, void *arg), void *arg)
{
	char day[DATE_CHARS];
	json_t *list = NULL;
	bool more = true;
	date_put(day, today);
	if (!tags.ptr || json_read(tags, 4, &list) != JSON_FINE)
		return true;
	for (size_t i = 0; more && i < json_array_size(list); i++) {
		const json_t *tag = json_array_get(list, i);
		if (is_valid(tag, (struct text){ day, sizeof day }))
			more = each(json_text_of(json_object_get(tag, "word")), arg);
	}
	json_decref(list);
	return more;
}
