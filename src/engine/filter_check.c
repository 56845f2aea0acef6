/* SPDX-License-Identifier: Apache-2.0 */
/* filter_check.c - a filter asked of one record in memory; it answers exactly as the statement that filter_sql.c makes. */
#include "engine/filter_tree.h"

#include "base/arena.h"
#include "base/check.h"

#include <string.h>

/* A question under way. */
struct asked {
	const struct filter_world *world;
	struct filter_reasons *reasons; /* or NULL */
};

static const void *member(const void *record, const struct slot *slot)
{
	return (const char *)record + slot->offset;
}

static struct value text_there(const struct filter *leaf, const struct text *text)
{
	return value_text(filter_of_several(leaf) && text_is(*text, "[]") ? TEXT_NONE : *text);
}

static struct value number_there(const struct filter *leaf, int64_t number)
{
	if (filter_type(leaf) == FIELD_ref || filter_type(leaf) == FIELD_area)
		return value_ref(number);
	return number == MISSING ? (struct value){ .type = VALUE_NULL } : value_int(number);
}

static struct value age_of(struct value date, struct date today)
{
	struct date born_on;
	if (date.type == VALUE_NULL || !date_read(date.text, &born_on))
		return (struct value){ .type = VALUE_NULL };
	return value_int(date_age(born_on, today));
}

static struct value look_at(const struct filter *leaf, const void *record, const struct filter_world *world)
{
	if (!record)
		return (struct value){ .type = VALUE_NULL };
	if (!field_is_text(leaf->slot->field))
		return number_there(leaf, *(const int64_t *)member(record, leaf->slot));
	struct value value = text_there(leaf, member(record, leaf->slot));
	return leaf->age ? age_of(value, world->today) : value;
}

static int compare(struct value a, struct value b)
{
	if (a.type == VALUE_TEXT)
		return text_compare(a.text, b.text);
	return (a.integer > b.integer) - (a.integer < b.integer);
}

static bool compares(enum filter_op op, int order)
{
	switch (op) {
	case FILTER_EQUAL:
	case FILTER_UNEQUAL:
	case FILTER_IN:
		return order == 0;
	case FILTER_LESS:
		return order < 0;
	case FILTER_AT_MOST:
		return order <= 0;
	case FILTER_MORE:
		return order > 0;
	default:
		return order >= 0;
	}
}

/* With any of the literals: only `in` has several. */
static bool compares_with_any(const struct filter *leaf, struct value there, const struct filter_world *world)
{
	char day[DATE_CHARS];
	for (size_t i = 0; i < leaf->literal_count; i++)
		if (compares(leaf->op, compare(there, filter_value(leaf, &leaf->literals[i], world, day))))
			return true;
	return false;
}

static bool is_other_word(struct text word, void *wanted)
{
	return !text_eq(word, *(const struct text *)wanted);
}

/* Of a value that is there. */
static bool fits(const struct filter *leaf, struct value there, const struct filter_world *world)
{
	struct literal *literal = leaf->literals;
	switch (leaf->op) {
	case FILTER_HAS:
		if (filter_type(leaf) == FIELD_tags)
			return !filter_tags(there.text, world->today, is_other_word, &literal->text);
		return memmem(there.text.ptr, there.text.len, literal->text.ptr, literal->text.len) != NULL;
	case FILTER_WITHIN:
		return there.integer >= literal->number && there.integer <= area_last(literal->number);
	case FILTER_STARTS:
		return text_starts(there.text, literal->text);
	default:
		return compares_with_any(leaf, there, world);
	}
}

static const void *follow(const struct filter *leaf, const void *record, const struct filter_world *world)
{
	if (!leaf->through)
		return record;
	int64_t id = *(const int64_t *)member(record, leaf->through);
	return id && world->fetch ? world->fetch(leaf->shape, id, world->arg) : NULL;
}

static bool check_leaf(const struct filter *leaf, const void *record, const struct asked *asked, bool negated)
{
	struct found found = { .value = look_at(leaf, follow(leaf, record, asked->world), asked->world) };
	bool missing = found.value.type == VALUE_NULL;
	if (leaf->op == FILTER_MISSING)
		found.held = missing;
	else
		found.held = (!missing && fits(leaf, found.value, asked->world)) != (leaf->op == FILTER_UNEQUAL);
	if (asked->reasons)
		filter_explain(asked->reasons, leaf, &found, negated, asked->world);
	return found.held;
}

static bool check(const struct filter *filter, const void *record, const struct asked *asked, bool negated)
{
	if (filter->op == FILTER_NOT)
		return !check(filter->parts[0], record, asked, !negated);
	if (filter->op != FILTER_AND && filter->op != FILTER_OR)
		return check_leaf(filter, record, asked, negated);
	bool decides = filter->op == FILTER_OR, answer = !decides;
	for (size_t i = 0; i < filter->part_count && (asked->reasons || answer != decides); i++)
		if (check(filter->parts[i], record, asked, negated) == decides)
			answer = decides;
	return answer;
}

static size_t count_leaves(const struct filter *filter)
{
	size_t count = filter->part_count == 0;
	for (size_t i = 0; i < filter->part_count; i++)
		count += count_leaves(filter->parts[i]);
	return count;
}

bool filter_check(const struct filter *filter, const void *record, const struct filter_world *world,
                  struct filter_reasons *reasons)
{
	const struct asked asked = { world, reasons };
	if (reasons) {
		reasons->count = 0;
		reasons->items = arena_take(reasons->arena, count_leaves(filter) * sizeof *reasons->items);
	}
	return check(filter, record, &asked, false);
}
