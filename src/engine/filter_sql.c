/* SPDX-License-Identifier: Apache-2.0 */
/* filter_sql.c - a filter as a condition of a statement: names from the declarations, every value bound.
 *
 * A condition on NULL is NULL, which neither AND nor OR nor WHERE takes for true; where one is negated, IS NOT TRUE makes both
 * NULL and false true. */
#include "engine/filter_tree.h"

#include "base/arena.h"
#include "base/check.h"

static const char *const comparisons[FILTER_OPS] = {
	[FILTER_EQUAL] = " = ",      [FILTER_UNEQUAL] = " = ", [FILTER_LESS] = " < ",
	[FILTER_AT_MOST] = " <= ", [FILTER_MORE] = " > ",    [FILTER_AT_LEAST] = " >= ",
};

static void add_column(struct query *query, const struct filter *leaf, const char *behind)
{
	query_sql(query, leaf->slot->column);
	query_sql(query, behind);
}

static void add_date(struct query *query, struct date day)
{
	query_value(query, value_text(date_text(query->text.arena, day)));
}

static void add_value(struct query *query, const struct filter *leaf, size_t at, const struct filter_world *world)
{
	char day[DATE_CHARS];
	struct value value = filter_value(leaf, &leaf->literals[at], world, day);
	if (value.type == VALUE_TEXT && value.text.ptr == day)
		value.text = text_copy(query->text.arena, value.text);
	query_value(query, value);
}

static void add_list(struct query *query, const struct filter *leaf, const struct filter_world *world)
{
	add_column(query, leaf, " IN (");
	for (size_t i = 0; i < leaf->literal_count; i++) {
		query_sql(query, i == 0 ? "" : ", ");
		add_value(query, leaf, i, world);
	}
	query_sql(query, ")");
}

/* ---- ages: whoever is at least N was born by a day, so that an index on the date serves ---- */

static void add_born(struct query *query, const struct filter *leaf, const char *compared, int years,
                     const struct filter_world *world)
{
	add_column(query, leaf, compared);
	add_date(query, date_born_by(world->today, years));
}

static void add_age(struct query *query, const struct filter *leaf, const struct filter_world *world)
{
	int years = (int)leaf->literals[0].number;
	switch (leaf->op) {
	case FILTER_LESS:
		add_born(query, leaf, " > ", years, world);
		break;
	case FILTER_AT_MOST:
		add_born(query, leaf, " > ", years + 1, world);
		break;
	case FILTER_MORE:
		add_born(query, leaf, " <= ", years + 1, world);
		break;
	case FILTER_AT_LEAST:
		add_born(query, leaf, " <= ", years, world);
		break;
	default: /* equal; of the unequal, what is negated */
		query_sql(query, "(");
		add_born(query, leaf, " > ", years + 1, world);
		query_sql(query, " AND ");
		add_born(query, leaf, " <= ", years, world);
		query_sql(query, ")");
	}
}

/* ---- prefixes: a range, which an index serves ---- */

static size_t put_point(char *out, unsigned point)
{
	static const unsigned first[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
	size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--, point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3F));
	out[0] = (char)(first[len] | point);
	return len;
}

/* The first text behind all that begin with `prefix`: its last character that has a next one is raised. The order of UTF-8's
 * bytes is that of the characters. Missing: nothing comes behind them. */
static struct text behind_prefix(struct arena *arena, struct text prefix)
{
	enum { LAST_POINT = 0x10FFFF, SURROGATES = 0xD800, BEHIND_SURROGATES = 0xE000 };
	while (prefix.len > 0) {
		size_t start = text_cut(prefix, prefix.len - 1).len;
		uint32_t point = LAST_POINT;
		text_point((struct text){ prefix.ptr + start, prefix.len - start }, &point);
		if (point == LAST_POINT) {
			prefix.len = start;
			continue;
		}
		char *out = arena_take_raw(arena, start + 4);
		for (size_t i = 0; i < start; i++)
			out[i] = prefix.ptr[i];
		point = point + 1 == SURROGATES ? BEHIND_SURROGATES : point + 1;
		return (struct text){ out, start + put_point(out + start, point) };
	}
	return TEXT_NONE;
}

static void add_prefix(struct query *query, const struct filter *leaf)
{
	struct text prefix = leaf->literals[0].text, behind = behind_prefix(query->text.arena, prefix);
	query_sql(query, "(");
	add_column(query, leaf, " >= ");
	query_value(query, value_text(prefix));
	if (behind.ptr) {
		query_sql(query, " AND ");
		add_column(query, leaf, " < ");
		query_value(query, value_text(behind));
	}
	query_sql(query, ")");
}

/* ---- fields of several values ---- */

static void add_tag(struct query *query, const struct filter *leaf, const struct filter_world *world)
{
	const char *table = leaf->shape->resource->name;
	query_sql(query, "EXISTS (SELECT 1 FROM ");
	query_sql(query, table);
	query_sql(query, "_");
	query_sql(query, leaf->slot->field->name);
	query_sql(query, " t WHERE t.district = ");
	query_sql(query, table);
	query_sql(query, ".district AND t.id = ");
	query_sql(query, table);
	query_sql(query, ".id AND t.word = ");
	add_value(query, leaf, 0, world);
	query_sql(query, " AND (t.from_on IS NULL OR t.from_on <= ");
	add_date(query, world->today);
	query_sql(query, ") AND (t.to_on IS NULL OR t.to_on > ");
	add_date(query, world->today);
	query_sql(query, "))");
}

/* LIKE would take _ for any character, and on SQLite A for a; replace() does neither, and both databases have it. */
static void add_has(struct query *query, const struct filter *leaf, const struct filter_world *world)
{
	if (filter_type(leaf) == FIELD_tags) {
		add_tag(query, leaf, world);
		return;
	}
	add_column(query, leaf, " <> replace(");
	add_column(query, leaf, ", ");
	add_value(query, leaf, 0, world);
	query_sql(query, ", '')");
}

static void add_missing(struct query *query, const struct filter *leaf)
{
	query_sql(query, filter_of_several(leaf) ? "(" : "");
	add_column(query, leaf, " IS NULL");
	if (filter_of_several(leaf)) {
		query_sql(query, " OR ");
		add_column(query, leaf, " = '[]')");
	}
}

static void add_present(struct query *query, const struct filter *leaf)
{
	add_column(query, leaf, filter_of_several(leaf) ? " <> '[]'" : " IS NOT NULL");
}

/* ---- conditions ---- */

static void add_condition(struct query *query, const struct filter *leaf, const struct filter_world *world)
{
	switch (leaf->op) {
	case FILTER_IN:
		add_list(query, leaf, world);
		break;
	case FILTER_HAS:
		add_has(query, leaf, world);
		break;
	case FILTER_WITHIN:
		add_column(query, leaf, " BETWEEN ");
		add_value(query, leaf, 0, world);
		query_sql(query, " AND ");
		query_value(query, value_int(area_last(leaf->literals[0].number)));
		break;
	case FILTER_STARTS:
		add_prefix(query, leaf);
		break;
	case FILTER_MISSING:
		if (leaf->through)
			add_present(query, leaf);
		else
			add_missing(query, leaf);
		break;
	default:
		if (leaf->age) {
			add_age(query, leaf, world);
			break;
		}
		add_column(query, leaf, comparisons[leaf->op]);
		add_value(query, leaf, 0, world);
	}
}

/* Of a record that is not there no condition holds, so what is to be true of it too is asked for by its opposite, and that
 * negated outside. */
static void add_leaf(struct query *query, const struct filter *leaf, const struct filter_world *world)
{
	bool negated = leaf->op == FILTER_UNEQUAL || (leaf->op == FILTER_MISSING && leaf->through);
	query_sql(query, negated ? "(" : "");
	if (leaf->through) {
		query_sql(query, leaf->through->column);
		query_sql(query, " IN (SELECT id FROM ");
		query_sql(query, leaf->shape->resource->name);
		query_sql(query, " WHERE district = ");
		query_value(query, value_int(world->district));
		if (world->scope)
			world->scope(query, leaf->shape, world->arg);
		query_sql(query, " AND ");
	}
	add_condition(query, leaf, world);
	query_sql(query, leaf->through ? ")" : "");
	query_sql(query, negated ? ") IS NOT TRUE" : "");
}

static bool overflows(const struct query *query)
{
	return query->overflow || query->text.overflow;
}

static void add_node(struct query *query, const struct filter *filter, const struct filter_world *world);

/* SQLite's parser keeps a hundred places: what waits for the rest of a condition takes three, an open parenthesis one. With
 * the deepest part in front, only the parenthesis waits for it, and no filter that can be read needs more than is there. */
static void add_parts(struct query *query, const struct filter *list, const struct filter_world *world)
{
	const struct filter *deepest = list->parts[0];
	for (size_t i = 1; i < list->part_count; i++)
		if (list->parts[i]->stack > deepest->stack)
			deepest = list->parts[i];
	query_sql(query, "(");
	add_node(query, deepest, world);
	for (size_t i = 0; i < list->part_count && !overflows(query); i++) {
		if (list->parts[i] == deepest)
			continue;
		query_sql(query, list->op == FILTER_AND ? " AND " : " OR ");
		add_node(query, list->parts[i], world);
	}
	query_sql(query, ")");
}

static void add_node(struct query *query, const struct filter *filter, const struct filter_world *world)
{
	if (filter->op == FILTER_AND || filter->op == FILTER_OR) {
		add_parts(query, filter, world);
	} else if (filter->op == FILTER_NOT) {
		const struct filter *part = filter->parts[0];
		query_sql(query, part->part_count == 0 ? "(" : "");
		add_node(query, part, world);
		query_sql(query, part->part_count == 0 ? ") IS NOT TRUE" : " IS NOT TRUE");
	} else {
		add_leaf(query, filter, world);
	}
}

bool filter_sql(struct query *query, const struct filter *filter, const struct filter_world *world)
{
	query_sql(query, "(");
	add_node(query, filter, world);
	query_sql(query, ")");
	return !overflows(query);
}
