/* SPDX-License-Identifier: Apache-2.0 */
/* test_questionnaire.c - questionnaires: their files, line by line; whatever is answered, it is refused or kept in one way only, and
 * nothing is kept that was not asked. */
#include "engine/pack.h"
#include "engine/questionnaire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 3000, MUTANTS = 3000, SOURCE_MAX = 1 << 16 };

static struct arena arena, each; /* of a test, and of one answer */
static uint64_t seed;

static int fresh(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 << 20);
	each = arena_new((size_t)64 << 20);
	seed = 0x9E3779B97F4A7C15;
	return 0;
}

static int gone(void **state)
{
	(void)state;
	arena_free(&arena);
	arena_free(&each);
	return 0;
}

static uint64_t random_below(uint64_t end)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % end;
}

/* ---- a scale, out of which each test makes one with a mistake ---- */

static const char *const scale[] = {
	"# a scale",
	"questionnaire|scale|量表|A scale|elder.needs",
	"version|1|2025-01-01||某标准 附录 A",
	"item|walks|行走|Walking|word must",
	"option|alone|独立|score 4",
	"option|help|需要协助|score 2 need escort",
	"option|unable|不能|score 0 urgent soon need escort need nursing",
	"item|aid|辅具|Aids|words",
	"when|{\"in\":[{\"var\":\"walks\"},[\"alone\",\"help\"]]}",
	"option|stick|手杖|score 1",
	"option|frame|助行器|score 2",
	"item|fell|跌倒|Fell|boolean must",
	"option|yes|是|score 0 urgent now",
	"option|no|否|score 1",
	"item|times|次数|How often|integer 1 9",
	"when|{\"==\":[{\"var\":\"fell\"},true]}",
	"item|note|说明|Note|text 20",
	"when|{\">\":[{\"var\":\"times\"},3]}",
	"sum|motion|运动|Motion|walks aid",
	"grade|poor|差|0 3",
	"grade|good|好|4 7",
	"sum|total|总分|In all|*",
	"version|2|2026-01-01|2027-01-01|某标准 附录 A（2026）",
	"item|walks|行走|Walking|word must",
	"option|alone|独立",
	"option|help|需要协助",
};
enum { WALKS = 4, ALONE, HELP, UNABLE, AID, AID_WHEN, STICK, FRAME, FELL, YES, NO, TIMES, TIMES_WHEN, NOTE, NOTE_WHEN, MOTION, POOR, GOOD };

static struct questionnaire *versions[QUESTIONNAIRE_VERSIONS_MAX];
static struct questionnaire_fault fault;

/* The scale with one line (from 1) changed; NULL: taken away. */
static size_t parse_with(size_t line, const char *text)
{
	struct buf source = buf_in(&arena, 4096, SOURCE_MAX);
	for (size_t i = 0; i < COUNT(scale); i++) {
		const char *now = i + 1 == line ? text : scale[i];
		if (now)
			buf_printf(&source, "%s\n", now);
	}
	fault = (struct questionnaire_fault){ .line = 0 };
	return questionnaire_parse(&arena, TEXT("standards/questionnaires/scale.txt"), buf_done(&source), versions, &fault);
}

static bool says(const char *fragment)
{
	return memmem(fault.what.ptr, fault.what.len, fragment, strlen(fragment)) != NULL;
}

/* ---- files ---- */

static void a_file_is_read(void **state)
{
	(void)state;
	assert_int_equal(parse_with(0, NULL), 2);
	const struct questionnaire *q = versions[0];
	assert_true(text_is(q->name, "scale") && text_is(q->zh, "量表") && text_is(q->source, "某标准 附录 A"));
	assert_true(text_is(q->to, "2026-01-01")); /* until the next begins */
	assert_true(text_is(versions[1]->to, "2027-01-01"));
	assert_int_equal(q->item_count, 5);
	assert_int_equal(q->need_count, 2);
	assert_int_equal(q->items[0].option_count, 3);
	assert_int_equal(q->items[0].meanings[2].urgency, URGENCY_SOON);
	assert_int_equal(q->items[0].meanings[2].needs, 3);
	assert_int_equal(q->sum_count, 2);
	assert_int_equal(q->sums[0].most, 7);
	assert_int_equal(q->sums[1].items, 7);
	assert_int_equal(q->sums[1].most, 8);
	assert_int_equal(q->sums[1].grade_count, 0);
	assert_int_equal(versions[1]->item_count, 1);
}

static void each_mistake_is_told_by_line(void **state)
{
	(void)state;
	static const struct {
		size_t line, told;
		const char *text, *what;
	} rows[] = {
		{ 2, 2, NULL, "the first line is questionnaire" },
		{ 2, 2, "questionnaire|other|量表|A scale|elder.needs", "the file is called other.txt" },
		{ 2, 2, "questionnaire|scale|量表", "behind questionnaire stand 3 parts" },
		{ 2, 2, "questionnaire|scale|量表||elder.needs", "called something in Chinese" },
		{ 2, 2, "questionnaire|scale|量表|A scale|needs", "RESOURCE.FIELD" },
		{ 2, HELP, "questionnaire|scale|量表|A scale|", "whose words needs are" },
		{ 3, 3, "version|2|2025-01-01||x", "counted from 1" },
		{ 3, 3, "version|1|2025-02-30||x", "the day from which it holds" },
		{ 3, 3, "version|1|2025-01-01|2025-01-01|x", "the day from which it holds" },
		{ 3, 3, "version|1|2025-01-01|", "behind version stand 4 parts" },
		{ 3, 3, "version|1|2025-01-01||", "behind version stand 4 parts" },
		{ 3, 23, "version|1|2025-01-01|2026-01-02|x", "still holds on that day" },
		{ 3, 23, "version|1|2026-01-01||x", "still holds on that day" },
		{ 3, 3, NULL, "stands below its version" },
		{ WALKS, WALKS, "item|Walks|行走|Walking|word must", "is no name" },
		{ WALKS, WALKS, "item|answers|行走|Walking|word must", "no item can be called answers" },
		{ WALKS, WALKS, "item|walks|行走|Walking|word maybe", "an item is word" },
		{ WALKS, WALKS, "item|walks|行走|Walking|date", "an item is word" },
		{ WALKS, ALONE, "item|walks|行走|Walking|text 9", "an option stands below an item of word" },
		{ WALKS, ALONE, "item|walks|行走|Walking|boolean", "yes and no" },
		{ AID, AID, "item|walks|辅具|Aids|words", "there is an item walks already" },
		{ TIMES, TIMES, "item|times|次数|How often|integer 9 1", "an item is word" },
		{ NOTE, 23, "item|note|说明|Note|text 4001", "more than 4000 characters" },
		{ ALONE, ALONE, "option|alone|独立|score", "behind an option" },
		{ ALONE, ALONE, "option|alone|独立|score 1001", "behind an option" },
		{ ALONE, ALONE, "option|alone|独立|score 4 score 4", "behind an option" },
		{ ALONE, ALONE, "option|alone|独立|urgent none", "behind an option" },
		{ ALONE, ALONE, "option|alone|独立|need Escort", "is no name" },
		{ ALONE, WALKS, "option|alone|独立", "each option a score" },
		{ HELP, HELP, "option|alone|另一个|score 2", "this option already" },
		{ NO, FELL, NULL, "both options are written" },
		{ AID_WHEN, AID_WHEN, "when|{", "a condition is JSON" },
		{ AID_WHEN, AID_WHEN, "when|{\"==\":[{\"var\":\"fell\"},true]}", "about items above it" },
		{ AID_WHEN, AID_WHEN, "when|{\"==\":[{\"var\":\"aid\"},\"stick\"]}", "about items above it" },
		{ AID_WHEN, AID_WHEN, "when|{\"==\":[{\"var\":\"walks\"},\"runs\"]}", "no such word" },
		{ AID_WHEN, AID_WHEN, "when|{\"==\":[{\"var\":\"elder.name\"},\"x\"]}", "about items above it" },
		{ MOTION, MOTION, "sum|motion|运动|Motion|walks times", "times is no item whose options have scores" },
		{ MOTION, MOTION, "sum|motion|运动|Motion|walks walks", "stands there twice" },
		{ POOR, MOTION, "grade|poor|差|1 3", "go from 0 to 7" },
		{ POOR, MOTION, "grade|poor|差|0 2", "go from 0 to 7" },
		{ GOOD, MOTION, "grade|good|好|4 8", "go from 0 to 7" },
		{ GOOD, GOOD, "grade|good|好|7 4", "the least and the most" },
		{ GOOD, GOOD, "grade|poor|好|4 7", "this grade already" },
		{ 24, 25, "# nothing", "an option stands below" },
		{ 1, 1, "comment", "a line begins with" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(parse_with(rows[i].line, rows[i].text), 0);
		if (!says(rows[i].what) || fault.line != rows[i].told)
			fail_msg("row %zu: line %zu: %.*s", i, fault.line, TEXT_ARG(fault.what));
		assert_true(text_is(fault.file, "standards/questionnaires/scale.txt"));
	}
	assert_int_equal(questionnaire_parse(&arena, TEXT("a/scale.txt"), TEXT("# nothing\n"), versions, &fault), 0);
	assert_true(says("no version"));
}

/* Whatever stands in a file, it is read or refused with a line. */
static void no_file_is_too_broken(void **state)
{
	(void)state;
	char *bytes = malloc(SOURCE_MAX);
	assert_non_null(bytes);
	for (size_t i = 0; i < MUTANTS; i++) {
		struct text of = standard_file(i % 2 ? "questionnaires/welfare_visit.txt" : "questionnaires/care_needs.txt");
		assert_true(of.ptr && of.len < SOURCE_MAX);
		memcpy(bytes, of.ptr, of.len);
		size_t len = of.len;
		for (uint64_t k = random_below(6) + 1; k > 0; k--) {
			size_t at = random_below(len), from = random_below(len), more = random_below(40);
			if (random_below(3) == 0)
				len = at + 1;
			else if (at + more < len && from + more < len)
				memmove(bytes + at, bytes + from, more);
			else
				bytes[at] = (char)random_below(256);
		}
		struct arena own = arena_new((size_t)64 << 20);
		fault = (struct questionnaire_fault){ .line = 0 };
		struct text name = i % 2 ? TEXT("a/welfare_visit.txt") : TEXT("a/care_needs.txt");
		if (questionnaire_parse(&own, name, (struct text){ bytes, len }, versions, &fault) == 0)
			assert_true(fault.line >= 1 && fault.what.len > 0 && text_utf8_length(fault.file) != SIZE_MAX);
		arena_free(&own);
	}
	free(bytes);
}

static void those_in_the_program_are_found_by_day(void **state)
{
	(void)state;
	assert_null(questionnaires_fault());
	assert_true(questionnaire_count() >= 2);
	const struct questionnaire *q = questionnaire_on(TEXT("welfare_visit"), TEXT("2026-01-01"));
	assert_non_null(q);
	assert_ptr_equal(q, questionnaire_version(TEXT("welfare_visit"), 1));
	assert_null(questionnaire_on(TEXT("welfare_visit"), TEXT("2025-12-31")));
	assert_null(questionnaire_version(TEXT("welfare_visit"), 0));
	assert_null(questionnaire_on(TEXT("nonsense"), TEXT("2026-01-01")));
	assert_null(questionnaire_at(questionnaire_count()));
	for (size_t i = 1; i < questionnaire_count(); i++)
		assert_true(text_compare(questionnaire_at(i - 1)->name, questionnaire_at(i)->name) <= 0);
}

/* ---- answers ---- */

static struct answered answered;

static bool answer(const struct questionnaire *q, const char *answers)
{
	json_t *json;
	assert_int_equal(json_read(text_of(answers), 8, &json), JSON_FINE);
	bool fine = questionnaire_read(q, &each, json, &answered);
	json_decref(json);
	return fine;
}

/* What is wrong, as "pointer code, pointer code". */
static const char *wrongs(const char *answers)
{
	struct buf out = buf_in(&each, 256, 4096);
	assert_false(answer(versions[0], answers));
	for (size_t i = 0; i < answered.wrong_count; i++) {
		buf_printf(&out, "%s%.*s %s", i ? ", " : "", TEXT_ARG(answered.wrongs[i].pointer), answered.wrongs[i].code);
		assert_true(answered.wrongs[i].zh.len > 0 && answered.wrongs[i].en.len > 0);
	}
	return text_z(&each, buf_done(&out));
}

static void answers_are_taken_and_counted(void **state)
{
	(void)state;
	assert_int_equal(parse_with(0, NULL), 2);
	assert_true(answer(versions[0], "{\"fell\":false,\"aid\":[\"frame\",\"手杖\",\"stick\"],\"walks\":\"需要协助\",\"note\":null}"));
	assert_true(text_is(answered.json, "{\"questionnaire\":\"scale\",\"version\":1,\"answers\":{\"walks\":\"help\","
	                                   "\"aid\":[\"stick\",\"frame\"],\"fell\":false}}"));
	assert_int_equal(answered.urgency, URGENCY_NONE);
	assert_int_equal(answered.sums[0].score, 5);
	assert_string_equal(answered.sums[0].grade->word, "good");
	assert_int_equal(answered.sums[1].score, 6);
	assert_null(answered.sums[1].grade);
	assert_true(text_is(answered_needs(&each, &answered), "[\"escort\"]"));
	assert_true(answer(versions[0], "{\"walks\":\"unable\",\"fell\":true,\"times\":4,\"note\":\" 夜里 \"}"));
	assert_int_equal(answered.urgency, URGENCY_NOW);
	assert_string_equal(answered.sums[0].grade->word, "poor");
	assert_true(text_is(answered_needs(&each, &answered), "[\"escort\",\"nursing\"]"));
	assert_true(memmem(answered.json.ptr, answered.json.len, "\"夜里\"", strlen("\"夜里\"")) != NULL);
}

static void what_is_wrong_is_said_of_each_item(void **state)
{
	(void)state;
	assert_int_equal(parse_with(0, NULL), 2);
	assert_string_equal(wrongs("{}"), "/walks required, /fell required");
	assert_string_equal(wrongs("{\"walks\":\"runs\",\"fell\":\"yes\"}"), "/walks unknown_word, /fell wrong_type");
	assert_string_equal(wrongs("{\"walks\":\"unable\",\"fell\":false,\"aid\":[\"stick\"]}"), "/aid not_asked");
	assert_string_equal(wrongs("{\"walks\":\"alone\",\"fell\":false,\"times\":2}"), "/times not_asked");
	assert_string_equal(wrongs("{\"walks\":\"alone\",\"fell\":true,\"times\":10}"), "/times out_of_range");
	assert_string_equal(wrongs("{\"walks\":\"alone\",\"fell\":true,\"times\":3,\"note\":\"x\"}"), "/note not_asked");
	assert_string_equal(wrongs("{\"walks\":\"alone\",\"fell\":false,\"runs\":1,\"id\":2}"), "/runs unknown_field, /id read_only");
	/* nobody knows whether it would be asked: but what is there is looked at */
	assert_string_equal(wrongs("{\"walks\":3,\"aid\":[\"wheels\"],\"fell\":false}"), "/walks wrong_type, /aid unknown_word");
	assert_string_equal(wrongs("{\"walks\":\"alone\",\"fell\":1,\"times\":2}"), "/fell wrong_type");
}

static void what_was_kept_is_read_by_its_version(void **state)
{
	(void)state;
	struct answered again;
	const struct questionnaire *q = questionnaire_version(TEXT("care_needs"), 1);
	assert_true(answer(q, "{\"informant\":\"elder\",\"washing\":\"help\",\"cooking\":\"unable\",\"housework\":\"alone\","
	                      "\"going_out\":\"alone\",\"daytime\":\"yes\",\"illness\":false,\"rehabilitation\":true,\"home\":false,"
	                      "\"alarm\":false}"));
	assert_true(questionnaire_answered(&each, answered.json, &again));
	assert_ptr_equal(again.of, q);
	assert_true(text_eq(again.json, answered.json));
	assert_int_equal(again.urgency, URGENCY_SOON);
	assert_true(text_is(answered_needs(&each, &again), "[\"bathing\",\"meals\",\"rehabilitation\"]"));
	static const char *const strange[] = { "", "x", "[]", "{}", "{\"questionnaire\":\"care_needs\",\"version\":1}",
		"{\"questionnaire\":\"care_needs\",\"version\":99,\"answers\":{}}", "{\"questionnaire\":\"x\",\"version\":1,\"answers\":{}}",
		"{\"questionnaire\":\"care_needs\",\"version\":1,\"answers\":[]}" };
	for (size_t i = 0; i < COUNT(strange); i++)
		assert_false(questionnaire_answered(&each, text_of(strange[i]), &again));
	assert_false(questionnaire_answered(&each, TEXT_NONE, &again));
}

/* ---- whatever is answered ---- */

/* Mostly something that the item takes. */
static json_t *random_value(const struct question *item)
{
	const struct field *field = &item->field;
	if (random_below(40) == 0)
		return random_below(2) ? json_null() : json_integer((json_int_t)random_below(5));
	switch ((int)field->type) {
	case FIELD_word:
		return json_string(item->options[random_below(item->option_count)].word);
	case FIELD_words: {
		json_t *list = json_array();
		for (uint64_t k = random_below(4); k > 0; k--)
			json_array_append_new(list, json_string(item->options[random_below(item->option_count)].word));
		return list;
	}
	case FIELD_boolean:
		return json_boolean(random_below(2));
	case FIELD_integer:
		return json_integer(field->min + (json_int_t)random_below((uint64_t)(field->max - field->min + 1)));
	default:
		return json_string(random_below(2) ? "\"{}\\ 说明" : " ");
	}
}

/* The kinds of conditions that the files have, asked by hand. */
static bool asked_by(const struct questionnaire *q, size_t index, const json_t *answers)
{
	json_t *when;
	if (!q->items[index].when.ptr)
		return true;
	assert_int_equal(json_read(q->items[index].when, 16, &when), JSON_FINE);
	const char *op = json_object_iter_key(json_object_iter(when));
	const json_t *args = json_object_get(when, op), *wanted = json_array_get(args, 1);
	const char *var = json_string_value(json_object_get(json_array_get(args, 0), "var"));
	const json_t *there = json_object_get(answers, var);
	bool held = false;
	if (strcmp(op, "in") == 0) {
		for (size_t i = 0; i < json_array_size(wanted); i++)
			held = held || (there && json_equal(there, json_array_get(wanted, i)));
	} else if (strcmp(op, ">") == 0) {
		held = there && json_integer_value(there) > json_integer_value(wanted);
	} else {
		held = (there && json_equal(there, wanted)) == (strcmp(op, "==") == 0);
	}
	json_decref(when);
	return held;
}

static void check_kept(const struct questionnaire *q)
{
	struct answered again;
	json_t *kept;
	assert_int_equal(json_read(answered.json, 8, &kept), JSON_FINE);
	json_t *inside = json_object_get(kept, "answers");
	assert_true(questionnaire_read(q, &each, inside, &again));
	assert_true(text_eq(again.json, answered.json));
	assert_int_equal(again.urgency, answered.urgency);
	assert_int_equal(again.needs, answered.needs);
	for (size_t i = 0; i < q->sum_count; i++) {
		assert_int_equal(again.sums[i].score, answered.sums[i].score);
		assert_true(answered.sums[i].score >= q->sums[i].least && answered.sums[i].score <= q->sums[i].most);
		assert_true((answered.sums[i].grade != NULL) == (q->sums[i].grade_count > 0));
	}
	for (size_t i = 0; i < q->item_count; i++) {
		const struct question *item = &q->items[i];
		json_t *there = json_object_get(inside, item->field.name);
		bool asked = asked_by(q, i, inside);
		assert_true(asked || !there);
		assert_true(!asked || there || !(item->field.flags & MUST));
		if (there || asked)
			continue;
		/* what is not asked is refused, whatever it is */
		json_t *more = json_copy(inside);
		json_object_set_new(more, item->field.name, item->field.type == FIELD_boolean ? json_true() : json_string("x"));
		assert_false(questionnaire_read(q, &each, more, &again));
		json_decref(more);
	}
	json_decref(kept);
}

static void random_answers_are_kept_in_one_way_only(void **state)
{
	(void)state;
	size_t fine = 0;
	assert_int_equal(parse_with(0, NULL), 2);
	for (size_t round = 0; round < ROUNDS; round++) {
		const struct questionnaire *q = round % 3 == 0 ? versions[0] : questionnaire_at(round % questionnaire_count());
		json_t *answers = json_object();
		for (size_t i = 0; i < q->item_count; i++)
			if (asked_by(q, i, answers) ? q->items[i].field.flags & MUST || random_below(2) : random_below(60) == 0)
				json_object_set_new(answers, q->items[i].field.name, random_value(&q->items[i]));
		if (questionnaire_read(q, &each, answers, &answered)) {
			check_kept(q);
			fine++;
		} else {
			assert_true(answered.wrong_count > 0 && !answered.json.ptr);
		}
		json_decref(answers);
		arena_reset(&each);
	}
	assert_true(fine > ROUNDS / 4 && fine < ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_read, fresh, gone),
		cmocka_unit_test_setup_teardown(each_mistake_is_told_by_line, fresh, gone),
		cmocka_unit_test_setup_teardown(no_file_is_too_broken, fresh, gone),
		cmocka_unit_test_setup_teardown(those_in_the_program_are_found_by_day, fresh, gone),
		cmocka_unit_test_setup_teardown(answers_are_taken_and_counted, fresh, gone),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_said_of_each_item, fresh, gone),
		cmocka_unit_test_setup_teardown(what_was_kept_is_read_by_its_version, fresh, gone),
		cmocka_unit_test_setup_teardown(random_answers_are_kept_in_one_way_only, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
