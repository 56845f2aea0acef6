/* SPDX-License-Identifier: Apache-2.0 */
/* filter_tree.h - what a filter is when it has been read; seen only by the filter_*.c and filter.c. */
#ifndef ENGINE_FILTER_TREE_H
#define ENGINE_FILTER_TREE_H

#include "engine/filter.h"

enum filter_op {
	FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_EQUAL, FILTER_UNEQUAL, FILTER_LESS, FILTER_AT_MOST, FILTER_MORE, FILTER_AT_LEAST,
	FILTER_IN, FILTER_HAS, FILTER_WITHIN, FILTER_STARTS, FILTER_MISSING, FILTER_OPS
};

/* A text, or a number; `from_today`: the day that is `number` days after today. */
struct literal {
	bool from_today;
	int64_t number;
	struct text text;
};

struct filter {
	enum filter_op op;
	unsigned stack; /* how many places it takes on the stack of SQLite's parser, about */
	/* and, or: two or more; not: one, which is no not */
	struct filter **parts;
	size_t part_count;
	/* a condition */
	const struct shape *shape; /* of the record that has the field */
	const struct slot *slot;
	const struct slot *through; /* the reference that leads to it; NULL: the record itself has the field */
	bool age;
	struct literal *literals;
	size_t literal_count;
};

extern const char *const filter_operators[FILTER_OPS];

static inline enum field_type filter_type(const struct filter *leaf)
{
	return leaf->slot->field->type;
}
/* Whether the field holds several values, as a JSON array; an empty one is missing. */
static inline bool filter_of_several(const struct filter *leaf)
{
	enum field_type type = filter_type(leaf);
	return type == FIELD_words || type == FIELD_tags || type == FIELD_refs;
}
/* A literal with today put in; what is made up stands in `day`. */
struct value filter_value(const struct filter *leaf, const struct literal *literal, const struct filter_world *world,
                          char day[static DATE_CHARS]);

/* What a condition looked at, and what came of it. */
struct found {
	struct value value; /* of an age, the years; VALUE_NULL: missing */
	bool held;
};
void filter_explain(struct filter_reasons *reasons, const struct filter *leaf, const struct found *found, bool negated,
                    const struct filter_world *world);
/* Calls `each` for every tag of a JSON array that is valid today, until it says false; false then. */
bool filter_tags(struct text tags, struct date today, bool (*each)(struct text word, void *arg), void *arg);

#endif
