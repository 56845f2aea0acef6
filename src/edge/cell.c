/* SPDX-License-Identifier: Apache-2.0 */
/* cell.c - what people and Excel write into a cell. */
#include "edge/cell.h"

#include "base/arena.h"
#include "base/clock.h"

#include <string.h>

/* ---- characters ---- */

/* Soft hyphens, zero widths, directions, joiners, byte order marks: nobody sees them, and nobody typed them. */
static bool is_unseen(uint32_t point)
{
	return point == 0xAD || (point >= 0x200B && point <= 0x200F) || (point >= 0x202A && point <= 0x202E) ||
	       (point >= 0x2060 && point <= 0x2064) || point == 0xFEFF || (point < 0x20 && point != '\n' && point != '\t') || point == 0x7F;
}

static bool is_blank(uint32_t point)
{
	return point == ' ' || point == '\t' || point == 0xA0 || point == 0x3000 || (point >= 0x2000 && point <= 0x200A) || point == 0x202F;
}

/* Digits and letters are narrow everywhere; other wide signs stay in what people wrote as text, where they belong. */
static uint32_t narrow(uint32_t point, bool signs)
{
	bool wide = point >= 0xFF01 && point <= 0xFF5E;
	uint32_t ascii = point - 0xFEE0;
	bool letter = wide && ((ascii >= '0' && ascii <= '9') || ((ascii | 32) >= 'a' && (ascii | 32) <= 'z'));
	if (wide && (signs || letter))
		return ascii;
	if (signs && ((point >= 0x2010 && point <= 0x2015) || point == 0x2212))
		return '-';
	return point;
}

enum { SIGNS = 1, NO_BLANKS = 2 };

static bool is_plain(struct text cell)
{
	for (size_t i = 0; i < cell.len; i++)
		if ((unsigned char)cell.ptr[i] >= 0x7F || (unsigned char)cell.ptr[i] < 0x20)
			return false;
	return true;
}

static struct text clean(struct arena *arena, struct text cell, unsigned how)
{
	cell = text_trim(cell);
	if (is_plain(cell) && (!(how & NO_BLANKS) || !cell.len || !memchr(cell.ptr, ' ', cell.len)))
		return cell;
	char *out = arena_take_raw(arena, cell.len + 1);
	size_t used = 0, len;
	for (const char *at = cell.ptr, *end = at + cell.len; at < end; at += len) {
		uint32_t point = 0xFFFD; /* what is no character stays as it is, to be refused */
		len = text_point((struct text){ at, (size_t)(end - at) }, &point);
		len = len ? len : 1;
		uint32_t now = narrow(point, how & SIGNS);
		if (is_unseen(point) || ((how & NO_BLANKS) && (is_blank(point) || point == '\n')))
			continue;
		if (is_blank(point) || now != point) {
			out[used++] = is_blank(point) ? ' ' : (char)now;
			continue;
		}
		memcpy(out + used, at, len);
		used += len;
	}
	return text_trim((struct text){ out, used });
}

/* 张　三: blanks by which a name of two characters was made as wide as one of three. Names in letters have theirs between words. */
static struct text read_name(struct arena *arena, struct text cell)
{
	struct text text = clean(arena, cell, 0);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x80 && text.ptr[i] != ' ')
			return text;
	return clean(arena, text, NO_BLANKS);
}

/* ---- numbers ---- */

static bool all_digits(struct text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return text.len > 0;
}

/* 3.70613E+17: what a spreadsheet shows, and keeps, of more digits than a number has. */
static bool is_rounded(struct text text)
{
	size_t at = 0;
	while (at < text.len && ((text.ptr[at] >= '0' && text.ptr[at] <= '9') || text.ptr[at] == '.'))
		at++;
	bool power = at > 0 && at + 2 < text.len && (text.ptr[at] | 32) == 'e' && text.ptr[at + 1] == '+';
	return power && all_digits((struct text){ text.ptr + at + 2, text.len - at - 2 });
}

/* A program that took the digits for a number has written 13912345678.0. */
static struct text without_zero(struct text text)
{
	bool zero = text.len > 2 && memcmp(text.ptr + text.len - 2, ".0", 2) == 0;
	return zero && all_digits((struct text){ text.ptr, text.len - 2 }) ? (struct text){ text.ptr, text.len - 2 } : text;
}

/* Without an apostrophe in front, by which somebody told Excel that it is text. */
static struct text without_mark(struct text text)
{
	return text.len > 1 && (text.ptr[0] == '\'' || text.ptr[0] == '`') ? (struct text){ text.ptr + 1, text.len - 1 } : text;
}

static struct text read_code(struct arena *arena, struct text cell, enum cell_note *note)
{
	struct text text = without_zero(without_mark(clean(arena, cell, SIGNS | NO_BLANKS)));
	*note = is_rounded(text) ? CELL_ROUNDED : CELL_FINE;
	return text;
}

static struct text read_id_card(struct arena *arena, struct text cell, enum cell_note *note)
{
	struct text text = read_code(arena, cell, note);
	if (text.len == 18 && text.ptr[17] == 'x') {
		char *upper = arena_take_raw(arena, 18);
		memcpy(upper, text.ptr, 17);
		upper[17] = 'X';
		text.ptr = upper;
	}
	if (*note == CELL_FINE && text.len == 15 && all_digits(text))
		*note = CELL_CONVERTED;
	return text;
}

/* 1,200.50 元: without commas between thousands, and without what follows the number and is none. */
static struct text read_number(struct arena *arena, struct text cell, bool whole)
{
	struct text text = clean(arena, cell, SIGNS | NO_BLANKS);
	char *out = arena_take_raw(arena, text.len + 1);
	size_t used = 0, at = 0;
	for (; at < text.len && strchr("0123456789.,-+", text.ptr[at]); at++)
		if (text.ptr[at] != ',' && text.ptr[at] != '+')
			out[used++] = text.ptr[at];
	bool unit = at < text.len && (unsigned char)text.ptr[at] >= 0x80; /* no letter of ASCII: 12O is a slip */
	if (used == 0 || (at < text.len && !unit && text.ptr[at] != 'm'))
		return text;
	struct text number = { out, used };
	while (whole && number.len > 2 && number.ptr[number.len - 1] == '0' && memchr(number.ptr, '.', number.len))
		number.len--;
	if (whole && number.len > 1 && number.ptr[number.len - 1] == '.')
		number.len--;
	return number;
}

/* ---- dates ---- */

/* A number of four digits may be a year; nobody who is counted here was born before the first with five, in May of 1927, and is in
 * a file as a number: that one is refused. */
enum { SERIAL_FIRST = 10000, SERIAL_LAST = 73050, SERIAL_DAYS_BEFORE_1970 = 25569 };

struct parts {
	unsigned values[3], digits[3];
	size_t count;
	struct text rest; /* behind the day */
};

/* Up to three numbers with one sign or one of 年月 between. */
static struct parts parts_of(struct text text)
{
	static const char *const between[] = { "-", "/", ".", "年", "月", " ", "、" };
	struct parts parts = { .count = 0 };
	size_t at = 0;
	while (parts.count < 3) {
		unsigned value = 0, digits = 0;
		for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9' && digits < 5; at++, digits++)
			value = value * 10 + (unsigned)(text.ptr[at] - '0');
		if (digits == 0)
			break;
		parts.values[parts.count] = value;
		parts.digits[parts.count++] = digits;
		size_t sign = 0;
		for (size_t i = 0; i < COUNT(between) && parts.count < 3 && sign == 0; i++)
			if (text_starts((struct text){ text.ptr + at, text.len - at }, text_of(between[i])))
				sign = strlen(between[i]);
		at += sign;
		if (parts.count < 3 && sign == 0)
			break;
	}
	parts.rest = (struct text){ text.ptr + at, text.len - at };
	return parts;
}

/* Behind the day: nothing, its word, or the time that a spreadsheet adds to it. */
static bool is_behind_day(struct text rest)
{
	if (text_starts(rest, TEXT("日")) || text_starts(rest, TEXT("号")))
		rest = (struct text){ rest.ptr + 3, rest.len - 3 };
	rest = text_trim(rest);
	for (size_t i = 0; i < rest.len; i++)
		if (!strchr("0123456789:.T", rest.ptr[i]))
			return false;
	return rest.len == 0 || memchr(rest.ptr, ':', rest.len) != NULL;
}

static struct text iso(struct arena *arena, unsigned year, unsigned month, unsigned day)
{
	return text_printf(arena, "%04u-%02u-%02u", year, month, day);
}

static struct text read_date(struct arena *arena, struct text cell)
{
	struct text text = clean(arena, cell, SIGNS);
	int64_t number;
	text = without_zero(without_mark(text));
	if (all_digits(text) && text.len == 8)
		return text_printf(arena, "%.4s-%.2s-%.2s", text.ptr, text.ptr + 4, text.ptr + 6);
	if (text_to_int(text, SERIAL_LAST, &number))
		return number < SERIAL_FIRST ? text : date_text(arena, date_from_days(number - SERIAL_DAYS_BEFORE_1970));
	struct parts parts = parts_of(text);
	if (parts.count != 3 || parts.digits[0] != 4 || parts.digits[1] > 2 || parts.digits[2] > 2 || !is_behind_day(parts.rest))
		return text; /* two digits of a year, or a day in front, may mean either */
	return iso(arena, parts.values[0], parts.values[1], parts.values[2]);
}

/* ---- words ---- */

/* Other words for the same, where the field has the second. 1 and 2 are those of GB/T 2261.1. */
static const char *const others[][2] = {
	{ "男性", "男" }, { "男士", "男" }, { "M", "男" }, { "m", "男" }, { "1", "男" }, { "女性", "女" }, { "女士", "女" }, { "F", "女" }, { "f", "女" },
	{ "2", "女" }, { "孤寡老人", "孤寡" }, { "独居老人", "独居" }, { "空巢老人", "空巢" }, { "留守老人", "留守" }, { "失能老人", "失能" },
	{ "高龄老人", "高龄" }, { "低保户", "低保" }, { "五保", "特困" }, { "五保户", "特困" }, { "特困人员", "特困" }, { "残疾人", "残疾" },
	{ "计生特扶", "计划生育特殊家庭" }, { "失独", "计划生育特殊家庭" }, { "重度残疾", "重残" }, { "丈夫", "配偶" }, { "妻子", "配偶" }, { "儿媳", "儿媳或女婿" },
	{ "女婿", "儿媳或女婿" }, { "独居", "独自居住" }, { "自理", "自理无需照料" }, { "卧病在床", "卧床" }, { "慢性病", "患慢性病" },
};

static struct text word_of(const struct field *field, struct text cell)
{
	if (word_find(field->words, cell))
		return cell;
	for (size_t i = 0; i < COUNT(others); i++)
		if (text_is(cell, others[i][0]) && word_find(field->words, text_of(others[i][1])))
			return text_of(others[i][1]);
	return cell;
}

int cell_yes_or_no(struct text cell)
{
	static const char *const yes[] = { "是", "有", "√", "✓", "✔", "对", "Y", "y", "yes", "Yes", "YES", "true", "TRUE", "1" };
	static const char *const no[] = { "否", "无", "没有", "不是", "×", "✗", "N", "n", "no", "No", "NO", "false", "FALSE", "0" };
	for (size_t i = 0; i < COUNT(yes); i++)
		if (text_is(cell, yes[i]))
			return 1;
	for (size_t i = 0; i < COUNT(no); i++)
		if (text_is(cell, no[i]))
			return 0;
	return -1;
}

static bool is_between(const char *at, const char *end, size_t *len)
{
	static const char *const signs[] = { "、", "，", "；", "／", ",", ";", "/", "|", " ", "\n", "\t" };
	for (size_t i = 0; i < COUNT(signs); i++)
		if (text_starts((struct text){ at, (size_t)(end - at) }, text_of(signs[i]))) {
			*len = strlen(signs[i]);
			return true;
		}
	return false;
}

static struct text read_words(struct arena *arena, const struct field *field, struct text cell)
{
	struct text text = clean(arena, cell, 0);
	struct buf out = buf_in(arena, text.len + 32, 64 * 1024);
	const char *begin = text.ptr, *end = text.ptr + text.len;
	for (const char *at = begin; at <= end && text.len > 0;) {
		size_t len = 1;
		if (at < end && !is_between(at, end, &len)) {
			at++;
			continue;
		}
		struct text piece = text_trim((struct text){ begin, (size_t)(at - begin) });
		if (piece.len > 0) {
			buf_text(&out, out.len > 0 ? TEXT("、") : TEXT(""));
			buf_text(&out, field->words ? word_of(field, piece) : piece);
		}
		at += len;
		begin = at;
	}
	return buf_done(&out);
}

static struct text read_boolean(struct arena *arena, struct text cell)
{
	struct text text = clean(arena, cell, SIGNS | NO_BLANKS);
	int yes = cell_yes_or_no(text);
	return yes < 0 ? text : yes ? TEXT("true") : TEXT("false");
}

/* ---- all of them ---- */

/* Whether the field is a number that nobody counts with. */
static bool is_code(const struct field *field)
{
	return field->type == FIELD_phone || field->type == FIELD_uscc || field->type == FIELD_ref || field->type == FIELD_area ||
	       (field->type == FIELD_text && (field->flags & (SEALED | UNIQUE)) && !(field->flags & HEALTH));
}

struct text cell_read(struct arena *arena, const struct field *field, struct text cell, enum cell_note *note)
{
	*note = CELL_FINE;
	switch (field->type) {
	case FIELD_id_card:
		return read_id_card(arena, cell, note);
	case FIELD_date:
		return read_date(arena, cell);
	case FIELD_integer:
		return read_number(arena, cell, true);
	case FIELD_money:
	case FIELD_decimal:
		return read_number(arena, cell, false);
	case FIELD_boolean:
		return read_boolean(arena, cell);
	case FIELD_word:
		return word_of(field, clean(arena, cell, 0));
	case FIELD_words:
	case FIELD_tags:
	case FIELD_refs:
		return read_words(arena, field, cell);
	case FIELD_text:
		if (field->flags & PERSON)
			return read_name(arena, cell);
		/* fall through */
	default:
		return is_code(field) ? read_code(arena, cell, note) : clean(arena, cell, 0);
	}
}

/* ---- headers ---- */

struct text cell_header(struct arena *arena, struct text cell)
{
	struct text text = clean(arena, cell, SIGNS | NO_BLANKS);
	const char *bracket = text.len > 1 ? memchr(text.ptr + 1, '(', text.len - 1) : NULL;
	if (bracket && text.ptr[text.len - 1] == ')')
		text.len = (size_t)(bracket - text.ptr);
	while (text.len > 0 && (text.ptr[0] == '*' || text.ptr[0] == '#'))
		text = (struct text){ text.ptr + 1, text.len - 1 };
	while (text.len > 0 && strchr("*:#", text.ptr[text.len - 1]))
		text.len--;
	return text;
}
