/* SPDX-License-Identifier: Apache-2.0 */
/* template.c - an empty table to be filled in and imported: a column for each field that people fill in, what belongs into it, and the
 * words that it may have. */
#include "engine/template.h"

#include "base/csv.h"
#include "engine/workbook.h"

#include <string.h>

/* Rows of the second sheet: what stands where for each column of the first. */
enum { ROW_TITLE, ROW_ADVICE, ROW_NAME = 3, ROW_MUST, ROW_LIMITS, ROW_EXAMPLE, ROW_WORDS };
#define NOTES "填写说明"

struct template {
	struct call *call;
	const struct shape *shape;
	struct sent_file file;
	lxw_workbook *book;
	lxw_worksheet *table, *notes;
	lxw_format *text, *bold, *must, *day, *wrapped;
};

/* What other columns of a file hold is no column. */
static bool is_filled_in(const struct field *field)
{
	return !(field->flags & KEPT) && field->type != FIELD_file && field->type != FIELD_answers && strcmp(field->name, "extra") != 0;
}

static const char *header_of(struct arena *arena, const struct field *field)
{
	return text_printf(arena, "%s%s", field->label, field->flags & MUST ? "*" : "").ptr;
}

/* ---- what belongs into a column ---- */

static void put_range(struct buf *out, const struct field *field)
{
	if (field->min || field->max)
		buf_printf(out, "，%lld 到 %lld", (long long)field->min, (long long)field->max);
}

static const char *label_of(const struct template *template, const struct field *field)
{
	const struct shape *to = app_shape(template->call->app, text_of(field->to));
	return to ? to->resource->label : field->to;
}

static void put_type(struct buf *out, const struct template *template, const struct field *field)
{
	static const char *const types[FIELD_TYPES] = {
		[FIELD_word] = "从列表中选一个", [FIELD_words] = "可填几个，用顿号（、）分开", [FIELD_tags] = "可填几个，用顿号（、）分开",
		[FIELD_integer] = "整数", [FIELD_money] = "整数，单位为分", [FIELD_boolean] = "填“是”或“否”", [FIELD_date] = "日期，年-月-日",
		[FIELD_instant] = "时间，RFC 3339 格式", [FIELD_point] = "纬度,经度", [FIELD_area] = "区划代码，或社区、街道的名称",
		[FIELD_id_card] = "18 位公民身份号码", [FIELD_uscc] = "18 位统一社会信用代码", [FIELD_phone] = "11 位手机号码，或带区号的固定电话",
	};
	if (types[field->type])
		buf_text(out, text_of(types[field->type]));
	else if (field->type == FIELD_text)
		buf_printf(out, "文字，最多 %lld 个字", (long long)(field->max ? field->max : 200));
	else if (field->type == FIELD_decimal)
		buf_printf(out, "数字，最多 %u 位小数", field->scale);
	else
		buf_printf(out, "%s的编号%s", label_of(template, field), field->type == FIELD_refs ? "，可填几个，用顿号（、）分开" : "");
	if (field->type == FIELD_integer || field->type == FIELD_money || field->type == FIELD_decimal)
		put_range(out, field);
}

static struct text limits_of(const struct template *template, const struct field *field)
{
	struct buf out = buf_in(template->call->arena, 128, 1024);
	put_type(&out, template, field);
	if (field->flags & UNIQUE)
		buf_text(&out, TEXT("；不能重复"));
	if (field->flags & FIXED)
		buf_text(&out, TEXT("；建立后不能改"));
	buf_char(&out, 0);
	return text_of(out.ptr);
}

/* Nobody's: the numbers are none, so that who imports them is told. */
static struct text example_of(const struct template *template, const struct field *field)
{
	static const char *const examples[FIELD_TYPES] = {
		[FIELD_date] = "1950-01-31", [FIELD_boolean] = "是", [FIELD_instant] = "2026-01-31T08:00:00+08:00",
		[FIELD_point] = "37.412345,121.412345", [FIELD_id_card] = "示例 000000195001310000", [FIELD_uscc] = "示例 91000000MA00000000",
		[FIELD_phone] = "示例 13X00000000",
		[FIELD_ref] = "示例编号", [FIELD_refs] = "示例编号", [FIELD_area] = "370000000000", [FIELD_decimal] = "1.5",
	};
	struct arena *arena = template->call->arena;
	const struct word *words = field->words;
	if (examples[field->type])
		return text_of(examples[field->type]);
	if (field->type == FIELD_integer || field->type == FIELD_money)
		return text_printf(arena, "%lld", (long long)(field->min > 3 ? field->min : 3));
	if (!words)
		return text_printf(arena, "示例%s", field->label);
	bool two = field->type != FIELD_word && words[0].word && words[1].word;
	return text_printf(arena, "%s%s%s", words[0].zh, two ? "、" : "", two ? words[1].zh : "");
}

/* ---- the workbook ---- */

static lxw_format *format_of(const struct template *template, const struct field *field)
{
	if (field->type == FIELD_integer || field->type == FIELD_money || field->type == FIELD_decimal)
		return NULL;
	return field->type == FIELD_date ? template->day : template->text;
}

static void write(lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column, const char *text, lxw_format *format)
{
	worksheet_write_string(sheet, row, column, text, format);
}

/* Of a list of several the words are offered, and not asked for: there may be two in a cell. */
static void put_choice(struct template *template, lxw_col_t column, const struct field *field)
{
	static char yes[] = "是", no[] = "否", *yes_or_no[] = { yes, no, NULL };
	lxw_data_validation choice = { .validate = LXW_VALIDATION_TYPE_LIST_FORMULA, .ignore_blank = LXW_VALIDATION_ON,
		.show_error = field->type == FIELD_word || field->type == FIELD_boolean ? LXW_VALIDATION_ON : LXW_VALIDATION_OFF,
		.error_title = (char *)(uintptr_t)"不在列表中", .error_message = (char *)(uintptr_t)"请从列表中选择。" };
	char range[LXW_MAX_FORMULA_RANGE_LENGTH + 1] = "=";
	size_t count = word_count(field->words);
	if (field->type == FIELD_boolean) {
		choice.validate = LXW_VALIDATION_TYPE_LIST;
		choice.value_list = yes_or_no;
	} else if (count > 0) {
		lxw_rowcol_to_formula_abs(range + 1, NOTES, ROW_WORDS, column + 1, ROW_WORDS + (lxw_row_t)count - 1, column + 1);
		choice.value_formula = range;
	} else {
		return;
	}
	worksheet_data_validation_range(template->table, 1, column, WORKBOOK_ROWS_MAX - 1, column, &choice);
}

static void put_notes(struct template *template, lxw_col_t column, const struct field *field, struct text limits, struct text example)
{
	lxw_worksheet *notes = template->notes;
	write(notes, ROW_NAME, column, field->label, template->bold);
	write(notes, ROW_MUST, column, field->flags & MUST ? "是" : "否", template->text);
	write(notes, ROW_LIMITS, column, limits.ptr, template->wrapped);
	write(notes, ROW_EXAMPLE, column, example.ptr, template->text);
	for (size_t i = 0; i < word_count(field->words); i++)
		write(notes, ROW_WORDS + (lxw_row_t)i, column, field->words[i].zh, template->text);
	worksheet_set_column(notes, column, column, 22, NULL);
}

static void put_column(struct template *template, lxw_col_t column, const struct field *field)
{
	struct arena *arena = template->call->arena;
	struct text limits = limits_of(template, field), example = example_of(template, field);
	const char *comment = text_printf(arena, "%s%.*s\n例：%.*s", field->flags & MUST ? "必填。" : "", TEXT_ARG(limits), TEXT_ARG(example)).ptr;
	lxw_comment_options size = { .x_scale = 1.6, .y_scale = 1.2 };
	worksheet_set_column(template->table, column, column, workbook_width(field), format_of(template, field));
	write(template->table, 0, column, header_of(arena, field), field->flags & MUST ? template->must : template->bold);
	worksheet_write_comment_opt(template->table, 0, column, comment, &size);
	put_notes(template, column + 1, field, limits, example);
	put_choice(template, column, field);
}

static void put_captions(struct template *template)
{
	static const struct {
		lxw_row_t row;
		const char *text;
	} captions[] = { { ROW_NAME, "列" }, { ROW_MUST, "必填" }, { ROW_LIMITS, "要求" }, { ROW_EXAMPLE, "示例（请勿导入）" }, { ROW_WORDS, "可填的内容" } };
	const char *title = text_printf(template->call->arena, "%s导入模板：请在第一个工作表中填写，一行一条。", template->shape->resource->label).ptr;
	write(template->notes, ROW_TITLE, 0, title, template->bold);
	write(template->notes, ROW_ADVICE, 0, "带 * 的列必填，表头请不要改动；空着的单元格不改变已有的内容。", NULL);
	for (size_t i = 0; i < COUNT(captions); i++)
		write(template->notes, captions[i].row, 0, captions[i].text, template->bold);
	worksheet_set_column(template->notes, 0, 0, 18, NULL);
	worksheet_freeze_panes(template->notes, ROW_NAME + 1, 1);
}

static void make_formats(struct template *template)
{
	lxw_format **const texts[] = { &template->text, &template->bold, &template->must, &template->wrapped };
	for (size_t i = 0; i < COUNT(texts); i++)
		*texts[i] = workbook_text_format(template->book);
	format_set_bold(template->bold);
	format_set_bold(template->must);
	format_set_font_color(template->must, 0xC00000);
	format_set_text_wrap(template->wrapped);
	format_set_align(template->wrapped, LXW_ALIGN_VERTICAL_TOP);
	template->day = workbook_add_format(template->book);
	format_set_num_format(template->day, "yyyy-mm-dd");
}

static enum store_code write_workbook(struct template *template)
{
	lxw_col_t column = 0;
	template->book = workbook_begin(&template->file, false);
	template->table = workbook_sheet(template->book, template->shape->resource->label);
	template->notes = workbook_sheet(template->book, NOTES);
	make_formats(template);
	put_captions(template);
	for (size_t i = SYSTEM_SLOTS; i < template->shape->slot_count; i++)
		if (is_filled_in(template->shape->slots[i].field))
			put_column(template, column++, template->shape->slots[i].field);
	worksheet_freeze_panes(template->table, 1, 0);
	return workbook_end(template->book, &template->file, template->call);
}

/* ---- as CSV ---- */

static enum store_code write_csv(struct template *template)
{
	struct buf head = buf_in(template->call->arena, 4096, 64 * 1024);
	buf_text(&head, CSV_MARK);
	for (size_t i = SYSTEM_SLOTS, columns = 0; i < template->shape->slot_count; i++) {
		const struct field *field = template->shape->slots[i].field;
		if (!is_filled_in(field))
			continue;
		buf_text(&head, columns++ ? TEXT(",") : TEXT(""));
		csv_put(&head, text_of(header_of(template->call->arena, field)));
	}
	buf_text(&head, TEXT("\r\n"));
	return sent_file_write(&template->file, template->call, buf_done(&head));
}

/* ---- the answer ---- */

static const struct word forms[] = { { "xlsx", "Excel 工作簿" }, { "csv", "CSV 文本" }, { 0 } };

static void give(struct call *call)
{
	struct template template = { .call = call, .shape = call->route->shape };
	struct text said = call_param(call, "as");
	const struct word *form = said.ptr ? word_find(forms, said) : forms;
	if (!form) {
		call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("as 只能是 xlsx 或 csv"), TEXT("as is xlsx or csv"));
		return;
	}
	if (!sent_file_open(&template.file)) {
		app_settle(call, STORE_FULL);
		return;
	}
	enum store_code code = form == forms ? write_workbook(&template) : write_csv(&template);
	if (code == STORE_OK)
		sent_file_answer(&template.file, call, form == forms ? XLSX_TYPE : "text/csv; charset=utf-8",
		                 text_printf(call->arena, "%s-导入模板.%s", template.shape->resource->label, form->word));
	sent_file_close(&template.file);
	app_settle(call, code);
}

static const struct field params[] = {
	{ .type = FIELD_word, .name = "as", .label = "文件格式，默认 Excel 工作簿", .words = forms, .en = "how it is written" },
};
static const struct about template_about = { .gives = BODY_TABLE, .params = ROWS(params), .problems = PROBLEM_LIST(PROBLEM_STORAGE_FULL) };

static const struct operation operations_of_all[] = {
	{ METHOD_GET, "/template", RIGHT_WRITE, ROUTE_TASK, .task = give, .zh = "导入模板", .en = "template", .about = &template_about },
};

const struct module template_module = {
	.name = "template", .file = __FILE__, .operations = operations_of_all, .operation_count = COUNT(operations_of_all),
};
