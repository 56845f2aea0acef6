/* SPDX-License-Identifier: Apache-2.0 */
/* xlsx_book.c - the table of contents of a workbook: which parts there are. */
#include "base/xlsx_book.h"

#include "base/xlsx_part.h"

#include <string.h>

/* What the workbook relates to: sheets, and some parts beside them. */
enum { RELATIONS_MAX = 4 * BOOK_SHEETS_MAX };

struct relation {
	const char *id, *type /* behind the last slash of its URI, which differs between the editions of the standard */, *target;
};

struct relations {
	struct arena *arena;
	const char *directory; /* to which targets are relative, with a slash at its end */
	struct relation *all;
	size_t count;
};

static bool is_too_long(const char *text)
{
	return strnlen(text, BOOK_TEXT_MAX + 1) > BOOK_TEXT_MAX;
}

/* The part that `target` names, seen from `directory`: "../a" and "./a" are told in full. */
static const char *resolve(struct arena *arena, const char *directory, const char *target)
{
	char *path = arena_take(arena, strlen(directory) + strlen(target) + 2), *out = path;
	if (*target != '/') {
		memcpy(path, directory, strlen(directory));
		out += strlen(directory);
	}
	while (*target) {
		size_t len = strcspn(target, "/");
		if (len == 2 && memcmp(target, "..", 2) == 0) {
			if (out > path)
				out--;
			while (out > path && out[-1] != '/')
				out--;
		} else if (len > 0 && !(len == 1 && *target == '.')) {
			memcpy(out, target, len);
			out += len;
			if (target[len])
				*out++ = '/';
		}
		target += len + (target[len] == '/');
	}
	*out = 0;
	return path;
}

/* ---- relations ---- */

static void begin_relation(struct part *part, unsigned depth, const char *name, const char **attributes)
{
	struct relations *relations = part->arg;
	if (depth != 2 || strcmp(name, "Relationship") != 0)
		return;
	const char *id = part_attribute(attributes, "Id"), *type = part_attribute(attributes, "Type");
	const char *target = part_attribute(attributes, "Target"), *mode = part_attribute(attributes, "TargetMode");
	if (mode && strcmp(mode, "External") == 0)
		return;
	if (!id || !type || !target || is_too_long(id) || is_too_long(type) || is_too_long(target) || relations->count == RELATIONS_MAX) {
		part_refuse(part, XLSX_BROKEN);
		return;
	}
	const char *slash = strrchr(type, '/');
	relations->all[relations->count++] = (struct relation){
		.id = text_z(relations->arena, text_of(id)),
		.type = text_z(relations->arena, text_of(slash ? slash + 1 : type)),
		.target = resolve(relations->arena, relations->directory, target),
	};
}

/* Of `part`, "" for the whole package. */
static bool read_relations(struct relations *relations, struct package *package, struct arena *arena, const char *part)
{
	static const struct part_events events = { .begin = begin_relation };
	const char *slash = strrchr(part, '/'), *name = slash ? slash + 1 : part;
	relations->arena = arena;
	relations->directory = text_z(arena, (struct text){ part, (size_t)(name - part) });
	relations->all = arena_take(arena, RELATIONS_MAX * sizeof *relations->all);
	relations->count = 0;
	return part_read(package, text_printf(arena, "%s_rels/%s.rels", relations->directory, name).ptr, &events, relations);
}

static const struct relation *by_type(const struct relations *relations, const char *type)
{
	for (size_t i = 0; i < relations->count; i++) {
		if (strcmp(relations->all[i].type, type) == 0)
			return &relations->all[i];
	}
	return NULL;
}

static const struct relation *by_id(const struct relations *relations, const char *id)
{
	for (size_t i = 0; i < relations->count; i++) {
		if (strcmp(relations->all[i].id, id) == 0)
			return &relations->all[i];
	}
	return NULL;
}

/* ---- the workbook ---- */

/* <workbook> <workbookPr date1904=/> <sheets><sheet name= state= r:id=/>...</sheets> </workbook> */
enum { ROOT = 1, LIST, ONE };

struct reading {
	struct book *book;
	struct relations relations;
	bool in_sheets;
};

static bool is_true(const char *value)
{
	return value && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

/* A chart may be a sheet of its own: of another type, and passed over as what is hidden. */
static void add_sheet(struct part *part, struct reading *reading, const char **attributes)
{
	struct book *book = reading->book;
	const char *name = part_attribute(attributes, "name"), *id = part_attribute(attributes, "id");
	const char *state = part_attribute(attributes, "state");
	const struct relation *relation = id ? by_id(&reading->relations, id) : NULL;
	if (!name || is_too_long(name) || !relation || book->sheet_count == BOOK_SHEETS_MAX) {
		part_refuse(part, XLSX_BROKEN);
		return;
	}
	if (strcmp(relation->type, "worksheet") != 0 || (state && strcmp(state, "visible") != 0))
		return;
	name = text_z(reading->relations.arena, text_of(name));
	book->sheets[book->sheet_count++] = (struct book_sheet){ name, relation->target };
}

static void begin_in_workbook(struct part *part, unsigned depth, const char *name, const char **attributes)
{
	struct reading *reading = part->arg;
	if (depth == ROOT && strcmp(name, "workbook") != 0)
		part_refuse(part, XLSX_NOT_ZIP); /* a text document is a package as well */
	if (depth == LIST && strcmp(name, "workbookPr") == 0)
		reading->book->date1904 = is_true(part_attribute(attributes, "date1904"));
	if (depth == LIST)
		reading->in_sheets = strcmp(name, "sheets") == 0;
	else if (depth == ONE && reading->in_sheets && strcmp(name, "sheet") == 0)
		add_sheet(part, reading, attributes);
}

static const char *existing(struct package *package, const struct relation *relation)
{
	return relation && package_has(package, relation->target) ? relation->target : NULL;
}

/* The part that is the workbook; NULL: this is something else. One of type .bin is Excel's other format, which is no XML. */
static const char *find_workbook(struct package *package, struct arena *arena)
{
	struct relations relations;
	const char *part = "xl/workbook.xml";
	if (package_has(package, "_rels/.rels")) {
		if (!read_relations(&relations, package, arena, ""))
			return NULL;
		const struct relation *relation = by_type(&relations, "officeDocument");
		part = relation ? relation->target : part;
	}
	const char *dot = strrchr(part, '.');
	return package_has(package, part) && !(dot && strcmp(dot, ".bin") == 0) ? part : NULL;
}

bool book_read(struct book *book, struct package *package, struct arena *arena)
{
	static const struct part_events events = { .begin = begin_in_workbook };
	struct reading reading = { .book = book };
	const char *part = find_workbook(package, arena);
	if (!part)
		return package_fail(package, XLSX_NOT_ZIP);
	*book = (struct book){ .sheets = arena_take(arena, BOOK_SHEETS_MAX * sizeof *book->sheets) };
	if (!read_relations(&reading.relations, package, arena, part) || !part_read(package, part, &events, &reading))
		return false;
	book->strings = existing(package, by_type(&reading.relations, "sharedStrings"));
	book->styles = existing(package, by_type(&reading.relations, "styles"));
	return true;
}
