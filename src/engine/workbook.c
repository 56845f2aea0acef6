/* SPDX-License-Identifier: Apache-2.0 */
/* workbook.c - an XLSX workbook that is written to be sent.
 *
 * The library does not say whether its temporary files could be written, so what came out is looked at: every part of the package
 * can be unpacked and has its end, and of a sheet that was written row by row no byte is missing between. */
#include "engine/workbook.h"

#include "base/log.h"
#include "base/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

enum { WIDTH_LEAST = 8, WIDTH_MOST = 40 };

/* By its descriptor: the file has no name. The library closes what it has opened, and not this. */
lxw_workbook *workbook_begin(const struct sent_file *file, bool by_row)
{
	char path[40];
	lxw_workbook_options options = { .constant_memory = by_row, .tmpdir = (char *)(uintptr_t)temporary_directory() };
	snprintf(path, sizeof path, "/proc/self/fd/%d", file->fd);
	lxw_workbook *book = workbook_new_opt(path, &options);
	if (!book)
		abort();
	return book;
}

/* Names are ours, and fit. */
lxw_worksheet *workbook_sheet(lxw_workbook *book, const char *name)
{
	lxw_worksheet *sheet = workbook_add_worksheet(book, name);
	if (!sheet)
		abort();
	return sheet;
}

void workbook_drop(lxw_workbook *book)
{
	lxw_worksheet *sheet;
	if (!book)
		return;
	STAILQ_FOREACH(sheet, book->worksheets, list_pointers)
		if (sheet->optimize_tmpfile)
			fclose(sheet->optimize_tmpfile);
	lxw_workbook_free(book);
}

/* ---- whether all of it is there ---- */

enum { HEAD_MOST = 32768, TAIL_MOST = 1024 };

/* How a part begins and ends, and how long it is. */
struct part {
	char head[HEAD_MOST], tail[TAIL_MOST];
	size_t head_len, tail_len;
	int64_t size;
};

static void keep_tail(struct part *part, const char *bytes, size_t len)
{
	size_t take = len < TAIL_MOST ? len : TAIL_MOST, keep = TAIL_MOST - take < part->tail_len ? TAIL_MOST - take : part->tail_len;
	memmove(part->tail, part->tail + part->tail_len - keep, keep);
	memcpy(part->tail + keep, bytes + len - take, take);
	part->tail_len = keep + take;
}

static bool read_part(zip_t *zip, zip_uint64_t at, struct part *part)
{
	char bytes[HEAD_MOST];
	zip_int64_t n = -1;
	zip_file_t *file = zip_fopen_index(zip, at, 0);
	part->head_len = part->tail_len = 0;
	part->size = 0;
	while (file && (n = zip_fread(file, bytes, sizeof bytes)) > 0) {
		if (part->size == 0)
			memcpy(part->head, bytes, part->head_len = (size_t)n);
		keep_tail(part, bytes, (size_t)n);
		part->size += n;
	}
	if (file)
		zip_fclose(file);
	return n == 0;
}

/* `row_bytes` lie between the two tags. */
static bool has_rows(const struct part *part, int64_t row_bytes)
{
	static const char begin[] = "<sheetData>", end[] = "</sheetData>";
	const char *first = memmem(part->head, part->head_len, begin, sizeof begin - 1);
	const char *last = memmem(part->tail, part->tail_len, end, sizeof end - 1);
	if (!first || !last)
		return false;
	int64_t before = first + sizeof begin - 1 - part->head, behind = part->tail + part->tail_len - last;
	return before + row_bytes + behind == part->size;
}

static bool is_whole(zip_t *zip, int64_t row_bytes)
{
	struct part part;
	zip_int64_t parts = zip_get_num_entries(zip, 0);
	for (zip_int64_t i = 0; i < parts; i++) {
		if (!read_part(zip, (zip_uint64_t)i, &part))
			return false;
		if (row_bytes >= 0 && strstr(zip_get_name(zip, (zip_uint64_t)i, 0), "worksheets/sheet") && !has_rows(&part, row_bytes))
			return false;
		while (part.tail_len > 0 && part.tail[part.tail_len - 1] == '\n')
			part.tail_len--;
		if (part.tail_len == 0 || part.tail[part.tail_len - 1] != '>')
			return false;
	}
	return parts > 0;
}

static bool file_is_whole(int fd, int64_t row_bytes)
{
	int wrong, copy = dup(fd);
	zip_t *zip = copy < 0 ? NULL : zip_fdopen(copy, 0, &wrong);
	if (!zip) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	bool whole = is_whole(zip, row_bytes);
	zip_discard(zip);
	return whole;
}

/* So many bytes of rows lie in the temporary file; -1: it is not written row by row. False: they could not be written. */
static bool count_rows(lxw_workbook *book, int64_t *row_bytes)
{
	lxw_worksheet *sheet = STAILQ_FIRST(book->worksheets);
	*row_bytes = -1;
	if (!sheet->optimize)
		return true;
	lxw_worksheet_write_single_row(sheet); /* the last one, which still waits */
	if (fflush(sheet->optimize_tmpfile) != 0 || ferror(sheet->optimize_tmpfile))
		return false;
	*row_bytes = ftello(sheet->optimize_tmpfile);
	return *row_bytes >= 0;
}

enum store_code workbook_end(lxw_workbook *book, struct sent_file *file, struct call *call)
{
	int64_t row_bytes;
	bool written = count_rows(book, &row_bytes);
	lxw_error error = workbook_close(book);
	if (written && error == LXW_NO_ERROR && file_is_whole(file->fd, row_bytes))
		return sent_file_measure(file, call);
	log_error("a workbook cannot be written in %s: %s", temporary_directory(), error ? lxw_strerror(error) : "it is cut off");
	return STORE_FULL;
}

/* ---- columns and texts ---- */

lxw_format *workbook_text_format(lxw_workbook *book)
{
	enum { TEXT_FORMAT = 49 }; /* of those that every spreadsheet knows */
	lxw_format *format = workbook_add_format(book);
	if (!format)
		abort();
	format_set_num_format_index(format, TEXT_FORMAT);
	return format;
}

/* As a screen shows it: a Chinese character is two wide, and beside the header stands the filter's arrow. */
double workbook_width(const struct field *field)
{
	static const unsigned char widths[FIELD_TYPES] = {
		[FIELD_word] = 12, [FIELD_words] = 24, [FIELD_tags] = 24, [FIELD_integer] = 10, [FIELD_money] = 12, [FIELD_decimal] = 12,
		[FIELD_boolean] = 6, [FIELD_date] = 12, [FIELD_instant] = 30, [FIELD_ref] = 22, [FIELD_refs] = 24, [FIELD_point] = 22,
		[FIELD_area] = 15, [FIELD_id_card] = 21, [FIELD_uscc] = 21, [FIELD_phone] = 15,
	};
	double width = widths[field->type], header = 2 * (double)text_utf8_length(text_of(field->label)) + 4;
	if (field->type == FIELD_text)
		width = field->max && field->max <= 60 ? 14 : WIDTH_MOST;
	width = width > header ? width : header;
	return width < WIDTH_LEAST ? WIDTH_LEAST : width;
}

static bool is_escape(const char *at, size_t left)
{
	enum { ESCAPE_CHARS = 7 };
	bool is = left >= ESCAPE_CHARS && at[0] == '_' && at[1] == 'x' && at[6] == '_';
	for (size_t i = 2; is && i < 6; i++)
		is = (at[i] >= '0' && at[i] <= '9') || ((at[i] | 0x20) >= 'a' && (at[i] | 0x20) <= 'f');
	return is;
}

const char *workbook_text(struct arena *arena, struct text text)
{
	if (!text.len || !memchr(text.ptr, '_', text.len))
		return text_z(arena, text);
	struct buf out = buf_in(arena, text.len + 64, 7 * text.len + 64);
	for (size_t i = 0; i < text.len; i++) {
		if (is_escape(text.ptr + i, text.len - i))
			buf_text(&out, TEXT("_x005F"));
		buf_char(&out, text.ptr[i]);
	}
	buf_char(&out, '\0');
	return out.ptr;
}
