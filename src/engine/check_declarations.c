/* SPDX-License-Identifier: Apache-2.0 */
/* check_declarations.c - what is wrong with what capabilities declare: names that lead nowhere, flags that cannot be kept. It is
 * asked when the program is built, so nothing here has to be fast, and nothing later has to ask again. */
#include "engine/check_declarations_own.h"

#include "engine/describe.h"
#include "engine/input.h"
#include "engine/job.h"
#include "engine/operations.h"
#include "engine/questionnaire.h"
#include "engine/reaction.h"
#include "engine/source.h"
#include "engine/timer.h"

#include <string.h>

enum { NAME_MAX_CHARS = 40, IDENTIFIER_MAX = 63 /* of PostgreSQL */, TEXT_MOST = 20000, SCALE_MAX = 9, WORDS_MAX = 64, ORDER_MAX = 200 };

void check_wrong(struct check *check, const char *field, const char *format, ...)
{
	char what[512];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	const char *file = check->module->file ? check->module->file : "?";
	buf_printf(check->out, "%s: %s%s%s: %s\n", file, check->name, field ? "." : "", field ? field : "", what);
	check->mistakes++;
}

/* ---- names ---- */

/* What neither database takes as the name of a column without quotes, and the columns that one of them has by itself. */
static const char *const reserved[] = {
	"add", "all", "alter", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "autoincrement",
	"between", "binary", "both", "case", "cast", "check", "cmax", "cmin", "collate", "collation", "column", "commit", "concurrently",
	"constraint", "create", "cross", "ctid", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
	"current_timestamp", "current_user", "default", "deferrable", "delete", "desc", "distinct", "district", "do", "drop", "else",
	"end", "escape", "except", "exists", "false", "fetch", "for", "foreign", "freeze", "from", "full", "grant", "group", "having",
	"ilike", "in", "index", "initially", "inner", "insert", "intersect", "into", "is", "isnull", "join", "lateral", "leading", "left",
	"like", "limit", "localtime", "localtimestamp", "natural", "not", "nothing", "notnull", "null", "offset", "oid", "on", "only",
	"or", "order", "outer", "overlaps", "placing", "primary", "raise", "references", "returning", "right", "rowid", "select",
	"session_user", "set", "similar", "some", "symmetric", "system_user", "table", "tableoid", "tablesample", "then", "to",
	"trailing", "transaction", "true", "union", "unique", "update", "user", "using", "values", "variadic", "verbose", "when", "where",
	"window", "with", "xmax", "xmin",
};

bool check_is_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;
	return len > 0 && len <= NAME_MAX_CHARS && name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static bool is_reserved(const char *name)
{
	for (size_t i = 0; i < COUNT(reserved); i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	return false;
}

bool check_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool check_is_blank(const char *text)
{
	return !text || !*text;
}

static bool check_name(struct check *check, const char *field, const char *name, bool in_sql)
{
	if (!check_is_name(name)) {
		check_wrong(check, field, "a name is a lower-case letter and then at most 39 of those, digits and _");
		return false;
	}
	if (in_sql && is_reserved(name))
		check_wrong(check, field, "this is a word of SQL");
	return true;
}

const struct resource *check_find_resource(const struct check *check, const char *name)
{
	for (size_t m = 0; m < check->count; m++)
		for (size_t i = 0; i < check->modules[m]->resource_count; i++)
			if (check_same(check->modules[m]->resources[i]->name, name))
				return check->modules[m]->resources[i];
	return NULL;
}

/* ---- a field ---- */

static bool is_number(const struct field *field)
{
	return field->type == FIELD_integer || field->type == FIELD_money || field->type == FIELD_decimal;
}

static bool has_words(const struct field *field)
{
	return field->type == FIELD_word || field->type == FIELD_words || field->type == FIELD_tags;
}

static bool is_several(const struct field *field)
{
	return field->type == FIELD_words || field->type == FIELD_tags || field->type == FIELD_refs || field->type == FIELD_point ||
	       field->type == FIELD_file;
}

static void check_words(struct check *check, const struct field *field, bool must)
{
	size_t count = word_count(field->words);
	if (field->words && !has_words(field))
		check_wrong(check, field->name, "only a word, words and tags have a dictionary");
	if (must && count == 0)
		check_wrong(check, field->name, "it has no words");
	if (count > WORDS_MAX && field->type != FIELD_word)
		check_wrong(check, field->name, "it has more than %d words", WORDS_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct word *word = &field->words[i];
		if (strspn(word->word, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(word->word) || !*word->word)
			check_wrong(check, field->name, "the word \"%s\" has other characters than a-z, 0-9 and _", word->word);
		if (check_is_blank(word->zh))
			check_wrong(check, field->name, "the word \"%s\" has no Chinese", word->word);
		for (size_t k = 0; k < i; k++)
			if (check_same(field->words[k].word, word->word) || check_same(field->words[k].zh, word->zh))
				check_wrong(check, field->name, "the word \"%s\" %s is there twice", word->word, word->zh ? word->zh : "");
	}
}

static void check_limits(struct check *check, const struct field *field)
{
	if ((field->min || field->max) && !is_number(field) && field->type != FIELD_text)
		check_wrong(check, field->name, "only numbers and texts have limits");
	else if (field->type == FIELD_text && (field->min || field->max < 0 || field->max > TEXT_MOST))
		check_wrong(check, field->name, "of a text only the most characters are said, up to %d", TEXT_MOST);
	else if (field->min > field->max)
		check_wrong(check, field->name, "its least is more than its most");
	if (field->scale && field->type != FIELD_decimal)
		check_wrong(check, field->name, "only a decimal has a scale");
	if (field->type == FIELD_decimal && (field->scale == 0 || field->scale > SCALE_MAX))
		check_wrong(check, field->name, "a decimal has a scale of 1 to %d", SCALE_MAX);
}

static void check_flags(struct check *check, const struct field *field)
{
	unsigned flags = field->flags;
	bool sealed = field_is_sealed(field);
	if ((flags & ZERO) && !is_number(field))
		check_wrong(check, field->name, "only a number is ZERO where nobody has said it");
	if ((flags & (SEALED | HEALTH)) && !field_is_text(field))
		check_wrong(check, field->name, "only what is kept as text can be sealed");
	if (field->type == FIELD_file && (sealed || (flags & KEPT) || field->owner))
		check_wrong(check, field->name, "a file is always encrypted, sent by people, and owned by no department");
	if (field->type == FIELD_answers && (!(flags & HEALTH) || field->owner))
		check_wrong(check, field->name, "answers are HEALTH, given by people, and owned by no department");
	if ((flags & SORT) && (sealed || is_several(field)))
		check_wrong(check, field->name, "nothing can be sorted by it: it is %s", sealed ? "sealed" : "no single value");
	if ((flags & SORT) && !(flags & (MUST | ZERO)))
		check_wrong(check, field->name, "what is sorted by is MUST or ZERO: a missing value has no place in an order");
	if ((flags & INDEX) && (sealed || is_several(field)))
		check_wrong(check, field->name, "an index does not help: it is %s", sealed ? "sealed" : "no single value");
	if ((flags & UNIQUE) && (is_several(field) || field->type == FIELD_boolean || (flags & HEALTH)))
		check_wrong(check, field->name, "this cannot be unique");
	if ((flags & UNIQUE) && (flags & (SORT | INDEX)))
		check_wrong(check, field->name, "what is UNIQUE has its index already");
	if ((flags & SORT) && (flags & INDEX))
		check_wrong(check, field->name, "what is SORT has its index already");
	if ((flags & SORT) && (flags & DETAIL))
		check_wrong(check, field->name, "what lists are sorted by is in them");
	if ((flags & RAW) && (field->type != FIELD_text || !(flags & KEPT) || sealed))
		check_wrong(check, field->name, "only a text that the system keeps can be RAW");
	if ((flags & SEARCH) && (!field_is_text(field) || is_several(field) || field->type == FIELD_date || (flags & HEALTH)))
		check_wrong(check, field->name, "only a text can be searched");
}

static void check_reference(struct check *check, const struct field *field)
{
	bool refers = field->type == FIELD_ref || field->type == FIELD_refs;
	if (refers && check_is_blank(field->to))
		check_wrong(check, field->name, "it does not say to which resource it refers");
	else if (refers && !check_find_resource(check, field->to))
		check_wrong(check, field->name, "it refers to \"%s\", which is no resource", field->to);
	else if (!refers && field->to)
		check_wrong(check, field->name, "only a ref and refs refer to a resource");
}

static const char *const system_names[] = { "id", "version", "created_at", "updated_at", "ended_at", "end_reason",
	                                            "ended_on", "sources", "claimed" };

/* Whether the field has this column in SQL beside the one of its own name. */
static bool has_column(const struct field *field, const char *column)
{
	size_t len = strlen(field->name);
	if ((unsigned)field->type >= FIELD_TYPES || strncmp(field->name, column, len) != 0)
		return false;
	const char *rest = column + len;
	return (field->type == FIELD_point && (check_same(rest, "_lat") || check_same(rest, "_lon"))) ||
	       (field_is_sealed(field) && (check_same(rest, "_hash") || check_same(rest, "_box")));
}

static void check_names(struct check *check, const struct resource *resource, size_t index)
{
	const struct field *field = &resource->fields[index];
	if (!check_name(check, field->name ? field->name : "?", field->name, true))
		return;
	for (size_t i = 0; i < COUNT(system_names); i++)
		if (strcmp(field->name, system_names[i]) == 0)
			check_wrong(check, field->name, "every record has this by itself");
	for (size_t i = 0; i < index; i++) {
		const struct field *other = &resource->fields[i];
		if (!check_is_name(other->name))
			continue;
		if (check_same(other->name, field->name) || has_column(other, field->name) || has_column(field, other->name))
			check_wrong(check, field->name, "the name is there twice");
	}
	if (!field->was)
		return;
	if (!check_is_name(field->was) || is_reserved(field->was))
		check_wrong(check, field->name, "what it was called, \"%s\", cannot have been a name", field->was);
	else if (field_find(resource->fields, resource->field_count, text_of(field->was)))
		check_wrong(check, field->name, "what it was called, \"%s\", is the name of a field", field->was);
}

/* Whether a column of a file with this header is the field's. */
static bool claims(const struct field *field, struct text header)
{
	if (text_is(header, field->name) || text_is(header, field->label))
		return true;
	for (const char *at = field->headers; at && *at;) {
		size_t len = strcspn(at, "|");
		if (text_eq(header, (struct text){ at, len }))
			return true;
		at += len + (at[len] ? 1 : 0);
	}
	return false;
}

static void check_header(struct check *check, const struct resource *resource, size_t index, struct text header)
{
	for (size_t i = 0; i < index; i++)
		if (header.len > 0 && resource->fields[i].name && claims(&resource->fields[i], header))
			check_wrong(check, resource->fields[index].name, "a column \"%.*s\" of a file could be this or %s", TEXT_ARG(header),
			      resource->fields[i].name);
}

static void check_headers(struct check *check, const struct resource *resource, size_t index)
{
	const struct field *field = &resource->fields[index];
	check_header(check, resource, index, text_of(field->label));
	for (const char *at = field->headers; at && *at;) {
		size_t len = strcspn(at, "|");
		check_header(check, resource, index, (struct text){ at, len });
		at += len + (at[len] ? 1 : 0);
	}
}

static void check_field(struct check *check, const struct resource *resource, size_t index)
{
	const struct field *field = &resource->fields[index];
	check_names(check, resource, index);
	if (index > 0 && !(field->flags & DETAIL) && (field[-1].flags & DETAIL))
		check_wrong(check, field->name, "it stands behind a DETAIL: what lists leave out stands last");
	if (check_is_blank(field->label))
		check_wrong(check, field->name, "it has no label");
	if ((unsigned)field->type >= FIELD_TYPES) {
		check_wrong(check, field->name, "a record has no fields of this type");
		return;
	}
	check_words(check, field, has_words(field));
	check_limits(check, field);
	check_flags(check, field);
	check_reference(check, field);
	if ((field->type == FIELD_answers) != (field->questionnaire && questionnaire_version(text_of(field->questionnaire), 1)))
		check_wrong(check, field->name, "answers, and only they, name a questionnaire that there is");
	if (field->owner && !word_find(sources, text_of(field->owner)))
		check_wrong(check, field->name, "its owner \"%s\" is no source", field->owner);
	check_headers(check, resource, index);
}

static void check_derived(struct check *check, const struct resource *resource)
{
	for (size_t i = 0; i < resource->derived_count; i++) {
		const struct field *field = &resource->derived[i];
		if (!check_name(check, field->name ? field->name : "?", field->name, false))
			continue;
		if (check_is_blank(field->label))
			check_wrong(check, field->name, "it has no label");
		if (field_find(resource->fields, resource->field_count, text_of(field->name)) ||
		    field_find(resource->derived, i, text_of(field->name)))
			check_wrong(check, field->name, "the name is there twice");
		if (has_words(field))
			check_words(check, field, false);
	}
	if ((resource->derived_count > 0) != (resource->derive != NULL))
		check_wrong(check, NULL, "derived members and the function that writes them come together");
}

/* ---- a resource ---- */

/* A name in a list with blanks between, the list going on behind it; missing at the end. */
static struct text next_name(const char **list)
{
	while (*list && **list == ' ')
		(*list)++;
	size_t len = *list ? strcspn(*list, " ") : 0;
	struct text name = len ? (struct text){ *list, len } : TEXT_NONE;
	*list = len ? *list + len : NULL;
	return name;
}

void check_roles(struct check *check, const char *what, const char *list)
{
	const char *rest = list;
	for (struct text name; (name = next_name(&rest)).ptr;) {
		size_t times = 0;
		const char *again = list;
		for (struct text other; (other = next_name(&again)).ptr;)
			times += text_eq(other, name);
		if (!role_find(name))
			check_wrong(check, NULL, "%s: there is no role %.*s", what, TEXT_ARG(name));
		else if (times > 1)
			check_wrong(check, NULL, "%s: %.*s is there twice", what, TEXT_ARG(name));
	}
}

static void check_rights(struct check *check, const struct resource *resource)
{
	const struct ties *t = &resource->ties;
	const char *by_bound[] = { [BOUND_AREA] = t->area, [BOUND_ORGANIZATION] = t->organization, [BOUND_OWN] = t->own,
		                   [BOUND_FAMILY] = t->family };
	bool tied = t->area || t->second_area || t->organization || t->own || t->family;
	for (enum right right = 0; right < RIGHTS; right++)
		check_roles(check, right_names[right], resource_roles(resource, right));
	for (size_t i = 0; (resource->revealers || resource->finders) && i <= resource->field_count; i++) {
		if (i == resource->field_count)
			check_wrong(check, NULL, "nothing in it is sealed: nobody needs to see or find it");
		else if ((unsigned)resource->fields[i].type < FIELD_TYPES && field_is_sealed(&resource->fields[i]))
			break;
	}
	if (check_is_blank(resource->readers))
		check_wrong(check, NULL, "nobody may read it");
	for (size_t i = 0; i < role_count; i++) {
		bool reads = text_lists(resource->readers, text_of(roles[i].name));
		for (enum right right = 0; right < RIGHTS; right++)
			if (text_lists(resource_roles(resource, right), text_of(roles[i].name)) && !reads)
				check_wrong(check, NULL, "%s may %s it, but not read it", roles[i].name, right_names[right]);
		if (reads && tied && !by_bound[roles[i].bound])
			check_wrong(check, NULL, "%s may read it, but nothing ties a record to one of them", roles[i].name);
	}
}

/* What a tie is: a field, or the record itself. */
static void check_tie(struct check *check, const struct resource *resource, const char *what, const char *name, const char *to)
{
	const char *key = resource->key ? resource->key->name : "id";
	const struct field *field = name ? field_find(resource->fields, resource->field_count, text_of(name)) : NULL;
	bool of_areas = strcmp(what, "area") == 0 || strcmp(what, "second_area") == 0;
	if (!name)
		return;
	if (check_same(name, key)) {
		if (of_areas ? !resource->key || resource->key->type != FIELD_area : to && !check_same(resource->name, to))
			check_wrong(check, name, "as a tie, %s: a record of this resource is none", what);
	} else if (!field) {
		check_wrong(check, name, "the tie %s names it, but there is no such field", what);
	} else if (of_areas ? field->type != FIELD_area : field->type != FIELD_ref || (to && !check_same(field->to, to))) {
		check_wrong(check, name, "as a tie, %s: it must be %s%s", what, of_areas ? "an area" : "a reference", to ? " to that" : "");
	}
}

static void check_ties(struct check *check, const struct resource *resource)
{
	const struct ties *ties = &resource->ties;
	check_tie(check, resource, "area", ties->area, NULL);
	check_tie(check, resource, "second_area", ties->second_area, NULL);
	check_tie(check, resource, "organization", ties->organization, "organization");
	check_tie(check, resource, "own", ties->own, NULL);
	check_tie(check, resource, "family", ties->family, "elder");
	if (ties->second_area && !ties->area)
		check_wrong(check, ties->second_area, "a second area without a first");
}

static size_t check_orders(struct check *check, const struct resource *resource)
{
	size_t count = 0;
	for (const char *const *order = resource->orders; order && *order; order++, count++) {
		const char *rest = *order;
		if (strlen(*order) > ORDER_MAX)
			check_wrong(check, NULL, "an order of more than %d characters", ORDER_MAX);
		for (struct text name; (name = next_name(&rest)).ptr;) {
			const struct field *field = field_find(resource->fields, resource->field_count, name);
			const char *as = field ? field->name : text_z(check->out->arena, name);
			if (!field)
				check_wrong(check, as, "an order names it, but there is no such field");
			else if (field->type >= FIELD_TYPES || field_is_sealed(field) || is_several(field))
				check_wrong(check, as, "nothing can be ordered by it");
		}
	}
	return count;
}

/* How the typed record, its statements and its indexes come out. */
static void check_sizes(struct check *check, const struct resource *resource, size_t orders)
{
	size_t size = sizeof(struct record), indexes = orders + 4;
	for (size_t i = 0; i < resource->field_count; i++) {
		if ((unsigned)resource->fields[i].type >= FIELD_TYPES)
			return;
		size += field_size(&resource->fields[i]);
		indexes += (resource->fields[i].flags & (SORT | INDEX | UNIQUE)) != 0;
	}
	if (resource->field_count == 0)
		check_wrong(check, NULL, "it has no fields");
	if (size != resource->size)
		check_wrong(check, NULL, "its fields take %zu bytes, its record has %zu", size, resource->size);
	if (resource->field_count > INPUT_FIELDS_MAX - SYSTEM_SLOTS)
		check_wrong(check, NULL, "it has more than %d fields", INPUT_FIELDS_MAX - SYSTEM_SLOTS);
	if (indexes > INDEXES_MAX)
		check_wrong(check, NULL, "it has more than %d indexes", INDEXES_MAX);
}

static void check_resource(struct check *check, const struct resource *resource)
{
	check->name = resource->name ? resource->name : "?";
	check_name(check, NULL, resource->name, true);
	check_name(check, NULL, resource->plural, false);
	if (check_is_blank(resource->label) || check_is_blank(resource->en))
		check_wrong(check, NULL, "it has no label in both languages");
	for (size_t m = 0; m < check->count; m++)
		for (size_t i = 0; i < check->modules[m]->resource_count; i++) {
			const struct resource *other = check->modules[m]->resources[i];
			if (other == resource)
				goto fields;
			if (check_same(other->name, resource->name) || check_same(other->plural, resource->plural))
				check_wrong(check, NULL, "its name or its plural is that of another resource");
		}
fields:
	for (size_t i = 0; i < resource->field_count; i++)
		check_field(check, resource, i);
	check_words(check, &(struct field){ .type = FIELD_word, .name = "end_reason", .words = resource->end_reasons }, false);
	check_derived(check, resource);
	check_ties(check, resource);
	check_rights(check, resource);
	check_sizes(check, resource, check_orders(check, resource));
	if (resource->flow)
		check_flow(check, resource);
}

/* ---- what routes say of themselves ---- */

static void check_rows(struct check *check, const char *of, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *field = &fields[i];
		if (!check_is_name(field->name) || check_is_blank(field->label))
			check_wrong(check, of, "a member has no name or no label: %s", field->name ? field->name : "?");
		else if (field->type > FIELD_object || (field->type == FIELD_word && !words_of(field, 0)))
			check_wrong(check, of, "the member %s has no type, or no words", field->name);
		else if (field_find(fields, i, text_of(field->name)))
			check_wrong(check, of, "the member %s is there twice", field->name);
	}
}

static void check_body(struct check *check, const char *of, enum body body, const struct members *members, bool of_resource)
{
	bool of_records = body >= BODY_CREATE && body <= BODY_CLEAR;
	if (of_records && !of_resource)
		check_wrong(check, of, "it is about no resource, and can take or give no record");
	if ((body == BODY_MEMBERS) != (members->count > 0 || members->list))
		check_wrong(check, of, "members are said where the body has some, and only there");
	if (members->list && !check_is_name(members->list))
		check_wrong(check, of, "the list has no name");
	check_rows(check, of, members->fields, members->count);
	check_rows(check, of, members->list_fields, members->list_count);
}

/* `of`: the path, by which a route is found in its file. */
static void check_about(struct check *check, const char *of, const struct about *about, bool of_resource, bool takes)
{
	if (!about) {
		check_wrong(check, of, "it does not say what it takes and answers (.about)");
		return;
	}
	if (!takes && about->takes != BODY_NONE)
		check_wrong(check, of, "GET takes no body");
	check_body(check, of, about->takes, &about->in, of_resource);
	check_body(check, of, about->gives, &about->out, of_resource);
	check_rows(check, of, about->params, about->param_count);
	if ((about->gives == BODY_NONE) != (about->status == 204))
		check_wrong(check, of, "204 has no body, and everything else has one");
	for (const enum problem *problem = about->problems; problem && *problem; problem++)
		if ((unsigned)*problem >= PROBLEM_COUNT)
			check_wrong(check, of, "it names a problem that does not exist");
}

static bool has_handler(enum route_kind kind, read_fn *read, command_fn *command, void (*task)(struct call *call))
{
	return kind == ROUTE_READ ? read != NULL : kind == ROUTE_COMMAND ? command != NULL : kind != ROUTE_TASK || task != NULL;
}

/* Whether a grant, or the readers or writers of a resource, give the permission to some role. */
static bool is_granted(const struct check *check, const char *permission)
{
	for (size_t m = 0; m < check->count; m++) {
		const struct module *module = check->modules[m];
		for (size_t i = 0; i < module->grant_count; i++)
			if (check_same(module->grants[i].permission, permission) && !check_is_blank(module->grants[i].roles))
				return true;
		for (size_t i = 0; i < module->resource_count; i++) {
			const struct resource *r = module->resources[i];
			size_t len = r->name ? strlen(r->name) : 0;
			bool ours = len > 0 && strncmp(permission, r->name, len) == 0;
			for (enum right right = 0; ours && permission[len] == '.' && right < RIGHTS; right++)
				if (check_same(permission + len + 1, right_names[right]) && resource_roles(r, right))
					return true;
		}
	}
	return false;
}

static void check_route(struct check *check, const struct route *route)
{
	const char *path = check_is_blank(route->path) ? "?" : route->path, *brace = strchr(path, '{');
	if (path[0] != '/' || (brace && strncmp(brace, "{id}", 4) != 0) || route->method >= METHOD_OTHER)
		check_wrong(check, path, "a route has a method and a path, in which only {id} varies");
	if (!has_handler(route->kind, route->read, route->command, route->task))
		check_wrong(check, path, "nothing answers it");
	if (route->permission && !is_granted(check, route->permission))
		check_wrong(check, path, "nobody has the permission %s", route->permission);
	if (route->permission && route->open)
		check_wrong(check, path, "it is open to everybody, and asks for a permission");
	if (route->about && route->about->of && !check_find_resource(check, route->about->of))
		check_wrong(check, path, "it is about \"%s\", which is no resource", route->about->of);
	check_about(check, path, route->about, route->about && route->about->of, route->method != METHOD_GET);
	if (route->about && (!check_is_name(route->about->id) || check_is_blank(route->about->zh) || check_is_blank(route->about->en)))
		check_wrong(check, path, "it has no id, or no words for what it does");
}

static void check_job(struct check *check, const struct job_kind *kind)
{
	struct route route = { METHOD_POST, kind->path, kind->permission, ROUTE_COMMAND, .command = job_make, .about = kind->about };
	if (kind->path)
		check_route(check, &route);
	if (!check_is_name(kind->name) || !kind->take || !kind->step || check_is_blank(kind->permission))
		check_wrong(check, kind->path ? kind->path : "?",
		            "a job has a name, a permission, and something that takes it and carries it out");
}

static void check_operation(struct check *check, const struct operation *operation)
{
	const char *of = check_is_blank(operation->en) ? "?" : operation->en;
	if (check_is_blank(operation->zh) || check_is_blank(operation->en))
		check_wrong(check, of, "it has no words for what it does");
	if (!has_handler(operation->kind, operation->read, operation->command, operation->task))
		check_wrong(check, of, "nothing answers it");
	check_about(check, of, operation->about, true, operation->method != METHOD_GET);
}

static void check_module(struct check *check, size_t index)
{
	const struct module *module = check->modules[index];
	check->name = module->name ? module->name : "?";
	for (size_t i = 0; i < index; i++) {
		const struct module *other = check->modules[i];
		if (other == module || check_same(other->name, module->name))
			check_wrong(check, NULL, "the module is there twice");
		if (module->schema && other->schema && check_same(module->schema->owner, other->schema->owner))
			check_wrong(check, NULL, "its tables belong to %s already", other->schema->owner);
	}
	for (size_t i = 0; i < module->grant_count; i++) {
		check_roles(check, module->grants[i].permission, module->grants[i].roles);
		if (check_is_blank(module->grants[i].permission) || check_is_blank(module->grants[i].roles))
			check_wrong(check, NULL, "a grant names a permission and at least one role");
	}
	if (module->journalled && (!module->journalled_permission || !is_granted(check, module->journalled_permission)))
		check_wrong(check, NULL, "nobody may see what the journal says of %s", module->journalled);
	for (size_t i = 0; i < module->route_count; i++)
		check_route(check, &module->routes[i]);
	for (size_t i = 0; i < module->job_count; i++)
		check_job(check, &module->jobs[i]);
	const char *of, *mistake = timers_mistake(check->modules, check->count, module, &of);
	if (mistake)
		check_wrong(check, of, "%s", mistake);
	for (size_t i = 0; i < module->operation_count; i++)
		check_operation(check, &module->operations[i]);
	for (size_t i = 0; i < module->resource_count; i++)
		check_resource(check, module->resources[i]);
	check->name = module->name ? module->name : "?";
	for (size_t i = 0; i < module->reaction_count; i++)
		check_reaction(check, &module->reactions[i]);
}

/* ---- what only shows when it is laid out ---- */

static void blame(struct check *check, const struct shape *shape)
{
	for (size_t m = 0; m < check->count; m++)
		for (size_t i = 0; shape && i < check->modules[m]->resource_count; i++)
			if (check->modules[m]->resources[i] == shape->resource)
				check->module = check->modules[m];
	check->name = shape ? shape->resource->name : "routes";
}

static void check_paths(struct check *check, struct app *app)
{
	struct text *ids = arena_take(&app->arena, (app->route_count + 1) * sizeof *ids);
	for (size_t i = 0; i < app->route_count; i++) {
		ids[i] = route_id(&app->arena, &app->routes[i]);
		for (size_t k = 0; k < i; k++) {
			const struct route *a = &app->routes[i], *b = &app->routes[k];
			blame(check, a->shape ? a->shape : b->shape);
			if (a->method == b->method && strcmp(a->path, b->path) == 0)
				check_wrong(check, NULL, "%s %s is there twice", method_names[a->method], a->path);
			else if (text_eq(ids[i], ids[k]))
				check_wrong(check, NULL, "%s and %s have the same id", a->path, b->path);
		}
	}
}

static bool is_made_by_step(const struct store_options *options, const char *table)
{
	char begin[NAME_MAX_CHARS + 32];
	snprintf(begin, sizeof begin, "TABLE %s (", table);
	for (size_t s = 0; s < options->schema_count; s++)
		for (size_t i = 0; i < options->schemas[s]->count; i++)
			if (strstr(options->schemas[s]->steps[i], begin))
				return true;
	return false;
}

/* Whether a table beside some resource's has this name. */
static bool is_beside(const struct app *app, const char *table)
{
	for (size_t i = 0; i < app->shape_count; i++)
		for (size_t t = 0; t < app->shapes[i]->side_table_count; t++)
			if (check_same(app->shapes[i]->side_tables[t].name, table))
				return true;
	return false;
}

static void check_tables(struct check *check, struct app *app)
{
	struct store_options options = { .url = NULL };
	app_tables(app, &options);
	for (size_t i = 0; i < app->shape_count; i++) {
		const struct table *table = &app->shapes[i]->table;
		blame(check, app->shapes[i]);
		if (is_made_by_step(&options, table->name) || is_beside(app, table->name))
			check_wrong(check, NULL, "there is another table of this name");
		for (size_t k = 0; k < table->index_count; k++) {
			const char *name = table->indexes[k].name;
			if (strlen(name) > IDENTIFIER_MAX)
				check_wrong(check, NULL, "the name of its index %s is longer than %d characters", name, IDENTIFIER_MAX);
			for (size_t t = 0; t <= i; t++)
				for (size_t o = 0; o < (t < i ? app->shapes[t]->table.index_count : k); o++)
					if (check_same(app->shapes[t]->table.indexes[o].name, name))
						check_wrong(check, NULL, "there are two indexes %s", name);
		}
	}
}

size_t check_declarations(const struct module *const *modules, size_t count, struct buf *out)
{
	static const struct module engine = { .name = "operations", .file = "src/engine/operations.c" };
	struct check check = { .out = out, .modules = modules, .count = count, .module = &engine, .name = "operations" };
	size_t permissions = 0;
	check.mistakes = questionnaires_check(modules, count, out);
	if (questionnaires_fault())
		return check.mistakes;
	for (size_t i = 0; i < operation_count; i++)
		check_operation(&check, &operations[i]);
	for (size_t m = 0; m < count; m++) {
		check.module = modules[m];
		permissions += modules[m]->grant_count + 4 * modules[m]->resource_count;
		check_module(&check, m);
	}
	if (permissions > PERMISSIONS_MAX)
		check_wrong(&check, NULL, "more than %d permissions in all", PERMISSIONS_MAX);
	if (check.mistakes > 0)
		return check.mistakes;
	struct app *app = app_declared(modules, count);
	check_paths(&check, app);
	check_tables(&check, app);
	app_forget(app);
	return check.mistakes;
}
