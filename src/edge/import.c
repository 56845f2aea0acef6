/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - a CSV file becomes records, slice by slice through the bulk lane. */
#include "edge/http.h"

#include "base/csv.h"
#include "engine/input.h"
#include "engine/operations.h"
#include "engine/source.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE_ROWS = 100, SLICE_BYTES = 8 << 20, ERRORS_SHOWN_MAX = 1000, UNKNOWN_SHOWN_MAX = 50, UNKNOWN_BYTES_MAX = 200, STOP_MS = 10000 };

struct row {
	unsigned line;
	struct pair *cells; /* of the known columns, as far as the row goes */
	size_t cell_count;
};

struct row_error {
	unsigned line;
	struct text column;
	const char *code;
	struct text message;
};

struct import {
	struct call *call;
	const struct shape *shape;
	const char *fields[CSV_CELLS_MAX]; /* of each column; NULL: not ours */
	size_t column_count, known_count;
	struct arena slice_arena; /* of the rows that wait */
	struct arena run_arena; /* of one run over them: a command may be run again */
	struct row rows[SLICE_ROWS];
	size_t row_count;
	/* of the slice, as of its last run */
	struct row_error *slice_errors;
	size_t slice_error_count, slice_accepted;
	/* of the whole file */
	struct row_error errors[ERRORS_SHOWN_MAX];
	size_t error_count, accepted, read;
	int64_t stop_by_ms; /* steady; 0: the server goes on */
};

enum { SLICE_ERRORS_MAX = SLICE_ROWS * 8 };

static void add_error(struct import *import, unsigned line, struct text column, const char *code, struct text message)
{
	if (import->slice_error_count < SLICE_ERRORS_MAX)
		import->slice_errors[import->slice_error_count++] = (struct row_error){ line, column, code, message };
}

/* What is wrong with one row, as the field names stand in our answers. */
static void add_wrongs(struct import *import, unsigned line, const struct call *row)
{
	if (row->problem != PROBLEM_INVALID) {
		const struct problem_row *problem = &problem_rows[row->problem];
		add_error(import, line, TEXT_NONE, problem->code, row->detail_zh.ptr ? row->detail_zh : text_of(problem->zh));
		return;
	}
	for (size_t i = 0; i < row->wrong_count; i++) {
		struct text pointer = row->wrongs[i].pointer;
		add_error(import, line, (struct text){ pointer.ptr + 1, pointer.len - 1 }, row->wrongs[i].code, row->wrongs[i].zh);
	}
}

static enum store_code write_slice(struct tx *tx, void *arg)
{
	struct import *import = arg;
	import->slice_error_count = import->slice_accepted = 0;
	arena_reset(&import->run_arena);
	for (size_t i = 0; i < import->row_count; i++) {
		struct call row;
		call_start(&row, import->call->app, &import->run_arena);
		row.actor = import->call->actor;
		struct input in = { .cells = import->rows[i].cells, .cell_count = import->rows[i].cell_count };
		enum store_code code = operation_import(tx, &row, import->shape, &in);
		if (code == STORE_OK)
			import->slice_accepted++;
		else if (code == STORE_REFUSED)
			add_wrongs(import, import->rows[i].line, &row);
		else
			return code;
	}
	return STORE_OK;
}

/* A server that stops is not kept from it for long; what is in by then is told. */
static bool is_out_of_time(struct import *import)
{
	if (!import->call->app->stopping)
		return false;
	int64_t now_ms = clock_steady_ms();
	if (import->stop_by_ms == 0)
		import->stop_by_ms = now_ms + STOP_MS;
	return now_ms > import->stop_by_ms;
}

static enum store_code flush_slice(struct import *import)
{
	if (import->row_count == 0)
		return STORE_OK;
	if (is_out_of_time(import))
		return STORE_BUSY;
	import->slice_errors = arena_take(&import->slice_arena, SLICE_ERRORS_MAX * sizeof *import->slice_errors);
	enum store_code code = store_command(import->call->app->store, LANE_BULK, write_slice, import);
	if (code != STORE_OK)
		return code;
	import->accepted += import->slice_accepted;
	for (size_t i = 0; i < import->slice_error_count && import->error_count < ERRORS_SHOWN_MAX; i++) {
		struct row_error *error = &import->errors[import->error_count++];
		*error = import->slice_errors[i];
		error->column = text_copy(import->call->arena, error->column);
		error->message = text_copy(import->call->arena, error->message);
	}
	import->row_count = 0;
	arena_reset(&import->slice_arena);
	return STORE_OK;
}

/* ---- reading the file ---- */

static void note_bad_record(struct import *import, unsigned line, enum csv_result result)
{
	static const char *const codes[] = { [CSV_TOO_MANY_CELLS] = "too_many_cells", [CSV_CELL_TOO_LONG] = "cell_too_long",
		                             [CSV_OPEN_QUOTE] = "open_quote", [CSV_NOT_UTF8] = "not_utf8",
		                             [CSV_STRAY_QUOTE] = "stray_quote" };
	static const char *const zh[] = { [CSV_TOO_MANY_CELLS] = "列太多：比表头多，或单元格里的逗号没有加引号", [CSV_CELL_TOO_LONG] = "单元格太长",
		                          [CSV_OPEN_QUOTE] = "引号没有结束，之后的内容没有读取",
		                          [CSV_NOT_UTF8] = "不是 UTF-8 编码，请另存为 UTF-8", [CSV_STRAY_QUOTE] = "引号位置不对" };
	if (import->error_count < ERRORS_SHOWN_MAX)
		import->errors[import->error_count++] = (struct row_error){ line, TEXT_NONE, codes[result], text_of(zh[result]) };
	import->read++;
}

static bool read_header(struct import *import, struct csv *csv, struct text *unknown, size_t *unknown_count)
{
	enum csv_result result = csv_next(csv, &import->slice_arena);
	import->column_count = result == CSV_RECORD ? csv->cell_count : 0;
	for (size_t i = 0; i < import->column_count; i++) {
		struct text name = text_trim(csv->cells[i]);
		const struct slot *slot = shape_header(import->shape, name);
		import->fields[i] = slot ? slot->field->name : NULL;
		import->known_count += import->fields[i] != NULL;
		if (!import->fields[i] && *unknown_count < UNKNOWN_SHOWN_MAX && name.len > 0)
			unknown[(*unknown_count)++] = text_copy(import->call->arena, text_cut(name, UNKNOWN_BYTES_MAX));
	}
	if (import->known_count == 0)
		call_wrong(import->call, TEXT(""), "no_header", TEXT("第一行应是表头，例如：姓名,公民身份号码,性别,出生日期,区划代码"),
		           TEXT("The first row is the header, for example: name,id_card,sex,born_on,area"));
	arena_reset(&import->slice_arena);
	return import->known_count > 0;
}

static void keep_row(struct import *import, const struct csv *csv)
{
	struct row *row = &import->rows[import->row_count++];
	row->line = csv->line;
	row->cells = arena_take(&import->slice_arena, import->known_count * sizeof *row->cells);
	row->cell_count = 0;
	for (size_t i = 0; i < import->column_count && i < csv->cell_count; i++)
		if (import->fields[i])
			row->cells[row->cell_count++] = (struct pair){ text_of(import->fields[i]), csv_text(csv->cells[i]) };
	import->read++;
}

/* A cell behind the last column is most often the rest of one with a comma in it. */
static bool fits_header(const struct import *import, const struct csv *csv)
{
	for (size_t i = import->column_count; i < csv->cell_count; i++)
		if (text_trim(csv->cells[i]).len > 0)
			return false;
	return true;
}

static enum store_code read_rows(struct import *import, struct csv *csv)
{
	for (;;) {
		enum csv_result result = csv_next(csv, &import->slice_arena);
		if (result == CSV_END)
			return flush_slice(import);
		enum store_code code = STORE_OK;
		if (result == CSV_RECORD && !fits_header(import, csv))
			result = CSV_TOO_MANY_CELLS;
		if (result == CSV_RECORD) {
			keep_row(import, csv);
			if (import->row_count == SLICE_ROWS || import->slice_arena.total > SLICE_BYTES)
				code = flush_slice(import);
		} else {
			code = flush_slice(import); /* mistakes are told in the order of the file */
			note_bad_record(import, csv->line, result);
		}
		if (code != STORE_OK || result == CSV_OPEN_QUOTE)
			return code != STORE_OK ? code : flush_slice(import);
	}
}

static void write_answer(struct import *import, const struct text *unknown, size_t unknown_count)
{
	struct json_out json = call_json(import->call, 200);
	json_begin_object(&json);
	JSON_INT(&json, "rows", (int64_t)import->read);
	JSON_INT(&json, "accepted", (int64_t)import->accepted);
	JSON_INT(&json, "rejected", (int64_t)(import->read - import->accepted));
	json_key(&json, TEXT("errors"));
	json_begin_array(&json);
	for (size_t i = 0; i < import->error_count; i++) {
		json_begin_object(&json);
		JSON_INT(&json, "line", import->errors[i].line);
		JSON_TEXT(&json, "column", import->errors[i].column);
		JSON_TEXT(&json, "code", text_of(import->errors[i].code));
		JSON_TEXT(&json, "message", import->errors[i].message);
		json_end_object(&json);
	}
	json_end_array(&json);
	json_key(&json, TEXT("unknown_columns"));
	json_begin_array(&json);
	for (size_t i = 0; i < unknown_count; i++)
		json_put_text(&json, unknown[i]);
	json_end_array(&json);
	json_end_object(&json);
}

/* What was committed stays: whoever sends the rest again must know. */
static void tell_failure(struct import *import, enum store_code code)
{
	struct call *call = import->call;
	long long accepted = (long long)import->accepted;
	app_settle(call, code);
	call_problem_detail(call, call->problem, text_printf(call->arena, "此前的 %lld 行已经导入", accepted),
	                    text_printf(call->arena, "%lld rows before this were imported", accepted));
}

static void import_file(struct call *call)
{
	struct import *import = calloc(1, sizeof *import);
	struct csv *csv = malloc(sizeof *csv);
	struct text unknown[UNKNOWN_SHOWN_MAX];
	size_t unknown_count = 0;
	if (!import || !csv)
		abort();
	import->call = call;
	import->shape = call->route->shape;
	import->slice_arena = arena_new(CALL_ARENA_MAX);
	import->run_arena = arena_new(CALL_ARENA_MAX);
	memcpy(call->actor.channel, "import", sizeof "import");
	*csv = csv_open(call->raw);
	if (read_header(import, csv, unknown, &unknown_count)) {
		enum store_code code = read_rows(import, csv);
		if (code == STORE_OK)
			write_answer(import, unknown, unknown_count);
		else
			tell_failure(import, code);
	}
	arena_free(&import->slice_arena);
	arena_free(&import->run_arena);
	free(import);
	free(csv);
}

static const struct field answer[] = {
	{ .type = FIELD_integer, .name = "rows", .label = "读取的行数", .flags = MUST },
	{ .type = FIELD_integer, .name = "accepted", .label = "导入的行数", .flags = MUST },
	{ .type = FIELD_integer, .name = "rejected", .label = "未导入的行数", .flags = MUST },
	{ .type = FIELD_words, .name = "unknown_columns", .label = "不认识的列", .flags = MUST },
};
static const struct field errors[] = {
	{ .type = FIELD_integer, .name = "line", .label = "行", .flags = MUST },
	{ .type = FIELD_text, .name = "column", .label = "字段" },
	{ .type = FIELD_text, .name = "code", .label = "错误代码", .flags = MUST },
	{ .type = FIELD_text, .name = "message", .label = "说明", .flags = MUST },
};
static const struct about about_import = { .takes = BODY_CSV, .gives = BODY_MEMBERS,
	                                   .out = { ROWS(answer), .list = "errors", ROWS(errors) },
	                                   .params = ROWS(source_params) };

static const struct operation operations_of_all[] = {
	{ METHOD_POST, "/import", RIGHT_WRITE, ROUTE_TASK, .task = import_file, .upload = UPLOAD_CSV, .bulk = true,
	  .zh = "导入", .en = "import", .about = &about_import },
};

const struct module import_module = {
	.name = "import", .file = __FILE__, .operations = operations_of_all, .operation_count = COUNT(operations_of_all),
};
