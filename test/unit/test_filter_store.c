/* SPDX-License-Identifier: Apache-2.0 */
/* test_filter_store.c - a filter finds the same records in the database as when each is asked in memory.
 * Random records of every type, random filters; on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...),
 * or on a file of its own. SONGHE_TEST_SEED repeats a run. A filter that fails is made smaller before it is shown. */
#include "base/check.h"
#include "engine/filter.h"
#include "engine/record.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DISTRICT = 7, PEOPLE = 2000, HOUSES = 60, FILTERS = 3000, FIRST_ID = 1000 };

/* ---- two resources: people, and the houses they live in ---- */

static const struct word sexes[] = { { "male", "男" }, { "female", "女" }, { NULL, NULL } };
static const struct word skills[] = { { "a", "甲" }, { "a_b", "乙" }, { "axb", "丙" }, { "b", "丁" }, { NULL, NULL } };
static const struct word kinds[] = { { "home", "居家" }, { "home_care", "家床" }, { "hall", "机构" }, { NULL, NULL } };

#define PERSON(F) \
	F(text, name, "姓名", OPTIONAL) \
	F(word, sex, "性别", OPTIONAL, .words = sexes) \
	F(words, skills, "技能", OPTIONAL, .words = skills) \
	F(tags, marks, "标签", OPTIONAL, .words = kinds) \
	F(integer, rooms, "房间", OPTIONAL) \
	F(money, fee, "费用", OPTIONAL) \
	F(decimal, weight, "体重", OPTIONAL, .scale = 2) \
	F(boolean, alone, "独居", OPTIONAL) \
	F(date, born_on, "出生日期", OPTIONAL) \
	F(instant, seen_at, "见面时间", OPTIONAL) \
	F(ref, house, "机构", OPTIONAL, .to = "house") \
	F(ref, friend, "朋友", OPTIONAL, .to = "person") \
	F(refs, helpers, "帮手", OPTIONAL, .to = "person") \
	F(area, area, "区划", OPTIONAL) \
	F(uscc, code, "代码", OPTIONAL) \
	F(integer, visits, "次数", ZERO)
struct person {
	struct record is;
	PERSON(FIELD_MEMBER)
};
static const struct field person_fields[] = { PERSON(FIELD_ROW) };

#define HOUSE(F) \
	F(text, name, "名称", OPTIONAL) \
	F(word, kind, "类型", OPTIONAL, .words = kinds) \
	F(area, area, "区划", MUST) \
	F(date, opened_on, "建成日期", OPTIONAL) \
	F(boolean, open, "开放", OPTIONAL) \
	F(words, offers, "服务", OPTIONAL, .words = skills) \
	F(tags, marks, "标签", OPTIONAL, .words = kinds)
struct house {
	struct record is;
	HOUSE(FIELD_MEMBER)
};
static const struct field house_fields[] = { HOUSE(FIELD_ROW) };

/* What tags are found by. */
static const char *const steps[] = {
	"CREATE TABLE person_marks (district INTEGER NOT NULL, id INTEGER NOT NULL, word TEXT NOT NULL, from_on TEXT, to_on TEXT)"
	" STRICT",
	"CREATE TABLE house_marks (district INTEGER NOT NULL, id INTEGER NOT NULL, word TEXT NOT NULL, from_on TEXT, to_on TEXT)"
	" STRICT",
	"CREATE INDEX person_marks_id ON person_marks (district, id)",
	"CREATE INDEX house_marks_id ON house_marks (district, id)",
};
static const struct schema test_schema = { .owner = "test", .steps = steps, .count = COUNT(steps) };

/* A key of its own: so the same ids may stand in two districts. */
static const struct field key = { .type = FIELD_ref, .name = "id", .label = "编号", .flags = KEPT | MUST };
static const struct resource person_resource = {
	.name = "person", .plural = "people", .label = "人员", .en = "person", .key = &key, .fields = person_fields,
	.field_count = COUNT(person_fields), .size = sizeof(struct person), .readers = "", .writers = "" };
static const struct resource house_resource = {
	.name = "house", .plural = "houses", .label = "机构", .en = "house", .key = &key, .fields = house_fields,
	.field_count = COUNT(house_fields), .size = sizeof(struct house), .readers = "", .writers = "" };
static const struct shape *person_shape, *house_shape;

/* ---- the store ---- */

static volatile int64_t now_ms = INT64_C(1750000000000);
static const struct clock test_clock = { .shared = &now_ms };
static struct store *store;
static struct arena arena; /* as long as the test */
static struct arena brief; /* one filter */
static char url[256];

static enum store_code no_lines(struct tx *tx, bool *news)
{
	(void)tx;
	*news = false;
	return STORE_OK;
}

static int open_store(void **state)
{
	(void)state;
	static const struct schema *const schemas[] = { &test_schema };
	if (!scratch_make())
		return -1;
	scratch_url(url, sizeof url);
	static struct access access;
	arena = arena_new((size_t)256 << 20);
	brief = arena_new((size_t)64 << 20);
	person_shape = shape_new(&arena, &access, &person_resource);
	house_shape = shape_new(&arena, &access, &house_resource);
	const struct table *const tables[] = { &person_shape->table, &house_shape->table };
	const struct store_options options = {
		.url = url, .clock = &test_clock, .create = true, .schemas = schemas, .schema_count = 1, .tables = tables,
		.table_count = COUNT(tables), .sequence = no_lines };
	return store_open(&options, &store) == STORE_OPENED ? 0 : -1;
}

static int close_store(void **state)
{
	(void)state;
	store_close(store);
	arena_free(&arena);
	arena_free(&brief);
	return scratch_remove();
}

/* ---- chance ---- */

static uint64_t chance_state;

static uint64_t chance(void)
{
	uint64_t z = chance_state += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static size_t below(size_t limit)
{
	return (size_t)(chance() % limit);
}

static bool one_in(size_t n)
{
	return below(n) == 0;
}

/* Few values, so that a literal often meets one; those beside an end stand together. */
static const char *const texts[] = { "", "a", "A", "ab", "abc", "b", "张", "张三", "张三丰", "弓", "%", "a_", "a%b", "'", "\xED\x9F\xBF",
	"\xED\x9F\xBFx", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBFx", "a\xF4\x8F\xBF\xBFz", "\x7F", "\x7Fz", "\\", "\"a\"" };
static const struct date todays[] = { { 2023, 2, 27 }, { 2023, 2, 28 }, { 2023, 3, 1 }, { 2024, 2, 28 }, { 2024, 2, 29 },
	{ 2024, 3, 1 }, { 2025, 12, 31 }, { 2026, 1, 1 }, { 2100, 2, 28 } };
static const int64_t numbers[] = { 0, 1, -1, 2, 7, 100, 150, 12345, 12350, -250, INT64_MAX, INT64_MIN + 1 };
static const int64_t areas[] = { 370613000000000, 370613001000000, 370613001001000, 370613001002000, 370613001999999,
	370613002000000, 370613002001000, 370000000000000 };

#define ONE_OF(array) (array)[below(COUNT(array))]

static struct date a_today(void)
{
	return ONE_OF(todays);
}

/* Often a day around some birthday, or around today. */
static struct date a_day(void)
{
	struct date day = a_today();
	static const int years[] = { 0, 0, 0, 1, 4, 59, 60, 61, 79, 80, 100, 101 };
	day.year -= ONE_OF(years);
	if (day.day > 28)
		day.day = 28;
	return date_from_days(date_to_days(day) + (int64_t)below(6) - 2);
}

static int64_t an_instant(void)
{
	return date_begins_ms(a_day()) + (one_in(2) ? 0 : (int64_t)below(3) - 1);
}

static int64_t a_person(void)
{
	return FIRST_ID + (int64_t)below(one_in(8) ? PEOPLE + 5 : 30);
}

static int64_t a_house(void)
{
	return FIRST_ID + (int64_t)below(HOUSES + 5); /* some do not exist */
}

static const struct word *a_word(const struct word *words)
{
	return &words[below(word_count(words))];
}

/* ---- records ---- */

static struct text some_words(const struct word *words)
{
	struct buf out = buf_in(&arena, 32, 4096);
	buf_char(&out, '[');
	for (const struct word *word = words; word->word; word++)
		if (one_in(3))
			buf_printf(&out, "%s\"%s\"", out.len > 1 ? "," : "", word->word);
	buf_char(&out, ']');
	return buf_done(&out);
}

static struct text some_ids(void)
{
	struct buf out = buf_in(&arena, 32, 4096);
	buf_char(&out, '[');
	for (int64_t id = FIRST_ID; id < FIRST_ID + 12; id++)
		if (one_in(4))
			buf_printf(&out, "%s\"%lld\"", out.len > 1 ? "," : "", (long long)(one_in(2) ? id : id * 10));
	buf_char(&out, ']');
	return buf_done(&out);
}

static struct text some_tags(const struct word *words)
{
	struct buf out = buf_in(&arena, 128, 4096);
	struct json_out json = json_out(&out);
	json_begin_array(&json);
	for (size_t i = below(3); i > 0; i--) {
		json_begin_object(&json);
		JSON_TEXT(&json, "word", text_of(a_word(words)->word));
		JSON_TEXT(&json, "source", text_of("民政"));
		JSON_TEXT(&json, "from", one_in(3) ? TEXT_NONE : date_text(&arena, a_day()));
		JSON_TEXT(&json, "to", one_in(3) ? TEXT_NONE : date_text(&arena, a_day()));
		json_end_object(&json);
	}
	json_end_array(&json);
	return buf_done(&out);
}

static int64_t some_number(const struct field *field)
{
	switch (field->type) {
	case FIELD_boolean:
		return (int64_t)below(2);
	case FIELD_instant:
		return an_instant();
	case FIELD_area:
		return ONE_OF(areas);
	case FIELD_ref:
		return field->to && strcmp(field->to, "house") == 0 ? a_house() : a_person();
	default:
		return ONE_OF(numbers);
	}
}

static struct text some_text(const struct field *field)
{
	switch (field->type) {
	case FIELD_word:
		return text_of(a_word(field->words)->word);
	case FIELD_words:
		return some_words(field->words);
	case FIELD_tags:
		return some_tags(field->words);
	case FIELD_refs:
		return some_ids();
	case FIELD_date:
		return date_text(&arena, a_day());
	default:
		return text_of(ONE_OF(texts));
	}
}

static void fill(const struct shape *shape, void *record, int64_t id)
{
	record_blank(shape, record);
	*(struct record *)record = (struct record){ .id = id, .version = 1 + (int64_t)below(3), .created_at = an_instant(),
	                                      .updated_at = an_instant(), .ended_at = MISSING };
	for (size_t i = SYSTEM_SLOTS - 1; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (one_in(3) && !(slot->field->flags & MUST))
			continue;
		if (field_is_text(slot->field))
			*(struct text *)slot_at(slot, record) = some_text(slot->field);
		else
			*(int64_t *)slot_at(slot, record) = some_number(slot->field);
	}
}

static struct person people[PEOPLE];
static struct house houses[HOUSES];

static const void *record_at(const struct shape *shape, int64_t at)
{
	return shape == person_shape ? (const void *)&people[at] : (const void *)&houses[at];
}

static void insert_tags(struct db *db, const struct shape *shape, unsigned district, int64_t id, struct text tags)
{
	json_t *list = NULL;
	const char *sql = shape == person_shape
		? "INSERT INTO person_marks (district, id, word, from_on, to_on) VALUES (?1, ?2, ?3, ?4, ?5)"
		: "INSERT INTO house_marks (district, id, word, from_on, to_on) VALUES (?1, ?2, ?3, ?4, ?5)";
	if (!tags.ptr || json_read(tags, 4, &list) != JSON_FINE)
		return;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *tag = json_array_get(list, i);
		struct text parts[] = { json_text_of(json_object_get(tag, "word")), json_text_of(json_object_get(tag, "from")),
			                json_text_of(json_object_get(tag, "to")) };
		db_exec(db, sql, BIND(value_int(district), value_int(id), value_text(text_copy(&arena, parts[0])),
		                      value_text(text_copy(&arena, parts[1])), value_text(text_copy(&arena, parts[2]))), NULL);
	}
	json_decref(list);
}

static void insert(struct db *db, const struct shape *shape, unsigned district, const void *record)
{
	struct value values[64] = { value_int(district) };
	for (size_t i = 0; i < shape->slot_count; i++) {
		values[i + 1] = record_value(&shape->slots[i], record, false);
		if (shape->slots[i].field->type == FIELD_tags)
			insert_tags(db, shape, district, ((const struct record *)record)->id, slot_text(&shape->slots[i], record));
	}
	db_exec(db, shape->insert, values, shape->slot_count + 1, NULL);
}

/* The people and houses; and in the next district others with the same ids, whom nobody may find. */
static enum store_code insert_all(struct tx *tx, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < PEOPLE; i++) {
		struct person other;
		fill(person_shape, &people[i], FIRST_ID + (int64_t)i);
		fill(person_shape, &other, FIRST_ID + (int64_t)i);
		insert(tx->db, person_shape, DISTRICT, &people[i]);
		insert(tx->db, person_shape, DISTRICT + 1, &other);
	}
	for (size_t i = 0; i < HOUSES; i++) {
		struct house other;
		fill(house_shape, &houses[i], FIRST_ID + (int64_t)i);
		fill(house_shape, &other, FIRST_ID + (int64_t)i);
		insert(tx->db, house_shape, DISTRICT, &houses[i]);
		insert(tx->db, house_shape, DISTRICT + 1, &other);
	}
	return db_code(tx->db);
}

/* ---- the world ---- */

static const struct shape *find_shape(const char *resource, void *arg)
{
	(void)arg;
	return strcmp(resource, "person") == 0 ? person_shape : strcmp(resource, "house") == 0 ? house_shape : NULL;
}

/* What `arg` points to is the area that the caller sees. */
static void keep_in_scope(struct query *query, const struct shape *shape, void *arg)
{
	int64_t area = *(const int64_t *)arg;
	(void)shape;
	query_sql(query, " AND area BETWEEN ");
	query_value(query, value_int(area));
	query_sql(query, " AND ");
	query_value(query, value_int(area_last(area)));
}

static bool in_scope(const struct shape *shape, const void *record, int64_t area)
{
	int64_t own = shape == person_shape ? ((const struct person *)record)->area : ((const struct house *)record)->area;
	return own >= area && own <= area_last(area);
}

static const void *fetch(const struct shape *shape, int64_t id, void *arg)
{
	int64_t count = shape == person_shape ? PEOPLE : HOUSES, area = *(const int64_t *)arg;
	if (id < FIRST_ID || id >= FIRST_ID + count)
		return NULL;
	const void *record = record_at(shape, id - FIRST_ID);
	return !area || in_scope(shape, record, area) ? record : NULL;
}

/* ---- random filters ---- */

static json_t *from_today(void)
{
	static const int days[] = { 0, 1, -1, 2, 365, -365, -366, -22000, -29219, -29220, -36525 };
	return json_pack("{s:i}", "today", ONE_OF(days));
}

static json_t *text_json(struct text text)
{
	return json_stringn(text.ptr, text.len);
}

static json_t *number_text(int64_t number)
{
	char digits[DECIMAL_MAX + 1];
	*text_decimal(digits, number) = 0;
	return json_string(digits);
}

static json_t *a_literal(const struct field *field)
{
	switch (field->type) {
	case FIELD_word:
	case FIELD_words:
	case FIELD_tags:
		return json_string(a_word(field->words)->word);
	case FIELD_decimal:
		return one_in(2) ? json_real((double)((int64_t)below(30000) - 15000) / 100) : one_in(2) ? json_real(123.5) : json_integer(-1);
	case FIELD_boolean:
		return json_boolean(one_in(2));
	case FIELD_date:
		return one_in(3) ? from_today() : text_json(date_text(&brief, a_day()));
	case FIELD_instant:
		return one_in(3) ? from_today() : text_json(clock_rfc3339(&brief, an_instant()));
	case FIELD_ref:
		return number_text(field->to && strcmp(field->to, "house") == 0 ? a_house() : a_person());
	case FIELD_refs:
		return number_text(one_in(2) ? a_person() : FIRST_ID * 10);
	case FIELD_area:
		return number_text(ONE_OF(areas));
	case FIELD_text:
	case FIELD_uscc:
		return json_string(ONE_OF(texts));
	default:
		return json_integer(ONE_OF(numbers));
	}
}

static json_t *a_list(const struct field *field)
{
	json_t *list = json_array();
	for (size_t i = 1 + below(4); i > 0; i--)
		json_array_append_new(list, a_literal(field));
	return list;
}

/* A field, its own or of what it refers to; and how it is named. */
static const struct field *a_field(char name[static 64])
{
	const struct shape *shape = person_shape;
	const struct slot *slot = &shape->slots[below(shape->slot_count)];
	const char *through = NULL;
	if (slot->field->type == FIELD_ref && slot->field->to && !one_in(4)) {
		through = slot->field->name;
		shape = find_shape(slot->field->to, NULL);
		slot = &shape->slots[below(shape->slot_count)];
	}
	snprintf(name, 64, "%s%s%s", through ? through : "", through ? "." : "", slot->field->name);
	return slot->field;
}

static json_t *a_condition(void)
{
	static const char *const comparisons[] = { "==", "!=", "<", "<=", ">", ">=" };
	static const char *const equalities[] = { "==", "!=" };
	char name[64];
	const struct field *field = a_field(name);
	json_t *variable = json_pack("{s:s}", "var", name);
	enum field_type type = field->type;
	if (one_in(8))
		return one_in(2) ? json_pack("{s:o}", "missing", variable) : json_pack("{s:[o]}", "missing", variable);
	if (type == FIELD_words || type == FIELD_tags || type == FIELD_refs)
		return json_pack("{s:[o,o]}", "in", a_literal(field), variable);
	if (type == FIELD_date && one_in(2)) {
		static const int ages[] = { 0, 1, 59, 60, 61, 79, 80, 99, 100, 101, 150 };
		return json_pack("{s:[{s:o},i]}", ONE_OF(comparisons), "age", variable, ONE_OF(ages));
	}
	if (type == FIELD_boolean)
		return json_pack("{s:[o,o]}", ONE_OF(equalities), variable, a_literal(field));
	if (one_in(4))
		return json_pack("{s:[o,o]}", "in", variable, a_list(field));
	if (type == FIELD_area && one_in(2))
		return json_pack("{s:[o,o]}", "within", variable, a_literal(field));
	if ((type == FIELD_text || type == FIELD_uscc) && one_in(2))
		return json_pack("{s:[o,o]}", "starts", variable, a_literal(field));
	if (type == FIELD_word || type == FIELD_area)
		return json_pack("{s:[o,o]}", ONE_OF(equalities), variable, a_literal(field));
	return json_pack("{s:[o,o]}", ONE_OF(comparisons), variable, a_literal(field));
}

static json_t *a_filter(unsigned depth)
{
	size_t what = depth == 0 ? 0 : below(6);
	if (what < 2)
		return a_condition();
	if (what == 2)
		return one_in(2) ? json_pack("{s:o}", "!", a_filter(depth - 1)) : json_pack("{s:[o]}", "!", a_filter(depth - 1));
	json_t *parts = json_array();
	for (size_t i = 1 + below(3); i > 0; i--)
		json_array_append_new(parts, a_filter(depth - 1));
	return json_pack("{s:o}", what < 4 ? "and" : "or", parts);
}

/* ---- one filter, asked of both ---- */

struct trial {
	const json_t *source;
	struct filter_world world;
	const char *wrong; /* NULL: both agree */
	struct text sql;
	int64_t id; /* of whom they do not agree about */
	int64_t held; /* records that fit */
};

static enum store_code try_it(struct db *db, void *arg)
{
	struct trial *trial = arg;
	struct filter_fault fault;
	struct query query;
	static bool found[PEOPLE];
	struct filter *filter = filter_read(&brief, person_shape, trial->source, &trial->world, &fault);
	memset(found, 0, sizeof found);
	if (!filter) {
		trial->wrong = text_printf(&brief, "refused: %s at %.*s", fault.code, TEXT_ARG(fault.pointer)).ptr;
		return STORE_OK;
	}
	query_start(&query, &brief);
	query_sql(&query, "SELECT id FROM person WHERE district = ");
	query_value(&query, value_int(DISTRICT));
	query_sql(&query, " AND ");
	if (!filter_sql(&query, filter, &trial->world)) {
		trial->wrong = "too large";
		return STORE_OK;
	}
	trial->sql = text_of(query_done(&query));
	struct rows *rows = query_run(&query, db);
	while (rows_next(rows))
		found[rows_int(rows, 0) - FIRST_ID] = true;
	enum store_code code = rows_end(rows);
	if (code != STORE_OK)
		trial->wrong = "the statement failed";
	for (size_t i = 0; i < PEOPLE && !trial->wrong; i++) {
		bool held = filter_check(filter, &people[i], &trial->world, NULL);
		trial->held += held;
		trial->id = people[i].is.id;
		if (held != found[i])
			trial->wrong = held ? "held in memory, not found in the database" : "found in the database, not held in memory";
	}
	return code;
}

static bool fails(struct trial *trial, const json_t *source)
{
	trial->source = source;
	trial->wrong = NULL;
	trial->held = 0;
	if (store_read(store, 0, try_it, trial) != STORE_OK && !trial->wrong)
		trial->wrong = "the read failed";
	return trial->wrong != NULL;
}

/* ---- a failing filter is made smaller ---- */

static json_t *smaller(const json_t *filter, size_t *n);

/* The list without an item, with one item alone, or with one made smaller. */
static json_t *smaller_list(const char *op, const json_t *list, size_t *n)
{
	size_t count = json_array_size(list);
	for (size_t i = 0; i < count; i++) {
		if ((*n)-- == 0)
			return json_incref(json_array_get(list, i));
		if (count > 1 && (*n)-- == 0) {
			json_t *rest = json_copy((json_t *)(uintptr_t)list);
			json_array_remove(rest, i);
			return json_pack("{s:o}", op, rest);
		}
		json_t *less = smaller(json_array_get(list, i), n);
		if (!less)
			continue;
		json_t *changed = json_copy((json_t *)(uintptr_t)list);
		json_array_set_new(changed, i, less);
		return json_pack("{s:o}", op, changed);
	}
	return NULL;
}

/* The n-th way to make the filter smaller; NULL: there is none, and *n is lowered by how many there are. */
static json_t *smaller(const json_t *filter, size_t *n)
{
	static const char *const lists[] = { "and", "or" };
	for (size_t i = 0; i < COUNT(lists); i++)
		if (json_object_get(filter, lists[i]))
			return smaller_list(lists[i], json_object_get(filter, lists[i]), n);
	const json_t *part = json_object_get(filter, "!");
	if (!part)
		return NULL;
	part = json_is_array(part) ? json_array_get(part, 0) : part;
	if ((*n)-- == 0)
		return json_incref((json_t *)(uintptr_t)part);
	json_t *less = smaller(part, n);
	return less ? json_pack("{s:o}", "!", less) : NULL;
}

static json_t *smallest(struct trial *trial, json_t *filter)
{
	for (size_t i = 0;; i++) {
		size_t n = i;
		json_t *less = smaller(filter, &n);
		if (!less)
			break;
		arena_reset(&brief);
		if (fails(trial, less)) {
			json_decref(filter);
			filter = less;
			i = SIZE_MAX;
		} else {
			json_decref(less);
		}
	}
	arena_reset(&brief);
	fails(trial, filter);
	return filter;
}

static void print_record(const struct shape *shape, const void *record)
{
	print_message("  %s:", shape->resource->name);
	for (size_t i = 0; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		struct value value = record_value(slot, record, false);
		if (value.type == VALUE_TEXT)
			print_message(" %s=%.*s", slot->column, TEXT_ARG(value.text));
		else if (value.type == VALUE_INT)
			print_message(" %s=%lld", slot->column, (long long)value.integer);
	}
	print_message("\n");
}

static void show(struct trial *trial, json_t *filter)
{
	char *text;
	filter = smallest(trial, filter);
	text = json_dumps(filter, JSON_ENCODE_ANY);
	print_message("  %s: id %lld\n  filter: %s\n  SQL: %.*s\n  today %d-%d-%d, scope %lld\n", trial->wrong, (long long)trial->id, text,
	              TEXT_ARG(trial->sql), trial->world.today.year, trial->world.today.month, trial->world.today.day,
	              (long long)*(const int64_t *)trial->world.arg);
	if (trial->id) {
		const struct person *person = &people[trial->id - FIRST_ID];
		print_record(person_shape, person);
		int64_t all = 0;
		const void *house = fetch(house_shape, person->house, &all), *friend = fetch(person_shape, person->friend, &all);
		if (house)
			print_record(house_shape, house);
		if (friend)
			print_record(person_shape, friend);
	}
	free(text);
	json_decref(filter);
}

static void the_database_and_memory_agree(void **state)
{
	(void)state;
	const char *seed = getenv("SONGHE_TEST_SEED");
	int64_t trivial = 0;
	chance_state = seed ? strtoull(seed, NULL, 10) : 20260131;
	print_message("SONGHE_TEST_SEED=%llu\n", (unsigned long long)chance_state);
	assert_int_equal(store_command(store, LANE_BULK, insert_all, NULL), STORE_OK);
	for (size_t i = 0; i < FILTERS; i++) {
		int64_t area = one_in(2) ? 0 : ONE_OF(areas);
		struct trial trial = { .world = {
			.today = a_today(), .district = DISTRICT, .shape = find_shape, .fetch = fetch, .arg = &area } };
		if (area)
			trial.world.scope = keep_in_scope;
		arena_reset(&brief);
		json_t *filter = a_filter(i % 10 == 0 ? 8 : (unsigned)(i % 4));
		if (fails(&trial, filter)) {
			show(&trial, filter);
			fail_msg("filter %zu", i);
		}
		trivial += trial.held == 0 || trial.held == PEOPLE;
		json_decref(filter);
	}
	print_message("%d filters, of which %lld are true of all or of nobody\n", FILTERS, (long long)trivial);
	assert_true(trivial < FILTERS / 2);
}

/* ---- the deepest filters that can be read: SQLite's parser must have room for them ---- */

static json_t *small_condition(void)
{
	switch (below(4)) {
	case 0:
		return json_pack("{s:[s,{s:s}]}", "in", "home", "var", "house.marks");
	case 1:
		return json_pack("{s:{s:s}}", "missing", "var", "friend.code");
	default:
		return json_pack("{s:{s:s}}", "missing", "var", one_in(2) ? "name" : "fee");
	}
}

/* Uses all of the depth: with the longer part in front, behind, half and half, or as it comes. */
static json_t *a_deep_filter(unsigned depth, size_t leaves, size_t form)
{
	if (depth == 1)
		return small_condition();
	if (leaves == 1 || (form > 3 && depth > 2 && one_in(4)))
		return json_pack("{s:o}", "!", a_deep_filter(depth - 1, leaves, form));
	size_t first = form == 0 ? 1 : form == 1 ? leaves - 1 : form == 2 ? leaves / 2 : 1 + below(leaves - 1);
	json_t *a = a_deep_filter(depth - 1, first, form), *b = a_deep_filter(depth - 1, leaves - first, form);
	return json_pack("{s:[o,o]}", depth % 2 == 0 ? "and" : "or", a, b);
}

static void the_deepest_filters_are_answered(void **state)
{
	(void)state;
	int64_t area = 370613000000000;
	size_t large = 0;
	for (size_t i = 0; i < 60; i++) {
		struct trial trial = { .world = { .today = a_today(), .district = DISTRICT, .shape = find_shape, .fetch = fetch,
			                          .scope = keep_in_scope, .arg = &area } };
		arena_reset(&brief);
		json_t *filter = a_deep_filter(FILTER_DEPTH_MAX, 1 + below(110), i % 6);
		bool failed = fails(&trial, filter);
		large += failed && strcmp(trial.wrong, "too large") == 0;
		if (failed && strcmp(trial.wrong, "too large") != 0) {
			show(&trial, filter);
			fail_msg("deep filter %zu", i);
		}
		json_decref(filter);
	}
	print_message("60 deep filters, of which %zu are too large for a statement\n", large);
	assert_true(large < 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_database_and_memory_agree),
		cmocka_unit_test(the_deepest_filters_are_answered), /* asked of the records that the first has put there */
	};
	return cmocka_run_group_tests(tests, open_store, close_store);
}
