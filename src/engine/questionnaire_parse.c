/* SPDX-License-Identifier: Apache-2.0 */
/* questionnaire_parse.c - the file of a questionnaire, line by line; everything that could go wrong with answers later is refused
 * here, with the line. */
#include "engine/questionnaire.h"

#include <string.h>

enum { PARTS_MAX = 4, NAME_CHARS_MAX = 40, WHEN_DEPTH_MAX = 2 * FILTER_DEPTH_MAX, INTEGER_MOST = 1000000 };

struct reader {
	struct arena *arena;
	struct text file, rest;
	size_t line;
	struct questionnaire_fault *fault;
	struct questionnaire head; /* what all versions have */
	struct questionnaire **list;
	size_t count;
	struct questionnaire *now; /* the version that is being read */
	/* what more lines may be added to: */
	struct question *item;
	struct sum *sum;
	struct word *options;
	struct meaning *meanings;
	struct grade *grades;
	size_t line_of_item, line_of_sum;
};

static bool wrong_at(struct reader *r, size_t line, struct text what)
{
	*r->fault = (struct questionnaire_fault){ r->file, line, what };
	return false;
}

#define WRONG(...) wrong_at(r, r->line, text_printf(r->arena, __VA_ARGS__))

/* ---- names and numbers ---- */

static bool is_name(struct text name)
{
	if (name.len == 0 || name.len > NAME_CHARS_MAX || name.ptr[0] < 'a' || name.ptr[0] > 'z')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!((name.ptr[i] >= 'a' && name.ptr[i] <= 'z') || (name.ptr[i] >= '0' && name.ptr[i] <= '9') || name.ptr[i] == '_'))
			return false;
	return true;
}

static bool read_name(struct reader *r, struct text name)
{
	return is_name(name) || WRONG("\"%.*s\" is no name: a small letter, then at most 39 of those, digits and _", TEXT_ARG(name));
}

static bool read_labels(struct reader *r, struct text zh, struct text en)
{
	bool fine = zh.len > 0 && en.len > 0 && text_utf8_length(zh) != SIZE_MAX && text_utf8_length(en) != SIZE_MAX;
	return fine || WRONG("it is called something in Chinese, then in English, with | between");
}

static size_t item_of(const struct questionnaire *q, struct text name)
{
	size_t i = 0;
	while (i < q->item_count && !text_is(name, q->items[i].field.name))
		i++;
	return i;
}

/* ---- what is said of several lines, when they have been read ---- */

/* Either each option has a score or none has: a missing one would be counted as nothing. */
static bool close_item(struct reader *r)
{
	struct question *item = r->item;
	size_t scored = 0;
	r->item = NULL;
	if (!item)
		return true;
	if (item->field.words && item->option_count < 2)
		return wrong_at(r, r->line_of_item, TEXT("there are at least two options: write a line option|WORD|ZH for each below it"));
	if (item->field.type == FIELD_boolean && item->option_count == 1)
		return wrong_at(r, r->line_of_item, TEXT("of yes and no both options are written, or none"));
	for (size_t i = 0; i < item->option_count; i++)
		scored += item->meanings[i].scored;
	return scored == 0 || scored == item->option_count || wrong_at(r, r->line_of_item, TEXT("give each option a score, or none"));
}

static bool is_scored(const struct question *item)
{
	return item->option_count > 0 && item->meanings[0].scored;
}

/* How little and how much an item can count. */
static void add_range(const struct question *item, struct sum *sum)
{
	bool several = item->field.type == FIELD_words;
	int64_t least = item->when.ptr || several || !(item->field.flags & MUST) ? 0 : QUESTIONNAIRE_SCORE_MAX, most = 0;
	for (size_t i = 0; i < item->option_count; i++) {
		int64_t score = item->meanings[i].score;
		least = score < least ? score : least;
		most = several ? most + score : score > most ? score : most;
	}
	sum->least += least;
	sum->most += most;
}

/* Whatever sum comes out has exactly one grade. */
static bool close_sum(struct reader *r)
{
	struct sum *sum = r->sum;
	r->sum = NULL;
	if (!sum || sum->grade_count == 0)
		return true;
	bool fits = sum->grades[0].min == sum->least && sum->grades[sum->grade_count - 1].max == sum->most;
	for (size_t i = 1; i < sum->grade_count; i++)
		fits = fits && sum->grades[i].min == sum->grades[i - 1].max + 1;
	return fits || wrong_at(r, r->line_of_sum, text_printf(r->arena, "its grades go from %lld to %lld, in ascending order, without a gap",
		(long long)sum->least, (long long)sum->most));
}

static bool close_version(struct reader *r)
{
	int64_t chars = 0;
	if (!r->now)
		return true;
	if (!close_item(r) || !close_sum(r))
		return false;
	if (r->now->item_count == 0)
		return WRONG("version %lld asks nothing: write its items below it", (long long)r->now->version);
	for (size_t i = 0; i < r->now->item_count; i++)
		chars += r->now->items[i].field.type == FIELD_text ? r->now->items[i].field.max : 0;
	return chars <= QUESTIONNAIRE_CHARS_MAX ||
	       WRONG("the texts of version %lld have more than %d characters in all: make them shorter", (long long)r->now->version,
	             QUESTIONNAIRE_CHARS_MAX);
}

/* ---- questionnaire, version ---- */

/* questionnaire|NAME|ZH|EN|DICTIONARY */
static bool read_head(struct reader *r, const struct text *parts)
{
	struct text path = r->file, last = path, dictionary = parts[3];
	while (path.len > 0)
		last = text_part(&path, '/');
	if (r->head.name.ptr)
		return WRONG("a file has one questionnaire: write this one into a file of its own");
	if (!read_name(r, parts[0]) || !read_labels(r, parts[1], parts[2]))
		return false;
	if (!text_eq(last, text_printf(r->arena, "%.*s.txt", TEXT_ARG(parts[0]))))
		return WRONG("the file is called %.*s.txt, as the questionnaire is", TEXT_ARG(parts[0]));
	if (parts[3].len > 0 && !(is_name(text_part(&dictionary, '.')) && is_name(dictionary)))
		return WRONG("whose words the needs are is written RESOURCE.FIELD, as elder.needs");
	r->head = (struct questionnaire){ .name = parts[0], .zh = parts[1], .en = parts[2], .dictionary = parts[3] };
	return true;
}

/* A version without an end holds until the next begins. */
static bool follow(struct reader *r, struct questionnaire *q)
{
	struct questionnaire *before = r->count > 0 ? r->list[r->count - 1] : NULL;
	if (q->version != (int64_t)r->count + 1)
		return WRONG("versions are counted from 1: this one is number %zu", r->count + 1);
	if (!before)
		return true;
	if (text_compare(q->from, before->to.ptr ? before->to : before->from) < 0 || text_eq(q->from, before->from))
		return WRONG("version %lld still holds on that day: begin later", (long long)before->version);
	if (!before->to.ptr)
		before->to = q->from;
	return true;
}

/* version|NUMBER|FROM|TO|SOURCE */
static bool read_version(struct reader *r, const struct text *parts)
{
	struct date day;
	if (!r->head.name.ptr)
		return WRONG("the first line is questionnaire|NAME|ZH|EN|DICTIONARY");
	if (!close_version(r))
		return false;
	struct questionnaire *q = arena_take(r->arena, sizeof *q);
	*q = r->head;
	if (!text_to_int(parts[0], INT32_MAX, &q->version))
		return WRONG("a version is a whole number");
	if (!date_read(parts[1], &day) || (parts[2].len > 0 && (!date_read(parts[2], &day) || text_compare(parts[1], parts[2]) >= 0)))
		return WRONG("behind the number stand the day from which it holds and the first on which it no longer does, which may be left"
		             " empty: 2026-01-01");
	q->from = parts[1];
	q->to = parts[2].len > 0 ? parts[2] : TEXT_NONE;
	q->source = parts[3];
	if (q->source.len == 0 || text_utf8_length(q->source) == SIZE_MAX)
		return WRONG("say what it is taken from: the standard and its clause, or the district");
	if (r->count == QUESTIONNAIRE_VERSIONS_MAX)
		return WRONG("more than %d versions in a file", QUESTIONNAIRE_VERSIONS_MAX);
	if (!follow(r, q))
		return false;
	q->needs = arena_take(r->arena, QUESTIONNAIRE_NEEDS_MAX * sizeof *q->needs);
	q->items = arena_take(r->arena, QUESTIONNAIRE_ITEMS_MAX * sizeof *q->items);
	q->sums = arena_take(r->arena, QUESTIONNAIRE_SUMS_MAX * sizeof *q->sums);
	q->shape.slots = arena_take(r->arena, QUESTIONNAIRE_ITEMS_MAX * sizeof *q->shape.slots);
	r->now = r->list[r->count++] = q;
	return true;
}

/* ---- item ---- */

static bool read_limits(struct text *type, int64_t *min, int64_t *max)
{
	return (!min || text_to_int(text_word(type), INTEGER_MOST, min)) && text_to_int(text_word(type), INTEGER_MOST, max) &&
	       (!min || *min < *max) && *max > 0;
}

/* word | words | boolean | integer MIN MAX | text MAX, and behind it "must" */
static bool read_type(struct reader *r, struct field *field, struct text type)
{
	static const struct {
		const char *word;
		enum field_type type;
	} types[] = { { "word", FIELD_word }, { "words", FIELD_words }, { "boolean", FIELD_boolean }, { "integer", FIELD_integer },
		      { "text", FIELD_text } };
	struct text word = text_word(&type);
	bool fine = false;
	for (size_t i = 0; i < COUNT(types); i++)
		if (text_is(word, types[i].word)) {
			field->type = types[i].type;
			fine = true;
		}
	if (fine && (field->type == FIELD_integer || field->type == FIELD_text))
		fine = read_limits(&type, field->type == FIELD_integer ? &field->min : NULL, &field->max);
	word = text_word(&type);
	field->flags = text_is(word, "must") ? MUST : OPTIONAL;
	return (fine && (word.len == 0 || field->flags == MUST) && text_trim(type).len == 0) ||
	       WRONG("an item is word, words, boolean, integer MIN MAX or text MAX, and behind that may stand must");
}

/* How many options stand below: the lines up to the next item. */
static size_t options_below(struct text rest)
{
	size_t options = 0;
	while (rest.len > 0 && options < QUESTIONNAIRE_OPTIONS_MAX) {
		struct text line = text_trim(text_part(&rest, '\n'));
		if (text_starts(line, TEXT("item|")))
			break;
		options += text_starts(line, TEXT("option|"));
	}
	return options;
}

/* item|NAME|ZH|EN|TYPE */
static bool read_item(struct reader *r, const struct text *parts)
{
	static const char *const taken[] = { "questionnaire", "version", "answers" }; /* members of what is kept */
	struct questionnaire *q = r->now;
	if (!q)
		return WRONG("an item stands below its version: version|NUMBER|FROM|TO|SOURCE");
	if (!close_item(r) || !read_name(r, parts[0]) || !read_labels(r, parts[1], parts[2]))
		return false;
	for (size_t i = 0; i < COUNT(taken); i++)
		if (text_is(parts[0], taken[i]))
			return WRONG("no item can be called %s: give it another name", taken[i]);
	if (q->sum_count > 0)
		return WRONG("items stand before the sums of their scores");
	if (item_of(q, parts[0]) < q->item_count)
		return WRONG("there is an item %.*s already: give it another name", TEXT_ARG(parts[0]));
	if (q->item_count == QUESTIONNAIRE_ITEMS_MAX)
		return WRONG("more than %d items: make two questionnaires of it", QUESTIONNAIRE_ITEMS_MAX);
	struct question *item = &q->items[q->item_count];
	struct field *field = &item->field;
	field->name = text_z(r->arena, parts[0]);
	field->label = text_z(r->arena, parts[1]);
	field->en = text_z(r->arena, parts[2]);
	if (!read_type(r, field, parts[3]))
		return false;
	size_t options = options_below(r->rest);
	item->options = r->options = arena_take(r->arena, (options + 1) * sizeof *r->options);
	item->meanings = r->meanings = arena_take(r->arena, (options + 1) * sizeof *r->meanings);
	field->words = field->type == FIELD_word || field->type == FIELD_words ? item->options : NULL;
	q->shape.slots[q->item_count] = (struct slot){ .field = field, .name = text_of(field->name),
		                                       .offset = q->item_count * sizeof(struct text) };
	q->item_count = ++q->shape.slot_count;
	r->item = item;
	r->line_of_item = r->line;
	return true;
}

/* ---- option, when ---- */

static bool read_need(struct reader *r, struct text need, uint64_t *needs)
{
	struct questionnaire *q = r->now;
	size_t i = 0;
	if (!read_name(r, need))
		return false;
	if (q->dictionary.len == 0)
		return WRONG("it tells of a need: say whose words needs are, behind the last | of the first line");
	while (i < q->need_count && !text_eq(q->needs[i], need))
		i++;
	if (i == QUESTIONNAIRE_NEEDS_MAX)
		return WRONG("more than %d needs", QUESTIONNAIRE_NEEDS_MAX);
	if (i == q->need_count)
		q->needs[q->need_count++] = need;
	*needs |= UINT64_C(1) << i;
	return true;
}

/* score N, urgent soon|now, need WORD: in any order, needs as many as there are */
static bool read_meaning(struct reader *r, struct text marks, struct meaning *meaning)
{
	for (struct text mark; (mark = text_word(&marks)).len > 0;) {
		struct text value = text_word(&marks);
		const struct word *urgency = text_is(mark, "urgent") ? word_find(urgencies, value) : NULL;
		if (text_is(mark, "score") && !meaning->scored && text_to_int(value, QUESTIONNAIRE_SCORE_MAX, &meaning->score))
			meaning->scored = true;
		else if (urgency && urgency != urgencies && text_is(value, urgency->word))
			meaning->urgency = (enum urgency)(urgency - urgencies);
		else if (text_is(mark, "need")) {
			if (!read_need(r, value, &meaning->needs))
				return false;
		} else
			return WRONG("behind an option may stand score 0 to %d, urgent soon, urgent now, and need WORD, with blanks between",
			             QUESTIONNAIRE_SCORE_MAX);
	}
	return true;
}

/* option|WORD|ZH|MARKS */
static bool read_option(struct reader *r, const struct text *parts)
{
	struct question *item = r->item;
	if (!item || (item->field.type != FIELD_boolean && !item->field.words))
		return WRONG("an option stands below an item of word, words or boolean");
	if (!read_name(r, parts[0]) || !read_labels(r, parts[1], parts[1]))
		return false;
	if (item->field.type == FIELD_boolean && !text_is(parts[0], "yes") && !text_is(parts[0], "no"))
		return WRONG("the options of a boolean are yes and no");
	if (item->option_count == QUESTIONNAIRE_OPTIONS_MAX)
		return WRONG("more than %d options", QUESTIONNAIRE_OPTIONS_MAX);
	if (word_find(r->options, parts[0]) || word_find(r->options, parts[1]))
		return WRONG("the item has this option already");
	r->options[item->option_count] = (struct word){ text_z(r->arena, parts[0]), text_z(r->arena, parts[1]) };
	return read_meaning(r, parts[2], &r->meanings[item->option_count++]);
}

/* when|CONDITION: only what stands above can be asked about, so no item waits for another that waits for it. */
static bool read_when(struct reader *r, const struct text *parts)
{
	struct question *item = r->item;
	struct filter_fault fault;
	struct filter_world world = { .district = 0 };
	json_t *condition = NULL;
	if (!item || item->when.ptr)
		return WRONG("a condition stands below an item, which has one at most");
	if (json_read(parts[0], WHEN_DEPTH_MAX, &condition) != JSON_FINE)
		return WRONG("a condition is JSON, as in {\"==\":[{\"var\":\"ITEM\"},\"WORD\"]} (docs/api.md)");
	r->now->shape.slot_count--;
	item->asked = filter_read(r->arena, &r->now->shape, condition, &world, &fault);
	r->now->shape.slot_count++;
	json_decref(condition);
	item->when = parts[0];
	return item->asked || WRONG("the condition is wrong at \"%.*s\": %.*s. It can ask about items above it", TEXT_ARG(fault.pointer),
	                            TEXT_ARG(fault.en));
}

/* ---- sum, grade ---- */

/* sum|NAME|ZH|EN|ITEMS: names with blanks between, or * for all that have scores */
static bool read_sum(struct reader *r, const struct text *parts)
{
	struct questionnaire *q = r->now;
	struct text names = parts[3];
	bool all = text_is(parts[3], "*");
	if (!q)
		return WRONG("a sum stands below its version");
	if (!close_item(r) || !close_sum(r) || !read_name(r, parts[0]) || !read_labels(r, parts[1], parts[2]))
		return false;
	if (q->sum_count == QUESTIONNAIRE_SUMS_MAX)
		return WRONG("more than %d sums", QUESTIONNAIRE_SUMS_MAX);
	for (size_t i = 0; i < q->sum_count; i++)
		if (text_is(parts[0], q->sums[i].name))
			return WRONG("there is a sum %.*s already", TEXT_ARG(parts[0]));
	struct sum sum = { .name = text_z(r->arena, parts[0]), .zh = text_z(r->arena, parts[1]), .en = text_z(r->arena, parts[2]) };
	for (size_t i = 0; all && i < q->item_count; i++)
		sum.items |= (uint64_t)is_scored(&q->items[i]) << i;
	for (struct text name; !all && (name = text_word(&names)).len > 0;) {
		size_t i = item_of(q, name);
		if (i == q->item_count || !is_scored(&q->items[i]) || sum.items >> i & 1)
			return WRONG("%.*s is no item whose options have scores, or stands there twice", TEXT_ARG(name));
		sum.items |= UINT64_C(1) << i;
	}
	if (!sum.items)
		return WRONG("behind its names stand the items that it is the sum of, with blanks between, or *");
	for (size_t i = 0; i < q->item_count; i++)
		if (sum.items >> i & 1)
			add_range(&q->items[i], &sum);
	sum.grades = r->grades = arena_take(r->arena, QUESTIONNAIRE_GRADES_MAX * sizeof *r->grades);
	q->sums[q->sum_count] = sum;
	r->sum = &q->sums[q->sum_count++];
	r->line_of_sum = r->line;
	return true;
}

/* grade|WORD|ZH|MIN MAX */
static bool read_grade(struct reader *r, const struct text *parts)
{
	struct sum *sum = r->sum;
	struct text range = parts[2];
	struct grade grade = { .min = 0 };
	if (!sum)
		return WRONG("a grade stands below its sum");
	if (!read_name(r, parts[0]) || !read_labels(r, parts[1], parts[1]))
		return false;
	if (sum->grade_count == QUESTIONNAIRE_GRADES_MAX)
		return WRONG("more than %d grades", QUESTIONNAIRE_GRADES_MAX);
	if (!text_to_int(text_word(&range), INTEGER_MOST, &grade.min) || !text_to_int(text_word(&range), INTEGER_MOST, &grade.max) ||
	    grade.min > grade.max || text_trim(range).len > 0)
		return WRONG("behind its names stand the least and the most of the sum that has it: 0 29");
	for (size_t i = 0; i < sum->grade_count; i++)
		if (text_is(parts[0], sum->grades[i].word))
			return WRONG("the sum has this grade already");
	grade.word = text_z(r->arena, parts[0]);
	grade.zh = text_z(r->arena, parts[1]);
	r->grades[sum->grade_count++] = grade;
	return true;
}

/* ---- lines ---- */

static const struct {
	const char *word;
	bool (*read)(struct reader *r, const struct text *parts);
	size_t parts, least;
} kinds[] = {
	{ "questionnaire", read_head, 4, 3 }, { "version", read_version, 4, 4 }, { "item", read_item, 4, 4 }, { "option", read_option, 3, 2 },
	{ "when", read_when, 1, 1 }, { "sum", read_sum, 4, 4 }, { "grade", read_grade, 3, 3 },
};

static bool read_line(struct reader *r, struct text line)
{
	struct text parts[PARTS_MAX], word = text_part(&line, '|');
	for (size_t k = 0; k < COUNT(kinds); k++) {
		size_t count = 0;
		if (!text_is(word, kinds[k].word))
			continue;
		for (; count < kinds[k].parts && line.len > 0; count++)
			parts[count] = text_trim(count + 1 < kinds[k].parts ? text_part(&line, '|') : text_part(&line, '\n'));
		if (count < kinds[k].least)
			return WRONG("behind %s stand %zu parts, with | between", kinds[k].word, kinds[k].least);
		for (; count < PARTS_MAX; count++)
			parts[count] = TEXT("");
		return kinds[k].read(r, parts);
	}
	return WRONG("a line begins with questionnaire, version, item, option, when, sum or grade and a |, or with # for a comment");
}

size_t questionnaire_parse(struct arena *arena, struct text file, struct text bytes, struct questionnaire *list[QUESTIONNAIRE_VERSIONS_MAX],
                           struct questionnaire_fault *fault)
{
	struct reader reader = { .arena = arena, .file = file, .rest = bytes, .fault = fault, .list = list }, *r = &reader;
	while (r->rest.len > 0) {
		struct text line = text_trim(text_part(&r->rest, '\n'));
		r->line++;
		if (line.len > 0 && line.ptr[0] != '#' && !read_line(r, line))
			return 0;
	}
	if (!close_version(r))
		return 0;
	if (r->count == 0)
		WRONG("there is no version in it");
	return r->count;
}
