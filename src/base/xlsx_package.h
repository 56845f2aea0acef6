/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_package.h - the zip archive that a workbook is, opened within limits. Seen only by xlsx*.c. */
#ifndef BASE_XLSX_PACKAGE_H
#define BASE_XLSX_PACKAGE_H

#include "base/xlsx.h"

#include <zip.h>

struct package {
	zip_t *zip;
	int fd;
	uint64_t size, at; /* of the file */
	uint64_t directory_left; /* what may still be read of the directory */
	bool opening;
	zip_error_t error;
	uint64_t unpacked; /* of all entries together */
	enum xlsx_wrong wrong; /* the first thing that was */
};

/* One entry that is being unpacked. */
struct entry {
	zip_file_t *file;
	uint64_t packed, unpacked;
};

bool package_open(struct package *package, int fd); /* false: package->wrong; closed in either case by package_close */
void package_close(struct package *package);
bool package_fail(struct package *package, enum xlsx_wrong wrong); /* notes the first; false */

bool package_has(struct package *package, const char *name);
bool package_entry(struct package *package, const char *name, struct entry *entry);
/* The next bytes, 0 at an end whose checksum agrees; -1: package->wrong. */
int package_read(struct package *package, struct entry *entry, void *out, unsigned len);
void package_leave(struct entry *entry);

#endif
