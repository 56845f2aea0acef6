/* SPDX-License-Identifier: Apache-2.0 */
/* workbook.c - an XLSX workbook that is written to be sent.
 *
 * The library does not say whether its temporary files could be written, so what came out is looked at: every part of the package
 * can be unpacked and has its end. */
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

/* The part's last bytes are the end of its outermost element. */
static bool part_is_whole(zip_t *zip, zip_uint64_t at)
{
	char bytes[32768], tail[64];
	size_t kept = 0;
	zip_int64_t n = -1;
	zip_file_t *part = zip_fopen_index(zip, at, 0);
	while (part && (n = zip_fread(part, bytes, sizeof bytes)) > 0) {
		size_t take = (size_t)n < sizeof tail ? (size_t)n : sizeof tail, keep = kept < sizeof tail - take ? kept : sizeof tail - take;
		memmove(tail, tail + kept - keep, keep);
		memcpy(tail + keep, bytes + n - take, take);
		kept = keep + take;
	}
	if (part)
		zip_fclose(part);
	while (kept > 0 && tail[kept - 1] == '\n')
		kept--;
	const char *sheet = strstr(zip_get_name(zip, at, 0), "worksheets/sheet") ? "</worksheet>" : ">";
	size_t len = strlen(sheet);
	return n == 0 && kept >= len && memcmp(tail + kept - len, sheet, len) == 0;
}

static bool is_whole(int fd)
{
	int wrong, copy = dup(fd);
	zip_t *zip = copy < 0 ? NULL : zip_fdopen(copy, 0, &wrong);
	if (!zip) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	zip_int64_t parts = zip_get_num_entries(zip, 0);
	bool whole = parts > 0;
	for (zip_int64_t i = 0; i < parts && whole; i++)
		whole = part_is_whole(zip, (zip_uint64_t)i);
	zip_discard(zip);
	return whole;
}

enum store_code workbook_end(lxw_workbook *book, struct sent_file *file, struct call *call)
{
	lxw_error error = workbook_close(book);
	if (error == LXW_NO_ERROR && is_whole(file->fd))
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
