/* SPDX-License-Identifier: Apache-2.0 */
/* resource.c - a declared resource is laid out: offsets, columns, statements, indexes. */
#include "engine/resource.h"

#include <assert.h>
#include <string.h>

enum { SQL_MAX = 16384 };

const struct word end_reasons[] = { { "duplicate", "重复登记" }, { "mistake", "登记错误" }, { "other", "其他" }, { 0 } };

static const struct field system_fields[SYSTEM_SLOTS] = {
	{ .type = FIELD_ref, .name = "id", .label = "编号", .flags = KEPT | MUST },
	{ .type = FIELD_integer, .name = "version", .label = "版本", .flags = KEPT | MUST },
	{ .type = FIELD_instant, .name = "created_at", .label = "建立时间", .flags = KEPT | MUST, .en = "created at" },
	{ .type = FIELD_instant, .name = "updated_at", .label = "更新时间", .flags = KEPT | MUST, .en = "updated at" },
	{ .type = FIELD_instant, .name = "ended_at", .label = "终止时间", .flags = KEPT, .en = "ended at" },
	{ .type = FIELD_word, .name = "end_reason", .label = "终止原因", .flags = KEPT, .words = end_reasons, .en = "why it ended",
	  .headers = "注销原因|变动原因|变动类型|减少原因" },
	{ .type = FIELD_date, .name = "ended_on", .label = "终止日期", .flags = KEPT, .en = "day of the end",
	  .headers = "注销日期|变动日期|减少日期|死亡日期|死亡时间|去世日期|迁出日期" },
};

static const struct slot *find_slot(const struct shape *shape, struct text name)
{
	for (size_t i = 0; i < shape->slot_count; i++)
		if (text_eq(name, shape->slots[i].name))
			return &shape->slots[i];
	return NULL;
}

const struct slot *shape_slot(const struct shape *shape, struct text name)
{
	const struct slot *slot = find_slot(shape, name);
	return slot && slot_is_shown(slot) ? slot : NULL;
}

/* Whether `text` is one of the names in `list`, which stand with | between. */
static bool is_among(struct text text, const char *list)
{
	while (list && *list) {
		size_t len = strcspn(list, "|");
		if (text_eq(text, (struct text){ list, len }))
			return true;
		list += len + (list[len] ? 1 : 0);
	}
	return false;
}

const struct slot *shape_header(const struct shape *shape, struct text header)
{
	for (size_t i = END_SLOTS; i < shape->slot_count; i++) { /* how a record ended is an event that a file may tell */
		const struct field *field = shape->slots[i].field;
		bool named = text_is(header, field->name) || text_is(header, field->label) || is_among(header, field->headers);
		bool has_cells = field->type != FIELD_file && field->type != FIELD_answers; /* which are sent by themselves */
		if (named && (i < SYSTEM_SLOTS || !(field->flags & KEPT)) && has_cells)
			return &shape->slots[i];
	}
	return NULL;
}

/* ---- slots and columns ---- */

static void lay_out(struct arena *arena, struct shape *shape, const struct field *field, size_t *offset)
{
	struct slot *slot = &shape->slots[shape->slot_count++];
	*slot = (struct slot){ .field = field, .name = text_of(field->name), .offset = *offset, .column = field->name };
	if (field->type == FIELD_point) {
		slot->column = text_printf(arena, "%s_lat", field->name).ptr;
		slot->second_column = text_printf(arena, "%s_lon", field->name).ptr;
	}
	if (field_is_sealed(field)) {
		slot->hash_column = text_printf(arena, "%s_hash", field->name).ptr;
		slot->box_column = text_printf(arena, "%s_box", field->name).ptr;
		slot->sealed = shape->sealed_count++;
		/* An ID card or a telephone is the same number wherever it is kept. */
		slot->hash_kind = field->type == FIELD_id_card ? "id_card" : field->type == FIELD_phone ? "phone"
		                  : text_printf(arena, "%s.%s", shape->resource->name, field->name).ptr;
		slot->last_kind = text_printf(arena, "%s.last4", slot->hash_kind).ptr;
	}
	shape->owned = shape->owned || field->owner;
	if (field->type == FIELD_tags)
		slot->table = text_printf(arena, "%s_%s", shape->resource->name, field->name).ptr;
	*offset += field_size(field);
}

static const char *sql_type(const struct field *field)
{
	static const char *const types[] = { [VALUE_INT] = "INTEGER", [VALUE_REAL] = "REAL", [VALUE_TEXT] = "TEXT" };
	return types[field_value(field)];
}

static void add_column(struct shape *shape, struct table_column *columns, const struct slot *slot, const char *name, size_t part)
{
	const struct field *field = slot->field;
	shape->columns[shape->column_count++] = (struct column){
		field_value(field), slot->offset + part * sizeof(double), field_value(field) == VALUE_INT ? field_missing(field) : 0 };
	if (strcmp(name, "id") != 0)
		columns[shape->table.column_count++] = (struct table_column){
			.name = name, .type = sql_type(field), .was = part == 0 ? field->was : NULL,
			.must = (field->flags & (MUST | ZERO)) != 0 };
}

static void add_hidden_columns(struct shape *shape, struct table_column *columns)
{
	for (size_t i = 0; i < shape->slot_count; i++) {
		if (!shape->slots[i].box_column)
			continue;
		columns[shape->table.column_count++] = (struct table_column){ .name = shape->slots[i].hash_column, .type = "BLOB" };
		columns[shape->table.column_count++] = (struct table_column){ .name = shape->slots[i].box_column, .type = "BLOB" };
	}
	if (shape->owned)
		columns[shape->table.column_count++] = (struct table_column){ .name = "sources", .type = "TEXT" };
}

static void write_statements(struct arena *arena, struct shape *shape)
{
	struct buf list = buf_in(arena, 1024, SQL_MAX), sealed = buf_in(arena, 256, SQL_MAX), insert = buf_in(arena, 2048, SQL_MAX);
	size_t brief = 0;
	for (size_t i = 0; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		buf_printf(&list, "%s%s", i ? ", " : "", slot->column);
		if (slot->second_column)
			buf_printf(&list, ", %s", slot->second_column);
		if (slot->box_column)
			buf_printf(&sealed, ", %s, %s", slot->hash_column, slot->box_column);
		if (i < shape->brief_slots)
			brief = list.len;
	}
	if (shape->owned)
		buf_text(&sealed, TEXT(", sources"));
	buf_char(&sealed, 0);
	shape->brief_list = text_copy(arena, (struct text){ list.ptr, brief }).ptr;
	shape->hidden_list = sealed.ptr;
	shape->column_list = text_z(arena, buf_done(&list));
	buf_printf(&insert, "INSERT INTO %s (district, %s%s) VALUES (?1", shape->resource->name, shape->column_list, shape->hidden_list);
	for (size_t i = 0; i < shape->column_count + 2 * shape->sealed_count + shape->owned; i++)
		buf_printf(&insert, ", ?%zu", i + 2);
	buf_char(&insert, ')');
	shape->select = text_printf(arena, "SELECT %s FROM %s WHERE district = ", shape->column_list, shape->resource->name).ptr;
	shape->select_whole = text_printf(arena, "SELECT %s%s FROM %s WHERE district = ", shape->column_list, shape->hidden_list,
	                                  shape->resource->name).ptr;
	shape->insert = text_z(arena, buf_done(&insert));
	assert(!insert.overflow);
}

/* ---- indexes ---- */

/* What a page of a list needs of a row besides the order: whether it is in sight, whether it has ended, and its version, so
 * that the index alone answers where the record was shown before (engine/shown.h). */
static void add_index(struct arena *arena, struct shape *shape, struct table_index *indexes, const char *fields)
{
	struct buf name = buf_in(arena, 64, 256), columns = buf_in(arena, 128, 1024);
	char listed[512] = " ";
	buf_text(&name, text_of(shape->resource->name));
	buf_text(&columns, TEXT("district"));
	assert(strlen(fields) + 3 < sizeof listed && shape->table.index_count < INDEXES_MAX);
	strncat(listed, fields, sizeof listed - 3);
	strncat(listed, " ", 2);
	for (const char *at = fields; *at;) {
		size_t len = strcspn(at, " ");
		buf_printf(&name, "_%.*s", (int)len, at);
		buf_printf(&columns, ", %.*s", (int)len, at);
		at += len + strspn(at + len, " ");
	}
	const char *const rest[] = { "id", shape->ties.area, shape->ties.second_area, shape->ties.organization, shape->ties.own,
		                     shape->ties.family, "ended_at", "version" };
	for (size_t i = 0; i < COUNT(rest); i++) {
		struct text mark = rest[i] ? text_printf(arena, " %s ", rest[i]) : TEXT_NONE;
		if (!mark.ptr || strstr(listed, mark.ptr))
			continue;
		buf_printf(&columns, ", %s", rest[i]);
		assert(strlen(listed) + mark.len < sizeof listed);
		strncat(listed, mark.ptr + 1, sizeof listed - strlen(listed) - 1);
	}
	indexes[shape->table.index_count++] =
		(struct table_index){ .name = text_z(arena, buf_done(&name)), .columns = text_z(arena, buf_done(&columns)) };
}

static void add_unique_index(struct arena *arena, struct shape *shape, struct table_index *indexes, const struct slot *slot)
{
	const char *column = slot->hash_column ? slot->hash_column : slot->column;
	assert(shape->table.index_count < INDEXES_MAX);
	indexes[shape->table.index_count++] = (struct table_index){
		.name = text_printf(arena, "%s_%s", shape->resource->name, slot->column).ptr,
		.columns = text_printf(arena, "district, %s", column).ptr,
		.where = text_printf(arena, "%s IS NOT NULL AND ended_at IS NULL", column).ptr,
		.unique = true };
}

/* Whether some index begins with this column, so that what is tied to somebody is found by it. */
static bool is_led(const struct shape *shape, const struct table_index *indexes, struct arena *arena, const char *column)
{
	struct text begin = text_printf(arena, "district, %s,", column);
	for (size_t i = 0; i < shape->table.index_count; i++)
		if (!indexes[i].where && text_starts(text_of(indexes[i].columns), begin))
			return true;
	return strcmp(column, "id") == 0;
}

static void add_indexes(struct arena *arena, struct shape *shape)
{
	struct table_index *indexes = arena_take(arena, INDEXES_MAX * sizeof *indexes);
	shape->table.indexes = indexes;
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (slot->field->flags & (SORT | INDEX))
			add_index(arena, shape, indexes, slot->column);
		if ((slot->field->flags & (INDEX | MUST)) == INDEX) /* who has none is not looked for by it */
			indexes[shape->table.index_count - 1].where = text_printf(arena, "%s IS NOT NULL", slot->column).ptr;
		if (slot->field->flags & UNIQUE)
			add_unique_index(arena, shape, indexes, slot);
	}
	for (const char *const *order = shape->resource->orders; order && *order; order++)
		add_index(arena, shape, indexes, *order);
	if (shape->resource->flow && shape->ties.area) { /* what waits in one small area, by its due time */
		add_index(arena, shape, indexes, text_printf(arena, "%s due_at", shape->ties.area).ptr);
		indexes[shape->table.index_count - 1].where = "due_at IS NOT NULL";
	}
	const char *const ties[] = { shape->ties.area, shape->ties.organization, shape->ties.own, shape->ties.family };
	for (size_t i = 0; i < COUNT(ties); i++)
		if (ties[i] && !is_led(shape, indexes, arena, ties[i])) {
			add_index(arena, shape, indexes, ties[i]);
			if (i > 0 && !(find_slot(shape, text_of(ties[i]))->field->flags & MUST)) /* most may be tied to nobody */
				indexes[shape->table.index_count - 1].where = text_printf(arena, "%s IS NOT NULL", ties[i]).ptr;
		}
}

/* ---- beside the table ---- */

static const struct table_column tag_columns[] = {
	{ .name = "district", .type = "INTEGER", .must = true }, { .name = "id", .type = "INTEGER", .must = true },
	{ .name = "word", .type = "TEXT", .must = true }, { .name = "from_on", .type = "TEXT" }, { .name = "to_on", .type = "TEXT" },
};

static void add_side_tables(struct arena *arena, struct shape *shape)
{
	struct table *tables = arena_take(arena, shape->slot_count * sizeof *tables);
	for (size_t i = 0; i < shape->slot_count; i++)
		if (shape->slots[i].table)
			tables[shape->side_table_count++] = (struct table){ .name = shape->slots[i].table, .columns = tag_columns,
				                                            .column_count = COUNT(tag_columns),
				                                            .key = "district, id, word" };
	shape->side_tables = tables;
}

/* On SQLite the index knows a record by its id alone, which says of which district it is. */
static void add_token_index(struct arena *arena, struct shape *shape)
{
	bool wanted = false;
	for (size_t i = 0; i < shape->slot_count; i++)
		wanted = wanted || (shape->slots[i].field->flags & SEARCH) || (shape->slots[i].box_column && shape->resource->finders);
	if (!wanted || shape->table.foreign_ids)
		return;
	shape->table.tokens = text_printf(arena, "%s_tokens", shape->resource->name).ptr;
	shape->found = token_index_sql(arena, shape->table.tokens);
}

/* ---- rights ---- */

const char *const right_names[RIGHTS] = { [RIGHT_READ] = "read", [RIGHT_WRITE] = "write", [RIGHT_REVEAL] = "reveal",
	                                  [RIGHT_FIND] = "find", [RIGHT_EXPORT] = "export" };

const char *resource_roles(const struct resource *resource, enum right right)
{
	const char *const of[RIGHTS] = {
		[RIGHT_READ] = resource->readers, [RIGHT_WRITE] = resource->writers, [RIGHT_REVEAL] = resource->revealers,
		[RIGHT_FIND] = resource->finders, [RIGHT_EXPORT] = resource->exporters ? resource->exporters : resource->readers,
	};
	return of[right];
}

/* ---- the shape ---- */

static void tie(struct shape *shape)
{
	const struct ties *named = &shape->resource->ties;
	const char *const names[] = { named->area, named->second_area, named->organization, named->own, named->family };
	const char **columns[] = { &shape->ties.area, &shape->ties.second_area, &shape->ties.organization, &shape->ties.own,
		                   &shape->ties.family };
	for (size_t i = 0; i < COUNT(names); i++) {
		shape->tie_slots[i] = names[i] ? find_slot(shape, text_of(names[i])) : NULL;
		assert(!names[i] || shape->tie_slots[i]);
		*columns[i] = shape->tie_slots[i] ? shape->tie_slots[i]->column : NULL;
	}
}

static const struct field *system_field(struct arena *arena, const struct resource *resource, size_t i)
{
	if (i == 0 && resource->key)
		return resource->key;
	if (!system_fields[i].words || !resource->end_reasons)
		return &system_fields[i];
	struct field *field = arena_take(arena, sizeof *field);
	*field = system_fields[i];
	field->words = resource->end_reasons;
	return field;
}

struct shape *shape_new(struct arena *arena, struct access *access, const struct resource *resource)
{
	struct shape *shape = arena_take(arena, sizeof *shape);
	size_t slots = SYSTEM_SLOTS + resource->field_count, offset = 0;
	struct table_column *columns = arena_take(arena, 3 * slots * sizeof *columns);
	shape->resource = resource;
	shape->path = text_printf(arena, "/api/v1/%s", resource->plural).ptr;
	shape->slots = arena_take(arena, slots * sizeof *shape->slots);
	shape->columns = arena_take(arena, 2 * slots * sizeof *shape->columns);
	shape->table = (struct table){ .name = resource->name, .columns = columns, .foreign_ids = resource->key != NULL };
	for (size_t i = 0; i < SYSTEM_SLOTS; i++)
		lay_out(arena, shape, system_field(arena, resource, i), &offset);
	shape->slots[0].column = "id";
	for (size_t i = 0; i < resource->field_count; i++)
		lay_out(arena, shape, &resource->fields[i], &offset);
	assert(offset == resource->size);
	assert(!resource->number || shape->sealed_count == 0); /* a box is bound to the id, and so is a file */
	for (size_t i = 0; i < shape->slot_count; i++) {
		add_column(shape, columns, &shape->slots[i], shape->slots[i].column, 0);
		if (shape->slots[i].second_column)
			add_column(shape, columns, &shape->slots[i], shape->slots[i].second_column, 1);
		bool is_brief = !(shape->slots[i].field->flags & DETAIL);
		assert(!is_brief || shape->brief_slots == i); /* what is left out of lists stands last */
		shape->brief_slots += is_brief;
		shape->brief_columns = is_brief ? shape->column_count : shape->brief_columns;
	}
	add_hidden_columns(shape, columns);
	shape->state = resource->flow ? find_slot(shape, TEXT("state")) : NULL;
	assert(!resource->flow || shape->state);
	tie(shape);
	write_statements(arena, shape);
	add_indexes(arena, shape);
	add_side_tables(arena, shape);
	add_token_index(arena, shape);
	for (enum right right = 0; right < RIGHTS; right++) {
		const char *to = resource_roles(resource, right), *name = text_printf(arena, "%s.%s", resource->name, right_names[right]).ptr;
		shape->may[right] = to ? access_grant(access, name, to) : PERMISSIONS_MAX;
	}
	return shape;
}
