/* SPDX-License-Identifier: Apache-2.0 */
/* take.c - taking a field's value by its type: what each accepts, and what it says where it does not. */
#include "engine/files.h"
#include "engine/input_own.h"
#include "engine/questionnaire.h"
#include "engine/record.h"
#include "engine/source.h"
#include "engine/tags.h"
#include "engine/territory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_CHARS_MAX = 200, REFS_MAX = 64 };

/* ---- texts ---- */

static bool has_control(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 && text.ptr[i] != '\n' && text.ptr[i] != '\t')
			return true;
	return false;
}

static void take_plain_text(struct input *in, const struct field *field, struct text *value, struct text text)
{
	size_t max = field->max ? (size_t)field->max : TEXT_CHARS_MAX;
	text = text_trim(text);
	size_t points = text_utf8_length(text);
	if (points == SIZE_MAX || has_control(text))
		input_wrong(in, field->name, "bad_characters", "含有无效字符", "Contains characters that are not allowed");
	else if (points == 0 && (field->flags & MUST))
		input_wrong(in, field->name, "required", "必填", "This field is required");
	else if (points > max)
		call_wrong(in->call, text_printf(in->call->arena, "/%s", field->name), "too_long",
		           text_printf(in->call->arena, "最多 %zu 个字", max),
		           text_printf(in->call->arena, "At most %zu characters", max));
	else
		input_set_text(in, field, value, points == 0 ? TEXT_NONE : text);
}

static void unknown_word(struct input *in, const struct field *field)
{
	struct buf zh = buf_in(in->call->arena, 256, 4096), en = buf_in(in->call->arena, 256, 4096);
	buf_text(&zh, TEXT("只能是："));
	buf_text(&en, TEXT("One of: "));
	for (size_t i = 0; field->words[i].word; i++) {
		buf_text(&zh, i ? TEXT("、") : TEXT(""));
		buf_text(&zh, text_of(field->words[i].zh));
		buf_text(&en, i ? TEXT(", ") : TEXT(""));
		buf_text(&en, text_of(field->words[i].word));
	}
	call_wrong(in->call, text_printf(in->call->arena, "/%s", field->name), "unknown_word", buf_done(&zh), buf_done(&en));
}

static void take_word(struct input *in, const struct field *field, struct text *value, struct text text)
{
	const struct word *word = word_find(field->words, text);
	if (word)
		input_set_text(in, field, value, text_of(word->word));
	else
		unknown_word(in, field);
}

static void take_date(struct input *in, const struct field *field, struct text *value, struct text text)
{
	struct date day;
	if (date_read(text, &day))
		input_set_text(in, field, value, text);
	else
		input_wrong(in, field->name, "bad_date", "日期应为 YYYY-MM-DD，且确实存在", "A day that exists, as YYYY-MM-DD");
}

static void take_phone(struct input *in, const struct field *field, struct text *value, struct text text)
{
	char normal[PHONE_SIZE];
	if (phone_read(text, normal) == PHONE_WRONG)
		input_wrong(in, field->name, "bad_phone", "不是有效的电话号码", "Not a telephone number");
	else
		input_set_text(in, field, value, text_of(normal));
}

static void take_uscc(struct input *in, const struct field *field, struct text *value, struct text text)
{
	if (uscc_is_valid(text))
		input_set_text(in, field, value, text);
	else
		input_wrong(in, field->name, "bad_uscc", "不是有效的统一社会信用代码", "Not a unified social credit code");
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

static void take_id_card(struct input *in, const struct field *field, struct text *value, struct text text)
{
	struct id_card card;
	enum id_card_wrong wrong = id_card_read(text, in->call->app->demo, &card);
	if (wrong != ID_CARD_FINE)
		input_wrong(in, field->name, card_words[wrong].code, card_words[wrong].zh, card_words[wrong].en);
	else
		input_set_text(in, field, value, text_of(card.number));
}

static void take_text_field(struct input *in, const struct field *field, struct text *value)
{
	static void (*const takers[FIELD_TYPES])(struct input *, const struct field *, struct text *, struct text) = {
		[FIELD_text] = take_plain_text, [FIELD_word] = take_word, [FIELD_date] = take_date, [FIELD_phone] = take_phone,
		[FIELD_uscc] = take_uscc, [FIELD_id_card] = take_id_card,
	};
	struct text text;
	enum found found = input_find_text(in, field, &text);
	if (found == CLEARED)
		input_set_text(in, field, value, TEXT_NONE);
	else if (found == GIVEN)
		takers[field->type](in, field, value, text);
}

/* ---- lists ---- */

static bool mark_word(struct text text, const struct word *words, uint64_t *marks)
{
	const struct word *word = word_find(words, text);
	if (word)
		*marks |= UINT64_C(1) << (word - words);
	return word != NULL;
}

static bool mark_words(json_t *json, struct text cell, const struct word *words, uint64_t *marks)
{
	bool known = true;
	if (json) {
		size_t i;
		json_t *item;
		json_array_foreach(json, i, item)
			known = mark_word(json_text_of(item), words, marks) && known;
		return known;
	}
	while (cell.len > 0) {
		struct text piece = cell_piece(&cell);
		if (piece.len > 0)
			known = mark_word(piece, words, marks) && known;
	}
	return known;
}

static void take_words(struct input *in, const struct field *field, struct text *value)
{
	json_t *json;
	struct text cell;
	uint64_t marks = 0;
	assert(word_count(field->words) <= 64);
	enum found found = input_find(in, field, &json, &cell);
	if (found == ABSENT)
		return;
	if (found == GIVEN && json && !json_is_array(json)) {
		input_wrong_type(in, field->name);
		return;
	}
	if (found == GIVEN && !mark_words(json, cell, field->words, &marks)) {
		unknown_word(in, field);
		return;
	}
	struct buf list = buf_in(in->call->arena, 128, 8192);
	struct json_out out = json_out(&list);
	json_begin_array(&out);
	for (size_t i = 0; field->words[i].word; i++)
		if (marks >> i & 1)
			json_put_text(&out, text_of(field->words[i].word));
	json_end_array(&out);
	input_set_text(in, field, value, marks ? buf_done(&list) : TEXT_NONE);
}

static void take_tags(struct input *in, const struct field *field, struct text *value)
{
	json_t *json;
	struct text cell, now = TEXT_NONE;
	char today[DATE_CHARS];
	enum found found = input_find(in, field, &json, &cell);
	if (found == ABSENT)
		return;
	date_put(today, date_of_ms(clock_now_ms(store_clock(in->call->app->store))));
	struct tags_saying saying = { in->source, { today, sizeof today } };
	enum tags_wrong wrong = found == GIVEN ? tags_read(in->call->arena, field, json, cell, *value, &saying, &now) : TAGS_FINE;
	switch (wrong) {
	case TAGS_FINE:
		input_set_text(in, field, value, now);
		break;
	case TAGS_WRONG_TYPE:
		input_wrong_type(in, field->name);
		break;
	case TAGS_UNKNOWN_WORD:
		unknown_word(in, field);
		break;
	case TAGS_BAD_DATE:
		input_wrong(in, field->name, "bad_date", "起止日期应为 YYYY-MM-DD，止期晚于起期", "Days as YYYY-MM-DD, the last one later than the first");
		break;
	case TAGS_UNKNOWN_SOURCE:
		input_wrong(in, field->name, "unknown_word", "没有这个数据来源", "There is no such source");
		break;
	}
}

/* ---- numbers ---- */

/* A number with at most `scale` decimals, in units of the last. */
static bool read_decimal(struct text text, unsigned scale, int64_t *units)
{
	bool below = text_starts(text, TEXT("-"));
	int64_t whole = 0;
	int places = -1;
	for (size_t i = below; i < text.len; i++) {
		if (text.ptr[i] == '.' && places < 0 && i > below) {
			places = 0;
			continue;
		}
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || whole > INT64_MAX / 100 || places >= (int)scale)
			return false;
		whole = whole * 10 + (text.ptr[i] - '0');
		places += places >= 0;
	}
	for (int i = places < 0 ? 0 : places; i < (int)scale; i++)
		if (whole > INT64_MAX / 100)
			return false;
		else
			whole *= 10;
	*units = below ? -whole : whole;
	return text.len > (size_t)below && places != 0;
}

/* As JSON it went through a double: what is as near to a number of so many decimals as that can be, is that number. */
static bool decimal_of(const json_t *json, unsigned scale, int64_t *units)
{
	double unit = pow(10, scale), scaled = json_number_value(json) * unit;
	if (!json_is_number(json) || fabs(scaled) > 9e14 || fabs(scaled - nearbyint(scaled)) > 1e-6 * fmax(1, fabs(scaled) * 1e-9))
		return false;
	*units = llround(scaled);
	return true;
}

static bool read_number(const struct field *field, const json_t *json, struct text cell, int64_t *now)
{
	if (field->type == FIELD_decimal)
		return json ? decimal_of(json, field->scale, now) : read_decimal(cell, field->scale, now);
	if (field->type == FIELD_boolean) {
		*now = json ? json_is_true(json) : text_is(cell, "true") || text_is(cell, "是");
		return json ? json_is_boolean(json) : *now || text_is(cell, "false") || text_is(cell, "否");
	}
	*now = json ? json_integer_value(json) : 0;
	return json ? json_is_integer(json) : text_to_int(cell, INT64_MAX, now);
}

static void take_number(struct input *in, const struct field *field, int64_t *value)
{
	json_t *json;
	struct text cell;
	int64_t now = field_missing(field), most = field->max || field->min ? field->max : INT64_MAX;
	enum found found = input_find(in, field, &json, &cell);
	if (found == ABSENT)
		return;
	if (found == GIVEN && !read_number(field, json, cell, &now)) {
		input_wrong_type(in, field->name);
		return;
	}
	if (found == GIVEN && field->type != FIELD_boolean && (now < field->min || now > most)) {
		call_wrong(in->call, text_printf(in->call->arena, "/%s", field->name), "out_of_range",
		           text_printf(in->call->arena, "应在 %lld 到 %lld 之间", (long long)field->min, (long long)most),
		           text_printf(in->call->arena, "Between %lld and %lld", (long long)field->min, (long long)most));
		return;
	}
	input_set_number(in, field, value, now);
}

static bool read_point(const json_t *json, struct text cell, struct point *point)
{
	if (json) {
		const json_t *a = json_object_get(json, "lat"), *o = json_object_get(json, "lon");
		*point = (struct point){ json_number_value(a), json_number_value(o) };
		return json_object_size(json) == 2 && json_is_number(a) && json_is_number(o);
	}
	char digits[64], *end;
	if (cell.len >= sizeof digits)
		return false;
	memcpy(digits, cell.ptr, cell.len);
	digits[cell.len] = 0;
	point->lat = strtod(digits, &end);
	if (end == digits || *end != ',')
		return false;
	const char *second = end + 1;
	point->lon = strtod(second, &end);
	return end != second && *end == 0;
}

static void put_point(struct input *in, const struct point *point)
{
	json_begin_array(&in->json);
	json_put_real(&in->json, point->lat);
	json_put_real(&in->json, point->lon);
	json_end_array(&in->json);
}

static void take_point(struct input *in, const struct field *field, struct point *value)
{
	json_t *json;
	struct text cell;
	struct point now = { 0, 0 };
	enum found found = input_find(in, field, &json, &cell);
	if (found == ABSENT)
		return;
	if (found == GIVEN && !read_point(json, cell, &now)) {
		input_wrong_type(in, field->name);
		return;
	}
	if (!(fabs(now.lat) <= 90 && fabs(now.lon) <= 180)) {
		input_wrong(in, field->name, "out_of_range", "经纬度超出范围", "Latitude or longitude out of range");
		return;
	}
	if (memcmp(value, &now, sizeof now) == 0)
		return;
	input_note(in, field->name);
	put_point(in, value);
	put_point(in, &now);
	json_end_array(&in->json);
	*value = now;
}

/* ---- what stands elsewhere ---- */

static bool area_is_known(struct input *in, struct tx *tx, const struct field *field, struct text text, int64_t *area)
{
	int64_t successor = 0;
	if (area_read(text, area) && territory_open(tx->db, in->call->actor.district, *area, &successor))
		return true;
	territory_refuse(in, field->name, successor);
	return false;
}

/* A record outside one's sight is answered like one that does not exist. */
static bool record_is_known(struct input *in, struct tx *tx, const char *resource, struct text text, int64_t *id)
{
	const struct shape *shape = app_shape(in->call->app, text_of(resource));
	return id_read(text, id) && record_is_there(tx->db, in->call->arena, &in->call->actor, shape, &shape->ties, *id);
}

static void take_reference(struct input *in, struct tx *tx, const struct field *field, int64_t *value)
{
	struct text text;
	int64_t now = 0;
	enum found found = input_find_text(in, field, &text);
	if (found == ABSENT)
		return;
	if (found == GIVEN && field->type == FIELD_area && !area_is_known(in, tx, field, text, &now))
		return;
	if (found == GIVEN && field->type == FIELD_ref && !record_is_known(in, tx, field->to, text, &now))
		input_wrong(in, field->name, "unknown_record", "没有这条记录，或不在您的管辖范围内", "No such record, or outside your area");
	else
		input_set_number(in, field, value, now);
}

static int by_number(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

/* A list of references: known records, each once, in ascending order. */
static void take_references(struct input *in, struct tx *tx, const struct field *field, struct text *value)
{
	json_t *json;
	struct text cell;
	int64_t ids[REFS_MAX];
	size_t count = 0;
	enum found found = input_find(in, field, &json, &cell);
	if (found == ABSENT)
		return;
	if (found == GIVEN && json && (!json_is_array(json) || json_array_size(json) > REFS_MAX)) {
		input_wrong_type(in, field->name);
		return;
	}
	for (size_t i = 0; found == GIVEN; i++) {
		struct text piece = json ? json_text_of(json_array_get(json, i)) : cell_piece(&cell);
		if (json ? i >= json_array_size(json) : !piece.len && !cell.len)
			break;
		if (count == REFS_MAX || !piece.ptr || !record_is_known(in, tx, field->to, piece, &ids[count++])) {
			input_wrong(in, field->name, "unknown_record", "没有这条记录，或不在您的管辖范围内", "No such record, or outside your area");
			return;
		}
	}
	qsort(ids, count, sizeof *ids, by_number);
	struct buf list = buf_in(in->call->arena, 256, 8192);
	struct json_out out = json_out(&list);
	json_begin_array(&out);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || ids[i] != ids[i - 1])
			json_put_id(&out, ids[i]);
	json_end_array(&out);
	input_set_text(in, field, value, count ? buf_done(&list) : TEXT_NONE);
}

static void take_instant(struct input *in, const struct field *field, int64_t *value)
{
	struct text text;
	int64_t now = MISSING;
	enum found found = input_find_text(in, field, &text);
	if (found == ABSENT)
		return;
	if (found == GIVEN && !clock_read(text, &now))
		input_wrong(in, field->name, "bad_instant", "时间应为 RFC 3339 格式，例如 2026-01-31T08:00:00+08:00",
		            "An instant as RFC 3339 has it: 2026-01-31T08:00:00+08:00");
	else
		input_set_number(in, field, value, now);
}

/* The number of a file that was sent, or the object as it was answered. */
static void take_file(struct input *in, struct tx *tx, const struct field *field, struct text *value)
{
	json_t *json;
	struct text cell, shown;
	int64_t id;
	enum found found = input_find(in, field, &json, &cell);
	if (found == CLEARED)
		input_set_text(in, field, value, TEXT_NONE);
	if (found != GIVEN)
		return;
	struct text number = json_is_object(json) ? json_text_of(json_object_get(json, "id")) : json_text_of(json);
	if (!number.ptr)
		input_wrong_type(in, field->name);
	else if (!id_read(number, &id) || !(shown = file_attach(in, tx, field, id)).ptr)
		input_wrong(in, field->name, "unknown_file", "没有这个文件，请先上传", "There is no such file; send it first");
	else
		input_set_text(in, field, value, shown);
}

/* Never as a cell: a table has no room for what is asked only after some answers. */
static void take_answers(struct input *in, const struct field *field, struct text *value)
{
	json_t *json;
	struct text cell, now = TEXT_NONE;
	char today[DATE_CHARS];
	enum found found = input_find(in, field, &json, &cell);
	if (found == ABSENT)
		return;
	date_put(today, date_of_ms(clock_now_ms(store_clock(in->call->app->store))));
	if (found == GIVEN && !json_is_object(json))
		input_wrong_type(in, field->name);
	else if (found == CLEARED || (now = questionnaire_take(in->call, field, (struct text){ today, sizeof today }, json)).ptr)
		input_set_text(in, field, value, now);
}

void take_field(struct input *in, struct tx *tx, const struct field *field, void *value)
{
	switch (field->type) {
	case FIELD_words:
		take_words(in, field, value);
		break;
	case FIELD_tags:
		take_tags(in, field, value);
		break;
	case FIELD_integer:
	case FIELD_money:
	case FIELD_decimal:
	case FIELD_boolean:
		take_number(in, field, value);
		break;
	case FIELD_instant:
		take_instant(in, field, value);
		break;
	case FIELD_refs:
		take_references(in, tx, field, value);
		break;
	case FIELD_point:
		take_point(in, field, value);
		break;
	case FIELD_file:
		take_file(in, tx, field, value);
		break;
	case FIELD_answers:
		take_answers(in, field, value);
		break;
	case FIELD_area:
	case FIELD_ref:
		take_reference(in, tx, field, value);
		break;
	default:
		take_text_field(in, field, value);
	}
}
