/* SPDX-License-Identifier: Apache-2.0 */
/* questionnaire_answers.c - answers against a questionnaire: taken as fields are, asked only where their condition holds, counted. */
#include "engine/questionnaire.h"

#include "engine/input.h"

#include <string.h>

enum { ANSWERS_BYTES_MAX = 64 * 1024, ANSWERS_DEPTH_MAX = 4 };

/* A value as a field of its type has it; all of the same size, so that an item's number says where it stands. */
union answer {
	struct text text;
	int64_t number;
};

struct reading {
	const struct questionnaire *of;
	struct arena *arena;
	struct call call; /* of nobody: it gathers what is wrong */
	struct input in;
	union answer answers[QUESTIONNAIRE_ITEMS_MAX];
};

static bool is_answered(const struct question *item, const union answer *answer)
{
	return field_is_text(&item->field) ? answer->text.ptr != NULL : answer->number != field_missing(&item->field);
}

/* ---- taking them ---- */

static bool is_asked(const struct reading *r, const struct question *item)
{
	static const struct filter_world world = { .district = 0 }; /* no item is of today */
	return !item->asked || filter_check(item->asked, r->answers, &world, NULL);
}

/* What is not asked has no answer; null says so. */
static void refuse_answer(struct reading *r, const struct question *item)
{
	const json_t *given = json_object_get(r->in.object, item->field.name);
	r->in.taken[r->in.taken_count++] = item->field.name;
	r->in.given_count += given != NULL;
	if (given && !json_is_null(given))
		input_wrong(&r->in, item->field.name, "not_asked", "按前面的回答，此项不用填写",
		            "After the answers above it is not asked: leave it out");
}

/* Behind something wrong nobody knows what would be asked: then an answer is looked at, but neither asked for nor refused. */
static void take_item(struct reading *r, size_t index)
{
	const struct question *item = &r->of->items[index];
	struct field field = item->field;
	size_t wrong = r->call.wrong_count;
	bool doubtful = item->asked && wrong > 0;
	if (!doubtful && !is_asked(r, item)) {
		refuse_answer(r, item);
		return;
	}
	if (doubtful)
		field.flags &= ~(unsigned)MUST;
	take_field(&r->in, NULL, &field, &r->answers[index]);
	if ((field.flags & MUST) && !is_answered(item, &r->answers[index]) && r->call.wrong_count == wrong)
		input_wrong(&r->in, item->field.name, "required", "必填", "This field is required");
}

/* ---- what they come to ---- */

static bool list_has(struct text list, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = list.ptr; (at = memmem(at, (size_t)(list.ptr + list.len - at), word, len)); at++)
		if (at[-1] == '"' && at[len] == '"') /* it stands in an array: something is before and behind it */
			return true;
	return false;
}

static bool is_chosen(const struct question *item, const union answer *answer, const char *word)
{
	if (!is_answered(item, answer))
		return false;
	if (item->field.type == FIELD_boolean)
		return (strcmp(word, "yes") == 0) == (answer->number != 0);
	return item->field.type == FIELD_words ? list_has(answer->text, word) : text_is(answer->text, word);
}

static void add_up(const struct reading *r, struct answered *out)
{
	const struct questionnaire *q = r->of;
	for (size_t i = 0; i < q->item_count; i++)
		for (size_t k = 0; k < q->items[i].option_count; k++) {
			const struct meaning *meaning = &q->items[i].meanings[k];
			if (!is_chosen(&q->items[i], &r->answers[i], q->items[i].options[k].word))
				continue;
			out->urgency = meaning->urgency > out->urgency ? meaning->urgency : out->urgency;
			out->needs |= meaning->needs;
			for (size_t s = 0; s < q->sum_count; s++)
				out->sums[s].score += q->sums[s].items >> i & 1 ? meaning->score : 0;
		}
	for (size_t s = 0; s < q->sum_count; s++)
		for (size_t g = 0; g < q->sums[s].grade_count; g++)
			if (out->sums[s].score >= q->sums[s].grades[g].min && out->sums[s].score <= q->sums[s].grades[g].max)
				out->sums[s].grade = &q->sums[s].grades[g];
}

static void put_answer(struct json_out *json, const struct question *item, const union answer *answer)
{
	if (item->field.type == FIELD_words)
		json_put_raw(json, answer->text);
	else if (item->field.type == FIELD_boolean)
		json_put_bool(json, answer->number != 0);
	else if (item->field.type == FIELD_integer)
		json_put_int(json, answer->number);
	else
		json_put_text(json, answer->text);
}

/* In the order of the items, so that the same answers are the same text. */
static struct text as_kept(const struct reading *r)
{
	const struct questionnaire *q = r->of;
	struct buf buf = buf_in(r->arena, 1024, ANSWERS_BYTES_MAX);
	struct json_out json = json_out(&buf);
	json_begin_object(&json);
	JSON_TEXT(&json, "questionnaire", q->name);
	JSON_INT(&json, "version", q->version);
	json_key(&json, TEXT("answers"));
	json_begin_object(&json);
	for (size_t i = 0; i < q->item_count; i++) {
		if (!is_answered(&q->items[i], &r->answers[i]))
			continue;
		json_key(&json, text_of(q->items[i].field.name));
		put_answer(&json, &q->items[i], &r->answers[i]);
	}
	json_end_object(&json);
	json_end_object(&json);
	return buf_done(&buf);
}

bool questionnaire_read(const struct questionnaire *questionnaire, struct arena *arena, const json_t *answers, struct answered *out)
{
	struct reading *r = arena_take(arena, sizeof *r);
	*out = (struct answered){ .of = questionnaire };
	r->of = questionnaire;
	r->arena = arena;
	call_start(&r->call, NULL, arena);
	r->in.object = (json_t *)(uintptr_t)answers; /* it is only read */
	input_start(&r->in, &r->call, true);
	for (size_t i = 0; i < questionnaire->item_count; i++) {
		if (!field_is_text(&questionnaire->items[i].field))
			r->answers[i].number = field_missing(&questionnaire->items[i].field);
		take_item(r, i);
	}
	input_finish(&r->in);
	out->wrongs = r->call.wrongs;
	out->wrong_count = r->call.wrong_count;
	if (out->wrong_count > 0)
		return false;
	out->sums = arena_take(arena, (questionnaire->sum_count + 1) * sizeof *out->sums);
	add_up(r, out);
	out->json = as_kept(r);
	return true;
}

/* ---- as they are kept ---- */

/* The version that says so of itself; NULL: it is none of ours. */
static const struct questionnaire *version_of(const json_t *kept)
{
	struct text name = json_text_of(json_object_get(kept, "questionnaire"));
	const json_t *version = json_object_get(kept, "version");
	return name.ptr && json_is_integer(version) ? questionnaire_version(name, json_integer_value(version)) : NULL;
}

bool questionnaire_answered(struct arena *arena, struct text kept, struct answered *out)
{
	json_t *json = NULL;
	*out = (struct answered){ .of = NULL };
	if (!kept.ptr || json_read(kept, ANSWERS_DEPTH_MAX, &json) != JSON_FINE)
		return false;
	const struct questionnaire *q = version_of(json);
	const json_t *answers = json_object_get(json, "answers");
	bool fine = q && json_is_object(answers) && questionnaire_read(q, arena, answers, out);
	json_decref(json);
	return fine;
}

struct text answered_needs(struct arena *arena, const struct answered *answered)
{
	struct buf buf = buf_in(arena, 128, 8192);
	struct json_out json = json_out(&buf);
	json_begin_array(&json);
	for (size_t i = 0; answered->of && i < answered->of->need_count; i++)
		if (answered->needs >> i & 1)
			json_put_text(&json, answered->of->needs[i]);
	json_end_array(&json);
	return buf_done(&buf);
}

/* ---- a field of answers ---- */

static struct text refuse(struct call *call, const struct field *field, const char *behind, const char *code, const char *zh, const char *en)
{
	call_wrong(call, text_printf(call->arena, "/%s%s", field->name, behind), code, text_of(zh), text_of(en));
	return TEXT_NONE;
}

static struct text take_version(struct call *call, const struct field *field, const struct questionnaire *q, const json_t *answers,
                                const char *behind)
{
	struct answered answered;
	if (!json_is_object(answers))
		return refuse(call, field, behind, "wrong_type", "数据类型不对", "The value has the wrong type");
	if (questionnaire_read(q, call->arena, answers, &answered))
		return answered.json;
	for (size_t i = 0; i < answered.wrong_count; i++) {
		const struct wrong *wrong = &answered.wrongs[i];
		call_wrong(call, text_printf(call->arena, "/%s%s%.*s", field->name, behind, TEXT_ARG(wrong->pointer)), wrong->code, wrong->zh,
		           wrong->en);
	}
	return TEXT_NONE;
}

/* As they are kept: what was filled in under an older version, or is corrected, stays of that version. */
static struct text take_kept(struct call *call, const struct field *field, struct text day, const json_t *said)
{
	const struct questionnaire *q = version_of(said);
	if (!text_is(json_text_of(json_object_get(said, "questionnaire")), field->questionnaire))
		return refuse(call, field, "/questionnaire", "unknown_word", "不是这里的问卷", "Not the questionnaire that is kept here");
	if (!q || text_compare(q->from, day) > 0)
		return refuse(call, field, "/version", "unknown_version", "问卷没有这个版本，或尚未启用",
		              "The questionnaire has no such version, or it has not begun");
	if (json_object_size(said) != 3)
		return refuse(call, field, "", "unknown_field", "只能有 questionnaire、version、answers 三项",
		              "It has questionnaire, version and answers, and nothing else");
	return take_version(call, field, q, json_object_get(said, "answers"), "/answers");
}

struct text questionnaire_take(struct call *call, const struct field *field, struct text day, const json_t *said)
{
	if (json_object_get(said, "answers"))
		return take_kept(call, field, day, said);
	const struct questionnaire *q = questionnaire_on(text_of(field->questionnaire), day);
	if (!q)
		return refuse(call, field, "", "unknown_version", "问卷今天没有有效的版本", "No version of the questionnaire holds today");
	return take_version(call, field, q, said, "");
}
