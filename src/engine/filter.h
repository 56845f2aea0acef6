/* SPDX-License-Identifier: Apache-2.0 */
/* filter.h - the one condition language: read from JSON, compiled to bound SQL, or asked of one record in memory.
 *
 *	{"and":[C, ...]}  {"or":[C, ...]}  {"!":C}        at least one each
 *	{"==":[V, literal]}  != < <= > >=                 V is {"var":"field"}; != is the negation of ==
 *	{"in":[V, [literal, ...]]}
 *	{"in":[literal, V]}                               a field of several words or references has it; a tag: today
 *	{"within":[V, "370613001"]}                       the area and all below it
 *	{"starts":[V, "text"]}
 *	{"missing":V}
 *
 * {"var":"organization.kind"} is a field of the record that a reference leads to, one reference deep. {"age":V} is compared
 * with 0..150: whole years today. A literal has exactly the field's type; of a day or an instant it may be {"today":N}: N days
 * after today, an instant at that day's beginning in China Standard Time. Words have no order, nor have areas and booleans.
 * Everything is two-valued: a condition on what is missing is false and its negation true, in SQL as in memory. A record that
 * is outside the caller's scope is missing.
 *
 * A filter lasts as long as its arena and its shapes; it may be used by several threads. */
#ifndef ENGINE_FILTER_H
#define ENGINE_FILTER_H

#include "engine/query.h"
#include "engine/resource.h"

enum {
	FILTER_DEPTH_MAX = 32, /* operators within each other */
	FILTER_LEAVES_MAX = 200 /* conditions on a field */
};

struct filter;

/* What a filter asks of those who use it. */
struct filter_world {
	struct date today;
	unsigned district;
	/* The resource of this name. NULL: there is none, or the caller may not read it; then no filter can reach it. */
	const struct shape *(*shape)(const char *resource, void *arg); /* NULL: references lead nowhere */
	/* Adds " AND ..." to a statement on the resource's table: what keeps it inside the caller's scope. */
	void (*scope)(struct query *query, const struct shape *shape, void *arg); /* NULL: all of the district */
	/* A record of the district inside the caller's scope; NULL: there is none. */
	const void *(*fetch)(const struct shape *shape, int64_t id, void *arg); /* NULL: there are none */
	void *arg;
};

/* What is wrong with a filter, and where: a JSON pointer (RFC 6901) into it. */
struct filter_fault {
	const char *code;
	struct text zh, en, pointer;
};

/* Reads JSON of any kind and depth; nothing of it is borrowed. NULL: refused, and *fault tells why. Of `world` only `shape`
 * is asked. `fault` may not be NULL. */
/* The operators of conditions that the field may stand in, one by one; NULL behind the last. */
const char *filter_operator_of(const struct field *field, size_t index);

struct filter *filter_read(struct arena *arena, const struct shape *shape, const json_t *source,
                           const struct filter_world *world, struct filter_fault *fault);

/* Adds the condition in parentheses. The statement reads from the resource's table under its own name, and bounds the
 * district itself. The names in it are those of the declarations. False: more values or text than a statement may have. */
bool filter_sql(struct query *query, const struct filter *filter, const struct filter_world *world);

/* What one condition found. */
struct filter_reason {
	const struct field *field;
	const struct field *through; /* the reference that led to it, or NULL */
	const char *operator; /* as in the filter */
	bool age; /* of the age, not of the date */
	struct text wanted, there; /* as the language writes values, with ", " between several; missing: nothing is there */
	bool held; /* the condition as it stands */
	bool negated; /* it stands within an odd number of "!" */
	struct text zh, en; /* all of it in a line */
};

struct filter_reasons {
	struct arena *arena; /* set by the caller, and holds the reasons */
	struct filter_reason *items; /* one a condition, in the filter's order */
	size_t count;
};

/* Whether the typed record fits. With `reasons`, each condition is looked at, also where the answer is known before. */
bool filter_check(const struct filter *filter, const void *record, const struct filter_world *world,
                  struct filter_reasons *reasons);

#endif
