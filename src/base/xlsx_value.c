/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_value.c - what stands in a cell, as the text that is read. */
#include "base/xlsx_value.h"

#include "base/clock.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From here on Excel has lost the last digits of what was typed: it keeps fifteen. */
static const double exact_below = 1e15;

enum { DAY_SECONDS = 86400, DIGITS_KEPT = 15, DIGITS_ALL = 17, TIME_CHARS = 8 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- dates ---- */

static char *put_two(char *at, int value)
{
	*at++ = (char)('0' + value / 10 % 10);
	*at++ = (char)('0' + value % 10);
	return at;
}

static char *put_time(char *at, int seconds)
{
	at = put_two(at, seconds / 3600);
	*at++ = ':';
	at = put_two(at, seconds / 60 % 60);
	*at++ = ':';
	return put_two(at, seconds % 60);
}

/* Days are counted from 1904-01-01, or so that 1 is 1900-01-01 and 60 is 1900-02-29, which never was (Lotus 1-2-3 thought so). */
static bool day_of(int64_t count, bool date1904, struct date *day)
{
	if (!date1904 && (count == 0 || count == 60))
		return false;
	struct date zero = date1904 ? (struct date){ 1904, 1, 1 } : (struct date){ 1899, 12, count < 60 ? 31 : 30 };
	int64_t days = date_to_days(zero) + count;
	if (days > date_to_days((struct date){ 9999, 12, 31 }))
		return false;
	*day = date_from_days(days);
	return true;
}

static struct text date_of(double number, bool date1904, char out[static VALUE_CHARS])
{
	struct date day;
	char *at = out;
	if (!(number >= 0 && number < 2958466)) /* 10000-01-01 where they are counted from 1900 */
		return TEXT_NONE;
	int64_t seconds = llround(number * DAY_SECONDS);
	int rest = (int)(seconds % DAY_SECONDS);
	if (day_of(seconds / DAY_SECONDS, date1904, &day))
		at = date_put(at, day);
	else if (seconds >= DAY_SECONDS || seconds == 0)
		return TEXT_NONE;
	if (rest > 0 && at > out)
		*at++ = ' ';
	if (rest > 0)
		at = put_time(at, rest);
	return (struct text){ out, (size_t)(at - out) };
}

/* 2026-01-31T08:30:00.000Z; what is written otherwise stays. */
struct text value_iso_date(struct text iso, char out[static VALUE_CHARS])
{
	enum { WHOLE = DATE_CHARS + 1 + TIME_CHARS };
	if (iso.len < WHOLE || iso.ptr[DATE_CHARS] != 'T')
		return iso;
	if (memcmp(iso.ptr + DATE_CHARS + 1, "00:00:00", TIME_CHARS) == 0)
		return (struct text){ iso.ptr, DATE_CHARS };
	memcpy(out, iso.ptr, WHOLE);
	out[DATE_CHARS] = ' ';
	return (struct text){ out, WHOLE };
}

/* Characters that stand for themselves: in quotes, behind a backslash; or for a width (_x) or a filling (*x). In brackets are colours,
 * conditions, languages, and hours that count on. */
bool value_is_date_format(const char *code)
{
	for (const char *at = code; *at; at++) {
		if (*at == '"' || *at == '[') {
			at = strchr(at + 1, *at == '"' ? '"' : ']');
			if (!at)
				return false;
		} else if (strchr("\\_*", *at)) {
			if (!*++at)
				return false;
		} else if (strchr("yYmMdDhHsS", *at)) {
			return true;
		}
	}
	return false;
}

/* ---- numbers ---- */

/* Already the text that is wanted: at most fifteen digits, no exponent, no zeros too many. */
static bool is_plain(struct text digits)
{
	const char *at = digits.ptr, *end = digits.ptr + digits.len, *point = NULL;
	if (digits.len == 0 || digits.len > DIGITS_KEPT + 2)
		return false;
	at += *at == '-';
	const char *first = at;
	for (; at < end; at++) {
		if (*at == '.' && !point)
			point = at;
		else if (!is_digit(*at))
			return false;
	}
	const char *whole_end = point ? point : end;
	if (end - first - (point != NULL) > DIGITS_KEPT || whole_end == first || (point && (point + 1 == end || end[-1] == '0')))
		return false;
	return *first != '0' || (whole_end == first + 1 && (point || first == digits.ptr));
}

/* The program stays in the C locale, so that a point is a point. */
static bool is_number(struct text digits, double *number)
{
	char *end;
	for (size_t i = 0; i < digits.len; i++) {
		if (!is_digit(digits.ptr[i]) && !strchr("+-.eE", digits.ptr[i]))
			return false;
	}
	assert(digits.ptr[digits.len] == 0);
	*number = strtod(digits.ptr, &end);
	return digits.len > 0 && end == digits.ptr + digits.len && isfinite(*number);
}

static struct text shortest(double number, char out[static VALUE_CHARS])
{
	bool exact = fabs(number) < exact_below;
	int len = 0;
	if (exact && number == trunc(number))
		return (struct text){ out, (size_t)(text_decimal(out, (int64_t)number) - out) };
	for (int digits = exact ? DIGITS_KEPT : 1; digits <= DIGITS_ALL; digits++) {
		len = exact ? snprintf(out, VALUE_CHARS, "%.*g", digits, number) : snprintf(out, VALUE_CHARS, "%.*E", digits - 1, number);
		if (strtod(out, NULL) == number)
			break;
	}
	return (struct text){ out, (size_t)len };
}

struct text value_number(struct text digits, struct value_style style, char out[static VALUE_CHARS])
{
	double number;
	if (!style.is_date && is_plain(digits))
		return digits;
	if (!is_number(digits, &number))
		return digits;
	struct text date = style.is_date ? date_of(number, style.date1904, out) : TEXT_NONE;
	return date.ptr ? date : shortest(number, out);
}

/* ---- texts ---- */

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Of "_x000D_" the character, 0: it is none. What would be no UTF-8, and the end of a text, are left as they stand. */
static unsigned escaped(const char *at, size_t left)
{
	enum { ESCAPE_CHARS = 7 };
	unsigned point = 0;
	if (left < ESCAPE_CHARS || at[0] != '_' || at[1] != 'x' || at[6] != '_')
		return 0;
	for (unsigned i = 2; i < 6; i++) {
		if (hex_digit(at[i]) < 0)
			return 0;
		point = point << 4 | (unsigned)hex_digit(at[i]);
	}
	return (point >= 0xD800 && point <= 0xDFFF) || point >= 0xFFFE ? 0 : point;
}

static char *put_point(char *at, unsigned point)
{
	if (point >= 0x800) {
		*at++ = (char)(0xE0 | point >> 12);
		*at++ = (char)(0x80 | (point >> 6 & 0x3F));
	} else if (point >= 0x80) {
		*at++ = (char)(0xC0 | point >> 6);
	}
	*at++ = (char)(point >= 0x80 ? 0x80 | (point & 0x3F) : point);
	return at;
}

size_t value_unescape(char *text, size_t len)
{
	char *out = memchr(text, '_', len);
	if (!out)
		return len;
	for (const char *at = out, *end = text + len; at < end;) {
		unsigned point = escaped(at, (size_t)(end - at));
		if (point)
			out = put_point(out, point);
		else
			*out++ = *at;
		at += point ? 7 : 1;
	}
	return (size_t)(out - text);
}
