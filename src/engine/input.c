/* SPDX-License-Identifier: Apache-2.0 */
/* input.c - taking fields out of what came in. */
#include "engine/input.h"

#include "base/crypto.h"
#include "engine/app.h"
#include "engine/keys.h"
#include "engine/input_own.h"
#include "engine/source.h"

#include <assert.h>
#include <string.h>

enum { DETAIL_BYTES_MAX = 256 * 1024 };

void input_start(struct input *in, struct call *call, bool create)
{
	in->call = call;
	in->create = create;
	in->taken_count = in->given_count = 0;
	in->changed = false;
	in->detail = buf_in(call->arena, 1024, DETAIL_BYTES_MAX);
	in->fields = buf_in(call->arena, 128, 4096);
	in->json = json_out(&in->detail);
	json_begin_object(&in->json);
}

void input_start_record(struct input *in, struct call *call, const struct shape *shape, int64_t id, const struct hidden *before)
{
	input_start(in, call, !before);
	in->shape = shape;
	in->id = id;
	in->hidden.sealed = arena_take(call->arena, (shape->sealed_count + 1) * sizeof *in->hidden.sealed);
	in->hidden.sources = TEXT_NONE;
	in->source = source_of(call);
	if (!before)
		return;
	memcpy(in->hidden.sealed, before->sealed, shape->sealed_count * sizeof *before->sealed);
	in->hidden.sources = before->sources;
}

void input_wrong(struct input *in, const char *name, const char *code, const char *zh, const char *en)
{
	call_wrong(in->call, text_printf(in->call->arena, "/%s", name), code, text_of(zh), text_of(en));
}

void input_wrong_type(struct input *in, const char *name)
{
	input_wrong(in, name, "wrong_type", "数据类型不对", "The value has the wrong type");
}

/* ---- finding a field ---- */

static void remember(struct input *in, const char *name)
{
	assert(in->taken_count < INPUT_FIELDS_MAX);
	in->taken[in->taken_count++] = name;
}

enum found input_find(struct input *in, const struct field *field, json_t **json, struct text *cell)
{
	enum found found = ABSENT;
	const char *name = field->name;
	bool needed = text_lists(in->needs, text_of(name)), must = needed || (field->flags & MUST);
	remember(in, name);
	*json = NULL;
	*cell = TEXT_NONE;
	if (in->object) {
		*json = json_object_get(in->object, name);
		if (*json) {
			found = json_is_null(*json) ? CLEARED : GIVEN;
			in->given_count++;
		}
	} else {
		for (size_t i = 0; i < in->cell_count; i++)
			if (text_is(in->cells[i].name, name))
				*cell = text_trim(in->cells[i].value);
		found = cell->len > 0 ? GIVEN : ABSENT;
	}
	if (must && (found == CLEARED || (found == ABSENT && (in->create || needed))))
		input_wrong(in, name, "required", "必填", "This field is required");
	return found == CLEARED && must ? ABSENT : found;
}

bool input_gives(const struct input *in, const char *name)
{
	for (size_t i = 0; !in->object && i < in->cell_count; i++)
		if (text_is(in->cells[i].name, name) && text_trim(in->cells[i].value).len > 0)
			return true;
	return json_object_get(in->object, name) != NULL;
}

/* A field whose value is text, in either kind of input. */
enum found input_find_text(struct input *in, const struct field *field, struct text *text)
{
	json_t *json;
	enum found found = input_find(in, field, &json, text);
	if (found != GIVEN || !json)
		return found;
	*text = json_text_of(json);
	if (text->ptr)
		return GIVEN;
	input_wrong_type(in, field->name);
	return ABSENT;
}

/* ---- noting what changed ---- */

void input_note(struct input *in, const char *name)
{
	in->changed = true;
	if (in->fields.len > 0)
		buf_char(&in->fields, ',');
	buf_text(&in->fields, text_of(name));
	json_key(&in->json, text_of(name));
	json_begin_array(&in->json);
}

/* A list and a file are noted as they are kept, as JSON. */
static void put_noted(struct input *in, const struct field *field, struct text value)
{
	bool is_json = field->type == FIELD_words || field->type == FIELD_tags || field->type == FIELD_refs || field->type == FIELD_file;
	if (value.ptr && is_json)
		json_put_raw(&in->json, value);
	else
		json_put_text(&in->json, value);
}

/* ---- sealed values ---- */

struct text field_mask(struct arena *arena, const struct field *field, struct text plain)
{
	char mask[MASKED_NUMBER_SIZE];
	if (!plain.ptr)
		return TEXT_NONE;
	if (field->flags & HEALTH)
		return TEXT("***");
	if (field->type == FIELD_phone)
		mask_phone(plain, mask);
	else
		mask_number(plain, mask);
	return text_copy(arena, text_of(mask));
}

static struct seal_place place_of(const struct input *in, const struct field *field)
{
	return (struct seal_place){ in->call->actor.district, in->shape->resource->name, field->name, in->id };
}

static const struct slot *slot_of_field(const struct input *in, const struct field *field)
{
	for (size_t i = 0; i < in->shape->slot_count; i++)
		if (in->shape->slots[i].field == field)
			return &in->shape->slots[i];
	assert(!"the field is one of the shape's");
	return NULL;
}

static void put_box(struct input *in, struct text box)
{
	json_put_text(&in->json, box.ptr ? base64url(in->call->arena, box) : TEXT_NONE);
}

static void set_sealed(struct input *in, const struct field *field, struct text *value, struct text now)
{
	const struct slot *slot = slot_of_field(in, field);
	struct arena *arena = in->call->arena;
	struct sealed *sealed = &in->hidden.sealed[slot->sealed], fresh = { .plain = now, .changed = true };
	char *hash = arena_take(arena, SEAL_HASH_BYTES);
	if (now.ptr) {
		keys_hash(in->call->app->keys, slot->hash_kind, in->call->actor.district, now, (unsigned char *)hash);
		fresh.hash = (struct text){ hash, SEAL_HASH_BYTES };
	}
	if (text_eq(sealed->hash, fresh.hash))
		return;
	struct seal_place place = place_of(in, field);
	fresh.plain = now.ptr ? text_copy(arena, now) : TEXT_NONE;
	if (!in->unwritten)
		fresh.box = keys_seal(in->call->app->keys, arena, &place, fresh.plain);
	input_note(in, field->name);
	put_box(in, sealed->box);
	put_box(in, fresh.box);
	json_end_array(&in->json);
	*sealed = fresh;
	*value = field_mask(arena, field, fresh.plain);
}

struct text input_plain(struct input *in, const char *name)
{
	const struct slot *slot = shape_slot(in->shape, text_of(name));
	const struct sealed *sealed = &in->hidden.sealed[slot->sealed];
	struct seal_place place = place_of(in, slot->field);
	struct text plain = sealed->plain;
	if (!sealed->changed && !keys_unseal(in->call->app->keys, in->call->arena, &place, sealed->box, &plain))
		return TEXT_NONE;
	return plain;
}

struct text input_hash(const struct input *in, const char *name)
{
	return in->hidden.sealed[shape_slot(in->shape, text_of(name))->sealed].hash;
}

/* ---- any value ---- */

void input_set_text(struct input *in, const struct field *field, struct text *value, struct text now)
{
	if (field_is_sealed(field)) {
		set_sealed(in, field, value, now);
		return;
	}
	if (text_eq(*value, now))
		return;
	input_note(in, field->name);
	put_noted(in, field, *value);
	put_noted(in, field, now);
	json_end_array(&in->json);
	*value = now.ptr ? text_copy(in->call->arena, now) : TEXT_NONE;
}

static void put_number(struct input *in, const struct field *field, int64_t value)
{
	if (field->type == FIELD_ref || field->type == FIELD_area)
		json_put_id(&in->json, value);
	else if (value == MISSING)
		json_put_null(&in->json);
	else if (field->type == FIELD_boolean)
		json_put_bool(&in->json, value != 0);
	else if (field->type == FIELD_instant)
		json_member_instant(&in->json, TEXT_NONE, value);
	else
		json_put_int(&in->json, value);
}

void input_set_number(struct input *in, const struct field *field, int64_t *value, int64_t now)
{
	if (*value == now)
		return;
	input_note(in, field->name);
	put_number(in, field, *value);
	put_number(in, field, now);
	json_end_array(&in->json);
	*value = now;
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

/* What is answered, but never taken. */
static bool is_read_only(const struct shape *shape, struct text name)
{
	if (!shape)
		return text_is(name, "id") || text_is(name, "version");
	const struct slot *slot = shape_slot(shape, name);
	return (slot && (slot->field->flags & (KEPT | FIXED))) || field_find(shape->resource->derived, shape->resource->derived_count, name);
}

bool input_finish(struct input *in)
{
	const char *key;
	json_t *ignored;
	bool all_taken = json_object_size(in->object) == in->given_count;
	json_object_foreach(in->object, key, ignored) {
		if (all_taken || was_taken(in, key))
			continue;
		bool known = is_read_only(in->shape, text_of(key));
		call_wrong(in->call, pointer_to(in->call->arena, text_cut(text_of(key), 64)), known ? "read_only" : "unknown_field",
		           known ? TEXT("该字段由系统维护，不能填写") : TEXT("没有这个字段"),
		           known ? TEXT("The field is kept by the system") : TEXT("There is no such field"));
	}
	json_end_object(&in->json);
	return in->call->problem == PROBLEM_NONE;
}
