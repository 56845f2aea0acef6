/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - a table becomes records. First every row is read and looked at, while nothing is written; then the good ones are laid
 * down in the store, and a job makes records of them (import_batch.h), which the answer waits for unless it is told not to. */
#include "edge/http.h"

#include "base/crypto.h"
#include "edge/import_own.h"
#include "engine/source.h"

#include <stdlib.h>
#include <string.h>

enum { UNKNOWN_MAX = 50, UNKNOWN_BYTES_MAX = 200, EARLY_BYTES_MAX = 4 << 20 };

/* ---- reading the file ---- */

static const struct {
	const char *code, *zh, *en;
} sheet_words[] = {
	[SHEET_TOO_MANY_CELLS] = { "too_many_cells", "列太多：比表头多，或单元格里的逗号没有加引号",
	                           "Too many cells: more than the header has, or a comma without quotes" },
	[SHEET_CELL_TOO_LONG] = { "cell_too_long", "单元格太长", "A cell is too long" },
	[SHEET_OPEN_QUOTE] = { "open_quote", "引号没有结束，之后的内容没有读取", "A quote does not end; what follows was not read" },
	[SHEET_BAD_CHARACTERS] = { "not_utf8", "有无法识别的字符，请另存为 UTF-8 或 .xlsx", "Characters that cannot be read: save as UTF-8 or .xlsx" },
	[SHEET_STRAY_QUOTE] = { "stray_quote", "引号位置不对", "A quote where none can be" },
};

/* `count`: of its cells, where they could be read. */
static enum store_code refuse_row(struct import *import, enum sheet_result result, size_t count)
{
	const char *zh = sheet_words[result].zh, *en = sheet_words[result].en;
	struct told told = { import->sheet.line, TEXT_NONE, TEXT_NONE, text_of(zh), text_of(en), sheet_words[result].code, true };
	import_keep_told(import, &told, &import->errors);
	import->batch.counts.rows++;
	import->batch.counts.rejected++;
	return import->back ? import_file_row(import->back, import->call, import->sheet.cells, count, told.message) : STORE_OK;
}

/* A cell behind the last column is most often the rest of one with a comma in it. */
static bool fits_header(const struct import *import)
{
	for (size_t i = import->columns.count; i < import->sheet.cell_count; i++)
		if (text_trim(import->sheet.cells[i]).len > 0)
			return false;
	return true;
}

/* A table that is given back has its blank rows too: what is said of a row names others by their number. */
static enum store_code keep_blank_rows(struct import *import)
{
	unsigned line = import->sheet.line, before = import->line;
	enum store_code code = STORE_OK;
	import->line = line;
	if (import->back && line > before + 1) {
		code = import_flush(import);
		if (code == STORE_OK)
			code = import_file_skip(import->back, import->call, line - before - 1);
	}
	return code;
}

static enum store_code take_row(struct import *import, enum sheet_result result)
{
	enum store_code code = keep_blank_rows(import);
	if (code != STORE_OK)
		return code;
	size_t count = result == SHEET_ROW ? import->sheet.cell_count : 0;
	if (result == SHEET_ROW && !fits_header(import))
		result = SHEET_TOO_MANY_CELLS;
	if (result != SHEET_ROW) {
		code = import_flush(import); /* mistakes are told in the order of the file */
		return code == STORE_OK ? refuse_row(import, result, count) : code;
	}
	import_keep_row(import, import->sheet.line, import->sheet.cells, count);
	return import->row_count == PIECE_ROWS || import->arena.total > PIECE_BYTES_MAX ? import_flush(import) : STORE_OK;
}

static enum store_code read_rows(struct import *import)
{
	enum store_code code = STORE_OK;
	while (code == STORE_OK) {
		arena_reset(&import->reading);
		enum sheet_result result = sheet_next(&import->sheet, &import->reading);
		if (result == SHEET_STOPPED)
			return STORE_REFUSED;
		if (result == SHEET_END)
			break;
		code = take_row(import, result);
		call_moved(import->call, import->batch.counts.rows, 0);
	}
	return code == STORE_OK ? import_flush(import) : code;
}

/* ---- the header ---- */

struct early_row {
	unsigned line;
	struct text *cells;
	size_t count;
	size_t known;
};

static bool read_early_row(struct import *import, struct early_row *row, const json_t *map)
{
	enum sheet_result result = sheet_next(&import->sheet, import->call->arena);
	if (result != SHEET_ROW)
		return false;
	*row = (struct early_row){ .line = import->sheet.line, .count = import->sheet.cell_count };
	row->cells = arena_take(import->call->arena, (row->count + 1) * sizeof *row->cells);
	for (size_t i = 0; i < row->count; i++)
		row->cells[i] = text_copy(import->call->arena, import->sheet.cells[i]);
	import_columns_read(&import->columns, import->call->arena, import->shape, row->cells, row->count, map);
	row->known = import->columns.known;
	return true;
}

static size_t filled(const struct early_row *row)
{
	size_t count = 0;
	for (size_t i = 0; i < row->count; i++)
		count += text_trim(row->cells[i]).len > 0;
	return count;
}

static enum store_code give_back_header(struct import *import, const struct early_row *rows, size_t header)
{
	struct import_file *back = import->back;
	enum store_code code = STORE_OK;
	if (back)
		import_file_columns(back, &import->columns);
	for (size_t i = 0; i <= header && code == STORE_OK; i++) {
		import->sheet.line = rows[i].line;
		code = keep_blank_rows(import);
		if (back && code == STORE_OK)
			code = i < header ? import_file_row(back, import->call, rows[i].cells, rows[i].count, TEXT_NONE)
			                  : import_file_header(back, import->call, rows[i].cells, rows[i].count);
	}
	return code;
}

/* The row with the most names of ours, among the first: titles, the unit and the date stand above it. Rows that were read behind it
 * are taken as any other. */
static enum store_code read_header(struct import *import, const json_t *map)
{
	struct early_row *rows = arena_take(import->call->arena, HEADER_ROWS_MAX * sizeof *rows);
	size_t count = 0, best = 0;
	while (count < HEADER_ROWS_MAX && read_early_row(import, &rows[count], map)) {
		if (rows[count].known > rows[best].known)
			best = count;
		count++;
		bool clear = rows[best].known > 3 || (rows[best].known > 1 && 2 * rows[best].known >= filled(&rows[best]));
		if (clear || import->call->arena->total > EARLY_BYTES_MAX)
			break;
	}
	if (count == 0 || rows[best].known == 0 || (rows[best].known == 1 && filled(&rows[best]) > 3)) {
		if (import->call->problem == PROBLEM_NONE)
			call_wrong(import->call, TEXT(""), "no_header", TEXT("没有找到表头，表头例如：姓名,公民身份号码,性别,出生日期,区划代码"),
			           TEXT("No header was found, for example: name,id_card,sex,born_on,area"));
		return STORE_REFUSED;
	}
	import_columns_read(&import->columns, import->call->arena, import->shape, rows[best].cells, rows[best].count, map);
	enum store_code code = give_back_header(import, rows, best);
	for (size_t i = best + 1; i < count && code == STORE_OK; i++) {
		import->sheet.line = rows[i].line;
		import->sheet.cells = rows[i].cells;
		import->sheet.cell_count = rows[i].count;
		code = take_row(import, SHEET_ROW);
	}
	return code;
}

/* ---- the answer ---- */

static void put_told(struct json_out *json, const char *name, const struct told_list *list)
{
	json_key(json, text_of(name));
	json_begin_array(json);
	for (size_t i = 0; i < list->count; i++) {
		const struct told *told = &list->of[i];
		json_begin_object(json);
		JSON_INT(json, "line", told->line);
		JSON_TEXT(json, "column", told->column);
		if (told->value.ptr)
			JSON_TEXT(json, "value", told->value);
		JSON_TEXT(json, "code", text_of(told->code));
		JSON_TEXT(json, "message", told->message);
		JSON_TEXT(json, "message_en", told->message_en);
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_unknown(struct json_out *json, const struct import *import)
{
	size_t told = 0;
	json_key(json, TEXT("unknown_columns"));
	json_begin_array(json);
	for (size_t i = 0; i < import->columns.count && told < UNKNOWN_MAX; i++) {
		const struct import_column *column = &import->columns.of[i];
		if (column->slot || column->ignored || column->header.len == 0)
			continue;
		json_put_text(json, text_cut(import->columns.of[i].header, UNKNOWN_BYTES_MAX));
		told++;
	}
	json_end_array(json);
}

static void put_columns(struct json_out *json, const struct import *import)
{
	json_key(json, TEXT("columns"));
	json_begin_object(json);
	for (size_t i = 0; i < import->columns.count; i++)
		if (import->columns.of[i].slot)
			json_member_text(json, import->columns.of[i].header, import->columns.of[i].slot->name);
	json_end_object(json);
}

/* What the job could not do after all. */
static void keep_job_errors(struct import *import, const json_t *result)
{
	size_t i;
	const json_t *one;
	json_array_foreach(json_object_get(result, "errors"), i, one) {
		struct told told = { .line = (unsigned)json_integer_value(json_object_get(one, "line")),
			.column = json_text_of(json_object_get(one, "column")), .message = json_text_of(json_object_get(one, "message")),
			.message_en = json_text_of(json_object_get(one, "message")),
			.code = text_z(import->call->arena, json_text_of(json_object_get(one, "code"))) };
		import_keep_told(import, &told, &import->errors);
	}
}

static void answer(struct import *import, const json_t *job)
{
	struct call *call = import->call;
	const json_t *result = json_object_get(job, "result");
	bool under_way = job && !text_is(json_text_of(json_object_get(job, "state")), "done");
	keep_job_errors(import, result);
	struct json_out json = call_json(call, under_way ? 202 : 200);
	json_begin_object(&json);
	batch_put_counts(&json, &import->batch.counts, under_way ? NULL : result);
	put_told(&json, "errors", &import->errors);
	put_told(&json, "notes", &import->notes);
	put_columns(&json, import);
	put_unknown(&json, import);
	if (job) {
		JSON_TEXT(&json, "job", json_text_of(json_object_get(job, "id")));
		JSON_TEXT(&json, "state", json_text_of(json_object_get(job, "state")));
	}
	json_end_object(&json);
}

/* The whole file or nothing of it: what was laid down before is taken away. */
static void give_up(struct import *import, enum store_code code)
{
	batch_drop(&import->batch);
	app_settle(import->call, code);
}

/* Good rows are in the job's hands from here on: a peer that goes away, or a server that stops, changes nothing of that. */
static void carry_out(struct import *import)
{
	struct call *call = import->call;
	json_t *job = NULL;
	enum store_code code = batch_begin(&import->batch);
	if (code != STORE_OK) { /* where a database was lost just then, the job may be there all the same */
		app_settle(call, code);
		return;
	}
	jobs_wake(call->app->jobs);
	if (import->wait)
		job_await(call, import->batch.id);
	if (call->problem == PROBLEM_NONE && json_read(buf_done(&call->out), BODY_DEPTH_MAX, &job) == JSON_FINE) {
		answer(import, job);
		call->version = 0;
		call->location = call->status == 202 ? text_printf(call->arena, "/api/v1/jobs/%lld", (long long)import->batch.id) : TEXT_NONE;
	}
	json_decref(job);
}

/* ---- what was asked ---- */

/* Where rows belong that do not say it: what was named, else all of what is the actor's. */
static bool read_area(struct import *import)
{
	struct call *call = import->call;
	const struct actor *actor = &call->actor;
	struct text said = call_param(call, "area");
	import->area_else = actor->area_count > 0 ? actor->areas[0] : call->app->home_area;
	if (!said.ptr || (area_read(said, &import->area_else) && actor_covers(actor, import->area_else)))
		return true;
	call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("area 不是您管辖范围内的区划"), TEXT("area is none of yours"));
	return false;
}

/* A list of deaths does not say in each row that somebody died. */
static bool read_event(struct import *import)
{
	struct text said = call_param(import->call, "event");
	const struct word *word = said.ptr ? word_find(import->shape->slots[END_SLOTS].field->words, said) : NULL;
	bool returns = text_is(said, EVENT_RETURNED);
	import->event = returns ? said : word ? text_of(word->word) : TEXT_NONE;
	if (!said.ptr || returns || word)
		return true;
	call_problem_detail(import->call, PROBLEM_BAD_REQUEST, TEXT("event 应是这类记录的终止原因之一，或 returned"),
		TEXT("event is a reason why such a record ends, or returned"));
	return false;
}

static bool read_map(struct call *call, json_t **map)
{
	struct text said = call_param(call, "map");
	*map = NULL;
	if (!said.ptr || (json_read(said, 3, map) == JSON_FINE && json_is_object(*map)))
		return true;
	call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("map 应是 JSON 对象：{\"表头\":\"字段\"}"),
		TEXT("map is a JSON object: {\"header\":\"field\"}"));
	return false;
}

static enum store_code read_places(struct db *db, void *arg)
{
	struct import *import = arg;
	import->places = import_places_read(db, import->call->arena, import->call->actor.district);
	return import->places ? STORE_OK : STORE_BROKEN;
}

static struct import *import_new(struct call *call)
{
	struct import *import = calloc(1, sizeof *import);
	if (!import)
		abort();
	const struct shape *shape = call->route->shape;
	import->call = call;
	import->shape = shape;
	import->area = shape->tie_slots[0] && shape->tie_slots[0]->offset > 0 ? shape_slot(shape, shape->tie_slots[0]->name) : NULL;
	import->address = shape_slot(shape, TEXT("address"));
	import->card = shape_slot(shape, TEXT("id_card"));
	import->sex = shape_slot(shape, TEXT("sex"));
	import->born_on = shape_slot(shape, TEXT("born_on"));
	import->extra = shape_slot(shape, TEXT("extra"));
	random_bytes(&import->seen.seed, sizeof import->seen.seed);
	import->arena = arena_new(CALL_ARENA_MAX);
	import->reading = arena_new(CALL_ARENA_MAX);
	import->scratch = arena_new(CALL_ARENA_MAX);
	import->errors.of = arena_take(call->arena, TOLD_MAX * sizeof *import->errors.of);
	import->notes.of = arena_take(call->arena, TOLD_MAX * sizeof *import->notes.of);
	import->batch = (struct batch){ .call = call, .shape = shape, .id = id_next(store_ids(call->app->store), call->actor.district) };
	return import;
}

static void import_free(struct import *import)
{
	sheet_close(&import->sheet);
	import_file_close(import->back);
	arena_free(&import->arena);
	arena_free(&import->reading);
	arena_free(&import->scratch);
	free(import->seen.keys);
	free(import->seen.lines);
	free(import);
}

static bool begin(struct import *import, bool checks)
{
	struct call *call = import->call;
	bool waits = true;
	if (!call_flag(call, "dry_run", &import->dry_run) || (call_param(call, "wait").ptr && !call_flag(call, "wait", &waits)) ||
	    !read_area(import) || !read_event(import) || !source_of(call).ptr)
		return false;
	import->wait = waits;
	import->dry_run = import->dry_run || checks;
	return true;
}

/* The table is given back as what it came. */
static bool begin_back(struct import *import)
{
	const struct xlsx *xlsx = import->sheet.xlsx;
	import->back = import_file_new(import->shape->resource->label, xlsx ? xlsx_sheet(xlsx) : NULL);
	if (!import->back)
		app_settle(import->call, STORE_FULL);
	return import->back;
}

/* `checks`: the answer is the table itself, with what is wrong in it. */
static void read_table(struct call *call, bool checks)
{
	struct import *import = import_new(call);
	json_t *map = NULL;
	if (begin(import, checks) && read_map(call, &map) && sheet_open(&import->sheet, call) && (!checks || begin_back(import))) {
		enum store_code code = store_read(call->app->store, 0, read_places, import);
		if (code == STORE_OK)
			code = read_header(import, map);
		if (code == STORE_OK)
			code = read_rows(import);
		if (code != STORE_OK)
			give_up(import, code);
		else if (import->back)
			import_file_answer(import->back, call);
		else if (import->dry_run || import->batch.pieces == 0)
			answer(import, NULL);
		else
			carry_out(import);
	}
	json_decref(map);
	import_free(import);
}

static void import_table(struct call *call)
{
	read_table(call, false);
}

static void check_table(struct call *call)
{
	read_table(call, true);
}

static const struct field answer_fields[] = {
	{ .type = FIELD_integer, .name = "rows", .label = "读取的行数", .flags = MUST },
	{ .type = FIELD_integer, .name = "accepted", .label = "接受的行数", .flags = MUST },
	{ .type = FIELD_integer, .name = "rejected", .label = "退回的行数", .flags = MUST },
	{ .type = FIELD_integer, .name = "created", .label = "新建", .flags = MUST },
	{ .type = FIELD_integer, .name = "changed", .label = "更新", .flags = MUST },
	{ .type = FIELD_integer, .name = "same", .label = "没有变化", .flags = MUST },
	{ .type = FIELD_integer, .name = "claimed", .label = "转为异议", .flags = MUST },
	{ .type = FIELD_integer, .name = "ended", .label = "终止", .flags = MUST },
	{ .type = FIELD_integer, .name = "returned", .label = "恢复", .flags = MUST },
	{ .type = FIELD_integer, .name = "followed", .label = "随之变动的其他记录", .flags = MUST },
	{ .type = FIELD_object, .name = "columns", .label = "表头对应的字段", .flags = MUST },
	{ .type = FIELD_words, .name = "unknown_columns", .label = "不认识的列", .flags = MUST },
	{ .type = FIELD_text, .name = "job", .label = "任务", .flags = DETAIL },
	{ .type = FIELD_text, .name = "state", .label = "状态", .flags = DETAIL },
};
static const struct field errors[] = {
	{ .type = FIELD_integer, .name = "line", .label = "行（与 Excel 一致）", .flags = MUST },
	{ .type = FIELD_text, .name = "column", .label = "字段" },
	{ .type = FIELD_text, .name = "value", .label = "原值", .flags = DETAIL },
	{ .type = FIELD_text, .name = "code", .label = "错误代码", .flags = MUST },
	{ .type = FIELD_text, .name = "message", .label = "说明", .flags = MUST },
	{ .type = FIELD_text, .name = "message_en", .label = "英文说明", .flags = MUST },
};
static const struct field params[] = {
	{ .type = FIELD_word, .name = "source", .label = "数据来源", .words = sources, .en = "who says so" },
	{ .type = FIELD_area, .name = "area", .label = "没有写明区划的行所在的区划", .en = "where rows are that do not say it" },
	{ .type = FIELD_text, .name = "sheet", .label = "工作表", .en = "the sheet of a workbook" },
	{ .type = FIELD_text, .name = "map", .label = "表头对应的字段（JSON）", .en = "fields by header, as JSON" },
	{ .type = FIELD_text, .name = "event", .label = "每一行都是这种变动：终止原因，或 returned（恢复）",
	  .en = "what each row tells: why a record ended, or returned" },
	{ .type = FIELD_boolean, .name = "dry_run", .label = "试导入，不写入", .en = "look only, write nothing" },
	{ .type = FIELD_boolean, .name = "wait", .label = "等待完成", .en = "answer when it is done" },
};
enum { PARAMS_OF_CHECK = COUNT(params) - 2 };
static const struct about about_import = { .takes = BODY_TABLE, .gives = BODY_MEMBERS, .later = true,
	                                   .out = { ROWS(answer_fields), .list = "errors", ROWS(errors), .second_list = "notes" },
	                                   .params = ROWS(params), .problems = PROBLEM_LIST(PROBLEM_BAD_TABLE) };

static const struct about about_check = { .takes = BODY_TABLE, .gives = BODY_TABLE, .params = params, .param_count = PARAMS_OF_CHECK,
	                                  .problems = PROBLEM_LIST(PROBLEM_BAD_TABLE, PROBLEM_INVALID) };

static const struct operation operations_of_all[] = {
	{ METHOD_POST, "/import", RIGHT_WRITE, ROUTE_TASK, .task = import_table, .upload = UPLOAD_TABLE, .bulk = true,
	  .zh = "导入", .en = "import", .about = &about_import },
	{ METHOD_POST, "/import/check", RIGHT_WRITE, ROUTE_TASK, .task = check_table, .upload = UPLOAD_TABLE, .bulk = true,
	  .zh = "试导入", .en = "check import", .about = &about_check },
};

const struct module import_module = {
	.name = "import", .file = __FILE__, .operations = operations_of_all, .operation_count = COUNT(operations_of_all),
	.schema = &import_schema, .jobs = import_jobs, .job_count = COUNT(import_jobs),
	.grants = import_grants, .grant_count = COUNT(import_grants),
};
