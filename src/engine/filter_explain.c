/* SPDX-License-Identifier: Apache-2.0 */
/* filter_explain.c - what a filter's conditions wanted and what they found, in words. */
#include "engine/filter_tree.h"

#include "base/arena.h"

enum { LINE_BYTES_MAX = 1 << 20 };

/* How a value is written: as the language does, or for readers. */
enum tongue { PLAIN, CHINESE, ENGLISH };

/* ---- values ---- */

static void put_scaled(struct buf *out, int64_t number, unsigned scale)
{
	char digits[DECIMAL_MAX];
	uint64_t unit = 1, left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
	for (unsigned i = 0; i < scale; i++)
		unit *= 10;
	if (number < 0)
		buf_char(out, '-');
	buf_add(out, digits, (size_t)(text_decimal(digits, (int64_t)(left / unit)) - digits));
	if (scale == 0)
		return;
	buf_char(out, '.');
	for (uint64_t rest = left % unit; unit > 1; rest %= unit) {
		unit /= 10;
		buf_char(out, (char)('0' + rest / unit));
	}
}

static void put_word(struct buf *out, const struct field *field, struct text text, enum tongue tongue)
{
	const struct word *word = tongue == CHINESE ? word_find(field->words, text) : NULL;
	buf_text(out, word ? text_of(word->zh) : text);
}

/* ---- several values ---- */

struct listed {
	struct buf *out;
	const struct field *field;
	enum tongue tongue;
	bool any;
};

static bool put_listed(struct text text, void *arg)
{
	struct listed *listed = arg;
	if (listed->any)
		buf_text(listed->out, listed->tongue == CHINESE ? TEXT("、") : TEXT(", "));
	listed->any = true;
	put_word(listed->out, listed->field, text, listed->tongue);
	return true;
}

/* What stands in quotation marks: the items of an array of words or ids, or a literal that is looked for in one. */
static void put_quoted(struct text text, struct listed *listed)
{
	size_t start = 0;
	bool inside = false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '"')
			continue;
		if (inside)
			put_listed((struct text){ text.ptr + start, i - start }, listed);
		inside = !inside;
		start = i + 1;
	}
}

static void put_value(struct buf *out, const struct filter *leaf, struct value value, enum tongue tongue)
{
	const struct field *field = leaf->slot->field;
	enum field_type type = filter_type(leaf);
	struct listed listed = { .out = out, .field = field, .tongue = tongue };
	if (type == FIELD_words || type == FIELD_refs)
		put_quoted(value.text, &listed);
	else if (value.type == VALUE_TEXT)
		put_word(out, field, value.text, tongue);
	else if (type == FIELD_boolean && tongue == CHINESE)
		buf_text(out, value.integer ? TEXT("是") : TEXT("否"));
	else if (type == FIELD_boolean)
		buf_text(out, value.integer ? TEXT("true") : TEXT("false"));
	else if (type == FIELD_instant)
		buf_text(out, clock_rfc3339(out->arena, value.integer));
	else
		put_scaled(out, value.integer, type == FIELD_decimal ? field->scale : type == FIELD_money && tongue != PLAIN ? 2 : 0);
	if (type == FIELD_money && tongue != PLAIN)
		buf_text(out, tongue == CHINESE ? TEXT("元") : TEXT(" yuan"));
	if (leaf->age && tongue == CHINESE)
		buf_text(out, TEXT("岁"));
}

static struct buf line(struct filter_reasons *reasons)
{
	return buf_in(reasons->arena, 128, LINE_BYTES_MAX);
}

static struct text wanted(struct filter_reasons *reasons, const struct filter *leaf, const struct filter_world *world,
                          enum tongue tongue)
{
	struct buf out = line(reasons);
	for (size_t i = 0; i < leaf->literal_count; i++) {
		char day[DATE_CHARS];
		if (i > 0)
			buf_text(&out, tongue == CHINESE ? TEXT("、") : TEXT(", "));
		put_value(&out, leaf, filter_value(leaf, &leaf->literals[i], world, day), tongue);
	}
	return buf_done(&out);
}

static struct text there(struct filter_reasons *reasons, const struct filter *leaf, const struct found *found,
                         const struct filter_world *world, enum tongue tongue)
{
	struct buf out = line(reasons);
	struct listed listed = { .out = &out, .field = leaf->slot->field, .tongue = tongue };
	if (found->value.type == VALUE_NULL)
		return TEXT_NONE;
	if (filter_type(leaf) == FIELD_tags)
		filter_tags(found->value.text, world->today, put_listed, &listed);
	else
		put_value(&out, leaf, found->value, tongue);
	return buf_done(&out);
}

/* ---- lines ---- */

struct phrase {
	const char *zh, *zh_behind, *en;
};

static const struct phrase phrases[FILTER_OPS] = {
	[FILTER_EQUAL] = { "为", "", "equal to " },
	[FILTER_UNEQUAL] = { "不为", "", "other than " },
	[FILTER_LESS] = { "小于", "", "less than " },
	[FILTER_AT_MOST] = { "不大于", "", "at most " },
	[FILTER_MORE] = { "大于", "", "more than " },
	[FILTER_AT_LEAST] = { "不小于", "", "at least " },
	[FILTER_IN] = { "为其中之一：", "", "one of " },
	[FILTER_HAS] = { "含有", "", "with " },
	[FILTER_WITHIN] = { "在", "范围内", "within " },
	[FILTER_STARTS] = { "以", "开头", "beginning with " },
	[FILTER_MISSING] = { "无", "", "nothing" },
};

static const struct phrase times[FILTER_OPS] = {
	[FILTER_LESS] = { "早于", "", "before " },
	[FILTER_AT_MOST] = { "不晚于", "", "not after " },
	[FILTER_MORE] = { "晚于", "", "after " },
	[FILTER_AT_LEAST] = { "不早于", "", "not before " },
};

static const struct phrase *phrase_of(const struct filter *leaf)
{
	enum field_type type = filter_type(leaf);
	bool time = !leaf->age && (type == FIELD_date || type == FIELD_instant);
	return time && times[leaf->op].zh ? &times[leaf->op] : &phrases[leaf->op];
}

static void put_english_label(struct buf *out, const struct field *field)
{
	if (field->en) {
		buf_text(out, text_of(field->en));
		return;
	}
	for (const char *c = field->name; *c; c++)
		buf_char(out, *c == '_' ? ' ' : *c);
}

static struct text chinese(struct filter_reasons *reasons, const struct filter *leaf, const struct found *found, bool negated,
                           const struct filter_world *world)
{
	struct buf out = line(reasons);
	const struct phrase *phrase = phrase_of(leaf);
	struct text found_text = there(reasons, leaf, found, world, CHINESE);
	if (leaf->through) {
		buf_text(&out, text_of(leaf->through->field->label));
		buf_text(&out, TEXT("的"));
	}
	buf_text(&out, text_of(leaf->slot->field->label));
	buf_text(&out, leaf->age ? TEXT("（周岁）：要求") : TEXT("：要求"));
	buf_text(&out, negated ? TEXT("并非") : TEXT(""));
	buf_text(&out, text_of(phrase->zh));
	buf_text(&out, wanted(reasons, leaf, world, CHINESE));
	buf_text(&out, text_of(phrase->zh_behind));
	buf_text(&out, TEXT("，实际"));
	buf_text(&out, found_text.ptr ? TEXT("为") : TEXT("无"));
	buf_text(&out, found_text);
	buf_text(&out, found->held != negated ? TEXT("，符合") : TEXT("，不符合"));
	return buf_done(&out);
}

static struct text english(struct filter_reasons *reasons, const struct filter *leaf, const struct found *found, bool negated,
                           const struct filter_world *world)
{
	struct buf out = line(reasons);
	struct text found_text = there(reasons, leaf, found, world, ENGLISH);
	buf_text(&out, leaf->age ? TEXT("age by ") : TEXT(""));
	if (leaf->through) {
		put_english_label(&out, leaf->through->field);
		buf_text(&out, TEXT("'s "));
	}
	put_english_label(&out, leaf->slot->field);
	buf_text(&out, negated ? TEXT(": wanted not ") : TEXT(": wanted "));
	buf_text(&out, text_of(phrase_of(leaf)->en));
	buf_text(&out, wanted(reasons, leaf, world, ENGLISH));
	buf_text(&out, TEXT(", found "));
	buf_text(&out, found_text.ptr ? found_text : TEXT("nothing"));
	buf_text(&out, found->held != negated ? TEXT(": met") : TEXT(": not met"));
	return buf_done(&out);
}

void filter_explain(struct filter_reasons *reasons, const struct filter *leaf, const struct found *found, bool negated,
                    const struct filter_world *world)
{
	reasons->items[reasons->count++] = (struct filter_reason){
		.field = leaf->slot->field,
		.through = leaf->through ? leaf->through->field : NULL,
		.operator = filter_operators[leaf->op],
		.age = leaf->age,
		.wanted = wanted(reasons, leaf, world, PLAIN),
		.there = there(reasons, leaf, found, world, PLAIN),
		.held = found->held,
		.negated = negated,
		.zh = chinese(reasons, leaf, found, negated, world),
		.en = english(reasons, leaf, found, negated, world),
	};
}
