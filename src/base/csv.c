/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c - reading RFC 4180 text record by record. */
#include "base/csv.h"

#include "base/arena.h"

#include <assert.h>
#include <string.h>

enum { GUESS_BYTES = 64 * 1024, GUESS_LINES = 20 };

struct csv csv_open(struct text source, char delimiter)
{
	struct csv csv = { .source = source, .delimiter = delimiter };
	csv.special[(unsigned char)delimiter] = csv.special['\n'] = csv.special['\r'] = csv.special['"'] = true;
	if (text_starts(source, CSV_MARK))
		csv.at = 3;
	return csv;
}

char csv_guess_delimiter(struct text source)
{
	static const char delimiters[] = { ',', '\t', ';' };
	size_t counts[sizeof delimiters] = { 0 }, lines = 0, most = 0;
	bool quoted = false;
	for (size_t at = 0; at < source.len && at < GUESS_BYTES && lines < GUESS_LINES; at++) {
		char c = source.ptr[at];
		quoted = quoted != (c == '"');
		lines += !quoted && c == '\n';
		for (size_t i = 0; i < sizeof delimiters && !quoted; i++)
			counts[i] += c == delimiters[i];
	}
	for (size_t i = 1; i < sizeof delimiters; i++)
		if (counts[i] > counts[most])
			most = i;
	return delimiters[most];
}

static bool at_end(const struct csv *csv)
{
	assert(csv->at <= csv->source.len);
	return csv->at == csv->source.len;
}

static char here(const struct csv *csv)
{
	assert(csv->at < csv->source.len);
	return csv->source.ptr[csv->at];
}

static void skip_plain(struct csv *csv)
{
	const unsigned char *ptr = (const unsigned char *)csv->source.ptr;
	size_t at = csv->at, len = csv->source.len;
	while (at < len && !csv->special[ptr[at]])
		at++;
	csv->at = at;
}

static void skip_line(struct csv *csv)
{
	while (!at_end(csv) && here(csv) != '\n' && here(csv) != '\r')
		csv->at++;
}

static void skip_line_end(struct csv *csv)
{
	if (at_end(csv))
		return;
	assert(here(csv) == '\n' || here(csv) == '\r');
	bool carriage_return = here(csv) == '\r';
	csv->at++;
	if (carriage_return && !at_end(csv) && here(csv) == '\n')
		csv->at++;
}

static struct text halve_quotes(struct arena *arena, struct text doubled, size_t len)
{
	char *copy = arena_take(arena, len);
	size_t out = 0;
	for (size_t i = 0; i < doubled.len; i++) {
		copy[out++] = doubled.ptr[i];
		if (doubled.ptr[i] == '"')
			i++;
	}
	assert(out == len);
	return (struct text){ copy, len };
}

/* From behind the opening quote to behind the closing one. Copies only when the cell is going to be kept. */
static enum csv_result quoted_cell(struct csv *csv, struct arena *arena, bool keep, struct text *cell)
{
	const char *begin = csv->source.ptr + csv->at, *end = csv->source.ptr + csv->source.len, *at = begin;
	size_t doubled = 0;
	for (;; at += 2, doubled++) {
		at = at < end ? memchr(at, '"', (size_t)(end - at)) : NULL;
		if (!at) {
			csv->at = csv->source.len;
			return CSV_OPEN_QUOTE;
		}
		if (at + 1 == end || at[1] != '"')
			break;
	}
	csv->at = (size_t)(at + 1 - csv->source.ptr);
	*cell = (struct text){ begin, (size_t)(at - begin) };
	size_t len = cell->len - doubled;
	if (len > CSV_CELL_MAX)
		return CSV_CELL_TOO_LONG;
	if (doubled > 0 && keep)
		*cell = halve_quotes(arena, *cell, len);
	return at_end(csv) || (csv->special[(unsigned char)here(csv)] && here(csv) != '"') ? CSV_RECORD : CSV_STRAY_QUOTE;
}

static enum csv_result plain_cell(struct csv *csv, struct text *cell)
{
	size_t begin = csv->at;
	skip_plain(csv);
	*cell = (struct text){ csv->source.ptr + begin, csv->at - begin };
	if (cell->len > CSV_CELL_MAX)
		return CSV_CELL_TOO_LONG;
	return !at_end(csv) && here(csv) == '"' ? CSV_STRAY_QUOTE : CSV_RECORD;
}

/* Reads up to the line end. After the first mistake, cells are only passed over. */
static enum csv_result read_record(struct csv *csv, struct arena *arena)
{
	enum csv_result result = CSV_RECORD;
	for (csv->cell_count = 0;;) {
		struct text cell;
		enum csv_result wrong;
		if (!at_end(csv) && here(csv) == '"') {
			csv->at++;
			wrong = quoted_cell(csv, arena, result == CSV_RECORD && csv->cell_count < CSV_CELLS_MAX, &cell);
		} else {
			wrong = plain_cell(csv, &cell);
		}
		if (wrong == CSV_RECORD && result == CSV_RECORD && csv->cell_count == CSV_CELLS_MAX)
			wrong = CSV_TOO_MANY_CELLS;
		/* Where the quotes cannot be trusted, neither can anything found before. */
		if (wrong == CSV_OPEN_QUOTE || result == CSV_RECORD)
			result = wrong;
		if (!at_end(csv) && here(csv) != csv->delimiter && here(csv) != '\n' && here(csv) != '\r')
			skip_line(csv);
		if (result == CSV_RECORD)
			csv->cells[csv->cell_count++] = cell;
		if (at_end(csv) || here(csv) != csv->delimiter)
			return result;
		csv->at++;
	}
}

static bool all_empty(const struct csv *csv)
{
	for (size_t i = 0; i < csv->cell_count; i++) {
		if (csv->cells[i].len > 0)
			return false;
	}
	return true;
}

enum csv_result csv_next(struct csv *csv, struct arena *arena)
{
	while (!at_end(csv)) {
		size_t begin = csv->at;
		csv->line++;
		enum csv_result result = read_record(csv, arena);
		struct text record = { csv->source.ptr + begin, csv->at - begin };
		skip_line_end(csv);
		if (result == CSV_RECORD && all_empty(csv))
			continue;
		if (result == CSV_RECORD && text_utf8_length(record) == SIZE_MAX)
			result = CSV_NOT_UTF8;
		if (result != CSV_RECORD)
			csv->cell_count = 0;
		return result;
	}
	csv->cell_count = 0;
	return CSV_END;
}

static void put(struct buf *out, const char *before, struct text cell)
{
	bool quoted = cell.len > 0 && (cell.ptr[0] == ' ' || cell.ptr[cell.len - 1] == ' ');
	for (size_t i = 0; i < cell.len && !quoted; i++)
		quoted = cell.ptr[i] == ',' || cell.ptr[i] == '"' || cell.ptr[i] == '\n' || cell.ptr[i] == '\r';
	buf_text(out, quoted ? TEXT("\"") : TEXT(""));
	buf_text(out, text_of(before));
	for (size_t i = 0; quoted && i < cell.len; i++) {
		buf_text(out, cell.ptr[i] == '"' ? TEXT("\"") : TEXT(""));
		buf_char(out, cell.ptr[i]);
	}
	buf_text(out, quoted ? TEXT("\"") : cell);
}

void csv_put(struct buf *out, struct text cell)
{
	put(out, "", cell);
}

static bool is_escaped(const char *first)
{
	return *first && strchr("=+-@\t\r'", *first);
}

void csv_put_text(struct buf *out, struct text cell)
{
	put(out, cell.len > 0 && is_escaped(cell.ptr) ? "'" : "", cell);
}

struct text csv_text(struct text cell)
{
	bool escaped = cell.len > 1 && cell.ptr[0] == '\'' && is_escaped(cell.ptr + 1);
	return escaped ? (struct text){ cell.ptr + 1, cell.len - 1 } : cell;
}
