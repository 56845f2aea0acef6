/* SPDX-License-Identifier: Apache-2.0 */
/* export.c - a list as a file: all its records, in as much memory as one page of them takes.
 *
 * The file is made first, without a name in the directory of temporary files, and sent when the journal's line about it, with
 * the filter, the fields and the count, is on disk. What is masked on a screen is masked in it, unless somebody who may see it in
 * clear has asked for that, and said what for. Between two pages the ledger may change: a record that moves in the order may be
 * missed, or be there twice. */
#include "engine/export.h"

#include "base/log.h"
#include "engine/export_own.h"
#include "engine/input.h"
#include "engine/keys.h"
#include "engine/operations.h"

enum { PAGE_ROWS = 500, PAGE_BYTES_MAX = 32 << 20, PURPOSE_MIN = 2, PURPOSE_MAX = 200 };

/* ---- what was asked ---- */

static const struct word forms[] = { { "csv", "CSV 文本" }, { "xlsx", "Excel 工作簿" }, { "ndjson", "每行一个 JSON" }, { 0 } };
static const struct export_form *const form_of[] = { &export_csv, &export_xlsx, &export_lines };
_Static_assert(COUNT(forms) == COUNT(form_of) + 1, "each has a word");

static bool take_form(struct export *export)
{
	struct text said = call_param(export->call, "as");
	const struct word *word = said.ptr ? word_find(forms, said) : forms;
	if (!word) {
		call_problem_detail(export->call, PROBLEM_BAD_REQUEST, TEXT("as 只能是 csv、xlsx 或 ndjson"),
			TEXT("as is csv, xlsx or ndjson"));
		return false;
	}
	export->form = form_of[word - forms];
	return true;
}

/* In a table that is imported again nobody would come to life. */
static bool take_ended(struct export *export)
{
	if (!call_flag(export->call, "ended", &export->wish.with_ended))
		return false;
	if (!export->wish.with_ended || export->form->whole)
		return true;
	call_problem_detail(export->call, PROBLEM_BAD_REQUEST, TEXT("ended 只用于 as=ndjson"), TEXT("ended goes with as=ndjson"));
	return false;
}

/* Without `fields` all that people have filled in, and that has a place in a cell. */
static bool take_fields(struct export *export)
{
	const struct shape *shape = export->wish.shape;
	const struct record_out *asked = &export->asked;
	bool whole = export->form->whole;
	for (size_t i = SYSTEM_SLOTS; asked->field_count == 0 && i < shape->slot_count; i++)
		if (slot_is_shown(&shape->slots[i]) && (whole || shape->slots[i].field->type != FIELD_file))
			export->slots[export->slot_count++] = &shape->slots[i];
	for (size_t i = 0; i < asked->field_count; i++) {
		const struct slot *slot = shape_slot(shape, asked->fields[i]);
		if (!slot || (slot->field->type == FIELD_file && !whole)) {
			call_problem_detail(export->call, PROBLEM_BAD_REQUEST, TEXT("fields 中有不存在或不能导出的字段"),
				TEXT("One of the fields does not exist, or cannot be exported"));
			return false;
		}
		export->slots[export->slot_count++] = slot;
	}
	return true;
}

static bool refuse_purpose(struct call *call, const char *code, const char *zh, const char *en)
{
	call_wrong(call, TEXT("/for"), code, text_of(zh), text_of(en));
	return false;
}

/* One line: it stands in one above the header. */
static bool take_purpose(struct export *export)
{
	struct call *call = export->call;
	struct text said = text_trim(call_param(call, "for"));
	size_t count = text_utf8_length(said);
	if (said.len == 0)
		return !export->clear || refuse_purpose(call, "required", "导出未遮盖的信息须写明用途", "Say what it is taken in clear for");
	for (size_t i = 0; i < said.len; i++)
		if ((unsigned char)said.ptr[i] < ' ')
			count = SIZE_MAX;
	if (count == SIZE_MAX)
		return refuse_purpose(call, "bad_characters", "含有无效字符", "Contains characters that are not allowed");
	if (count < PURPOSE_MIN)
		return refuse_purpose(call, "too_short", "请写明用途，至少两个字", "Say what for, in two characters or more");
	if (count > PURPOSE_MAX)
		return refuse_purpose(call, "too_long", "最多 200 个字", "At most 200 characters");
	export->purpose = said;
	return true;
}

/* In clear only for who may also see each of them so. */
static bool take_clear(struct export *export)
{
	struct call *call = export->call;
	if (!call_flag(call, "clear", &export->clear))
		return false;
	if (!export->clear || actor_may(&call->actor, export->wish.shape->may[RIGHT_REVEAL]))
		return true;
	call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("您的角色不能导出未遮盖的信息"), TEXT("Your role may not take it in clear"));
	return false;
}

struct text export_watermark(struct export *export)
{
	struct call *call = export->call;
	struct text at = clock_rfc3339(call->arena, clock_now_ms(store_clock(call->app->store)));
	return text_printf(call->arena, "导出人：%s；时间：%.10s %.5s%s%s%.*s", call->actor.name, at.ptr, at.ptr + DATE_CHARS + 1,
	                   export->clear ? "；含未遮盖的受保护信息" : "", export->purpose.ptr ? "；用途：" : "", TEXT_ARG(export->purpose));
}

/* ---- rows ---- */

/* All or nothing: of what does not open nobody shall think that it is empty. Who sees a person only by their household
 * registration goes on seeing masks. */
static bool open_fields(struct export *export, const struct rows *rows)
{
	const struct call *call = export->call;
	const struct shape *shape = export->wish.shape;
	struct hidden hidden;
	if (!operation_keeps(shape, &call->actor, export->record))
		return true;
	operation_read_hidden(shape, rows, &export->scratch, &hidden);
	for (size_t i = 0; i < export->slot_count; i++) {
		const struct slot *slot = export->slots[i];
		struct seal_place place = { call->actor.district, shape->resource->name, slot->field->name,
			                    ((struct record *)export->record)->id };
		if (!slot->box_column)
			continue;
		struct text box = hidden.sealed[slot->sealed].box;
		if (keys_unseal(call->app->keys, &export->scratch, &place, box, slot_at(slot, export->record)))
			continue;
		export->is_shut = true;
		export->key_is_unknown = !keys_know(call->app->keys, box);
		log_error("export: %s of %s %lld does not open: %s", place.field, place.resource, (long long)place.id,
		          export->key_is_unknown ? "its key is not here" : "it was altered");
		return false;
	}
	return true;
}

static struct value sort_value(struct export *export)
{
	const struct slot *sort = export->wish.page.sort;
	struct value value = sort ? record_value(sort, export->record, false) : value_int(0);
	if (value.type == VALUE_TEXT)
		value.text = text_copy(&export->scratch, value.text);
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
	export->is_shut = false;
	if (!list_query(&query, db, export->call, &export->wish, export->clear ? export->with_hidden : shape->column_list))
		return STORE_REFUSED;
	struct rows *rows = query_run(&query, db);
	while (export->row_count < PAGE_ROWS && rows_next(rows)) {
		record_read(shape, rows, NULL, export->record);
		if (export->clear && !open_fields(export, rows))
			break;
		export->form->put_row(export);
		if (++export->row_count == PAGE_ROWS) {
			export->last = sort_value(export);
			export->last_id = ((struct record *)export->record)->id;
		}
	}
	return rows_end(rows);
}

/* ---- the file ---- */

enum store_code export_write(struct export *export)
{
	return export->rows.overflow ? call_problem(export->call, PROBLEM_TOO_LARGE)
	                             : sent_file_write(&export->file, export->call, buf_done(&export->rows));
}

static enum store_code refresh_keys(struct db *db, void *arg)
{
	return keys_refresh(arg, db);
}

static enum store_code read_page(struct export *export)
{
	struct app *app = export->call->app;
	enum store_code code = store_read(app->store, 0, read_rows, export);
	/* Another server may have made a new key, and sealed with it. */
	if (code == STORE_OK && export->is_shut && export->key_is_unknown && store_read(app->store, 0, refresh_keys, app->keys) == STORE_OK)
		code = store_read(app->store, 0, read_rows, export);
	return code == STORE_OK && export->is_shut ? call_problem(export->call, PROBLEM_INTERNAL) : code;
}

/* Where the next page begins: the scratch that says it is about to be used again. */
static void go_on_behind(struct export *export)
{
	struct list_page *page = &export->wish.page;
	arena_reset(&export->kept);
	page->after = export->last;
	page->after_id = export->last_id;
	if (page->after.type == VALUE_TEXT)
		page->after.text = text_copy(&export->kept, page->after.text);
}

static enum store_code write_pages(struct export *export)
{
	struct app *app = export->call->app;
	export->wish.page.limit = PAGE_ROWS;
	export->wish.to_the_end = true;
	export->wish.arena = &export->scratch;
	for (;;) {
		enum store_code code = app->stopping ? STORE_BUSY : read_page(export);
		if (code == STORE_OK)
			code = export->form->write(export);
		if (code != STORE_OK)
			return code;
		export->count += export->row_count;
		call_moved(export->call, export->count, 0);
		if (export->row_count < PAGE_ROWS) /* nothing is behind it, nor was kept of where that would begin */
			return STORE_OK;
		go_on_behind(export);
	}
}

static enum store_code write_file(struct export *export)
{
	const struct export_form *form = export->form;
	export->record = arena_take_raw(export->call->arena, export->wish.shape->resource->size);
	export->with_hidden = text_printf(export->call->arena, "%s%s", export->wish.shape->column_list, export->wish.shape->hidden_list).ptr;
	export->scratch = arena_new(CALL_ARENA_MAX);
	export->kept = arena_new(CALL_ARENA_MAX);
	enum store_code code = form->begin ? form->begin(export) : STORE_OK;
	if (code == STORE_OK)
		code = write_pages(export);
	if (code == STORE_OK && form->end)
		code = form->end(export);
	if (form->drop)
		form->drop(export);
	arena_free(&export->scratch);
	arena_free(&export->kept);
	return code;
}

static enum store_code note(struct tx *tx, void *arg)
{
	struct export *export = arg;
	return list_note(tx, export->call, &(struct list_taken){ ACTION_EXPORT, export->slots, export->slot_count,
		.filter = call_param(export->call, "filter"), .reason = export->purpose, .clear = export->clear,
		.count = export->count });
}

/* ---- the answer ---- */

static void export_list(struct call *call)
{
	struct app *app = call->app;
	struct export *export = arena_take(call->arena, sizeof *export);
	export->call = call;
	export->asked = record_out_for(call, NULL);
	if (!list_read(call, call->route->shape, &export->wish) || !take_form(export) || !take_ended(export) || !take_fields(export) ||
	    !take_clear(export) || !take_purpose(export))
		return;
	if (!sent_file_open(&export->file)) {
		app_settle(call, STORE_FULL);
		return;
	}
	enum store_code code = write_file(export);
	if (code == STORE_OK)
		code = store_command(app->store, LANE_INTERACTIVE, note, export);
	if (code == STORE_OK)
		sent_file_answer(&export->file, call, export->form->type,
		                 text_printf(call->arena, "%s-%.*s.%s", export->wish.shape->resource->label, DATE_CHARS,
		                             export->asked.today, export->form->suffix));
	sent_file_close(&export->file);
	app_settle(call, code);
}

static const struct field params[] = {
	{ .type = FIELD_word, .name = "as", .label = "文件格式，默认 CSV", .words = forms, .en = "how it is written" },
	{ .type = FIELD_text, .name = "for", .label = "用途，写在表头之上和日志中", .max = PURPOSE_MAX, .en = "what it is for" },
	{ .type = FIELD_boolean, .name = "clear", .label = "不遮盖受保护的字段，须写明用途", .en = "sealed fields in clear" },
	{ .type = FIELD_boolean, .name = "ended", .label = "包括已结束的记录，只用于 ndjson", .en = "also those that have ended" },
};
static const struct about export_about = { .gives = BODY_LISTED, .lists = true, .params = ROWS(params),
	                                   .problems = PROBLEM_LIST(PROBLEM_INVALID) };

static const struct operation operations_of_all[] = {
	{ METHOD_POST, "/export", RIGHT_EXPORT, ROUTE_TASK, .task = export_list, .bulk = true, .zh = "导出", .en = "export",
	  .about = &export_about },
};

const struct module export_module = {
	.name = "export", .file = __FILE__, .operations = operations_of_all, .operation_count = COUNT(operations_of_all),
};
