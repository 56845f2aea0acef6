/* SPDX-License-Identifier: Apache-2.0 */
/* record_tokens.c - the tokens by which a record is found. */
#include "engine/record_tokens.h"

#include "base/log.h"
#include "engine/input.h"
#include "engine/keys.h"
#include "engine/operations.h"
#include "engine/record.h"
#include "store/token_index.h"

#include <string.h>

enum { TOKENS_BYTES_MAX = 256 * 1024, LAST_CHARS = 4, LAST_HASH_BYTES = 6, WHOLE_HASH_BYTES = 8, AREA_DIGITS = 15, SLICE_RECORDS = 200,
	FILLING_BYTES_MAX = 64 << 20 };

/* ---- of sealed fields ---- */

bool field_is_found_exactly(const struct field *field)
{
	return field_is_sealed(field) && !(field->flags & HEALTH);
}

static void add_hex(struct buf *out, const unsigned char *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < count; i++) {
		buf_char(out, digits[bytes[i] >> 4]);
		buf_char(out, digits[bytes[i] & 15]);
	}
}

static struct text last_characters(struct text plain)
{
	size_t from = plain.len;
	for (unsigned left = LAST_CHARS; from > 0 && left > 0; left--)
		for (from--; from > 0 && ((unsigned char)plain.ptr[from] & 0xC0) == 0x80;)
			from--;
	return (struct text){ plain.ptr + from, plain.len - from };
}

static void add_last(struct buf *out, struct app *app, const struct slot *slot, unsigned district, struct text last)
{
	unsigned char hash[SEAL_HASH_BYTES];
	keys_hash(app->keys, slot->last_kind, district, last, hash);
	buf_char(out, '#');
	add_hex(out, hash, LAST_HASH_BYTES);
}

struct text last_four_token(struct app *app, struct arena *arena, const struct slot *slot, unsigned district, struct text last)
{
	struct buf out = buf_in(arena, 64, 64);
	add_last(&out, app, slot, district, last);
	return buf_done(&out);
}

struct text sealed_token(struct app *app, struct arena *arena, const struct slot *slot, unsigned district, struct text plain)
{
	unsigned char hash[SEAL_HASH_BYTES];
	struct buf out = buf_in(arena, 64, 64);
	add_last(&out, app, slot, district, last_characters(plain));
	keys_hash(app->keys, slot->hash_kind, district, plain, hash);
	add_hex(&out, hash, WHOLE_HASH_BYTES);
	return buf_done(&out);
}

static void add_sealed(struct buf *out, struct call *call, const struct shape *shape, const struct slot *slot, int64_t id,
                       const struct sealed *sealed)
{
	struct text plain = sealed->plain;
	struct seal_place place = { call->actor.district, shape->resource->name, slot->field->name, id };
	if (!sealed->box.ptr || (!plain.ptr && !keys_unseal(call->app->keys, call->arena, &place, sealed->box, &plain)))
		return; /* it cannot be opened: nobody finds it */
	buf_text(out, sealed_token(call->app, call->arena, slot, call->actor.district, plain));
	buf_char(out, ' ');
}

/* ---- of areas ---- */

/* How many digits of the number say which area it is; the others are zeros. */
static size_t digits_of(int64_t area)
{
	static const size_t levels[] = { 2, 4, 6, 9, 12 };
	int64_t below = area_last(area) - area + 1;
	for (size_t i = 0; i < COUNT(levels); i++) {
		int64_t size = 1;
		for (size_t digit = levels[i]; digit < AREA_DIGITS; digit++)
			size *= 10;
		if (size <= below)
			return levels[i];
	}
	return AREA_DIGITS;
}

static struct text area_digits(struct arena *arena, int64_t area, size_t digits)
{
	return text_printf(arena, "@%.*s", (int)digits, text_printf(arena, "%lld", (long long)area).ptr);
}

/* District, street and community are levels that tokens tell apart. */
struct text area_token(struct arena *arena, int64_t area)
{
	size_t digits = digits_of(area);
	return digits < 6 ? TEXT_NONE : area_digits(arena, area, digits < 12 ? digits : 12);
}

bool area_is_small(struct text token)
{
	return token.len > strlen("@370613");
}

static void add_area(struct buf *out, int64_t area)
{
	static const size_t levels[] = { 6, 9, 12 };
	for (size_t i = 0; i < COUNT(levels); i++) {
		buf_text(out, area_digits(out->arena, area, levels[i]));
		buf_char(out, ' ');
	}
}

/* ---- of a record ---- */

static unsigned flags_of(const struct field *field)
{
	unsigned flags = 0;
	if (field->flags & PINYIN)
		flags |= TOKENS_SINGLE | TOKENS_PINYIN;
	if (field->flags & PERSON)
		flags |= TOKENS_PERSON;
	return flags;
}

/* Tokens of one kind are never those of another, so that each kind can be changed by itself. */
enum { TEXTS = 1 << 0, NUMBERS = 1 << 1, AREAS = 1 << 2, ALL = TEXTS | NUMBERS | AREAS };

static unsigned kind_of(const struct field *field)
{
	return field->flags & SEARCH ? TEXTS : field_is_found_exactly(field) ? NUMBERS : 0;
}

static struct text tokens_of(struct call *call, const struct shape *shape, const void *record, const struct hidden *hidden, unsigned kinds)
{
	struct buf out = buf_in(call->arena, 512, TOKENS_BYTES_MAX);
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		unsigned kind = kind_of(slot->field) & kinds;
		if (kind == TEXTS)
			tokens_add(&out, slot_text(slot, record), flags_of(slot->field));
		else if (kind == NUMBERS)
			add_sealed(&out, call, shape, slot, ((const struct record *)record)->id, &hidden->sealed[slot->sealed]);
	}
	for (size_t i = 0; i < 2 && (kinds & AREAS); i++)
		if (shape->tie_slots[i] && slot_int(shape->tie_slots[i], record))
			add_area(&out, slot_int(shape->tie_slots[i], record));
	return out.overflow ? TEXT("") : buf_done(&out);
}

/* The kinds of which a token may be another one now. */
static unsigned changed_kinds(const struct shape *shape, const void *before, const void *record, const struct hidden *hidden)
{
	unsigned kinds = 0;
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		unsigned kind = kind_of(slot->field);
		if (kind == TEXTS ? !text_eq(slot_text(slot, before), slot_text(slot, record))
		                  : kind == NUMBERS && hidden && hidden->sealed[slot->sealed].changed)
			kinds |= kind;
	}
	for (size_t i = 0; i < 2; i++)
		if (shape->tie_slots[i] && slot_int(shape->tie_slots[i], before) != slot_int(shape->tie_slots[i], record))
			kinds |= AREAS;
	return kinds;
}

enum store_code record_tokens_keep(struct tx *tx, struct call *call, const struct shape *shape, const void *before,
                                   const struct hidden *before_hidden, const void *record, const struct hidden *hidden)
{
	const char *index = shape->table.tokens;
	unsigned district = call->actor.district;
	if (!index || (before && record_has_ended(before)))
		return STORE_OK;
	int64_t id = ((const struct record *)(record ? record : before))->id;
	if (!before)
		return token_index_add(tx, index, district, id, tokens_of(call, shape, record, hidden, ALL), false);
	if (!record)
		return token_index_remove(tx, index, district, id, tokens_of(call, shape, before, before_hidden, ALL));
	unsigned kinds = changed_kinds(shape, before, record, hidden);
	return kinds == 0 ? STORE_OK : token_index_change(tx, index, district, id, tokens_of(call, shape, before, before_hidden, kinds),
	                                                  tokens_of(call, shape, record, hidden, kinds));
}

enum store_code record_tokens_move(struct tx *tx, struct app *app, struct arena *arena, unsigned district, const struct shape *shape,
                                   const void *before, const void *record)
{
	struct call call = { .app = app, .arena = arena, .actor = { .district = district } };
	return record_tokens_keep(tx, &call, shape, before, NULL, record, NULL);
}

/* ---- filling the index ---- */

struct filling {
	struct app *app;
	const struct shape *shape;
	struct arena arena; /* of one slice */
	unsigned district, next_district;
	int64_t after, last; /* what is behind the first is read, up to the second */
	int64_t count; /* of the slice */
	bool is_first, is_filled;
};

static struct text fact_of(struct filling *filling)
{
	return text_printf(&filling->arena, "tokens of %s", filling->shape->resource->name);
}

static enum store_code look(struct db *db, void *arg)
{
	struct filling *filling = arg;
	filling->is_filled = db_int(db, 0, "SELECT 1 FROM store_fact WHERE name = ?1 AND value = ?2",
		BIND(value_text(fact_of(filling)), value_text(tokens_version(&filling->arena)))) == 1;
	filling->next_district = (unsigned)db_int(db, 0, "SELECT min(number) FROM district WHERE number > ?1",
		BIND(value_int(filling->district)));
	return db_code(db);
}

static enum store_code note_filled(struct tx *tx, void *arg)
{
	struct filling *filling = arg;
	return db_exec(tx->db, "INSERT INTO store_fact (name, value) VALUES (?1, ?2)"
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		BIND(value_text(fact_of(filling)), value_text(tokens_version(&filling->arena))), NULL);
}

static void ask_for_slice(struct query *query, struct filling *filling)
{
	const struct shape *shape = filling->shape;
	query_start(query, &filling->arena);
	query_sql(query, "SELECT ");
	query_sql(query, shape->column_list);
	query_sql(query, shape->hidden_list);
	query_sql(query, " FROM ");
	query_sql(query, shape->table.name);
	query_sql(query, " WHERE district = ");
	query_value(query, value_int(filling->district));
	query_sql(query, " AND id > ");
	query_value(query, value_int(filling->after));
	query_sql(query, " AND ended_at IS NULL ORDER BY id LIMIT ");
	query_value(query, value_int(SLICE_RECORDS));
}

/* In front of the first slice goes what the index has from before. Not on PostgreSQL: there another server may be filling it too,
 * and a row takes the place of the one before. */
static enum store_code fill_slice(struct tx *tx, void *arg)
{
	struct filling *filling = arg;
	const struct shape *shape = filling->shape;
	struct call call = { .app = filling->app, .arena = &filling->arena, .actor = { .district = filling->district } };
	bool anew = !db_is_postgres(tx->db);
	enum store_code code = filling->is_first && anew ? token_index_empty(tx, shape->table.tokens) : STORE_OK;
	void *record = arena_take_raw(&filling->arena, shape->resource->size);
	struct hidden hidden;
	struct query query;
	ask_for_slice(&query, filling);
	filling->count = 0;
	struct rows *rows = query_run(&query, tx->db);
	for (; code == STORE_OK && rows_next(rows); filling->count++) {
		record_read(shape, rows, &filling->arena, record);
		operation_read_hidden(shape, rows, &filling->arena, &hidden);
		filling->last = ((struct record *)record)->id;
		code = token_index_add(tx, shape->table.tokens, filling->district, filling->last,
		                       tokens_of(&call, shape, record, &hidden, ALL), true);
	}
	enum store_code ended = rows_end(rows);
	return code != STORE_OK ? code : ended;
}

static enum store_code fill_district(struct filling *filling)
{
	struct store *store = filling->app->store;
	enum store_code code;
	filling->after = 0;
	do {
		arena_reset(&filling->arena);
		code = store_command(store, LANE_BULK, fill_slice, filling);
		filling->after = filling->last;
		filling->is_first = false;
	} while (code == STORE_OK && filling->count == SLICE_RECORDS);
	return code;
}

static enum store_code fill_index(struct filling *filling)
{
	struct store *store = filling->app->store;
	enum store_code code = store_read(store, 0, look, filling);
	if (code != STORE_OK || filling->is_filled)
		return code;
	if (filling->next_district)
		log_info("search: the index of %s is made anew", filling->shape->resource->plural);
	while (code == STORE_OK && filling->next_district) {
		filling->district = filling->next_district;
		code = fill_district(filling);
		if (code == STORE_OK)
			code = store_read(store, 0, look, filling);
	}
	return code == STORE_OK ? store_command(store, LANE_BULK, note_filled, filling) : code;
}

bool record_tokens_fill(struct app *app)
{
	enum store_code code = STORE_OK;
	for (size_t i = 0; i < app->shape_count && code == STORE_OK; i++) {
		struct filling filling = { .app = app, .shape = app->shapes[i], .arena = arena_new(FILLING_BYTES_MAX), .is_first = true };
		if (filling.shape->table.tokens)
			code = fill_index(&filling);
		arena_free(&filling.arena);
	}
	if (code != STORE_OK)
		log_error("search: an index cannot be made");
	return code == STORE_OK;
}
