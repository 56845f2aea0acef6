/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - writing JSON into a buffer, and reading it within limits. */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct json_out json_out(struct buf *buf)
{
	return (struct json_out){ .buf = buf };
}

static void begin_value(struct json_out *j)
{
	if (j->comma)
		buf_char(j->buf, ',');
	j->comma = true;
}

void json_begin_object(struct json_out *j)
{
	begin_value(j);
	buf_char(j->buf, '{');
	j->comma = false;
}

void json_end_object(struct json_out *j)
{
	buf_char(j->buf, '}');
	j->comma = true;
}

void json_begin_array(struct json_out *j)
{
	begin_value(j);
	buf_char(j->buf, '[');
	j->comma = false;
}

void json_end_array(struct json_out *j)
{
	buf_char(j->buf, ']');
	j->comma = true;
}

/* How many bytes from the start need no escape; eight at a time (a byte below 0x20, a quote or a backslash sets its
 * high bit; bytes of UTF-8 above 0x7F never do). */
static size_t plain_run(const char *ptr, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
	size_t at = 0;
	for (; len - at >= 8; at += 8) {
		uint64_t eight;
		memcpy(&eight, ptr + at, 8);
		uint64_t quote = eight ^ ones * '"', slash = eight ^ ones * '\\';
		if ((((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs)
			break;
	}
	while (at < len && (unsigned char)ptr[at] >= 0x20 && ptr[at] != '"' && ptr[at] != '\\')
		at++;
	return at;
}

static char *put_escape(char *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	*out++ = '\\';
	if (c == '"' || c == '\\' || c == '\n') {
		*out++ = c == '\n' ? 'n' : (char)c;
		return out;
	}
	memcpy(out, "u00", 3);
	out[3] = hex[c >> 4];
	out[4] = hex[c & 15];
	return out + 5;
}

static void put_quoted(struct json_out *j, struct text t)
{
	size_t run = plain_run(t.ptr, t.len);
	size_t most = run == t.len ? t.len + 3 : t.len * 6 + 3;
	char *start = buf_room(j->buf, most), *out = start;
	if (!out)
		return;
	if (j->comma)
		*out++ = ',';
	*out++ = '"';
	for (size_t at = 0;;) {
		memcpy(out, t.ptr + at, run);
		out += run;
		at += run;
		if (at == t.len)
			break;
		out = put_escape(out, (unsigned char)t.ptr[at++]);
		run = plain_run(t.ptr + at, t.len - at);
	}
	*out++ = '"';
	j->buf->len += (size_t)(out - start);
}

void json_key(struct json_out *j, struct text key)
{
	put_quoted(j, key);
	buf_char(j->buf, ':');
	j->comma = false;
}

void json_put_text(struct json_out *j, struct text value)
{
	if (!value.ptr) {
		json_put_null(j);
		return;
	}
	put_quoted(j, value);
	j->comma = true;
}

void json_put_int(struct json_out *j, int64_t value)
{
	begin_value(j);
	buf_int(j->buf, value);
}

void json_put_id(struct json_out *j, int64_t id)
{
	if (id == 0) {
		json_put_null(j);
		return;
	}
	begin_value(j);
	buf_char(j->buf, '"');
	buf_int(j->buf, id);
	buf_char(j->buf, '"');
}

void json_put_real(struct json_out *j, double value)
{
	assert(isfinite(value));
	begin_value(j);
	if (fabs(value) >= 1e9) {
		buf_printf(j->buf, "%.10g", value);
		return;
	}
	/* Seven decimals (a centimetre on the map), by integers: printf is the dearest part of a page of records. */
	int64_t scaled = llround(fabs(value) * 1e7);
	if (value < 0 && scaled != 0)
		buf_char(j->buf, '-');
	buf_int(j->buf, scaled / 10000000);
	int64_t rest = scaled % 10000000;
	if (rest == 0)
		return;
	char digits[8];
	size_t len = 8;
	digits[0] = '.';
	for (size_t i = 7; i > 0; i--, rest /= 10)
		digits[i] = (char)('0' + rest % 10);
	while (digits[len - 1] == '0')
		len--;
	buf_add(j->buf, digits, len);
}

void json_put_bool(struct json_out *j, bool value)
{
	begin_value(j);
	buf_text(j->buf, value ? TEXT("true") : TEXT("false"));
}

void json_put_null(struct json_out *j)
{
	begin_value(j);
	buf_add(j->buf, "null", 4);
}

void json_put_raw(struct json_out *j, struct text json)
{
	begin_value(j);
	buf_text(j->buf, json);
}

/* jansson recurses, so the depth is known before it starts. Brackets inside strings do not count. */
static bool too_deep(struct text source, unsigned max_depth)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < source.len; i++) {
		char c = source.ptr[i];
		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > max_depth)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

enum json_wrong json_read(struct text source, unsigned max_depth, json_t **out)
{
	*out = NULL;
	if (source.len == 0)
		return JSON_MALFORMED;
	if (too_deep(source, max_depth))
		return JSON_TOO_DEEP;
	json_error_t ignored;
	*out = json_loadb(source.ptr, source.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &ignored);
	return *out ? JSON_FINE : JSON_MALFORMED;
}

struct text json_text_of(const json_t *value)
{
	if (!json_is_string(value))
		return TEXT_NONE;
	return (struct text){ json_string_value(value), json_string_length(value) };
}
