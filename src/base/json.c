/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - writing JSON into a buffer, and reading it within limits. */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct json_out json_out(struct buf *buf)
{
	return (struct json_out){ .buf = buf };
}

/* Room for a value of at most `most` bytes, behind the comma that is due and the key, if there is one; NULL over the
 * buffer's limit. end_value says where it ended. Both are a few instructions on the way of every value of every answer. */
static inline __attribute__((always_inline)) char *begin_value(struct json_out *j, struct text key, size_t most)
{
	char *out = buf_room(j->buf, most + key.len + 4);
	if (!out)
		return NULL;
	if (j->comma)
		*out++ = ',';
	if (!key.ptr)
		return out;
	*out++ = '"';
	memcpy(out, key.ptr, key.len);
	memcpy(out + key.len, "\":", 2);
	return out + key.len + 2;
}

static inline __attribute__((always_inline)) void end_value(struct json_out *j, const char *end)
{
	j->buf->len = (size_t)(end - j->buf->ptr);
	j->comma = true;
}

static inline void put_bytes(struct json_out *j, struct text key, const void *bytes, size_t len)
{
	char *out = begin_value(j, key, len);
	if (!out)
		return;
	memcpy(out, bytes, len);
	end_value(j, out + len);
}

void json_begin_object(struct json_out *j)
{
	put_bytes(j, TEXT_NONE, "{", 1);
	j->comma = false;
}

void json_end_object(struct json_out *j)
{
	buf_char(j->buf, '}');
	j->comma = true;
}

void json_begin_array(struct json_out *j)
{
	put_bytes(j, TEXT_NONE, "[", 1);
	j->comma = false;
}

void json_end_array(struct json_out *j)
{
	buf_char(j->buf, ']');
	j->comma = true;
}

void json_key(struct json_out *j, struct text key)
{
	char *out = begin_value(j, key, 0);
	if (out)
		end_value(j, out);
	j->comma = false;
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* Copies up to the first byte that needs an escape; how many bytes. Eight at a time: a byte below 0x20, a quote or a
 * backslash sets its high bit, bytes of UTF-8 above 0x7F never do. */
static size_t copy_plain(char *out, const char *in, size_t len)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
	size_t at = 0;
	for (; len - at >= 8; at += 8) {
		uint64_t eight;
		memcpy(&eight, in + at, 8);
		uint64_t quote = eight ^ ones * '"', slash = eight ^ ones * '\\';
		if ((((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs)
			break;
		memcpy(out + at, &eight, 8);
	}
	for (; at < len && is_plain(in[at]); at++)
		out[at] = in[at];
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

/* What is left of a text from its first escape on, and the closing quote. */
static void put_escaped(struct json_out *j, struct text rest)
{
	char *out = buf_room(j->buf, rest.len * 6 + 1);
	if (!out)
		return;
	for (size_t at = 0; at < rest.len;) {
		size_t run = copy_plain(out, rest.ptr + at, rest.len - at);
		out += run;
		at += run;
		if (at < rest.len)
			out = put_escape(out, (unsigned char)rest.ptr[at++]);
	}
	*out++ = '"';
	end_value(j, out);
}

void json_member_text(struct json_out *j, struct text key, struct text value)
{
	if (!value.ptr) {
		json_member_null(j, key);
		return;
	}
	char *out = begin_value(j, key, value.len + 2);
	if (!out)
		return;
	*out++ = '"';
	size_t run = copy_plain(out, value.ptr, value.len);
	out += run;
	if (run == value.len)
		*out++ = '"';
	end_value(j, out);
	if (run < value.len)
		put_escaped(j, (struct text){ value.ptr + run, value.len - run });
}

void json_member_int(struct json_out *j, struct text key, int64_t value)
{
	char *out = begin_value(j, key, DECIMAL_MAX);
	if (out)
		end_value(j, text_decimal(out, value));
}

void json_member_id(struct json_out *j, struct text key, int64_t id)
{
	if (id == 0) {
		json_member_null(j, key);
		return;
	}
	char *out = begin_value(j, key, DECIMAL_MAX + 2);
	if (!out)
		return;
	*out++ = '"';
	out = text_decimal(out, id);
	*out++ = '"';
	end_value(j, out);
}

void json_member_instant(struct json_out *j, struct text key, int64_t at_ms)
{
	char *out = begin_value(j, key, RFC3339_CHARS + 2);
	if (!out)
		return;
	*out++ = '"';
	out = clock_put(out, at_ms);
	*out++ = '"';
	end_value(j, out);
}

void json_member_real(struct json_out *j, struct text key, double value)
{
	enum { DECIMALS = 7, MOST = 40 }; /* a centimetre on the map; by integers, as printf would be the dearest part of a page */
	assert(isfinite(value));
	char *out = begin_value(j, key, MOST);
	if (!out)
		return;
	if (fabs(value) >= 1e9) {
		end_value(j, out + snprintf(out, MOST, "%.10g", value));
		return;
	}
	int64_t scaled = llround(fabs(value) * 1e7);
	if (value < 0 && scaled != 0)
		*out++ = '-';
	out = text_decimal(out, scaled / 10000000);
	unsigned rest = (unsigned)(scaled % 10000000);
	if (rest != 0) {
		*out++ = '.';
		for (size_t i = DECIMALS; i > 0; i--, rest /= 10)
			out[i - 1] = (char)('0' + rest % 10);
		out += DECIMALS;
		while (out[-1] == '0')
			out--;
	}
	end_value(j, out);
}

void json_member_null(struct json_out *j, struct text key)
{
	put_bytes(j, key, "null", 4);
}

void json_member_raw(struct json_out *j, struct text key, struct text json)
{
	put_bytes(j, key, json.ptr, json.len);
}

/* jansson recurses and allocates for each value, so depth and number are known before it starts. Brackets and commas
 * inside strings do not count. */
static enum json_wrong measure(struct text source, unsigned max_depth)
{
	unsigned depth = 0, values = 1;
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
				return JSON_TOO_DEEP;
			values++;
		} else if (c == ',') {
			values++;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return values > JSON_VALUES_MAX ? JSON_TOO_MANY : JSON_FINE;
}

enum json_wrong json_read(struct text source, unsigned max_depth, json_t **out)
{
	*out = NULL;
	if (source.len == 0)
		return JSON_MALFORMED;
	enum json_wrong wrong = measure(source, max_depth);
	if (wrong != JSON_FINE)
		return wrong;
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
