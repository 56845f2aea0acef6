/* SPDX-License-Identifier: Apache-2.0 */
/* export.c - a list as a CSV file: all its records, in as much memory as one page of them takes.
 *
 * The file is made first, without a name in the directory of temporary files, and sent when the journal's line about it, with
 * the filter, the fields and the count, is on disk. What is masked on a screen is masked in it. Between two pages the ledger may
 * change: a record that moves in the order may be missed, or be there twice. */
#include "engine/export.h"

#include "base/csv.h"
#include "engine/listing.h"
#include "engine/operations.h"
#include "engine/sent_file.h"
#include "engine/tags.h"

#include <string.h>

enum { PAGE_ROWS = 500, PAGE_BYTES_MAX = 32 << 20, SLOTS_MAX = RECORD_FIELDS_MAX };

struct export {
	struct call *call;
	struct list_wish wish;
	const struct slot *slots[SLOTS_MAX];
	size_t slot_count;
	struct record_out asked; /* the fields, and today */
	struct sent_file file;
	int64_t count;
	void *record;
	struct arena scratch; /* of one page */
	/* of the page, as of its last run */
	struct buf rows;
	int64_t row_count;
	struct value last; /* of the sort column */
	int64_t last_id;
};

/* ---- what was asked ---- */

/* Without `fields` all that people have filled in, and that has a place in a cell. */
static bool take_fields(struct export *export)
{
	const struct shape *shape = export->wish.shape;
	const struct record_out *asked = &export->asked;
	for (size_t i = SYSTEM_SLOTS; asked->field_count == 0 && i < shape->slot_count; i++)
		if (shape->slots[i].field->type != FIELD_file)
			export->slots[export->slot_count++] = &shape->slots[i];
	for (size_t i = 0; i < asked->field_count; i++) {
		const struct slot *slot = shape_slot(shape, asked->fields[i]);
		if (!slot || slot->field->type == FIELD_file) {
			call_problem_detail(export->call, PROBLEM_BAD_REQUEST, TEXT("fields 中有不存在或不能导出的字段"),
				TEXT("One of the fields does not exist, or cannot be exported"));
			return false;
		}
		export->slots[export->slot_count++] = slot;
	}
	return true;
}

/* ---- rows ---- */

/* The value as JSON has it, where it is not plain text. */
static struct text json_of(struct export *export, const struct slot *slot)
{
	struct buf member = buf_in(&export->scratch, 256, 16384);
	struct json_out json = json_out(&member);
	if (slot->field->type == FIELD_tags)
		tags_put(&json, slot->name, slot_text(slot, export->record), (struct text){ export->asked.today, DATE_CHARS });
	else
		record_put_slot(&json, slot, export->record);
	size_t name = slot->name.len + strlen("\"\":");
	return (struct text){ member.ptr + name, member.len - name };
}

/* The words of a list, as people write them; a reference stays its number. */
static struct text list_text(struct export *export, const struct field *field, struct text list)
{
	struct buf cell = buf_in(&export->scratch, 256, 16384);
	const char *end = list.ptr + list.len;
	for (const char *at = list.ptr; (at = memchr(at, '"', (size_t)(end - at)));) {
		const char *close = memchr(at + 1, '"', (size_t)(end - at - 1)); /* no word and no number has a quote in it */
		struct text one = { at + 1, (size_t)(close - at - 1) };
		const struct word *word = field->words ? word_find(field->words, one) : NULL;
		buf_text(&cell, cell.len ? TEXT("、") : TEXT(""));
		buf_text(&cell, word ? text_of(word->zh) : one);
		at = close + 1;
	}
	return buf_done(&cell);
}

static struct text point_text(struct export *export, const struct point *point)
{
	bool missing = point->lat == 0.0 && point->lon == 0.0;
	return missing ? TEXT("") : text_printf(&export->scratch, "%.6f,%.6f", point->lat, point->lon);
}

/* As an import reads it. */
static struct text cell_text(struct export *export, const struct slot *slot)
{
	const struct field *field = slot->field;
	if (field->type == FIELD_word) {
		struct text word = slot_text(slot, export->record);
		return word.ptr ? text_of(word_find(field->words, word)->zh) : word;
	}
	if (field->type == FIELD_point)
		return point_text(export, slot_of(slot, export->record));
	if (field_is_text(field) && field->type != FIELD_words && field->type != FIELD_tags && field->type != FIELD_refs)
		return slot_text(slot, export->record);
	struct text json = json_of(export, slot);
	if (text_is(json, "null"))
		return TEXT("");
	if (json.ptr[0] == '[')
		return list_text(export, field, json);
	if (json.ptr[0] == '"') /* an instant, or a number with more digits than a program may count with */
		return (struct text){ json.ptr + 1, json.len - 2 };
	return text_is(json, "true") ? TEXT("是") : text_is(json, "false") ? TEXT("否") : json;
}

static void put_cell(struct export *export, const struct slot *slot)
{
	(slot->field->type == FIELD_text ? csv_put_text : csv_put)(&export->rows, cell_text(export, slot));
}

static void put_header(struct export *export)
{
	buf_text(&export->rows, TEXT("\xEF\xBB\xBF")); /* without it Excel takes UTF-8 for something else */
	for (size_t i = 0; i < export->slot_count; i++) {
		buf_text(&export->rows, i ? TEXT(",") : TEXT(""));
		csv_put(&export->rows, text_of(export->slots[i]->field->label));
	}
	buf_text(&export->rows, TEXT("\r\n"));
}

static void put_row(struct export *export)
{
	for (size_t i = 0; i < export->slot_count; i++) {
		buf_text(&export->rows, i ? TEXT(",") : TEXT(""));
		put_cell(export, export->slots[i]);
	}
	buf_text(&export->rows, TEXT("\r\n"));
}

static struct value sort_value(struct export *export)
{
	const struct slot *sort = export->wish.page.sort;
	struct value value = sort ? record_value(sort, export->record, false) : value_int(0);
	if (value.type == VALUE_TEXT)
		value.text = text_copy(export->call->arena, value.text);
	return value;
}

static enum store_code read_rows(struct db *db, void *arg)
{
	struct export *export = arg;
	const struct shape *shape = export->wish.shape;
	struct query query;
	arena_reset(&export->scratch);
	export->rows = buf_in(&export->scratch, 64 * 1024, PAGE_BYTES_MAX);
	export->row_count = 0;
	if (export->file.bytes == 0)
		put_header(export);
	if (!list_query(&query, db, export->call, &export->wish, shape->column_list))
		return STORE_REFUSED;
	struct rows *rows = query_run(&query, db);
	while (export->row_count < PAGE_ROWS && rows_next(rows)) {
		record_read(shape, rows, NULL, export->record);
		put_row(export);
		if (++export->row_count == PAGE_ROWS) {
			export->last = sort_value(export);
			export->last_id = ((struct record *)export->record)->id;
		}
	}
	return rows_end(rows);
}

/* ---- the file ---- */

static enum store_code write_rows(struct export *export)
{
	return export->rows.overflow ? call_problem(export->call, PROBLEM_TOO_LARGE)
	                             : sent_file_write(&export->file, export->call, buf_done(&export->rows));
}

static enum store_code write_file(struct export *export)
{
	struct app *app = export->call->app;
	export->wish.page.limit = PAGE_ROWS;
	export->wish.to_the_end = true;
	do {
		enum store_code code = app->stopping ? STORE_BUSY : store_read(app->store, 0, read_rows, export);
		if (code == STORE_OK)
			code = write_rows(export);
		if (code != STORE_OK)
			return code;
		export->count += export->row_count;
		export->wish.page.after = export->last;
		export->wish.page.after_id = export->last_id;
	} while (export->row_count == PAGE_ROWS);
	return STORE_OK;
}

static enum store_code note(struct tx *tx, void *arg)
{
	struct export *export = arg;
	return list_note(tx, export->call, &(struct list_taken){ ACTION_EXPORT, export->slots, export->slot_count,
		call_param(export->call, "filter"), export->count });
}

/* ---- the answer ---- */

static void export_list(struct call *call)
{
	struct app *app = call->app;
	struct export *export = arena_take(call->arena, sizeof *export);
	export->call = call;
	export->asked = record_out_for(call, NULL);
	if (!list_read(call, call->route->shape, &export->wish) || !take_fields(export))
		return;
	if (!sent_file_open(&export->file)) {
		app_settle(call, STORE_FULL);
		return;
	}
	export->record = arena_take_raw(call->arena, export->wish.shape->resource->size);
	export->scratch = arena_new(CALL_ARENA_MAX);
	enum store_code code = write_file(export);
	arena_free(&export->scratch);
	if (code == STORE_OK)
		code = store_command(app->store, LANE_INTERACTIVE, note, export);
	if (code == STORE_OK)
		sent_file_answer(&export->file, call, "text/csv; charset=utf-8",
		                 text_printf(call->arena, "%s-%.*s.csv", export->wish.shape->resource->label, DATE_CHARS,
		                             export->asked.today));
	sent_file_close(&export->file);
	app_settle(call, code);
}

static const struct about export_about = { .gives = BODY_TABLE, .lists = true };

static const struct operation operations_of_all[] = {
	{ METHOD_POST, "/export", RIGHT_EXPORT, ROUTE_TASK, .task = export_list, .bulk = true, .zh = "导出", .en = "export",
	  .about = &export_about },
};

const struct module export_module = {
	.name = "export", .file = __FILE__, .operations = operations_of_all, .operation_count = COUNT(operations_of_all),
};
