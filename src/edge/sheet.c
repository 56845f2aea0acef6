/* SPDX-License-Identifier: Apache-2.0 */
/* sheet.c - the rows of a table that somebody sends. */
#include "edge/sheet.h"

#include "base/charset.h"
#include "base/log.h"
#include "base/temporary.h"
#include "engine/call.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was read of a file need not stay in memory. */
enum { DROP_BYTES = 8 << 20, LOOK_BYTES = 64 * 1024, CONTROLS_OF_TEXT_MAX = 10 };

struct reason {
	const char *zh, *en;
};

static const struct reason reasons[] = {
	[XLSX_NOT_ZIP] = { "不是 Excel 工作簿或 CSV 文本，请另存为 .xlsx 或 CSV（UTF-8）", "Neither a workbook nor a CSV: save it as .xlsx or CSV (UTF-8)" },
	[XLSX_OLD_XLS] = { "这是旧的 .xls 格式，请用 Excel 或 WPS 另存为 .xlsx 后再导入", "The old .xls format: save it as .xlsx in Excel or WPS" },
	[XLSX_PASSWORD] = { "文件有打开密码，请先去掉密码再导入", "The file has a password: take it off first" },
	[XLSX_BOMB] = { "文件解压后太大，请拆成几个文件", "It unpacks to too much: split it into several files" },
	[XLSX_BROKEN] = { "文件已损坏或没有传完，请重新保存后再导入", "The file is damaged, or was cut off: save it again" },
	[XLSX_NO_SHEET] = { "没有这个工作表，或工作表是空的", "There is no such sheet, or it is empty" },
};

static bool refuse(struct call *call, enum xlsx_wrong wrong)
{
	if (wrong == XLSX_ENVIRONMENT)
		call_problem(call, PROBLEM_STORAGE_FULL);
	else
		call_problem_detail(call, wrong == XLSX_BOMB ? PROBLEM_TOO_LARGE : PROBLEM_BAD_TABLE, text_of(reasons[wrong].zh),
		                    text_of(reasons[wrong].en));
	return false;
}

/* The body as UTF-8 in an unnamed file, mapped. */
static bool convert(struct sheet *sheet, enum charset charset)
{
	struct call *call = sheet->call;
	struct stat file;
	int fd = temporary_file();
	bool fine = fd >= 0 && charset_to_utf8(call->raw, charset, fd) && fstat(fd, &file) == 0 && file.st_size > 0;
	if (fine) {
		sheet->mapped = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		fine = sheet->mapped != MAP_FAILED;
		sheet->mapped_bytes = (size_t)file.st_size;
	}
	if (!fine) {
		sheet->mapped = NULL;
		log_error("import: a file cannot be written in %s: %s", temporary_directory(), strerror(errno));
		call_problem(call, PROBLEM_STORAGE_FULL);
	}
	if (fd >= 0)
		close(fd);
	return fine;
}

/* A picture or a PDF has nearly all of the 32 characters that control something; a damaged text has one or two beside its line ends. */
static bool is_text(struct text source)
{
	size_t len = source.len < LOOK_BYTES ? source.len : LOOK_BYTES;
	uint32_t controls = 0;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)source.ptr[i] < ' ')
			controls |= UINT32_C(1) << source.ptr[i];
	return __builtin_popcount(controls) <= CONTROLS_OF_TEXT_MAX;
}

static bool open_text(struct sheet *sheet)
{
	struct text source = sheet->call->raw;
	enum charset charset = charset_guess(source);
	bool wide = charset == CHARSET_UTF16LE || charset == CHARSET_UTF16BE;
	if (!wide && !is_text(source))
		return refuse(sheet->call, XLSX_NOT_ZIP);
	if (charset != CHARSET_UTF8) {
		if (!convert(sheet, charset))
			return false;
		source = (struct text){ sheet->mapped, sheet->mapped_bytes };
	}
	sheet->csv = csv_open(source, csv_guess_delimiter(source));
	return true;
}

bool sheet_open(struct sheet *sheet, struct call *call)
{
	struct text name = call_param(call, "sheet");
	enum xlsx_wrong wrong;
	memset(sheet, 0, sizeof *sheet);
	sheet->call = call;
	bool packed = text_starts(call->raw, TEXT("PK\3\4")) || text_starts(call->raw, TEXT("\xD0\xCF\x11\xE0"));
	if (!packed)
		return open_text(sheet);
	sheet->xlsx = xlsx_open(call->raw_fd, name.ptr ? text_z(call->arena, name) : NULL, &wrong);
	return sheet->xlsx || refuse(call, wrong);
}

static enum sheet_result next_of_workbook(struct sheet *sheet)
{
	switch (xlsx_next(sheet->xlsx, &sheet->line, &sheet->cells, &sheet->cell_count)) {
	case XLSX_ROW:
		return SHEET_ROW;
	case XLSX_END:
		return SHEET_END;
	case XLSX_TOO_MANY_CELLS:
		return SHEET_TOO_MANY_CELLS;
	case XLSX_CELL_TOO_LONG:
		return SHEET_CELL_TOO_LONG;
	case XLSX_STOPPED:
		break;
	}
	refuse(sheet->call, xlsx_why(sheet->xlsx));
	return SHEET_STOPPED;
}

static void drop_read(struct sheet *sheet)
{
	bool of_file = sheet->mapped || sheet->call->raw_fd >= 0;
	if (!of_file || sheet->csv.at - sheet->dropped < 2 * DROP_BYTES)
		return;
	madvise((char *)(uintptr_t)sheet->csv.source.ptr + sheet->dropped, DROP_BYTES, MADV_DONTNEED);
	sheet->dropped += DROP_BYTES;
}

enum sheet_result sheet_next(struct sheet *sheet, struct arena *arena)
{
	static const enum sheet_result results[] = {
		[CSV_RECORD] = SHEET_ROW, [CSV_END] = SHEET_END, [CSV_TOO_MANY_CELLS] = SHEET_TOO_MANY_CELLS,
		[CSV_CELL_TOO_LONG] = SHEET_CELL_TOO_LONG, [CSV_STRAY_QUOTE] = SHEET_STRAY_QUOTE, [CSV_OPEN_QUOTE] = SHEET_OPEN_QUOTE,
		[CSV_NOT_UTF8] = SHEET_BAD_CHARACTERS,
	};
	if (sheet->xlsx)
		return next_of_workbook(sheet);
	enum csv_result result = csv_next(&sheet->csv, arena);
	sheet->line = sheet->csv.line;
	sheet->cells = sheet->csv.cells;
	sheet->cell_count = sheet->csv.cell_count;
	drop_read(sheet);
	return results[result];
}

void sheet_close(struct sheet *sheet)
{
	if (sheet->xlsx)
		xlsx_close(sheet->xlsx);
	if (sheet->mapped)
		munmap(sheet->mapped, sheet->mapped_bytes);
}
