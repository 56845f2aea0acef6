/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_strings.h - the texts that the cells of a workbook share, kept in a file and not in memory. Seen only by xlsx*.c. */
#ifndef BASE_XLSX_STRINGS_H
#define BASE_XLSX_STRINGS_H

#include "base/xlsx_package.h"

/* An unnamed file, first written from beginning to end, then seen as memory. */
struct spool {
	int fd; /* 0: there is none */
	char *waiting;
	size_t waiting_len;
	uint64_t size;
	const char *map;
};

struct strings {
	struct spool texts, ends; /* of each text where it ends, as a uint64_t */
	unsigned count;
};

bool strings_read(struct strings *strings, struct package *package, const char *part);
void strings_close(struct strings *strings); /* also of what is all zero */

enum strings_result { STRINGS_FOUND, STRINGS_TOO_LONG, STRINGS_NONE };

enum strings_result strings_get(const struct strings *strings, unsigned at, struct text *text);

#endif
