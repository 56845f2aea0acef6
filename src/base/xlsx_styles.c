/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_styles.c - which styles of cells show a number as a date. */
#include "base/xlsx_styles.h"

#include "base/xlsx_part.h"
#include "base/xlsx_value.h"

#include <string.h>

/* <styleSheet> <numFmts><numFmt numFmtId= formatCode=/>...</numFmts> <cellXfs><xf numFmtId=/>...</cellXfs> </styleSheet> */
enum { ROOT = 1, LIST, ONE };

struct reading {
	struct styles *styles;
	bool in_formats, in_styles;
};

static bool bit(const uint64_t *bits, unsigned at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static void set_bit(uint64_t *bits, unsigned at, bool value)
{
	bits[at / 64] = (bits[at / 64] & ~(UINT64_C(1) << at % 64)) | (uint64_t)value << at % 64;
}

/* ECMA-376 part 1, 18.8.30, with those of Chinese, Japanese and Korean. */
static void set_built_in(struct styles *styles)
{
	static const struct {
		unsigned first, last;
	} dates[] = { { 14, 22 }, { 27, 36 }, { 45, 47 }, { 50, 58 } };
	for (size_t i = 0; i < COUNT(dates); i++) {
		for (unsigned id = dates[i].first; id <= dates[i].last; id++)
			set_bit(styles->date_formats, id, true);
	}
}

static void add_format(struct part *part, struct styles *styles, const char **attributes)
{
	const char *id_text = part_attribute(attributes, "numFmtId"), *code = part_attribute(attributes, "formatCode");
	unsigned id;
	if (!id_text || !code || !part_number(id_text, STYLES_MAX - 1, &id))
		part_refuse(part, XLSX_BROKEN);
	else
		set_bit(styles->date_formats, id, value_is_date_format(code));
}

static void add_style(struct part *part, struct styles *styles, const char **attributes)
{
	const char *id_text = part_attribute(attributes, "numFmtId");
	unsigned id = 0;
	if (styles->count == STYLES_MAX || (id_text && !part_number(id_text, STYLES_MAX - 1, &id)))
		part_refuse(part, XLSX_BROKEN);
	else
		set_bit(styles->dates, styles->count++, bit(styles->date_formats, id));
}

static void on_begin(struct part *part, unsigned depth, const char *name, const char **attributes)
{
	struct reading *reading = part->arg;
	if (depth == ROOT && strcmp(name, "styleSheet") != 0)
		part_refuse(part, XLSX_BROKEN);
	if (depth == LIST) {
		reading->in_formats = strcmp(name, "numFmts") == 0;
		reading->in_styles = strcmp(name, "cellXfs") == 0;
	} else if (depth == ONE && reading->in_formats && strcmp(name, "numFmt") == 0) {
		add_format(part, reading->styles, attributes);
	} else if (depth == ONE && reading->in_styles && strcmp(name, "xf") == 0) {
		add_style(part, reading->styles, attributes);
	}
}

bool styles_read(struct styles *styles, struct package *package, const char *part)
{
	static const struct part_events events = { .begin = on_begin };
	struct reading reading = { .styles = styles };
	set_built_in(styles);
	return part_read(package, part, &events, &reading);
}

bool styles_is_date(const struct styles *styles, unsigned style)
{
	return style < styles->count && bit(styles->dates, style);
}
