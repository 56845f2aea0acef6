/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - taking fields out of what came in (JSON, or a row of a file) into a typed record: each taker checks its
 * field, adds what is wrong to the call, and notes what changes for the journal. All wrong fields are found at once. */
#ifndef ENGINE_INPUT_H
#define ENGINE_INPUT_H

#include "base/check.h"
#include "engine/call.h"

enum { INPUT_FIELDS_MAX = 64 };

enum take { OPTIONAL = 0, MUST = 1, PROTECTED = 2, /* the journal gets the masked value only */
	TELEPHONE = 4 /* protected, and masked as telephones are */ };

struct word {
	const char *word, *zh; /* either is accepted; the word is stored */
};

struct input {
	struct call *call;
	json_t *object; /* JSON, or NULL: */
	const struct pair *cells; /* named cells of a file; empty ones count as absent */
	size_t cell_count;
	bool create; /* absent MUST fields are wrong; otherwise absent fields stay as they are */
	const char *taken[INPUT_FIELDS_MAX];
	size_t taken_count;
	struct buf detail; /* {"field":[old,new],...} for the journal */
	struct json_out json;
	struct buf fields; /* name,name */
	bool changed;
};

void input_start(struct input *in, struct call *call, bool create);
void take_text(struct input *in, const char *name, unsigned take, size_t max, struct text *value);
void take_word(struct input *in, const char *name, unsigned take, const struct word *words, size_t count, struct text *value);
/* A list of words, kept as a JSON array of words without repetition, in the order of the dictionary. */
void take_words(struct input *in, const char *name, unsigned take, const struct word *words, size_t count, struct text *value);
void take_date(struct input *in, const char *name, unsigned take, struct text *value);
void take_int(struct input *in, const char *name, unsigned take, int64_t min, int64_t max, int64_t *value);
void take_phone(struct input *in, const char *name, unsigned take, struct text *value);
/* {"lat":..,"lon":..} in WGS-84, or "lat,lon" in a file. 0,0 stands for none. */
void take_point(struct input *in, const char *name, unsigned take, double *lat, double *lon);
/* An area of the district's tree, by any code that area_read knows. */
void take_area(struct input *in, struct tx *tx, const char *name, unsigned take, int64_t *value);
void take_id_card(struct input *in, const char *name, unsigned take, struct text *value);
/* Names every field that nobody took; then closes the journal's detail. True when nothing is wrong. */
bool input_finish(struct input *in);
void input_wrong(struct input *in, const char *name, const char *code, const char *zh, const char *en);

#endif
