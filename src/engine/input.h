/* SPDX-License-Identifier: Apache-2.0 */
/* input.h - taking fields out of what came in (JSON, or a row of a file) into a typed record: each taker checks its
 * field, adds what is wrong to the call, and notes what changes for the journal. All wrong fields are found at once. */
#ifndef ENGINE_INPUT_H
#define ENGINE_INPUT_H

#include "base/check.h"
#include "engine/call.h"
#include "engine/resource.h"

enum { INPUT_FIELDS_MAX = 128, CLAIMS_MAX = 32 };

/* The sealed side of a field; what is shown of it stands in the record. */
struct sealed {
	struct text hash, box; /* missing: no value */
	struct text plain; /* where it has just been taken */
	bool changed;
};

/* What a record has beside what is shown of it. */
struct hidden {
	struct sealed *sealed; /* shape->sealed_count of them */
	struct text sources; /* engine/claim.h */
};

/* A value beside the owner's. */
struct claimed {
	const struct slot *slot;
	struct text value; /* JSON with the one field */
};

struct input {
	struct call *call;
	const struct shape *shape; /* NULL: of no declared resource */
	int64_t id; /* of the record */
	json_t *object; /* JSON, or NULL: */
	const struct pair *cells; /* named cells of a file; empty ones count as absent */
	size_t cell_count;
	bool create; /* absent MUST fields are wrong; otherwise absent fields stay as they are */
	const char *needs; /* fields that are wrong when absent, all the same; blanks between */
	const char *taken[INPUT_FIELDS_MAX];
	size_t taken_count, given_count; /* the second: of those that the object has */
	struct hidden hidden; /* of a declared resource, as it was and as it becomes */
	struct text source; /* who says what comes in */
	bool decided; /* it is taken whoever owns the field */
	bool unwritten; /* it is only looked at: nothing is sealed */
	struct claimed claims[CLAIMS_MAX];
	size_t claim_count;
	struct buf detail; /* {"field":[old,new],...} for the journal; of a sealed one the boxes, in base64url */
	struct json_out json;
	struct buf fields; /* name,name */
	bool changed;
};

void input_start(struct input *in, struct call *call, bool create);
/* The same for a record of a declared resource; `before` is NULL for a new one. */
void input_start_record(struct input *in, struct call *call, const struct shape *shape, int64_t id, const struct hidden *before);
/* A sealed field's value, as it was taken or as it was; missing where there is none, or where it cannot be opened. */
struct text input_plain(struct input *in, const char *name);
/* By which it is found in another record that has the same; missing where there is no value. */
struct text input_hash(const struct input *in, const char *name);
/* What may be seen of a sealed value. */
struct text field_mask(struct arena *arena, const struct field *field, struct text plain);
bool input_gives(const struct input *in, const char *name); /* whether the field is there, be it cleared */
/* Takes one field, whatever its type, into its value (field.h): checks it, and notes for the journal what changes. Absent, it
 * stays as it is. */
void take_field(struct input *in, struct tx *tx, const struct field *field, void *value);
/* Names every field that nobody took; then closes the journal's detail. True when nothing is wrong. */
bool input_finish(struct input *in);
void input_wrong(struct input *in, const char *name, const char *code, const char *zh, const char *en);

#endif
