/* SPDX-License-Identifier: Apache-2.0 */
/* questionnaire.c - the questionnaires in the program: they are read once, and found by name and day. */
#include "engine/questionnaire.h"

#include "base/log.h"
#include "engine/pack.h"

#include <pthread.h>
#include <stdlib.h>

enum { LIST_MAX = 512, LIST_BYTES_MAX = 64 << 20 };

#define FOLDER "standards/questionnaires/"

const struct word urgencies[] = {
	[URGENCY_NONE] = { "none", "不急" }, [URGENCY_SOON] = { "soon", "尽快" }, [URGENCY_NOW] = { "now", "立即" }, [URGENCIES] = { 0 },
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct arena arena;
static const struct questionnaire *all[LIST_MAX];
static size_t count;
static struct questionnaire_fault fault;

static int by_name(const void *a, const void *b)
{
	const struct questionnaire *left = *(const struct questionnaire *const *)a, *right = *(const struct questionnaire *const *)b;
	int order = text_compare(left->name, right->name);
	return order ? order : (left->version > right->version) - (left->version < right->version);
}

static void read_all(void)
{
	arena = arena_new(LIST_BYTES_MAX);
	for (size_t i = 0; i < pack_file_count && !fault.file.ptr; i++) {
		struct questionnaire *of_file[QUESTIONNAIRE_VERSIONS_MAX];
		struct text file = text_of(pack_files[i].name);
		if (!text_starts(file, TEXT(FOLDER)))
			continue;
		struct text bytes = { pack_files[i].begin, (size_t)(pack_files[i].end - pack_files[i].begin) };
		size_t versions = questionnaire_parse(&arena, file, bytes, of_file, &fault);
		if (versions > LIST_MAX - count)
			fault = (struct questionnaire_fault){ file, 1, TEXT("there are too many versions in all") };
		for (size_t k = 0; k < versions && !fault.file.ptr; k++)
			all[count++] = of_file[k];
	}
	qsort(all, count, sizeof *all, by_name);
}

const struct questionnaire_fault *questionnaires_fault(void)
{
	pthread_once(&once, read_all);
	return fault.file.ptr ? &fault : NULL;
}

/* The files were tested with the program they are part of: what is wrong with them now is a bug. */
void questionnaires_load(void)
{
	if (!questionnaires_fault())
		return;
	log_error("%.*s:%zu: %.*s", TEXT_ARG(fault.file), fault.line, TEXT_ARG(fault.what));
	abort();
}

/* The field whose words the needs are; NULL: there is none. */
static const struct field *dictionary_of(const struct module *const *modules, size_t module_count, const struct questionnaire *q)
{
	struct text field = q->dictionary, resource = text_part(&field, '.');
	for (size_t m = 0; m < module_count; m++)
		for (size_t i = 0; i < modules[m]->resource_count; i++) {
			const struct resource *r = modules[m]->resources[i];
			if (text_is(resource, r->name))
				return field_find(r->fields, r->field_count, field);
		}
	return NULL;
}

static bool is_there(const struct module *const *modules, size_t module_count, const struct module *module)
{
	for (size_t m = 0; m < module_count; m++)
		if (modules[m] == module)
			return true;
	return false;
}

size_t questionnaires_check(const struct module *const *modules, size_t module_count, struct buf *out)
{
	size_t mistakes = 0;
	if (questionnaires_fault()) {
		buf_printf(out, "%.*s:%zu: %.*s\n", TEXT_ARG(fault.file), fault.line, TEXT_ARG(fault.what));
		return 1;
	}
	for (size_t i = 0; i < count && is_there(modules, module_count, &questionnaire_module); i++) {
		const struct questionnaire *q = all[i];
		const struct field *field = dictionary_of(modules, module_count, q);
		for (size_t n = 0; n < q->need_count; n++) {
			const struct word *word = field && field->words ? word_find(field->words, q->needs[n]) : NULL;
			if (word && text_is(q->needs[n], word->word))
				continue;
			buf_printf(out, FOLDER "%.*s.txt: version %lld: %.*s has no word %.*s: name another need\n", TEXT_ARG(q->name),
			           (long long)q->version, TEXT_ARG(q->dictionary), TEXT_ARG(q->needs[n]));
			mistakes++;
		}
	}
	return mistakes;
}

size_t questionnaire_count(void)
{
	questionnaires_load();
	return count;
}

const struct questionnaire *questionnaire_at(size_t index)
{
	return index < questionnaire_count() ? all[index] : NULL;
}

const struct questionnaire *questionnaire_version(struct text name, int64_t version)
{
	for (size_t i = 0; i < questionnaire_count(); i++)
		if (text_eq(all[i]->name, name) && all[i]->version == version)
			return all[i];
	return NULL;
}

const struct questionnaire *questionnaire_on(struct text name, struct text day)
{
	for (size_t i = 0; i < questionnaire_count(); i++) {
		const struct questionnaire *q = all[i];
		if (text_eq(q->name, name) && text_compare(q->from, day) <= 0 && (!q->to.ptr || text_compare(day, q->to) < 0))
			return q;
	}
	return NULL;
}
