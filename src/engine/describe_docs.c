/* SPDX-License-Identifier: Apache-2.0 */
/* describe_docs.c - the tables of docs/resources.md: what each resource has, and the problems. */
#include "engine/describe.h"

#include "engine/filter.h"
#include "engine/questionnaire.h"

static void put_words(struct buf *out, const struct word *words)
{
	for (size_t i = 0; words && words[i].word; i++)
		buf_printf(out, "%s `%s` %s", i ? "," : ":", words[i].word, words[i].zh);
}

static void put_type(struct buf *out, const struct field *field)
{
	bool is_number = field->type == FIELD_integer || field->type == FIELD_money || field->type == FIELD_decimal;
	buf_text(out, text_of(field_type_names[field->type]));
	if (field->type == FIELD_text)
		buf_printf(out, ", at most %lld characters", (long long)(field->max ? field->max : 200));
	if (is_number && (field->min || field->max))
		buf_printf(out, ", %lld to %lld", (long long)field->min, (long long)field->max);
	if (field->type == FIELD_decimal)
		buf_printf(out, ", %u decimals", field->scale);
	if (field->to)
		buf_printf(out, " of %s", field->to);
	if (field->questionnaire)
		buf_printf(out, " to %s", field->questionnaire);
	put_words(out, field->words);
}

static void put_flags(struct buf *out, const struct field *field)
{
	const struct {
		const char *words;
		bool holds;
	} rows[] = {
		{ "required", (field->flags & (MUST | KEPT)) == MUST },
		{ "0 when not said", field->flags & ZERO },
		{ "unique", field->flags & UNIQUE },
		{ "masked", field_is_sealed(field) },
		{ "health", field->flags & HEALTH },
		{ "sorts", field->flags & SORT },
		{ "filters", filter_operator_of(field, 0) },
		{ "searched", field->flags & SEARCH },
		{ "kept by the system", field->flags & KEPT },
		{ "never changed", field->flags & FIXED },
		{ "not in lists", field->flags & DETAIL },
	};
	bool any = false;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!rows[i].holds)
			continue;
		buf_printf(out, "%s%s", any ? ", " : "", rows[i].words);
		any = true;
	}
}

static void put_headers(struct buf *out, const char *headers)
{
	for (; headers && *headers; headers++) {
		if (*headers == '|')
			buf_text(out, TEXT(" · "));
		else
			buf_char(out, *headers);
	}
}

static void put_field(struct buf *out, const struct field *field, bool derived)
{
	buf_printf(out, "| `%s` | %s | ", field->name, field->label);
	put_type(out, field);
	buf_text(out, TEXT(" | "));
	if (derived)
		buf_text(out, TEXT("made from the others"));
	else
		put_flags(out, field);
	buf_text(out, TEXT(" | "));
	put_headers(out, field->headers);
	buf_text(out, field->headers ? TEXT(" |\n") : TEXT("|\n"));
}

static void put_resource(struct buf *out, const struct shape *shape)
{
	const struct resource *resource = shape->resource;
	buf_printf(out, "\n## %s %s\n\n`%s`. Read by: %s. Changed by: %s.\n\n", resource->label, resource->plural, shape->path,
	           resource->readers, resource->writers ? resource->writers : "nobody");
	if (resource->writers) {
		buf_text(out, TEXT("Why it ends"));
		put_words(out, shape->slots[END_SLOTS].field->words);
		buf_text(out, TEXT(".\n\n"));
	}
	buf_text(out, TEXT("| field | | what it holds | | other headers in files |\n|---|---|---|---|---|\n"));
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++)
		if (slot_is_shown(&shape->slots[i]))
			put_field(out, shape->slots[i].field, false);
	for (size_t i = 0; i < resource->derived_count; i++)
		put_field(out, &resource->derived[i], true);
	if (resource->key)
		put_field(out, resource->key, false);
	describe_flow(out, shape);
}

void describe_docs(struct app *app, struct buf *out)
{
	buf_text(out, TEXT("# Resources and problems\n\n"
		"Written by `songhe schema --as docs`, which `make lint` compares with this page. How these are used: [api.md](api.md).\n\n"
		"A column of a file is found by the field's name, by its label (second column) or by one of the other headers. A word is\n"
		"accepted in either form, and answered as it stands in `this`. Every record has also `id version created_at updated_at\n"
		"ended_at`, kept by the system; one that has ended says `end_reason ended_on` too.\n"));
	for (size_t i = 0; i < app->shape_count; i++)
		put_resource(out, app->shapes[i]);
	questionnaires_describe(out);
	buf_text(out, TEXT("\n## Problems\n\n| status | code | title | title_en |\n|---|---|---|---|\n"));
	for (size_t i = 1; i < PROBLEM_COUNT; i++)
		buf_printf(out, "| %d | `%s` | %s | %s |\n", problem_rows[i].status, problem_rows[i].code, problem_rows[i].zh,
		           problem_rows[i].en);
}
