/* SPDX-License-Identifier: Apache-2.0 */
/* tags.c - fields of several words, each with who says so, since when and until when. */
#include "engine/tags.h"

#include "engine/source.h"

#include <assert.h>
#include <string.h>

/* One tag; its word is missing where it was not said. */
struct tag {
	struct text word, source, from, to;
};

/* ---- as it is kept ---- */

/* The value behind `"name":"` in what we wrote ourselves; no word, source or day needs an escape. */
static struct text member(struct text object, const char *name)
{
	const char *at = memmem(object.ptr, object.len, name, strlen(name));
	if (!at)
		return TEXT_NONE;
	at += strlen(name);
	return (struct text){ at, strcspn(at, "\"") };
}

static bool next_tag(struct text *rest, struct tag *tag)
{
	const char *end = rest->len ? memchr(rest->ptr, '}', rest->len) : NULL;
	if (!end)
		return false;
	struct text object = { rest->ptr, (size_t)(end - rest->ptr) };
	*tag = (struct tag){ member(object, "\"word\":\""), member(object, "\"source\":\""), member(object, "\"from\":\""),
		             member(object, "\"to\":\"") };
	rest->len -= object.len + 1;
	rest->ptr = end + 1;
	return true;
}

static bool holds(const struct tag *tag, struct text today)
{
	return (!tag->from.ptr || text_compare(tag->from, today) <= 0) && (!tag->to.ptr || text_compare(tag->to, today) > 0);
}

void tags_put(struct json_out *json, struct text name, struct text tags, struct text today)
{
	struct tag tag;
	json_key(json, name);
	json_begin_array(json);
	while (next_tag(&tags, &tag))
		if (holds(&tag, today))
			json_put_text(json, tag.word);
	json_end_array(json);
}

static void put_tag(struct json_out *json, const struct tag *tag)
{
	json_begin_object(json);
	JSON_TEXT(json, "word", tag->word);
	if (tag->source.ptr)
		JSON_TEXT(json, "source", tag->source);
	if (tag->from.ptr)
		JSON_TEXT(json, "from", tag->from);
	if (tag->to.ptr)
		JSON_TEXT(json, "to", tag->to);
	json_end_object(json);
}

void tags_put_all(struct json_out *json, struct text name, struct text tags)
{
	json_member_raw(json, name, tags.ptr ? tags : TEXT("[]"));
}

/* ---- as it comes in ---- */

struct text cell_piece(struct text *rest)
{
	static const char *const separators[] = { ",", ";", "|", "/", " ", "、", "，", "；" };
	struct text piece = { rest->ptr, 0 };
	while (rest->len > 0) {
		for (size_t i = 0; i < COUNT(separators); i++) {
			struct text separator = text_of(separators[i]);
			if (text_starts(*rest, separator)) {
				rest->ptr += separator.len;
				rest->len -= separator.len;
				return piece;
			}
		}
		rest->ptr++;
		rest->len--;
		piece.len++;
	}
	return piece;
}

/* The tags by the word's place in the dictionary. */
struct tag_set {
	const struct field *field;
	const struct tags_saying *saying;
	struct tag now[TAGS_MAX], before[TAGS_MAX];
};

static enum tags_wrong add_word(struct tag_set *set, struct text text)
{
	const struct word *word = word_find(set->field->words, text);
	if (!word)
		return TAGS_UNKNOWN_WORD;
	size_t at = (size_t)(word - set->field->words);
	if (set->before[at].word.ptr && holds(&set->before[at], set->saying->today))
		set->now[at] = set->before[at];
	else
		set->now[at] = (struct tag){ text_of(word->word), set->saying->source, set->saying->today, TEXT_NONE };
	return TAGS_FINE;
}

static bool read_day(const json_t *object, const char *name, struct text *day)
{
	const json_t *value = json_object_get(object, name);
	struct date ignored;
	*day = json_text_of(value);
	return !value || json_is_null(value) || (day->ptr && date_read(*day, &ignored));
}

static enum tags_wrong add_object(struct tag_set *set, struct arena *arena, const json_t *object)
{
	struct tag tag;
	const struct word *word = word_find(set->field->words, json_text_of(json_object_get(object, "word")));
	const json_t *said = json_object_get(object, "source");
	size_t members = 1u + (said != NULL) + (json_object_get(object, "from") != NULL) + (json_object_get(object, "to") != NULL);
	if (!word)
		return TAGS_UNKNOWN_WORD;
	if (json_object_size(object) != members)
		return TAGS_WRONG_TYPE; /* it says something that would get lost */
	if (!read_day(object, "from", &tag.from) || !read_day(object, "to", &tag.to) ||
	    (tag.from.ptr && tag.to.ptr && text_compare(tag.to, tag.from) <= 0))
		return TAGS_BAD_DATE;
	const struct word *source = said ? word_find(sources, json_text_of(said)) : NULL;
	if (said && !source)
		return TAGS_UNKNOWN_SOURCE;
	tag.word = text_of(word->word);
	tag.source = source ? text_of(source->word) : set->saying->source;
	tag.from = tag.from.ptr ? text_copy(arena, tag.from) : TEXT_NONE;
	tag.to = tag.to.ptr ? text_copy(arena, tag.to) : TEXT_NONE;
	set->now[word - set->field->words] = tag;
	return TAGS_FINE;
}

static enum tags_wrong add_all(struct tag_set *set, struct arena *arena, const json_t *json, struct text cell)
{
	enum tags_wrong wrong = TAGS_FINE, one;
	for (size_t i = 0; i < json_array_size(json); i++) {
		const json_t *item = json_array_get(json, i);
		one = json_is_object(item) ? add_object(set, arena, item) : add_word(set, json_text_of(item));
		wrong = wrong == TAGS_FINE ? one : wrong;
	}
	while (cell.len > 0) {
		struct text piece = cell_piece(&cell);
		one = piece.len > 0 ? add_word(set, piece) : TAGS_FINE;
		wrong = wrong == TAGS_FINE ? one : wrong;
	}
	return wrong;
}

enum tags_wrong tags_read(struct arena *arena, const struct field *field, const json_t *json, struct text cell, struct text before,
                          const struct tags_saying *saying, struct text *tags)
{
	struct tag_set *set = arena_take(arena, sizeof *set);
	struct tag tag;
	size_t count = 0;
	assert(word_count(field->words) <= TAGS_MAX);
	if (json && !json_is_array(json))
		return TAGS_WRONG_TYPE;
	set->field = field;
	set->saying = saying;
	while (next_tag(&before, &tag)) {
		const struct word *word = word_find(field->words, tag.word);
		if (word)
			set->before[word - field->words] = tag;
	}
	enum tags_wrong wrong = add_all(set, arena, json, cell);
	for (size_t i = 0; i < TAGS_MAX && !json; i++) /* a cell, as an export writes it, only tells what holds today */
		if (set->before[i].word.ptr && !set->now[i].word.ptr && !holds(&set->before[i], saying->today))
			set->now[i] = set->before[i];
	struct buf list = buf_in(arena, 512, 16384);
	struct json_out out = json_out(&list);
	json_begin_array(&out);
	for (size_t i = 0; i < TAGS_MAX; i++)
		if (set->now[i].word.ptr) {
			put_tag(&out, &set->now[i]);
			count++;
		}
	json_end_array(&out);
	*tags = count ? buf_done(&list) : TEXT_NONE;
	return wrong;
}

/* ---- beside the record ---- */

enum store_code tags_keep(struct tx *tx, struct arena *arena, const struct slot *slot, unsigned district, int64_t id, struct text tags,
                          bool is_new)
{
	struct query query;
	struct tag tag;
	enum store_code code = STORE_OK;
	if (!is_new) {
		query_start(&query, arena);
		query_sql(&query, "DELETE FROM ");
		query_sql(&query, slot->table);
		query_sql(&query, " WHERE district = ");
		query_value(&query, value_int(district));
		query_sql(&query, " AND id = ");
		query_value(&query, value_int(id));
		code = query_exec(&query, tx->db);
	}
	while (code == STORE_OK && next_tag(&tags, &tag)) {
		query_start(&query, arena);
		query_sql(&query, "INSERT INTO ");
		query_sql(&query, slot->table);
		query_sql(&query, " (district, id, word, from_on, to_on) VALUES (");
		query_value(&query, value_int(district));
		query_sql(&query, ", ");
		query_value(&query, value_int(id));
		query_sql(&query, ", ");
		query_value(&query, value_text(tag.word));
		query_sql(&query, ", ");
		query_value(&query, value_text(tag.from));
		query_sql(&query, ", ");
		query_value(&query, value_text(tag.to));
		query_sql(&query, ")");
		code = query_exec(&query, tx->db);
	}
	return code;
}
