/* SPDX-License-Identifier: Apache-2.0 */
/* tags.h - fields of several words, each with who says so, since when and until when.
 *
 * In the record they are JSON, as written here: [{"word":"w","source":"s","from":"day","to":"day"},...] in the dictionary's
 * order, what is missing being left out. Beside it each tag is a row of the table RESOURCE_FIELD, by which filters find it. */
#ifndef ENGINE_TAGS_H
#define ENGINE_TAGS_H

#include "engine/resource.h"

enum { TAGS_MAX = 64 };

enum tags_wrong { TAGS_FINE, TAGS_WRONG_TYPE, TAGS_UNKNOWN_WORD, TAGS_BAD_DATE, TAGS_UNKNOWN_SOURCE };

/* What is said of tags that are given as mere words. */
struct tags_saying {
	struct text source, today;
};

/* A JSON array of words or of objects {"word","source","from","to"}, or a file's cell of words. A word that was there before
 * and still holds stays as it was said; a new one is said by the saying's source, from today on. A cell leaves alone what does not
 * hold today. */
enum tags_wrong tags_read(struct arena *arena, const struct field *field, const json_t *json, struct text cell, struct text before,
                          const struct tags_saying *saying, struct text *tags);
/* Writes the words that hold on this day, as an array. */
void tags_put(struct json_out *json, struct text name, struct text tags, struct text today);
/* The same with all that is said of each, also of those that do not hold any more. */
void tags_put_all(struct json_out *json, struct text name, struct text tags);
/* Brings the rows beside the record up to date. */
enum store_code tags_keep(struct tx *tx, struct arena *arena, const struct slot *slot, unsigned district, int64_t id, struct text tags,
                          bool is_new);
/* The next piece of a cell that lists words; people separate them in many ways. */
struct text cell_piece(struct text *rest);

#endif
