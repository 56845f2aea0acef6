/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - writing JSON into a buffer, and reading it within limits. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/clock.h"

#include <jansson.h>

struct json_out {
	struct buf *buf;
	bool comma; /* the next value or key needs a comma before it */
};

struct json_out json_out(struct buf *buf);
void json_begin_object(struct json_out *j);
void json_end_object(struct json_out *j);
void json_begin_array(struct json_out *j);
void json_end_array(struct json_out *j);
/* Keys are names of ours, written as they stand: nothing in them is escaped. */
void json_key(struct json_out *j, struct text key);
void json_member_text(struct json_out *j, struct text key, struct text value); /* missing becomes null */
void json_member_int(struct json_out *j, struct text key, int64_t value);
void json_member_id(struct json_out *j, struct text key, int64_t id); /* decimal string; 0 becomes null */
void json_member_real(struct json_out *j, struct text key, double value);
void json_member_instant(struct json_out *j, struct text key, int64_t at_ms); /* RFC 3339 */
void json_member_null(struct json_out *j, struct text key);
void json_member_raw(struct json_out *j, struct text key, struct text json); /* already JSON */

#define JSON_TEXT(j, key, value) json_member_text(j, TEXT(key), value)
#define JSON_INT(j, key, value) json_member_int(j, TEXT(key), value)
#define JSON_ID(j, key, value) json_member_id(j, TEXT(key), value)
#define JSON_BOOL(j, key, value) (json_key(j, TEXT(key)), json_put_bool(j, value))

/* An item of an array, or the value behind json_key. */
static inline void json_put_text(struct json_out *j, struct text value)
{
	json_member_text(j, TEXT_NONE, value);
}
static inline void json_put_int(struct json_out *j, int64_t value)
{
	json_member_int(j, TEXT_NONE, value);
}
static inline void json_put_id(struct json_out *j, int64_t id)
{
	json_member_id(j, TEXT_NONE, id);
}
static inline void json_put_real(struct json_out *j, double value)
{
	json_member_real(j, TEXT_NONE, value);
}
static inline void json_put_bool(struct json_out *j, bool value)
{
	json_member_raw(j, TEXT_NONE, value ? TEXT("true") : TEXT("false"));
}
static inline void json_put_null(struct json_out *j)
{
	json_member_null(j, TEXT_NONE);
}
static inline void json_put_raw(struct json_out *j, struct text json)
{
	json_member_raw(j, TEXT_NONE, json);
}

enum json_wrong {
	JSON_FINE,
	JSON_MALFORMED, /* not JSON, not UTF-8, a repeated key, an escape for U+0000 */
	JSON_TOO_DEEP,
	JSON_TOO_MANY /* more than JSON_VALUES_MAX values: each takes some eighty bytes, however short it is written */
};

enum { JSON_VALUES_MAX = 20000 };

/* Reads one JSON value of any type nested at most `max_depth` deep. The caller frees *out with json_decref. */
enum json_wrong json_read(struct text source, unsigned max_depth, json_t **out);
struct text json_text_of(const json_t *value); /* borrows; missing unless a string */

#endif
