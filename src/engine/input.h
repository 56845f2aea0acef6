/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - taking fields out of what came in (JSON, or a row of a file) into a typed record: each taker checks its
 * field, adds what is wrong to the call, and notes what changes for the journal. All wrong fields are found at once. */
#ifndef ENGINE_INPUT_H
#define ENGINE_INPUT_H

#include "base/check.h"
#include "engine/call.h"
#include "engine/resource.h"

enum { INPUT_FIELDS_MAX = 128 };

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
/* Takes one field, whatever its type, into its value (field.h): checks it, and notes for the journal what changes. Absent, it
 * stays as it is. */
void take_field(struct input *in, struct tx *tx, const struct field *field, void *value);
/* Names every field that nobody took; then closes the journal's detail. True when nothing is wrong. */
bool input_finish(struct input *in, const struct shape *shape); /* NULL: of no declared resource */
void input_wrong(struct input *in, const char *name, const char *code, const char *zh, const char *en);

#endif
