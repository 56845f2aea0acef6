/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_styles.h - which styles of cells show a number as a date. Seen only by xlsx*.c. */
#ifndef BASE_XLSX_STYLES_H
#define BASE_XLSX_STYLES_H

#include "base/xlsx_package.h"

/* Excel opens no workbook with more of either. */
enum { STYLES_MAX = 65536 };

struct styles {
	uint64_t date_formats[STYLES_MAX / 64], dates[STYLES_MAX / 64]; /* a bit each */
	unsigned count;
};

bool styles_read(struct styles *styles, struct package *package, const char *part); /* into what is all zero */
bool styles_is_date(const struct styles *styles, unsigned style);

#endif
