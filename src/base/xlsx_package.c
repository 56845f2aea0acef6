/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_package.c - the zip archive that a workbook is, opened within limits. */
#include "base/xlsx_package.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A workbook has some tens of entries, with pictures some thousands. libzip keeps each entry of the directory in memory, about 200
 * bytes beside what stands in it, so the bytes of the directory are bounded as well. */
enum { ENTRIES_MAX = 10000, DIRECTORY_MAX = 1 << 20 };

/* Where libzip looks for the end of the directory: a comment, the record itself and what points to the one of Zip64. */
enum { COMMENT_MAX = 65535, END_BYTES = 22, LOCATOR_BYTES = 20, TAIL_MAX = COMMENT_MAX + END_BYTES + LOCATOR_BYTES, END64_BYTES = 56 };

/* A million rows of forty columns are about 1.5 GB of XML. */
static const uint64_t unpacked_max = UINT64_C(4) << 30;

/* XML of a sheet packs 1:10, of a sheet with the same row again and again 1:100; a bomb 1:1000. Small ones do no harm. */
enum { RATIO_MAX = 200, RATIO_FREE = 64 << 20 };

bool package_fail(struct package *package, enum xlsx_wrong wrong)
{
	if (package->wrong == XLSX_FINE)
		package->wrong = wrong;
	return false;
}

static bool fail_reading(struct package *package)
{
	log_error("a workbook cannot be read: %s", strerror(errno));
	return package_fail(package, XLSX_ENVIRONMENT);
}

/* Up to `len` bytes of the file, less only at its end. pread leaves the position alone, which others may share. */
static ssize_t read_at(struct package *package, void *out, size_t len, uint64_t at)
{
	size_t got = 0;
	while (got < len) {
		ssize_t more = pread(package->fd, (char *)out + got, len - got, (off_t)(at + got));
		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0) {
			fail_reading(package);
			return -1;
		}
		if (more == 0)
			break;
		got += (size_t)more;
	}
	return (ssize_t)got;
}

/* ---- what it is, by its bytes ---- */

/* An encrypted workbook is an OLE file with a stream of this name. The entries of its directory lie at multiples of 128 bytes. */
static bool has_encrypted_stream(struct package *package)
{
	static const char name[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
	enum { DIRECTORY_ENTRY = 128, BLOCK = 32768 };
	char block[BLOCK];
	ssize_t got;
	for (uint64_t at = 0; (got = read_at(package, block, sizeof block, at)) >= DIRECTORY_ENTRY; at += BLOCK) {
		for (size_t i = 0; i + DIRECTORY_ENTRY <= (size_t)got; i += DIRECTORY_ENTRY) {
			if (memcmp(block + i, name, sizeof name) == 0)
				return true;
		}
	}
	return false;
}

static bool check_kind(struct package *package)
{
	char head[8];
	ssize_t got = read_at(package, head, sizeof head, 0);
	if (got == sizeof head && memcmp(head, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", sizeof head) == 0)
		return package_fail(package, has_encrypted_stream(package) ? XLSX_PASSWORD : XLSX_OLD_XLS);
	if (got < 4 || memcmp(head, "PK\3\4", 4) != 0)
		return package_fail(package, XLSX_NOT_ZIP);
	return true;
}

static uint64_t little_endian(const char *bytes)
{
	uint64_t value = 0;
	for (unsigned i = 8; i > 0; i--)
		value = value << 8 | (unsigned char)bytes[i - 1];
	return value;
}

static bool claims_too_many(struct package *package, uint64_t at)
{
	char record[END64_BYTES];
	ssize_t got = at < package->size ? read_at(package, record, sizeof record, at) : 0;
	return got == sizeof record && memcmp(record, "PK\6\6", 4) == 0 &&
	       (little_endian(record + 24) > ENTRIES_MAX || little_endian(record + 32) > ENTRIES_MAX);
}

/* libzip takes memory for as many entries as a record of Zip64 claims, before it has seen any: a few bytes could ask for all there is. */
static bool check_claims(struct package *package)
{
	uint64_t begin = package->size > TAIL_MAX ? package->size - TAIL_MAX : 0;
	char *tail = malloc(TAIL_MAX);
	ssize_t got = tail ? read_at(package, tail, TAIL_MAX, begin) : -1;
	if (!tail)
		log_error("no memory for a workbook");
	if (got < 0)
		package_fail(package, XLSX_ENVIRONMENT);
	for (ssize_t i = 0; i + LOCATOR_BYTES + 4 <= got; i++) {
		if (memcmp(tail + i, "PK\6\7", 4) == 0 && memcmp(tail + i + LOCATOR_BYTES, "PK\5\6", 4) == 0 &&
		    claims_too_many(package, little_endian(tail + i + 8)))
			package_fail(package, XLSX_BOMB);
	}
	free(tail);
	return package->wrong == XLSX_FINE;
}

/* ---- the archive ---- */

static zip_int64_t serve_bytes(struct package *package, void *out, zip_uint64_t len)
{
	if (package->opening && len > package->directory_left) {
		package_fail(package, XLSX_BOMB);
		zip_error_set(&package->error, ZIP_ER_INCONS, 0);
		return -1;
	}
	ssize_t got = read_at(package, out, len, package->at);
	if (got < 0) {
		zip_error_set(&package->error, ZIP_ER_READ, errno);
		return -1;
	}
	package->at += (uint64_t)got;
	package->directory_left -= package->opening ? (uint64_t)got : 0;
	return got;
}

static zip_int64_t serve_seek(struct package *package, void *data, zip_uint64_t len)
{
	zip_int64_t to = zip_source_seek_compute_offset(package->at, package->size, data, len, &package->error);
	if (to < 0)
		return -1;
	package->at = (uint64_t)to;
	return 0;
}

static zip_int64_t serve_stat(struct package *package, zip_stat_t *stat)
{
	zip_stat_init(stat);
	stat->size = package->size;
	stat->valid = ZIP_STAT_SIZE;
	return sizeof *stat;
}

/* What libzip asks of the file. */
static zip_int64_t serve(void *arg, void *data, zip_uint64_t len, zip_source_cmd_t command)
{
	struct package *package = arg;
	switch (command) {
	case ZIP_SOURCE_OPEN:
		package->at = 0;
		return 0;
	case ZIP_SOURCE_READ:
		return serve_bytes(package, data, len);
	case ZIP_SOURCE_SEEK:
		return serve_seek(package, data, len);
	case ZIP_SOURCE_TELL:
		return (zip_int64_t)package->at;
	case ZIP_SOURCE_STAT:
		return serve_stat(package, data);
	case ZIP_SOURCE_ERROR:
		return zip_error_to_data(&package->error, data, len);
	case ZIP_SOURCE_CLOSE:
	case ZIP_SOURCE_FREE:
		return 0;
	case ZIP_SOURCE_SUPPORTS:
		return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
						      ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
	default:
		zip_error_set(&package->error, ZIP_ER_OPNOTSUPP, 0);
		return -1;
	}
}

static bool fail_zip(struct package *package, zip_error_t *error)
{
	int code = zip_error_code_zip(error);
	if (code == ZIP_ER_MEMORY)
		log_error("no memory for a workbook");
	return package_fail(package, code == ZIP_ER_MEMORY ? XLSX_ENVIRONMENT : code == ZIP_ER_NOPASSWD ? XLSX_PASSWORD : XLSX_BROKEN);
}

static bool open_zip(struct package *package)
{
	zip_error_t error;
	zip_error_init(&error);
	zip_source_t *source = zip_source_function_create(serve, package, &error);
	package->opening = true;
	package->directory_left = DIRECTORY_MAX + TAIL_MAX;
	package->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
	package->opening = false;
	if (!package->zip) {
		fail_zip(package, &error);
		zip_source_free(source);
	}
	zip_error_fini(&error);
	return package->zip != NULL;
}

bool package_open(struct package *package, int fd)
{
	struct stat info;
	*package = (struct package){ .fd = fd };
	zip_error_init(&package->error);
	if (fstat(fd, &info) != 0)
		return fail_reading(package);
	package->size = info.st_size > 0 ? (uint64_t)info.st_size : 0;
	if (!check_kind(package) || !check_claims(package) || !open_zip(package))
		return false;
	return zip_get_num_entries(package->zip, 0) <= ENTRIES_MAX || package_fail(package, XLSX_BOMB);
}

void package_close(struct package *package)
{
	if (package->zip)
		zip_discard(package->zip);
	package->zip = NULL;
	zip_error_fini(&package->error);
}

/* ---- entries ---- */

/* Names of parts are compared without case (ECMA-376 part 2, 6.2.2.3); nearly always they agree to the letter. */
static zip_int64_t find(struct package *package, const char *name)
{
	zip_int64_t at = zip_name_locate(package->zip, name, 0);
	return at >= 0 ? at : zip_name_locate(package->zip, name, ZIP_FL_NOCASE);
}

bool package_has(struct package *package, const char *name)
{
	return find(package, name) >= 0;
}

bool package_entry(struct package *package, const char *name, struct entry *entry)
{
	enum { WANTED = ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD };
	zip_stat_t stat;
	zip_int64_t at = find(package, name);
	*entry = (struct entry){ 0 };
	if (at < 0 || zip_stat_index(package->zip, (zip_uint64_t)at, 0, &stat) != 0 || (stat.valid & WANTED) != WANTED)
		return package_fail(package, XLSX_BROKEN);
	if (stat.encryption_method != ZIP_EM_NONE)
		return package_fail(package, XLSX_PASSWORD);
	/* What else libzip can unpack is never in a workbook, and some of it takes as much memory as it likes. */
	if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
		return package_fail(package, XLSX_BROKEN);
	entry->packed = stat.comp_size < package->size ? stat.comp_size : package->size;
	entry->file = zip_fopen_index(package->zip, (zip_uint64_t)at, 0);
	return entry->file || fail_zip(package, zip_get_error(package->zip));
}

int package_read(struct package *package, struct entry *entry, void *out, unsigned len)
{
	zip_int64_t got = zip_fread(entry->file, out, len);
	if (got < 0) {
		fail_zip(package, zip_file_get_error(entry->file));
		return -1;
	}
	entry->unpacked += (uint64_t)got;
	package->unpacked += (uint64_t)got;
	bool too_dense = entry->unpacked > RATIO_FREE && entry->unpacked / RATIO_MAX > entry->packed;
	if (package->unpacked > unpacked_max || too_dense) {
		package_fail(package, XLSX_BOMB);
		return -1;
	}
	return (int)got;
}

void package_leave(struct entry *entry)
{
	if (entry->file)
		zip_fclose(entry->file);
	entry->file = NULL;
}
