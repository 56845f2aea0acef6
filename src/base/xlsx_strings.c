/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_strings.c - the texts that the cells of a workbook share, kept in a file and not in memory. */
#include "base/xlsx_strings.h"

#include "base/log.h"
#include "base/disk.h"
#include "base/temporary.h"
#include "base/xlsx_part.h"
#include "base/xlsx_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Two million rows of thirty texts, all different; with SPOOL_MAX it bounds what one workbook takes of the disk. */
enum { COUNT_MAX = 64 << 20, SPOOL_MAX = 1 << 30, WAITING_MAX = 65536 };

/* In the place of a text's end: it is longer than a cell may be, and was not kept. */
static const uint64_t refused_bit = UINT64_C(1) << 63;

/* ---- the file ---- */

static bool fail_file(struct package *package, const char *what)
{
	log_error("a temporary file for a workbook cannot be %s: %s", what, strerror(errno));
	return package_fail(package, XLSX_ENVIRONMENT);
}

static bool spool_open(struct spool *spool, struct package *package)
{
	spool->waiting = malloc(WAITING_MAX);
	spool->fd = spool->waiting ? temporary_file() : -1;
	return spool->fd >= 0 || fail_file(package, "made");
}

static bool spool_flush(struct spool *spool, struct package *package)
{
	bool written = disk_write(spool->fd, (struct text){ (const char *)spool->waiting, spool->waiting_len });
	spool->waiting_len = 0;
	return written || fail_file(package, "written");
}

/* `len` is at most WAITING_MAX. */
static bool spool_add(struct spool *spool, struct package *package, const void *bytes, size_t len)
{
	if (spool->size + len > SPOOL_MAX)
		return package_fail(package, XLSX_BOMB);
	if (len > WAITING_MAX - spool->waiting_len && !spool_flush(spool, package))
		return false;
	memcpy(spool->waiting + spool->waiting_len, bytes, len);
	spool->waiting_len += len;
	spool->size += len;
	return true;
}

static bool spool_map(struct spool *spool, struct package *package)
{
	bool fine = spool_flush(spool, package);
	free(spool->waiting);
	spool->waiting = NULL;
	if (!fine || spool->size == 0)
		return fine;
	void *map = mmap(NULL, spool->size, PROT_READ, MAP_PRIVATE, spool->fd, 0);
	if (map == MAP_FAILED)
		return fail_file(package, "read");
	spool->map = map;
	return true;
}

static void spool_close(struct spool *spool)
{
	free(spool->waiting);
	if (spool->map)
		munmap((void *)(uintptr_t)spool->map, spool->size);
	if (spool->fd > 0)
		close(spool->fd);
	*spool = (struct spool){ 0 };
}

/* ---- the part ---- */

/* <sst><si> <t>text</t> or <r><t>one run</t></r>..., and <rPh><t>how it is read</t></rPh> </si>...</sst> */
enum { ROOT = 1, ITEM, IN_ITEM, IN_RUN };

struct reading {
	struct strings *strings;
	bool in_item, in_run, in_text, too_long;
	char text[XLSX_CELL_MAX];
	size_t len;
};

static void on_begin(struct part *part, unsigned depth, const char *name, const char **attributes)
{
	struct reading *reading = part->arg;
	(void)attributes;
	if (depth == ROOT && strcmp(name, "sst") != 0)
		part_refuse(part, XLSX_BROKEN);
	if (depth == ITEM) {
		reading->in_item = strcmp(name, "si") == 0;
		reading->too_long = false;
		reading->len = 0;
	} else if (depth == IN_ITEM && reading->in_item) {
		reading->in_run = strcmp(name, "r") == 0;
		reading->in_text = strcmp(name, "t") == 0;
	} else if (depth == IN_RUN && reading->in_item && reading->in_run) {
		reading->in_text = strcmp(name, "t") == 0;
	}
}

static void on_text(struct part *part, const char *bytes, size_t len)
{
	struct reading *reading = part->arg;
	if (!reading->in_text || reading->too_long)
		return;
	reading->too_long = len > XLSX_CELL_MAX - reading->len;
	if (reading->too_long)
		return;
	memcpy(reading->text + reading->len, bytes, len);
	reading->len += len;
}

static void end_item(struct part *part, struct reading *reading)
{
	struct strings *strings = reading->strings;
	size_t len = reading->too_long ? 0 : value_unescape(reading->text, reading->len);
	if (strings->count == COUNT_MAX) {
		part_refuse(part, XLSX_BOMB);
		return;
	}
	strings->count++;
	bool fine = spool_add(&strings->texts, part->package, reading->text, len);
	uint64_t end = strings->texts.size | (reading->too_long ? refused_bit : 0);
	if (!fine || !spool_add(&strings->ends, part->package, &end, sizeof end))
		part_refuse(part, XLSX_ENVIRONMENT); /* or what was noted before */
}

static void on_end(struct part *part, unsigned depth)
{
	struct reading *reading = part->arg;
	if (depth >= IN_ITEM && depth <= IN_RUN)
		reading->in_text = false;
	if (depth == IN_ITEM)
		reading->in_run = false;
	if (depth == ITEM && reading->in_item) {
		reading->in_item = false;
		end_item(part, reading);
	}
}

bool strings_read(struct strings *strings, struct package *package, const char *part)
{
	static const struct part_events events = { on_begin, on_end, on_text };
	struct reading *reading = calloc(1, sizeof *reading);
	bool fine = reading && spool_open(&strings->texts, package) && spool_open(&strings->ends, package);
	if (!reading) {
		log_error("no memory for a workbook");
		return package_fail(package, XLSX_ENVIRONMENT);
	}
	reading->strings = strings;
	fine = fine && part_read(package, part, &events, reading);
	free(reading);
	return fine && spool_map(&strings->texts, package) && spool_map(&strings->ends, package);
}

void strings_close(struct strings *strings)
{
	spool_close(&strings->texts);
	spool_close(&strings->ends);
	strings->count = 0;
}

enum strings_result strings_get(const struct strings *strings, unsigned at, struct text *text)
{
	const uint64_t *ends = (const uint64_t *)(const void *)strings->ends.map;
	if (at >= strings->count)
		return STRINGS_NONE;
	uint64_t begin = at > 0 ? ends[at - 1] & ~refused_bit : 0, end = ends[at] & ~refused_bit;
	*text = end > begin ? (struct text){ strings->texts.map + begin, end - begin } : TEXT("");
	return ends[at] & refused_bit ? STRINGS_TOO_LONG : STRINGS_FOUND;
}
