/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_csv.c - CSV of any bytes: limits hold, rows only go up, and what was read reads the same once written. */
#include "base/arena.h"
#include "base/csv.h"

#undef NDEBUG
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_LIMIT = 1 << 20 };

static void check_record(const struct csv *csv)
{
	bool any = false;
	assert(csv->cell_count >= 1 && csv->cell_count <= CSV_CELLS_MAX);
	for (size_t i = 0; i < csv->cell_count; i++) {
		assert(csv->cells[i].ptr && csv->cells[i].len <= CSV_CELL_MAX);
		assert(text_utf8_length(csv->cells[i]) != SIZE_MAX);
		any = any || csv->cells[i].len > 0;
	}
	assert(any);
}

static void write_record(struct buf *out, const struct csv *csv)
{
	for (size_t i = 0; i < csv->cell_count; i++) {
		buf_text(out, i > 0 ? TEXT(",\"") : TEXT("\""));
		for (size_t at = 0; at < csv->cells[i].len; at++) {
			if (csv->cells[i].ptr[at] == '"')
				buf_char(out, '"');
			buf_char(out, csv->cells[i].ptr[at]);
		}
		buf_char(out, '"');
	}
	buf_text(out, TEXT("\r\n"));
}

/* One record at a time, so that the arena stays as small as the contract says. */
static void check_round_trip(const struct csv *csv)
{
	struct arena arena = arena_new((size_t)64 << 20);
	struct buf written = buf_in(&arena, 4096, (size_t)16 << 20);
	write_record(&written, csv);
	assert(!written.overflow);
	struct csv again = csv_open(buf_done(&written), ',');
	assert(csv_next(&again, &arena) == CSV_RECORD);
	assert(again.line == 1 && again.cell_count == csv->cell_count);
	for (size_t i = 0; i < csv->cell_count; i++)
		assert(text_eq(again.cells[i], csv->cells[i]));
	assert(csv_next(&again, &arena) == CSV_END && again.line == 1);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > SIZE_LIMIT)
		return 0;
	struct text source = { (const char *)data, size };
	struct csv csv = csv_open(source, ',');
	struct arena arena = arena_new((size_t)CSV_CELLS_MAX * CSV_CELL_MAX);
	bool open = false;
	for (;;) {
		size_t at = csv.at;
		unsigned line = csv.line;
		enum csv_result result = csv_next(&csv, &arena);
		assert(csv.at <= size && (result == CSV_END || csv.at > at));
		assert(arena.total <= 16 + 2 * size);
		if (result == CSV_END)
			break;
		assert(csv.line > line && !open);
		open = result == CSV_OPEN_QUOTE;
		assert(!open || csv.at == size);
		if (result == CSV_RECORD) {
			check_record(&csv);
			check_round_trip(&csv);
		} else {
			assert(csv.cell_count == 0);
		}
		arena_reset(&arena);
	}
	assert(csv.at == size && csv.cell_count == 0 && csv.line <= size);
	assert(csv_next(&csv, &arena) == CSV_END);
	arena_free(&arena);
	return 0;
}
