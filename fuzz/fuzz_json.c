/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_json.c - JSON of any bytes: the depth limit is exact, and what was read reads the same once written. */
#include "base/arena.h"
#include "base/json.h"

#undef NDEBUG
#include <assert.h>
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_LIMIT = 1 << 18, DEPTH_MAX = 32 };

static unsigned depth_of(json_t *value)
{
	unsigned deepest = 0;
	size_t index;
	const char *key;
	json_t *child;
	if (json_is_array(value)) {
		json_array_foreach(value, index, child) {
			unsigned depth = depth_of(child);
			deepest = depth > deepest ? depth : deepest;
		}
		return deepest + 1;
	}
	if (!json_is_object(value))
		return 0;
	json_object_foreach(value, key, child) {
		unsigned depth = depth_of(child);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

/* Reals are written with ten digits, which is no exact copy: `*exact` says whether there was none. */
static void write_value(struct json_out *j, json_t *value, bool *exact)
{
	size_t index;
	const char *key;
	json_t *child;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		json_begin_object(j);
		json_object_foreach(value, key, child) {
			/* json_key is for names of ours; here any text may be a key */
			json_put_text(j, text_of(key));
			buf_char(j->buf, ':');
			j->comma = false;
			write_value(j, child, exact);
		}
		json_end_object(j);
		break;
	case JSON_ARRAY:
		json_begin_array(j);
		json_array_foreach(value, index, child)
			write_value(j, child, exact);
		json_end_array(j);
		break;
	case JSON_STRING:
		assert(text_utf8_length(json_text_of(value)) != SIZE_MAX);
		json_put_text(j, json_text_of(value));
		break;
	case JSON_INTEGER:
		json_put_int(j, json_integer_value(value));
		break;
	case JSON_REAL:
		*exact = false;
		/* rounded up, the largest double would no longer be one */
		json_put_real(j, fabs(json_real_value(value)) < 1e300 ? json_real_value(value) : 0);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		json_put_bool(j, json_is_true(value));
		break;
	case JSON_NULL:
		json_put_null(j);
		break;
	}
}

static void check_value(struct arena *arena, struct text source, json_t *value)
{
	unsigned depth = depth_of(value);
	json_t *again;
	assert(depth <= DEPTH_MAX);
	if (depth > 0)
		assert(json_read(source, depth - 1, &again) == JSON_TOO_DEEP && !again);
	assert(json_read(source, depth, &again) == JSON_FINE);
	assert(json_equal(value, again));
	json_decref(again);

	bool exact = true;
	struct buf out = buf_in(arena, 256, (size_t)8 << 20);
	struct json_out j = json_out(&out);
	write_value(&j, value, &exact);
	assert(!out.overflow);
	assert(json_read(buf_done(&out), depth, &again) == JSON_FINE);
	assert(!exact || json_equal(value, again));
	json_decref(again);
}

/* The bytes themselves as one string: every text that is valid outside survives the writer. */
static void check_as_string(struct arena *arena, struct text source)
{
	if (text_utf8_length(source) == SIZE_MAX)
		return;
	struct buf out = buf_in(arena, 256, (size_t)8 << 20);
	struct json_out j = json_out(&out);
	json_put_text(&j, (struct text){ source.ptr ? source.ptr : "", source.len });
	json_t *read;
	assert(!out.overflow && json_read(buf_done(&out), 0, &read) == JSON_FINE);
	assert(json_text_of(read).len == source.len);
	assert(source.len == 0 || text_eq(json_text_of(read), source));
	json_decref(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > SIZE_LIMIT)
		return 0;
	struct text source = { (const char *)data, size };
	struct arena arena = arena_new((size_t)64 << 20);
	json_t *value;
	enum json_wrong wrong = json_read(source, DEPTH_MAX, &value);
	assert((wrong == JSON_FINE) == (value != NULL));
	if (value)
		check_value(&arena, source, value);
	json_decref(value);
	check_as_string(&arena, source);
	arena_free(&arena);
	return 0;
}
