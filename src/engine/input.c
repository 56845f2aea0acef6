/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - taking fields out of what came in. */
#include "engine/input.h"

#include "engine/app.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { DETAIL_BYTES_MAX = 256 * 1024 };

void input_start(struct input *in, struct call *call, bool create)
{
	in->call = call;
	in->create = create;
	in->taken_count = 0;
	in->changed = false;
	in->detail = buf_in(call->arena, 1024, DETAIL_BYTES_MAX);
	in->fields = buf_in(call->arena, 128, 4096);
	in->json = json_out(&in->detail);
	json_begin_object(&in->json);
}

void input_wrong(struct input *in, const char *name, const char *code, const char *zh, const char *en)
{
	call_wrong(in->call, text_printf(in->call->arena, "/%s", name), code, text_of(zh), text_of(en));
}

static void wrong_type(struct input *in, const char *name)
{
	input_wrong(in, name, "wrong_type", "数据类型不对", "The value has the wrong type");
}

/* ---- finding a field ---- */

enum found { ABSENT, CLEARED, GIVEN };

static void remember(struct input *in, const char *name)
{
	assert(in->taken_count < INPUT_FIELDS_MAX);
	in->taken[in->taken_count++] = name;
}

static enum found find(struct input *in, const char *name, unsigned take, json_t **json, struct text *cell)
{
	enum found found = ABSENT;
	remember(in, name);
	*json = NULL;
	*cell = TEXT_NONE;
	if (in->object) {
		*json = json_object_get(in->object, name);
		if (*json)
			found = json_is_null(*json) ? CLEARED : GIVEN;
	} else {
		for (size_t i = 0; i < in->cell_count; i++)
			if (text_is(in->cells[i].name, name))
				*cell = text_trim(in->cells[i].value);
		found = cell->len > 0 ? GIVEN : ABSENT;
	}
	if ((take & MUST) && (found == CLEARED || (found == ABSENT && in->create)))
		input_wrong(in, name, "required", "必填", "This field is required");
	return found == CLEARED && (take & MUST) ? ABSENT : found;
}

/* A field whose value is text, in either kind of input. */
static enum found find_text(struct input *in, const char *name, unsigned take, struct text *text)
{
	json_t *json;
	enum found found = find(in, name, take, &json, text);
	if (found != GIVEN || !json)
		return found;
	*text = json_text_of(json);
	if (text->ptr)
		return GIVEN;
	wrong_type(in, name);
	return ABSENT;
}

/* ---- noting what changed ---- */

static void note_name(struct input *in, const char *name)
{
	in->changed = true;
	if (in->fields.len > 0)
		buf_char(&in->fields, ',');
	buf_text(&in->fields, text_of(name));
	json_key(&in->json, text_of(name));
	json_begin_array(&in->json);
}

static struct text shown(struct input *in, unsigned take, struct text value)
{
	char mask[40];
	if (!value.ptr || !(take & (PROTECTED | TELEPHONE)))
		return value;
	if (take & TELEPHONE)
		mask_phone(value, mask);
	else
		mask_number(value, mask);
	return text_copy(in->call->arena, text_of(mask));
}

static void set_text(struct input *in, const char *name, unsigned take, struct text *value, struct text now)
{
	if (text_eq(*value, now))
		return;
	note_name(in, name);
	json_put_text(&in->json, shown(in, take, *value));
	json_put_text(&in->json, shown(in, take, now));
	json_end_array(&in->json);
	*value = now.ptr ? text_copy(in->call->arena, now) : TEXT_NONE;
}

static void set_int(struct input *in, const char *name, int64_t *value, int64_t now, bool as_id)
{
	if (*value == now)
		return;
	note_name(in, name);
	for (int side = 0; side < 2; side++) {
		int64_t number = side == 0 ? *value : now;
		if (as_id)
			json_put_id(&in->json, number);
		else
			json_put_int(&in->json, number);
	}
	json_end_array(&in->json);
	*value = now;
}

/* ---- the takers ---- */

static bool has_control(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 && text.ptr[i] != '\n' && text.ptr[i] != '\t')
			return true;
	return false;
}

void take_text(struct input *in, const char *name, unsigned take, size_t max, struct text *value)
{
	struct text text;
	enum found found = find_text(in, name, take, &text);
	if (found == ABSENT)
		return;
	if (found == CLEARED) {
		set_text(in, name, take, value, TEXT_NONE);
		return;
	}
	text = text_trim(text);
	size_t points = text_utf8_length(text);
	if (points == SIZE_MAX || has_control(text))
		input_wrong(in, name, "bad_characters", "含有无效字符", "Contains characters that are not allowed");
	else if (points == 0 && (take & MUST))
		input_wrong(in, name, "required", "必填", "This field is required");
	else if (points > max)
		call_wrong(in->call, text_printf(in->call->arena, "/%s", name), "too_long",
		           text_printf(in->call->arena, "最多 %zu 个字", max),
		           text_printf(in->call->arena, "At most %zu characters", max));
	else
		set_text(in, name, take, value, points == 0 ? TEXT_NONE : text);
}

static const struct word *word_find(struct text text, const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(text, words[i].word) || text_is(text, words[i].zh))
			return &words[i];
	return NULL;
}

static void unknown_word(struct input *in, const char *name, const struct word *words, size_t count)
{
	struct buf zh = buf_in(in->call->arena, 256, 4096), en = buf_in(in->call->arena, 256, 4096);
	buf_text(&zh, TEXT("只能是："));
	buf_text(&en, TEXT("One of: "));
	for (size_t i = 0; i < count; i++) {
		buf_text(&zh, i ? TEXT("、") : TEXT(""));
		buf_text(&zh, text_of(words[i].zh));
		buf_text(&en, i ? TEXT(", ") : TEXT(""));
		buf_text(&en, text_of(words[i].word));
	}
	call_wrong(in->call, text_printf(in->call->arena, "/%s", name), "unknown_word", buf_done(&zh), buf_done(&en));
}

void take_word(struct input *in, const char *name, unsigned take, const struct word *words, size_t count, struct text *value)
{
	struct text text;
	enum found found = find_text(in, name, take, &text);
	if (found == ABSENT)
		return;
	const struct word *word = found == GIVEN ? word_find(text, words, count) : NULL;
	if (found == GIVEN && !word)
		unknown_word(in, name, words, count);
	else
		set_text(in, name, take, value, word ? text_of(word->word) : TEXT_NONE);
}

/* The next piece of a cell that lists words; people separate them in many ways. */
static struct text next_piece(struct text *rest)
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

static bool mark_word(struct text text, const struct word *words, size_t count, uint64_t *marks)
{
	const struct word *word = word_find(text, words, count);
	if (word)
		*marks |= UINT64_C(1) << (word - words);
	return word != NULL;
}

static bool mark_words(json_t *json, struct text cell, const struct word *words, size_t count, uint64_t *marks)
{
	bool known = true;
	if (json) {
		size_t i;
		json_t *item;
		json_array_foreach(json, i, item)
			known = mark_word(json_text_of(item), words, count, marks) && known;
		return known;
	}
	while (cell.len > 0) {
		struct text piece = next_piece(&cell);
		if (piece.len > 0)
			known = mark_word(piece, words, count, marks) && known;
	}
	return known;
}

void take_words(struct input *in, const char *name, unsigned take, const struct word *words, size_t count, struct text *value)
{
	json_t *json;
	struct text cell;
	uint64_t marks = 0;
	assert(count <= 64);
	enum found found = find(in, name, take, &json, &cell);
	if (found == ABSENT)
		return;
	if (found == GIVEN && json && !json_is_array(json)) {
		wrong_type(in, name);
		return;
	}
	if (found == GIVEN && !mark_words(json, cell, words, count, &marks)) {
		unknown_word(in, name, words, count);
		return;
	}
	struct buf list = buf_in(in->call->arena, 128, 8192);
	struct json_out out = json_out(&list);
	json_begin_array(&out);
	for (size_t i = 0; i < count; i++)
		if (marks >> i & 1)
			json_put_text(&out, text_of(words[i].word));
	json_end_array(&out);
	set_text(in, name, take, value, marks ? buf_done(&list) : TEXT_NONE);
}

void take_date(struct input *in, const char *name, unsigned take, struct text *value)
{
	struct text text;
	struct date day;
	enum found found = find_text(in, name, take, &text);
	if (found == ABSENT)
		return;
	if (found == GIVEN && !date_read(text, &day))
		input_wrong(in, name, "bad_date", "日期应为 YYYY-MM-DD，且确实存在", "A day that exists, as YYYY-MM-DD");
	else
		set_text(in, name, take, value, found == GIVEN ? text : TEXT_NONE);
}

void take_int(struct input *in, const char *name, unsigned take, int64_t min, int64_t max, int64_t *value)
{
	json_t *json;
	struct text cell;
	int64_t now = 0;
	enum found found = find(in, name, take, &json, &cell);
	if (found == ABSENT)
		return;
	if (found == GIVEN) {
		if (json ? !json_is_integer(json) : !text_to_int(cell, INT64_MAX, &now)) {
			wrong_type(in, name);
			return;
		}
		if (json)
			now = json_integer_value(json);
		if (now < min || now > max) {
			call_wrong(in->call, text_printf(in->call->arena, "/%s", name), "out_of_range",
			           text_printf(in->call->arena, "应在 %lld 到 %lld 之间", (long long)min, (long long)max),
			           text_printf(in->call->arena, "Between %lld and %lld", (long long)min, (long long)max));
			return;
		}
	}
	set_int(in, name, value, now, false);
}

void take_phone(struct input *in, const char *name, unsigned take, struct text *value)
{
	struct text text;
	char normal[24];
	enum found found = find_text(in, name, take, &text);
	if (found == ABSENT)
		return;
	if (found == CLEARED)
		set_text(in, name, take | TELEPHONE, value, TEXT_NONE);
	else if (phone_read(text, normal) == PHONE_WRONG)
		input_wrong(in, name, "bad_phone", "不是有效的电话号码", "Not a telephone number");
	else
		set_text(in, name, take | TELEPHONE, value, text_of(normal));
}

static bool read_point(const json_t *json, struct text cell, double *lat, double *lon)
{
	if (json) {
		const json_t *a = json_object_get(json, "lat"), *o = json_object_get(json, "lon");
		*lat = json_number_value(a);
		*lon = json_number_value(o);
		return json_object_size(json) == 2 && json_is_number(a) && json_is_number(o);
	}
	char digits[64], *end;
	if (cell.len >= sizeof digits)
		return false;
	memcpy(digits, cell.ptr, cell.len);
	digits[cell.len] = 0;
	*lat = strtod(digits, &end);
	if (end == digits || *end != ',')
		return false;
	const char *second = end + 1;
	*lon = strtod(second, &end);
	return end != second && *end == 0;
}

void take_point(struct input *in, const char *name, unsigned take, double *lat, double *lon)
{
	json_t *json;
	struct text cell;
	double new_lat = 0, new_lon = 0;
	enum found found = find(in, name, take, &json, &cell);
	if (found == ABSENT)
		return;
	if (found == GIVEN && !read_point(json, cell, &new_lat, &new_lon)) {
		wrong_type(in, name);
		return;
	}
	if (!(fabs(new_lat) <= 90 && fabs(new_lon) <= 180)) {
		input_wrong(in, name, "out_of_range", "经纬度超出范围", "Latitude or longitude out of range");
		return;
	}
	if (memcmp(lat, &new_lat, sizeof *lat) == 0 && memcmp(lon, &new_lon, sizeof *lon) == 0)
		return;
	note_name(in, name);
	for (int side = 0; side < 2; side++) {
		double points[2] = { side ? new_lat : *lat, side ? new_lon : *lon };
		json_begin_array(&in->json);
		json_put_real(&in->json, points[0]);
		json_put_real(&in->json, points[1]);
		json_end_array(&in->json);
	}
	json_end_array(&in->json);
	*lat = new_lat;
	*lon = new_lon;
}

void take_area(struct input *in, struct tx *tx, const char *name, unsigned take, int64_t *value)
{
	struct text text;
	int64_t area = 0;
	enum found found = find_text(in, name, take, &text);
	if (found == ABSENT)
		return;
	if (found == GIVEN) {
		bool known = area_read(text, &area) &&
		             db_int(tx->db, 0, "SELECT 1 FROM area WHERE district = ?1 AND number = ?2 AND ended_at IS NULL",
		                    BIND(value_int(in->call->actor.district), value_int(area))) == 1;
		if (!known) {
			input_wrong(in, name, "unknown_area", "本区没有这个区划代码", "No such area in this district");
			return;
		}
	}
	set_int(in, name, value, area, true);
}

struct card_words {
	const char *code, *zh, *en;
};

static const struct card_words card_words[] = {
	[ID_CARD_LENGTH] = { "bad_id_card_length", "公民身份号码应为 18 位（或旧的 15 位）", "An identity number has 18 (or 15) characters" },
	[ID_CARD_CHARACTER] = { "bad_id_card_character", "公民身份号码含有无效字符", "The identity number has a wrong character" },
	[ID_CARD_AREA] = { "bad_id_card_area", "公民身份号码的地区码不存在", "The identity number's area does not exist" },
	[ID_CARD_BIRTH_DATE] = { "bad_id_card_birth_date", "公民身份号码中的出生日期不存在", "The identity number's birth date does not exist" },
	[ID_CARD_CHECK_DIGIT] = { "bad_id_card_check", "公民身份号码校验位不对，请核对", "The identity number's check character is wrong" },
};

void take_id_card(struct input *in, const char *name, unsigned take, struct text *value)
{
	struct text text;
	struct id_card card;
	enum found found = find_text(in, name, take, &text);
	if (found == ABSENT)
		return;
	if (found == CLEARED) {
		set_text(in, name, take | PROTECTED, value, TEXT_NONE);
		return;
	}
	enum id_card_wrong wrong = id_card_read(text, in->call->app->demo, &card);
	if (wrong != ID_CARD_FINE)
		input_wrong(in, name, card_words[wrong].code, card_words[wrong].zh, card_words[wrong].en);
	else
		set_text(in, name, take | PROTECTED, value, text_of(card.number));
}

/* ---- the end ---- */

static bool was_taken(const struct input *in, const char *key)
{
	for (size_t i = 0; i < in->taken_count; i++)
		if (strcmp(in->taken[i], key) == 0)
			return true;
	return false;
}

/* RFC 6901: ~ and / are written ~0 and ~1. */
static struct text pointer_to(struct arena *arena, struct text key)
{
	struct buf pointer = buf_in(arena, 2 * key.len + 2, 2 * key.len + 2);
	buf_char(&pointer, '/');
	for (size_t i = 0; i < key.len; i++) {
		if (key.ptr[i] == '~' || key.ptr[i] == '/')
			buf_add(&pointer, key.ptr[i] == '~' ? "~0" : "~1", 2);
		else
			buf_char(&pointer, key.ptr[i]);
	}
	return buf_done(&pointer);
}

bool input_finish(struct input *in)
{
	static const char *const read_only[] = { "id", "version", "created_at", "updated_at", "flags", "ended_at" };
	const char *key;
	json_t *ignored;
	json_object_foreach(in->object, key, ignored) {
		if (was_taken(in, key))
			continue;
		bool known = false;
		for (size_t i = 0; i < COUNT(read_only); i++)
			known = known || strcmp(read_only[i], key) == 0;
		call_wrong(in->call, pointer_to(in->call->arena, text_cut(text_of(key), 64)), known ? "read_only" : "unknown_field",
		           known ? TEXT("该字段由系统维护，不能填写") : TEXT("没有这个字段"),
		           known ? TEXT("The field is kept by the system") : TEXT("There is no such field"));
	}
	json_end_object(&in->json);
	return in->call->problem == PROBLEM_NONE;
}
