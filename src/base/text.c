/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - length-carrying text, and the one growing buffer. */
#include "base/text.h"

#include "base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct text text_of(const char *zero_terminated)
{
	return (struct text){ zero_terminated, zero_terminated ? strlen(zero_terminated) : 0 };
}

bool text_eq(struct text a, struct text b)
{
	if (!a.ptr || !b.ptr)
		return !a.ptr && !b.ptr;
	return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

int text_compare(struct text a, struct text b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool text_is(struct text a, const char *literal)
{
	return text_eq(a, text_of(literal));
}

bool text_starts(struct text a, struct text prefix)
{
	return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

struct text text_cut(struct text a, size_t max)
{
	size_t len = a.len < max ? a.len : max;
	while (len > 0 && len < a.len && ((unsigned char)a.ptr[len] & 0xC0) == 0x80)
		len--;
	return (struct text){ a.ptr, len };
}

static size_t blank_at(const char *ptr, size_t len)
{
	if (len > 0 && (*ptr == ' ' || (*ptr >= '\t' && *ptr <= '\r')))
		return 1;
	return len >= 3 && memcmp(ptr, "\xE3\x80\x80", 3) == 0 ? 3 : 0;
}

struct text text_trim(struct text a)
{
	for (size_t n; (n = blank_at(a.ptr, a.len)) > 0;) {
		a.ptr += n;
		a.len -= n;
	}
	for (;;) {
		if (a.len > 0 && blank_at(a.ptr + a.len - 1, 1))
			a.len -= 1;
		else if (a.len >= 3 && blank_at(a.ptr + a.len - 3, 3) == 3)
			a.len -= 3;
		else
			return a;
	}
}

struct text text_copy(struct arena *arena, struct text a)
{
	if (!a.ptr)
		return a;
	char *copy = arena_take_raw(arena, a.len + 1);
	memcpy(copy, a.ptr, a.len);
	copy[a.len] = 0;
	return (struct text){ copy, a.len };
}

const char *text_z(struct arena *arena, struct text a)
{
	return a.ptr ? text_copy(arena, a).ptr : "";
}

struct text text_printf(struct arena *arena, const char *format, ...)
{
	char small[128]; /* nearly always enough, so that it is formatted once */
	va_list first, again;
	va_start(first, format);
	va_copy(again, first);
	int len = vsnprintf(small, sizeof small, format, first);
	va_end(first);
	assert(len >= 0);
	char *out = arena_take_raw(arena, (size_t)len + 1);
	if ((size_t)len < sizeof small)
		memcpy(out, small, (size_t)len + 1);
	else
		vsnprintf(out, (size_t)len + 1, format, again);
	va_end(again);
	return (struct text){ out, (size_t)len };
}

/* The length of the UTF-8 sequence at `p`, or 0 when it is not one (RFC 3629 section 4). */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char a = p[0];
	if (a < 0x80)
		return a != 0;
	if (left < 2 || (p[1] & 0xC0) != 0x80)
		return 0;
	if (a >= 0xC2 && a <= 0xDF)
		return 2;
	if (left < 3 || (p[2] & 0xC0) != 0x80)
		return 0;
	if ((a & 0xF0) == 0xE0)
		return (a == 0xE0 && p[1] < 0xA0) || (a == 0xED && p[1] > 0x9F) ? 0 : 3;
	if (left < 4 || (p[3] & 0xC0) != 0x80)
		return 0;
	if (a >= 0xF0 && a <= 0xF4)
		return (a == 0xF0 && p[1] < 0x90) || (a == 0xF4 && p[1] > 0x8F) ? 0 : 4;
	return 0;
}

struct text text_percent(struct arena *arena, struct text a)
{
	struct buf out = buf_in(arena, 3 * a.len + 1, 3 * a.len + 1);
	for (size_t i = 0; i < a.len; i++) {
		char c = a.ptr[i], lower = (char)(c | 0x20);
		if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~')
			buf_char(&out, c);
		else
			buf_printf(&out, "%%%02X", (unsigned)(unsigned char)c);
	}
	return buf_done(&out);
}

struct text text_part(struct text *rest, char end)
{
	const char *found = rest->len > 0 ? memchr(rest->ptr, end, rest->len) : NULL;
	struct text part = { rest->ptr, found ? (size_t)(found - rest->ptr) : rest->len };
	size_t taken = part.len + (found ? 1 : 0);
	*rest = (struct text){ rest->ptr + taken, rest->len - taken };
	return part;
}

struct text text_word(struct text *rest)
{
	while (rest->len > 0 && *rest->ptr == ' ')
		*rest = (struct text){ rest->ptr + 1, rest->len - 1 };
	const char *blank = rest->len > 0 ? memchr(rest->ptr, ' ', rest->len) : NULL;
	struct text word = { rest->ptr, blank ? (size_t)(blank - rest->ptr) : rest->len };
	*rest = (struct text){ rest->ptr + word.len, rest->len - word.len };
	return word;
}

bool text_lists(const char *list, struct text name)
{
	struct text rest = text_of(list);
	while (rest.len > 0)
		if (text_eq(text_word(&rest), name))
			return true;
	return false;
}

size_t text_point(struct text a, uint32_t *point)
{
	const unsigned char *p = (const unsigned char *)a.ptr;
	size_t len = a.len > 0 ? utf8_sequence(p, a.len) : 0;
	if (len == 0 || !point)
		return len;
	*point = len == 1 ? p[0] : p[0] & (0xFFu >> (len + 1));
	for (size_t i = 1; i < len; i++)
		*point = *point << 6 | (p[i] & 0x3Fu);
	return len;
}

size_t text_utf8_length(struct text a)
{
	size_t points = 0;
	for (size_t at = 0; at < a.len; points++) {
		size_t n = text_point((struct text){ a.ptr + at, a.len - at }, NULL);
		if (n == 0)
			return SIZE_MAX;
		at += n;
	}
	return points;
}

bool text_to_int(struct text a, int64_t max, int64_t *out)
{
	int64_t value = 0;
	if (a.len == 0 || a.len > 19)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (a.ptr[i] < '0' || a.ptr[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, a.ptr[i] - '0', &value))
			return false;
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

char *text_decimal(char *out, int64_t value)
{
	char digits[DECIMAL_MAX], *at = digits + sizeof digits;
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	for (; left >= 100; left /= 100) {
		unsigned two = (unsigned)(left % 100);
		*--at = (char)('0' + two % 10);
		*--at = (char)('0' + two / 10);
	}
	if (left >= 10) {
		*--at = (char)('0' + left % 10);
		left /= 10;
	}
	*--at = (char)('0' + left);
	if (value < 0)
		*out++ = '-';
	size_t len = (size_t)(digits + sizeof digits - at);
	memcpy(out, at, len);
	return out + len;
}

struct buf buf_in(struct arena *arena, size_t first, size_t max)
{
	assert(first > 0 && first <= max);
	return (struct buf){ .arena = arena, .ptr = arena_take_raw(arena, first), .cap = first, .max = max };
}

char *buf_grow(struct buf *b, size_t more)
{
	if (b->overflow || more > b->max - b->len) {
		b->overflow = true;
		return NULL;
	}
	size_t cap = b->cap;
	while (cap - b->len < more)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	char *grown = arena_take_raw(b->arena, cap);
	memcpy(grown, b->ptr, b->len);
	b->ptr = grown;
	b->cap = cap;
	return b->ptr + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	char *out = len > 0 ? buf_room(b, len) : NULL;
	if (!out)
		return;
	memcpy(out, bytes, len);
	b->len += len;
}

void buf_text(struct buf *b, struct text t)
{
	buf_add(b, t.ptr, t.len);
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_int(struct buf *b, int64_t value)
{
	char digits[DECIMAL_MAX];
	buf_add(b, digits, (size_t)(text_decimal(digits, value) - digits));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char small[256];
	va_list again;
	va_copy(again, args);
	int len = vsnprintf(small, sizeof small, format, args);
	va_end(args);
	assert(len >= 0);
	if ((size_t)len < sizeof small)
		buf_add(b, small, (size_t)len);
	else if (buf_room(b, (size_t)len + 1)) {
		vsnprintf(b->ptr + b->len, (size_t)len + 1, format, again);
		b->len += (size_t)len;
	}
	va_end(again);
}

struct text buf_done(const struct buf *b)
{
	return (struct text){ b->ptr, b->len };
}
