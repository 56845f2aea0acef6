/* SPDX-License-Identifier: Apache-2.0 */
/* twins.c - which records may be of one person, and in what two differ.
 *
 * Two are listed that have the declared field alike (a birth date) and are called alike: by the same name, by one that sounds the same,
 * or by one that differs in a character where telephone or address speak for it. Where both have a number that only one may have,
 * they are two people, unless telephone or address speak against that. The list goes through the records by that field, a bounded
 * number at a time, so that a page may be empty and yet have a next one. */
#include "engine/twins.h"

#include "base/pinyin.h"
#include "engine/input.h"
#include "engine/listing.h"
#include "engine/operations.h"
#include "engine/record.h"

#include <string.h>

enum { SCAN_ROWS = 5000, PAIRS_DEFAULT = 50, PAIRS_MAX = 200, GROUP_MAX = 1000, NAME_POINTS_MAX = 40 };

/* What the list looks at, of any resource that has twins. */
struct marks {
	const struct slot *group, *name, *address, *phone, *number;
};

struct twin {
	int64_t id;
	struct text group, name, address, phone_hash, number_hash;
};

struct twins {
	struct call *call;
	const struct shape *shape;
	struct marks marks;
	int64_t limit, pairs;
	struct json_out *json;
	struct text after; /* the last group that was looked at whole */
	struct twin of[GROUP_MAX];
	size_t count;
};

static struct marks marks_of(const struct shape *shape)
{
	struct marks marks = { .group = shape_slot(shape, text_of(shape->resource->twins)) };
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		unsigned flags = slot->field->flags;
		if (!marks.name && (flags & PINYIN))
			marks.name = slot;
		if (!marks.address && (flags & SEARCH) && !(flags & PINYIN))
			marks.address = slot;
		if (!marks.phone && slot->field->type == FIELD_phone)
			marks.phone = slot;
		if (!marks.number && (flags & UNIQUE) && slot->hash_column)
			marks.number = slot;
	}
	return marks;
}

/* ---- how like two are ---- */

static size_t points_of(struct text text, uint32_t points[static NAME_POINTS_MAX])
{
	size_t count = 0;
	for (size_t len; count < NAME_POINTS_MAX && (len = text_point(text, &points[count])) > 0; count++)
		text = (struct text){ text.ptr + len, text.len - len };
	return count;
}

enum likeness { UNLIKE, ONE_CHARACTER, SAME_SOUND, SAME_NAME };

static enum likeness likeness_of(struct text a, struct text b)
{
	uint32_t as[NAME_POINTS_MAX], bs[NAME_POINTS_MAX];
	size_t count = points_of(a, as), other = 0, unheard = 0;
	if (text_eq(a, b))
		return SAME_NAME;
	if (count != points_of(b, bs))
		return UNLIKE;
	for (size_t i = 0; i < count; i++) {
		const char *left = pinyin_of(as[i]), *right = pinyin_of(bs[i]);
		other += as[i] != bs[i];
		unheard += as[i] != bs[i] && (!left || !right || strcmp(left, right) != 0);
	}
	return unheard == 0 ? SAME_SOUND : other == 1 && count > 2 ? ONE_CHARACTER : UNLIKE;
}

/* Two of three bytes from the beginning on, so the same road at least. */
static bool are_near(struct text a, struct text b)
{
	size_t same = 0, longer = a.len > b.len ? a.len : b.len;
	while (same < a.len && same < b.len && a.ptr[same] == b.ptr[same])
		same++;
	return longer > 0 && 3 * same >= 2 * longer;
}

static void put_pair(struct twins *twins, const struct twin *a, const struct twin *b, enum likeness like, bool phone, bool near)
{
	static const char *const names[] = { [ONE_CHARACTER] = "one_character", [SAME_SOUND] = "same_sound", [SAME_NAME] = "same_name" };
	struct json_out *json = twins->json;
	json_begin_object(json);
	JSON_ID(json, "record", a->id);
	JSON_ID(json, "other", b->id);
	JSON_TEXT(json, "name", a->name);
	JSON_TEXT(json, "other_name", b->name);
	json_key(json, TEXT("reasons"));
	json_begin_array(json);
	json_put_text(json, text_of(names[like]));
	if (phone)
		json_put_text(json, TEXT("same_phone"));
	if (near)
		json_put_text(json, TEXT("near_address"));
	json_end_array(json);
	json_end_object(json);
	twins->pairs++;
}

static void compare_group(struct twins *twins)
{
	for (size_t i = 0; i < twins->count; i++)
		for (size_t k = i + 1; k < twins->count && twins->pairs < PAIRS_MAX; k++) {
			const struct twin *a = &twins->of[i], *b = &twins->of[k];
			enum likeness like = likeness_of(a->name, b->name);
			if (like == UNLIKE)
				continue;
			bool phone = a->phone_hash.len > 0 && text_eq(a->phone_hash, b->phone_hash), near = are_near(a->address, b->address);
			bool two_numbers = a->number_hash.len > 0 && b->number_hash.len > 0;
			if ((like == ONE_CHARACTER || two_numbers) && !phone && !near)
				continue;
			put_pair(twins, a, b, like, phone, near);
		}
	twins->count = 0;
}

/* ---- the list ---- */

static void put_column(struct query *query, const struct slot *slot)
{
	query_sql(query, ", ");
	if (slot && slot->hash_column)
		query_sql(query, slot->hash_column);
	else if (slot)
		query_sql(query, slot->column);
	else
		query_sql(query, "NULL");
}

static void write_query(struct query *query, struct twins *twins)
{
	struct call *call = twins->call;
	const struct shape *shape = twins->shape;
	const struct marks *marks = &twins->marks;
	const struct slot *slot = marks->group, *all[] = { slot, marks->name, marks->address, marks->phone, marks->number };
	query_start(query, call->arena);
	query_sql(query, "SELECT id");
	for (size_t i = 0; i < COUNT(all); i++)
		put_column(query, all[i]);
	query_sql(query, " FROM ");
	query_sql(query, shape->table.name);
	query_sql(query, " WHERE district = ");
	query_value(query, value_int(call->actor.district));
	query_sql(query, " AND ");
	query_sql(query, slot->column);
	query_sql(query, " > ");
	query_value(query, value_text(twins->after));
	query_sql(query, " AND ended_at IS NULL");
	scope_condition(query, &call->actor, &shape->ties);
	query_sql(query, " ORDER BY ");
	query_sql(query, slot->column);
	query_sql(query, ", id LIMIT ");
	query_value(query, value_int(SCAN_ROWS));
}

static void take_row(struct twins *twins, const struct rows *rows)
{
	struct arena *arena = twins->call->arena;
	if (twins->count == GROUP_MAX) /* more than that were never born on one day in one district */
		return;
	struct twin *twin = &twins->of[twins->count++];
	*twin = (struct twin){ .id = rows_int(rows, 0), .group = text_copy(arena, rows_text(rows, 1)) };
	twin->name = text_copy(arena, rows_text(rows, 2));
	twin->address = text_copy(arena, rows_text(rows, 3));
	twin->phone_hash = text_copy(arena, rows_text(rows, 4));
	twin->number_hash = text_copy(arena, rows_text(rows, 5));
}

/* Groups are looked at whole: the last one of a full scan waits for the next page. True: there is a next one. */
static bool go_through(struct twins *twins, struct rows *rows)
{
	size_t seen = 0;
	struct text group = TEXT_NONE;
	for (; rows_next(rows); seen++) {
		if (seen > 0 && !text_eq(group, rows_text(rows, 1))) {
			compare_group(twins);
			twins->after = group;
			if (twins->pairs >= twins->limit)
				return true;
		}
		take_row(twins, rows);
		group = twins->of[twins->count - 1].group;
	}
	if (seen == SCAN_ROWS && twins->after.ptr && !text_eq(twins->after, group))
		return true;
	compare_group(twins);
	twins->after = group;
	return seen == SCAN_ROWS;
}

static bool read_wish(struct twins *twins)
{
	struct call *call = twins->call;
	struct text cursor = call_param(call, "cursor"), limit = call_param(call, "limit");
	struct date day;
	twins->limit = PAIRS_DEFAULT;
	twins->after = cursor.ptr ? cursor : TEXT("");
	if (limit.ptr && (!text_to_int(limit, PAIRS_MAX, &twins->limit) || twins->limit < 1))
		call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("limit 应在 1 到 200 之间"), TEXT("limit is between 1 and 200"));
	else if (cursor.ptr && twins->marks.group->field->type == FIELD_date && !date_read(cursor, &day))
		call_problem(call, PROBLEM_BAD_CURSOR);
	return call->problem == PROBLEM_NONE;
}

static enum store_code list(struct db *db, void *arg)
{
	struct call *call = arg;
	const struct shape *shape = call->route->shape;
	struct twins *twins = arena_take(call->arena, sizeof *twins);
	struct query query;
	*twins = (struct twins){ .call = call, .shape = shape, .marks = marks_of(shape) };
	if (!read_wish(twins))
		return STORE_REFUSED;
	struct json_out json = call_json(call, 200);
	twins->json = &json;
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	write_query(&query, twins);
	struct rows *rows = query_run(&query, db);
	bool more = go_through(twins, rows);
	json_end_array(&json);
	JSON_TEXT(&json, "next", more ? twins->after : TEXT_NONE);
	json_end_object(&json);
	return rows_end(rows);
}

/* ---- two of them ---- */

static bool is_same(const struct slot *slot, const void *a, const void *b, const struct hidden *as, const struct hidden *bs)
{
	if (slot->box_column)
		return text_eq(as->sealed[slot->sealed].hash, bs->sealed[slot->sealed].hash);
	if (field_is_text(slot->field))
		return text_eq(slot_text(slot, a), slot_text(slot, b));
	return memcmp(slot_of(slot, a), slot_of(slot, b), field_size(slot->field)) == 0;
}

static void put_names(struct json_out *json, const char *name, const struct shape *shape, const bool *which, bool wanted)
{
	json_key(json, text_of(name));
	json_begin_array(json);
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++)
		if (which[i] == wanted)
			json_put_text(json, shape->slots[i].name);
	json_end_array(json);
}

/* Protected values are compared without being shown. */
static enum store_code compare(struct db *db, void *arg)
{
	struct call *call = arg;
	const struct shape *shape = call->route->shape;
	void *record = arena_take_raw(call->arena, shape->resource->size), *other = arena_take_raw(call->arena, shape->resource->size);
	struct hidden hidden, others;
	bool same[RECORD_FIELDS_MAX] = { false };
	int64_t other_id;
	enum store_code code = operation_find(db, call, shape, call->id, record, &hidden);
	if (code == STORE_OK && !id_read(call_param(call, "with"), &other_id))
		return call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("请用 with 给出另一条记录的编号"),
			TEXT("with is the number of the other record"));
	if (code == STORE_OK)
		code = operation_find(db, call, shape, other_id, other, &others);
	if (code != STORE_OK)
		return code;
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++)
		same[i] = is_same(&shape->slots[i], record, other, &hidden, &others);
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	put_names(&json, "same", shape, same, true);
	put_names(&json, "differ", shape, same, false);
	json_end_object(&json);
	return STORE_OK;
}

/* ---- what they say of themselves ---- */

static const struct word reasons[] = {
	{ "same_name", "姓名相同" }, { "same_sound", "姓名同音" }, { "one_character", "姓名差一个字" }, { "same_phone", "电话相同" },
	{ "near_address", "住址相近" }, { 0 },
};
static const struct field pair_fields[] = {
	{ .type = FIELD_text, .name = "record", .label = "记录", .flags = MUST },
	{ .type = FIELD_text, .name = "other", .label = "另一条记录", .flags = MUST },
	{ .type = FIELD_text, .name = "name", .label = "姓名", .flags = MUST },
	{ .type = FIELD_text, .name = "other_name", .label = "另一姓名", .flags = MUST },
	{ .type = FIELD_words, .name = "reasons", .label = "理由", .flags = MUST, .words = reasons },
};
static const struct field next[] = { { .type = FIELD_text, .name = "next", .label = "下一页" } };
static const struct field params[] = {
	{ .type = FIELD_integer, .name = "limit", .label = "条数", .min = 1, .max = PAIRS_MAX, .en = "how many pairs" },
	{ .type = FIELD_text, .name = "cursor", .label = "翻页标记", .en = "where to go on" },
};
static const struct about list_about = { .gives = BODY_MEMBERS, .out = { ROWS(next), .list = "items", ROWS(pair_fields) },
	                                 .params = ROWS(params), .problems = PROBLEM_LIST(PROBLEM_BAD_CURSOR) };
static const struct field compared[] = {
	{ .type = FIELD_words, .name = "same", .label = "相同的字段", .flags = MUST },
	{ .type = FIELD_words, .name = "differ", .label = "不同的字段", .flags = MUST },
};
static const struct field with[] = { { .type = FIELD_text, .name = "with", .label = "另一条记录", .en = "the other record" } };
static const struct about compare_about = { .gives = BODY_MEMBERS, .out = { ROWS(compared) }, .params = ROWS(with) };

static const struct operation operations_of_all[] = {
	{ METHOD_GET, "/twins", RIGHT_WRITE, ROUTE_READ, .read = list, .has = shape_has_twins, .zh = "疑似重复", .en = "list twins of",
	  .about = &list_about },
	{ METHOD_GET, "/{id}/compare", RIGHT_WRITE, ROUTE_READ, .read = compare, .has = shape_has_twins, .zh = "比较", .en = "compare",
	  .about = &compare_about },
};

const struct module twins_module = {
	.name = "twins", .file = __FILE__, .operations = operations_of_all, .operation_count = COUNT(operations_of_all),
};
