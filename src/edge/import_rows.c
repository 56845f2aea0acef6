/* SPDX-License-Identifier: Apache-2.0 */
/* import_rows.c - rows of a table: what their cells say, what is wrong with them, whom they are about. */
#include "edge/import_own.h"

#include "engine/input.h"
#include "engine/territory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_WRONGS_MAX = 16, EXTRA_BYTES_MAX = 8000, STOP_MS = 10000, ROW_CELLS_MAX = COLUMNS_MAX + 8, VALUE_BYTES_MAX = 200 };

/* ---- what is said of rows ---- */

static void tell(struct import *import, struct row *row, bool wrong, struct text column, struct text value, const char *code,
                 struct text zh, struct text en)
{
	if (row->told_count == ROW_WRONGS_MAX)
		return;
	if (!row->told)
		row->told = arena_take(&import->arena, ROW_WRONGS_MAX * sizeof *row->told);
	row->told[row->told_count++] = (struct told){ row->line, text_copy(&import->arena, column), text_copy(&import->arena, value),
		text_copy(&import->arena, zh), text_copy(&import->arena, en), code, wrong };
	row->wrong_count += wrong;
}

static struct text written_of(const struct import *import, const struct row *row, struct text field)
{
	for (size_t i = 0; i < import->columns.count && i < row->written_count; i++)
		if (import->columns.of[i].slot && text_eq(import->columns.of[i].slot->name, field) && row->written[i].len > 0)
			return text_cut(row->written[i], VALUE_BYTES_MAX);
	bool by_address = import->area && import->address && text_eq(field, import->area->name); /* from which it followed */
	return by_address ? written_of(import, row, import->address->name) : TEXT_NONE;
}

void import_keep_told(struct import *import, const struct told *told, struct told_list *list)
{
	struct arena *arena = import->call->arena;
	list->all++;
	if (list->count == TOLD_MAX)
		return;
	struct told *kept = &list->of[list->count++];
	*kept = *told;
	kept->column = text_copy(arena, told->column);
	kept->value = text_copy(arena, told->value);
	kept->message = text_copy(arena, told->message);
	kept->message_en = text_copy(arena, told->message_en);
}

/* ---- one row, before anything is asked of the store ---- */

static const struct note_words {
	const char *code, *zh, *en;
} note_words[] = {
	[CELL_ROUNDED] = { "rounded_number", "Excel 把号码当成数字，末尾几位已经丢失，无法恢复：请把该列设为“文本”格式后重新填写",
	                   "Excel has taken it for a number and lost its last digits: set the column to text and fill it in again" },
	[CELL_CONVERTED] = { "converted_15_digits", "15 位旧号码已换算为 18 位，请核对", "The 15 digits were converted to 18; please check" },
};

static void add_cell(struct row *row, const char *field, struct text value)
{
	assert(row->cell_count < ROW_CELLS_MAX);
	row->cells[row->cell_count++] = (struct pair){ text_of(field), value };
}

static struct pair *cell_of(struct row *row, const struct slot *slot)
{
	for (size_t i = 0; slot && i < row->cell_count; i++)
		if (text_eq(row->cells[i].name, slot->name))
			return &row->cells[i];
	return NULL;
}

/* A column with yes or no for one word of a list; the words of a row are one cell. */
static void add_word(struct import *import, struct row *row, const struct import_column *column, struct text cell)
{
	enum cell_note note;
	int yes = cell_yes_or_no(cell_read(&import->arena, &(struct field){ .type = FIELD_text }, cell, &note));
	bool names_it = yes < 0 && word_find(column->slot->field->words, text_trim(cell)) == column->word;
	if (yes < 0 && !names_it) {
		tell(import, row, true, column->slot->name, cell, "not_yes_or_no", TEXT("只能填“是”或“否”"), TEXT("Only yes (是) or no (否)"));
		return;
	}
	if (!yes)
		return;
	struct pair *list = cell_of(row, column->slot);
	if (list)
		list->value = text_printf(&import->arena, "%.*s、%s", TEXT_ARG(list->value), column->word->word);
	else
		add_cell(row, column->slot->field->name, text_of(column->word->word));
}

static void add_field(struct import *import, struct row *row, const struct import_column *column, struct text cell)
{
	enum cell_note note;
	struct text value = cell_read(&import->arena, column->slot->field, csv_text(cell), &note);
	if (value.len == 0)
		return;
	if (note != CELL_FINE)
		tell(import, row, note == CELL_ROUNDED, column->slot->name, note == CELL_ROUNDED ? cell : TEXT_NONE, note_words[note].code,
		     text_of(note_words[note].zh), text_of(note_words[note].en));
	struct pair *list = cell_of(row, column->slot);
	if (list)
		list->value = text_printf(&import->arena, "%.*s、%.*s", TEXT_ARG(list->value), TEXT_ARG(value));
	else
		add_cell(row, column->slot->field->name, value);
}

/* What is in no field of ours is kept as it was written. */
static void add_extra(struct import *import, struct row *row, struct buf *extra, const struct import_column *column, struct text cell)
{
	cell = text_trim(cell);
	if (column->ignored || cell.len == 0 || column->header.len == 0 || !import->extra)
		return;
	buf_text(extra, extra->len > 0 ? TEXT("\n") : TEXT(""));
	buf_text(extra, column->header);
	buf_text(extra, TEXT("："));
	buf_text(extra, cell);
	if (extra->overflow)
		tell(import, row, true, TEXT("extra"), TEXT_NONE, "too_long", TEXT("其他列的内容太长"), TEXT("The other columns hold too much"));
}

/* An ID card says when somebody was born, and of which sex. */
static void fill_from_card(struct import *import, struct row *row)
{
	struct pair *card = cell_of(row, import->card);
	struct id_card said;
	if (!card || id_card_read(card->value, import->call->app->demo, &said) != ID_CARD_FINE)
		return;
	if (import->sex && !cell_of(row, import->sex))
		add_cell(row, "sex", said.sex == SEX_MALE ? TEXT("male") : TEXT("female"));
	if (import->born_on && !cell_of(row, import->born_on))
		add_cell(row, "born_on", date_text(&import->arena, said.born_on));
}

static struct text area_text(struct import *import, int64_t area)
{
	return text_printf(&import->arena, "%lld", (long long)area);
}

/* An area is said by its number, or by its name. */
static void name_area(struct import *import, struct row *row)
{
	struct pair *cell = cell_of(row, import->area);
	int64_t number, area = cell && !area_read(cell->value, &number) ? import_places_named(import->places, cell->value) : 0;
	if (area)
		cell->value = area_text(import, area);
}

/* Else it follows from the address; else it is where whoever sends the file says, or stands. */
static void fill_area(struct import *import, struct row *row)
{
	struct pair *address = cell_of(row, import->address);
	if (!import->area || cell_of(row, import->area))
		return;
	int64_t area = address ? import_places_find(import->places, address->value) : 0;
	add_cell(row, import->area->field->name, area_text(import, area ? area : import->area_else));
	if (!area && !call_param(import->call, "area").ptr)
		tell(import, row, false, import->area->name, TEXT_NONE, "to_be_placed", TEXT("没有区划，地址里也没有认出社区：先记在本辖区，请补充"),
		     TEXT("No area, and the address names no community: kept at the whole area until somebody places it"));
}

static void read_cells(struct import *import, struct row *row)
{
	struct buf extra = buf_in(&import->arena, 64, EXTRA_BYTES_MAX);
	row->cells = arena_take(&import->arena, ROW_CELLS_MAX * sizeof *row->cells);
	for (size_t i = 0; i < import->columns.count && i < row->written_count; i++) {
		const struct import_column *column = &import->columns.of[i];
		struct text cell = row->written[i];
		if (text_trim(cell).len == 0)
			continue;
		if (!column->slot)
			add_extra(import, row, &extra, column, cell);
		else if (column->word)
			add_word(import, row, column, cell);
		else
			add_field(import, row, column, cell);
	}
	if (extra.len > 0 && !extra.overflow && !cell_of(row, import->extra))
		add_cell(row, "extra", buf_done(&extra));
	if (import->event.ptr && !cell_of(row, &import->shape->slots[END_SLOTS]))
		add_cell(row, import->shape->slots[END_SLOTS].field->name, import->event);
	name_area(import, row);
	row->said_count = row->cell_count;
	fill_from_card(import, row);
	fill_area(import, row);
}

void import_keep_row(struct import *import, unsigned line, const struct text *cells, size_t count)
{
	struct row *row = &import->rows[import->row_count++];
	*row = (struct row){ .line = line, .written_count = count };
	row->written = arena_take(&import->arena, (count + 1) * sizeof *row->written);
	for (size_t i = 0; i < count; i++)
		row->written[i] = text_copy(&import->arena, cells[i]);
	read_cells(import, row);
}

/* ---- looking at rows ---- */

/* FNV-1a, of 64 bits, from a beginning of its own. */
static uint64_t key_number(const struct seen *seen, struct text key)
{
	uint64_t number = 14695981039346656037u ^ seen->seed;
	for (size_t i = 0; i < key.len; i++)
		number = (number ^ (unsigned char)key.ptr[i]) * 1099511628211u;
	return number | 1;
}

static void make_room(struct seen *seen)
{
	struct seen larger = { .room = seen->room ? 2 * seen->room : 4096, .count = seen->count,
		               .seed = seen->seed };
	larger.keys = calloc(larger.room, sizeof *larger.keys);
	larger.lines = calloc(larger.room, sizeof *larger.lines);
	if (!larger.keys || !larger.lines)
		abort();
	for (size_t i = 0; i < seen->room; i++) {
		size_t at = seen->keys[i] % larger.room;
		while (seen->keys[i] && larger.keys[at])
			at = (at + 1) % larger.room;
		if (seen->keys[i]) {
			larger.keys[at] = seen->keys[i];
			larger.lines[at] = seen->lines[i];
		}
	}
	free(seen->keys);
	free(seen->lines);
	*seen = larger;
}

/* The line in which it stands already; 0: this is the first. */
static unsigned see(struct seen *seen, struct text key, unsigned line)
{
	uint64_t number = key_number(seen, key);
	if (2 * seen->count >= seen->room)
		make_room(seen);
	size_t at = number % seen->room;
	for (; seen->keys[at]; at = (at + 1) % seen->room)
		if (seen->keys[at] == number)
			return seen->lines[at];
	seen->keys[at] = number;
	seen->lines[at] = line;
	seen->count++;
	return 0;
}

/* As of one look, which a failed one is followed by. */
struct look {
	struct import *import;
	struct call calls[PIECE_ROWS];
	struct import_row became[PIECE_ROWS];
	bool fine[PIECE_ROWS];
};

static enum store_code look_at_rows(struct db *db, void *arg)
{
	struct look *look = arg;
	struct import *import = look->import;
	struct app *app = import->call->app;
	struct tx tx = { .db = db, .store = app->store, .now_ms = clock_now_ms(store_clock(app->store)), .again = true };
	arena_reset(&import->scratch);
	for (size_t i = 0; i < import->row_count; i++) {
		struct row *row = &import->rows[i];
		struct call *call = &look->calls[i];
		call_start(call, app, &import->scratch);
		call->actor = import->call->actor;
		memcpy(call->pairs, import->call->pairs, sizeof call->pairs);
		call->pair_count = import->call->pair_count;
		look->became[i] = (struct import_row){ .check = true, .said_count = row->said_count };
		struct input in = { .cells = row->cells, .cell_count = row->cell_count };
		enum store_code code = import_row_take(&tx, call, import->shape, &in, &look->became[i]);
		look->fine[i] = code == STORE_OK;
		if (code != STORE_OK && code != STORE_REFUSED)
			return code;
	}
	return STORE_OK;
}

/* Whether something is told to be wrong with the cell. */
static bool is_told(const struct row *row, struct text field)
{
	for (size_t i = 0; i < row->told_count; i++)
		if (row->told[i].wrong && text_eq(row->told[i].column, field))
			return true;
	return false;
}

/* What is wrong with one row, as the field names stand in our answers. Not what would follow from a card that is wrong. */
static void tell_wrongs(struct import *import, struct row *row, const struct call *call)
{
	if (call->problem != PROBLEM_INVALID) {
		const struct problem_row *problem = &problem_rows[call->problem];
		tell(import, row, true, TEXT_NONE, TEXT_NONE, problem->code, call->detail_zh.ptr ? call->detail_zh : text_of(problem->zh),
		     call->detail_en.ptr ? call->detail_en : text_of(problem->en));
		return;
	}
	bool card_is_wrong = import->card && is_told(row, import->card->name);
	for (size_t i = 0; i < call->wrong_count; i++) {
		const struct wrong *wrong = &call->wrongs[i];
		struct text field = { wrong->pointer.ptr + 1, wrong->pointer.len - 1 };
		bool would_follow = card_is_wrong && (text_is(field, "sex") || text_is(field, "born_on"));
		if (!is_told(row, field) && !(would_follow && strcmp(wrong->code, "required") == 0))
			tell(import, row, true, field, written_of(import, row, field), wrong->code, wrong->zh, wrong->en);
	}
}

static void tell_twice(struct import *import, struct row *row, unsigned first)
{
	tell(import, row, true, TEXT_NONE, TEXT_NONE, "twice_in_file",
	     text_printf(&import->arena, "与第 %u 行是同一条记录，只保留一行", first),
	     text_printf(&import->arena, "Row %u is about the same record; keep one of the two", first));
}

static void settle_row(struct import *import, struct row *row, struct look *look, size_t i)
{
	struct batch_counts *counts = &import->batch.counts;
	unsigned first = look->became[i].key.ptr ? see(&import->seen, look->became[i].key, row->line) : 0;
	if (!look->fine[i])
		tell_wrongs(import, row, &look->calls[i]);
	else if (first)
		tell_twice(import, row, first);
	row->good = row->wrong_count == 0;
	counts->rows++;
	counts->accepted += row->good;
	counts->rejected += !row->good;
	if (row->good)
		counts->of[look->became[i].end]++;
	for (size_t k = 0; k < row->told_count; k++)
		if (row->told[k].wrong || row->good)
			import_keep_told(import, &row->told[k], row->told[k].wrong ? &import->errors : &import->notes);
}

static enum store_code lay_down(struct import *import)
{
	struct batch_row good[PIECE_ROWS];
	size_t count = 0;
	for (size_t i = 0; i < import->row_count; i++)
		if (import->rows[i].good)
			good[count++] = (struct batch_row){ import->rows[i].line, import->rows[i].cells, import->rows[i].cell_count,
			                                    import->rows[i].said_count };
	return count > 0 ? batch_add(&import->batch, good, count) : STORE_OK;
}

/* A server that stops is not kept from it for long. */
static bool is_out_of_time(struct import *import)
{
	if (!import->call->app->stopping)
		return false;
	int64_t now_ms = clock_steady_ms();
	if (import->stop_by_ms == 0)
		import->stop_by_ms = now_ms + STOP_MS;
	return now_ms > import->stop_by_ms;
}

static enum store_code give_back(struct import *import, const struct row *row)
{
	struct buf said = buf_in(&import->arena, 256, 64 * 1024);
	for (size_t i = 0; i < row->told_count; i++) {
		const struct told *told = &row->told[i];
		const struct slot *slot = shape_slot(import->shape, told->column);
		buf_printf(&said, "%s%s%s%s%.*s", i ? "；" : "", told->wrong ? "" : "（提示）", slot ? slot->field->label : "", slot ? "：" : "",
		           TEXT_ARG(told->message));
	}
	return import_file_row(import->back, import->call, row->written, row->written_count, buf_done(&said));
}

enum store_code import_flush(struct import *import)
{
	if (import->row_count == 0)
		return STORE_OK;
	if (is_out_of_time(import))
		return STORE_BUSY;
	struct look *look = arena_take_raw(&import->arena, sizeof *look);
	look->import = import;
	enum store_code code = store_read(import->call->app->store, 0, look_at_rows, look);
	for (size_t i = 0; i < import->row_count && code == STORE_OK; i++) {
		settle_row(import, &import->rows[i], look, i);
		if (import->back)
			code = give_back(import, &import->rows[i]);
	}
	if (code == STORE_OK && !import->dry_run)
		code = lay_down(import);
	import->row_count = 0;
	arena_reset(&import->arena);
	return code;
}
