/* SPDX-License-Identifier: Apache-2.0 */
/* claim.h - one data, one source (一数一源): a field may have an owner, the department whose word on it counts.
 *
 * What the owner has said stays until the owner says otherwise. What anybody else says beside it becomes a claim: it is kept
 * with its source and date, and somebody decides it, or the owner's next word does. The hidden column `sources` of a record is
 * JSON: {"*":["source","day"]} for all that was said when it was made, and a member for each owned field said later. */
#ifndef ENGINE_CLAIM_H
#define ENGINE_CLAIM_H

#include "engine/about.h"
#include "engine/input.h"

extern const struct module claim_module;

/* Whether the field's value is its owner's, and somebody else speaks. */
bool claim_is_due(const struct input *in, const struct slot *slot, const void *before);
/* Takes the field as a claim: it is checked like any other; the record stays as it is. */
void claim_take(struct input *in, struct tx *tx, const struct slot *slot, const void *before);
/* The input's source has said this field, today; NULL: all fields of a new record. */
void claim_note_source(struct input *in, const struct slot *slot);
/* The owner may say what somebody else has said before: from then on it is the owner's word, which is a change of the record. */
void claim_confirm(struct input *in, const struct slot *slot);
/* Keeps the claims that were taken, and decides those on which the owner has spoken. */
enum store_code claim_keep(struct tx *tx, struct input *in, const void *record);
/* What that answer has. */
extern const struct about claim_sources_about;
/* Answers who says so, since when, and who says otherwise, for each owned field of the record. */
enum store_code claim_answer_sources(struct call *call, struct db *db, const struct shape *shape, int64_t id, struct text sources);

#endif
