/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_value.h - what stands in a cell, as the text that is read. Seen only by xlsx*.c. */
#ifndef BASE_XLSX_VALUE_H
#define BASE_XLSX_VALUE_H

#include "base/text.h"

enum { VALUE_CHARS = 40 };

/* How a number is shown, as far as it matters. */
struct value_style {
	bool is_date, date1904;
};

/* The text of a number: `digits` itself (zero-terminated), or what was written to `out`. What is no number stays as it is. */
struct text value_number(struct text digits, struct value_style style, char out[static VALUE_CHARS]);
struct text value_iso_date(struct text iso, char out[static VALUE_CHARS]); /* as a date of value_number */
bool value_is_date_format(const char *code);
size_t value_unescape(char *text, size_t len); /* _x000D_ is a carriage return; in place, the new length */

#endif
