/* SPDX-License-Identifier: Apache-2.0 */
/* import_columns.c - what the columns of a file stand for, and where the records of its rows are. */
#include "edge/import_columns.h"

#include <string.h>

/* ---- columns ---- */

/* A column for one word of a list: 是否独居, 独居老人, with yes or no below it. */
static bool find_word(struct import_column *column, const struct shape *shape, struct text header)
{
	static const char *const before = "是否", *const behind[] = { "老人", "老年人", "人员" };
	if (text_starts(header, text_of(before)))
		header = (struct text){ header.ptr + strlen(before), header.len - strlen(before) };
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (slot->field->type != FIELD_tags && slot->field->type != FIELD_words)
			continue;
		struct text name = header;
		for (size_t k = 0; k <= COUNT(behind); k++) {
			const struct word *word = word_find(slot->field->words, name);
			if (word) {
				column->slot = slot;
				column->word = word;
				return true;
			}
			size_t len = k < COUNT(behind) ? strlen(behind[k]) : 0;
			name = header.len > len && len && memcmp(header.ptr + header.len - len, behind[k], len) == 0
				? (struct text){ header.ptr, header.len - len } : header;
		}
	}
	return false;
}

/* What says nothing of the record: it would be another one each time that the file is sorted anew. */
static bool is_numbering(struct text header)
{
	static const char *const headers[] = { "序号", "序", "行号", "编码序号", "NO", "No", "NO.", "No.", IMPORT_RESULT };
	for (size_t i = 0; i < COUNT(headers); i++)
		if (text_is(header, headers[i]))
			return true;
	return false;
}

static bool map_by_hand(struct import_column *column, const struct shape *shape, const json_t *map)
{
	const char *header;
	json_t *field;
	json_object_foreach((json_t *)(uintptr_t)map, header, field)
		if (text_is(column->header, header)) {
			const struct slot *slot = json_is_string(field) ? shape_header(shape, json_text_of(field)) : NULL;
			column->slot = slot;
			column->ignored = !slot;
			return true;
		}
	return false;
}

void import_columns_read(struct import_columns *columns, struct arena *arena, const struct shape *shape, const struct text *cells,
                         size_t count, const json_t *map)
{
	columns->count = count < COLUMNS_MAX ? count : COLUMNS_MAX;
	columns->known = 0;
	for (size_t i = 0; i < columns->count; i++) {
		struct import_column *column = &columns->of[i];
		*column = (struct import_column){ .header = text_copy(arena, text_trim(cells[i])) };
		if (map_by_hand(column, shape, map)) {
			columns->known += column->slot != NULL;
			continue;
		}
		struct text header = cell_header(arena, cells[i]);
		column->slot = shape_header(shape, column->header);
		if (!column->slot)
			column->slot = shape_header(shape, header);
		if (!column->slot && header.len > 0)
			find_word(column, shape, header);
		column->ignored = !column->slot && is_numbering(header);
		for (size_t k = 0; k < i && column->slot && !column->word; k++)
			if (columns->of[k].slot == column->slot && !columns->of[k].word)
				column->slot = NULL; /* the first of two columns of one name counts; the other is kept beside */
		columns->known += column->slot != NULL;
	}
}

/* ---- places ---- */

enum { PLACES_MAX = 4096, NAME_BYTES_LEAST = 6 /* two characters */ };

struct place {
	struct text name, base, street; /* base: without what an office adds to it */
	int64_t area;
};

struct import_places {
	struct place of[PLACES_MAX];
	size_t count;
};

static struct text base_of(struct text name)
{
	static const char *const behind[] = { "居民委员会", "村民委员会", "社区居委会", "居委会", "村委会" };
	for (size_t i = 0; i < COUNT(behind); i++) {
		size_t len = strlen(behind[i]);
		if (name.len >= len + NAME_BYTES_LEAST && memcmp(name.ptr + name.len - len, behind[i], len) == 0)
			return (struct text){ name.ptr, name.len - len };
	}
	return name;
}

struct import_places *import_places_read(struct db *db, struct arena *arena, unsigned district)
{
	struct import_places *places = arena_take(arena, sizeof *places);
	struct rows *rows = db_query(db, "SELECT a.id, a.name, a.level, p.name FROM area a JOIN area p ON p.district = a.district"
		" AND p.id = a.parent WHERE a.district = ?1 AND a.level IN ('street', 'community') AND a.ended_at IS NULL ORDER BY a.id",
		BIND(value_int(district)));
	while (places->count < PLACES_MAX && rows_next(rows)) {
		struct place *place = &places->of[places->count++];
		place->area = rows_int(rows, 0);
		place->name = text_copy(arena, rows_text(rows, 1));
		bool community = text_is(rows_text(rows, 2), "community");
		place->base = community ? base_of(place->name) : TEXT_NONE;
		place->street = community ? text_copy(arena, rows_text(rows, 3)) : TEXT_NONE;
	}
	return rows_end(rows) == STORE_OK ? places : NULL;
}

static bool has(struct text text, struct text part)
{
	return part.len > 0 && text.len >= part.len && memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

/* The longest name counts, since 新华 is also in 新华南; where two streets have a community of the name, the one that is named too. */
int64_t import_places_find(const struct import_places *places, struct text address)
{
	const struct place *best = NULL;
	bool several = false;
	for (size_t i = 0; i < places->count; i++) {
		const struct place *place = &places->of[i];
		if (place->base.len < NAME_BYTES_LEAST || !has(address, place->base))
			continue;
		bool longer = !best || place->base.len > best->base.len, as_long = best && place->base.len == best->base.len;
		bool better = as_long && has(address, place->street) && !has(address, best->street);
		bool worse = as_long && has(address, best->street) && !has(address, place->street);
		if (longer || better)
			several = false;
		else if (as_long && !worse)
			several = true;
		if (longer || better)
			best = place;
	}
	return best && !several ? best->area : 0;
}

int64_t import_places_named(const struct import_places *places, struct text name)
{
	int64_t found = 0;
	for (size_t i = 0; i < places->count; i++) {
		const struct place *place = &places->of[i];
		if (!text_eq(name, place->name) && !text_eq(name, place->base))
			continue;
		if (found)
			return 0;
		found = place->area;
	}
	return found;
}
