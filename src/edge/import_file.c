/* SPDX-License-Identifier: Apache-2.0 */
/* import_file.c - the table that somebody has sent, as it is given back. */
#include "edge/import_file.h"

#include "base/csv.h"
#include "engine/sent_file.h"

#include <stdlib.h>

enum { WRITE_BYTES = 256 * 1024, ROW_BYTES_MAX = 16 << 20 };

struct import_file {
	struct sent_file file;
	struct arena arena; /* of the rows that wait to be written */
	struct buf rows;
};

static void begin_rows(struct import_file *file)
{
	arena_reset(&file->arena);
	file->rows = buf_in(&file->arena, WRITE_BYTES, WRITE_BYTES + ROW_BYTES_MAX);
}

struct import_file *import_file_new(void)
{
	struct import_file *file = calloc(1, sizeof *file);
	if (!file)
		abort();
	if (!sent_file_open(&file->file)) {
		free(file);
		return NULL;
	}
	file->arena = arena_new(4 * (WRITE_BYTES + ROW_BYTES_MAX));
	begin_rows(file);
	buf_text(&file->rows, CSV_MARK);
	return file;
}

static enum store_code write_rows(struct import_file *file, struct call *call)
{
	enum store_code code = sent_file_write(&file->file, call, buf_done(&file->rows));
	begin_rows(file);
	return code;
}

/* What is said comes first: it is seen at once, however many columns there are. */
enum store_code import_file_row(struct import_file *file, struct call *call, const struct text *cells, size_t count, struct text said)
{
	csv_put(&file->rows, said);
	for (size_t i = 0; i < count; i++) {
		buf_char(&file->rows, ',');
		csv_put_text(&file->rows, cells[i]);
	}
	buf_text(&file->rows, TEXT("\r\n"));
	return file->rows.len > WRITE_BYTES ? write_rows(file, call) : STORE_OK;
}

void import_file_answer(struct import_file *file, struct call *call, const char *label)
{
	enum store_code code = write_rows(file, call);
	if (code == STORE_OK)
		sent_file_answer(&file->file, call, "text/csv; charset=utf-8", text_printf(call->arena, "%s-试导入结果.csv", label));
	else
		app_settle(call, code);
}

void import_file_close(struct import_file *file)
{
	if (!file)
		return;
	sent_file_close(&file->file);
	arena_free(&file->arena);
	free(file);
}
