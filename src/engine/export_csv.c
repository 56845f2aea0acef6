/* SPDX-License-Identifier: Apache-2.0 */
/* export_csv.c - what a cell says to people, and a list of them as CSV. */
#include "engine/export_own.h"

#include "base/csv.h"
#include "engine/tags.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- cells ---- */

/* The value as JSON has it, where it is not plain text. */
static struct text json_of(struct export *export, const struct slot *slot)
{
	struct buf member = buf_in(&export->scratch, 256, 16384);
	struct json_out json = json_out(&member);
	if (slot->field->type == FIELD_tags)
		tags_put(&json, slot->name, slot_text(slot, export->record), (struct text){ export->asked.today, DATE_CHARS });
	else
		record_put_slot(&json, slot, export->record);
	size_t name = slot->name.len + strlen("\"\":");
	return (struct text){ member.ptr + name, member.len - name };
}

/* The words of a list, as people write them; a reference stays its number. */
static struct text list_text(struct export *export, const struct field *field, struct text list)
{
	struct buf cell = buf_in(&export->scratch, 256, 16384);
	const char *end = list.ptr + list.len;
	for (const char *at = list.ptr; (at = memchr(at, '"', (size_t)(end - at)));) {
		const char *close = memchr(at + 1, '"', (size_t)(end - at - 1)); /* no word and no number has a quote in it */
		struct text one = { at + 1, (size_t)(close - at - 1) };
		const struct word *word = field->words ? word_find(field->words, one) : NULL;
		buf_text(&cell, cell.len ? TEXT("、") : TEXT(""));
		buf_text(&cell, word ? text_of(word->zh) : one);
		at = close + 1;
	}
	return buf_done(&cell);
}

/* Six decimals are a hand's breadth; more where somebody has said more, so that it comes back as it was. */
static struct text point_text(struct export *export, const struct point *point)
{
	if (point->lat == 0.0 && point->lon == 0.0)
		return TEXT("");
	double at[] = { point->lat, point->lon };
	bool fine = true;
	char digits[32];
	for (size_t i = 0; i < COUNT(at); i++) {
		snprintf(digits, sizeof digits, "%.6f", at[i]);
		fine = fine && !islessgreater(strtod(digits, NULL), at[i]);
	}
	return text_printf(&export->scratch, fine ? "%.6f,%.6f" : "%.17g,%.17g", at[0], at[1]);
}

struct text export_cell(struct export *export, const struct slot *slot)
{
	const struct field *field = slot->field;
	if (field->type == FIELD_word) {
		struct text word = slot_text(slot, export->record);
		return word.ptr ? text_of(word_find(field->words, word)->zh) : word;
	}
	if (field->type == FIELD_point)
		return point_text(export, slot_of(slot, export->record));
	if (field_is_text(field) && field->type != FIELD_words && field->type != FIELD_tags && field->type != FIELD_refs)
		return slot_text(slot, export->record);
	struct text json = json_of(export, slot);
	if (text_is(json, "null"))
		return TEXT("");
	if (json.ptr[0] == '[')
		return list_text(export, field, json);
	if (json.ptr[0] == '"') /* an instant, or a number with more digits than a program may count with */
		return (struct text){ json.ptr + 1, json.len - 2 };
	return text_is(json, "true") ? TEXT("是") : text_is(json, "false") ? TEXT("否") : json;
}

/* ---- as CSV ---- */

static enum store_code begin(struct export *export)
{
	struct buf head = buf_in(export->call->arena, 4096, 64 * 1024);
	buf_text(&head, CSV_MARK);
	if (export->purpose.ptr) { /* without, the first line is the header: programs rely on it */
		csv_put_text(&head, export_watermark(export));
		buf_text(&head, TEXT("\r\n"));
	}
	for (size_t i = 0; i < export->slot_count; i++) {
		buf_text(&head, i ? TEXT(",") : TEXT(""));
		csv_put(&head, text_of(export->slots[i]->field->label));
	}
	buf_text(&head, TEXT("\r\n"));
	return sent_file_write(&export->file, export->call, buf_done(&head));
}

static void put_row(struct export *export)
{
	for (size_t i = 0; i < export->slot_count; i++) {
		const struct slot *slot = export->slots[i];
		buf_text(&export->rows, i ? TEXT(",") : TEXT(""));
		bool written = slot->field->type == FIELD_text || slot->field->type == FIELD_phone; /* +86 ... */
		(written ? csv_put_text : csv_put)(&export->rows, export_cell(export, slot));
	}
	buf_text(&export->rows, TEXT("\r\n"));
}

const struct export_form export_csv = { .type = "text/csv; charset=utf-8", .suffix = "csv", .begin = begin, .put_row = put_row,
	                                .write = export_write };
