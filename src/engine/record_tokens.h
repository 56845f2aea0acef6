/* SPDX-License-Identifier: Apache-2.0 */
/* record_tokens.h - the tokens by which a record is found, in the store's token index from the same commit on.
 *
 * They are those of its SEARCH fields; of each sealed field "#", the keyed hash of its last four characters and that of the
 * whole; and "@" with the street, the community and so on where it lies, so that a search looks only there. */
#ifndef ENGINE_RECORD_TOKENS_H
#define ENGINE_RECORD_TOKENS_H

#include "base/tokens.h"
#include "engine/app.h"

struct hidden;

/* What a record is found by has changed from `before` to `record`; either may be NULL: there was none yet, there is none any
 * more. To be called wherever a record is written. */
enum store_code record_tokens_keep(struct tx *tx, struct call *call, const struct shape *shape, const void *before,
                                   const struct hidden *before_hidden, const void *record, const struct hidden *hidden);
/* The same, where no more has changed than areas. */
enum store_code record_tokens_move(struct tx *tx, struct app *app, struct arena *arena, unsigned district, const struct shape *shape,
                                   const void *before, const void *record);
/* The index of a store whose records were indexed in another way, or not at all, is made anew. False: logged. */
bool record_tokens_fill(struct app *app);

bool field_is_found_exactly(const struct field *field); /* sealed, but not about health */
/* The token of a sealed value, of which `plain` is the whole; or of which `last` are the last four characters: then all tokens of
 * such values begin with it. */
struct text sealed_token(struct app *app, struct arena *arena, const struct slot *slot, unsigned district, struct text plain);
struct text last_four_token(struct app *app, struct arena *arena, const struct slot *slot, unsigned district, struct text last);
/* The token that all records below the area have; missing where it would be in too many to help. */
struct text area_token(struct arena *arena, int64_t area);
bool area_is_small(struct text token); /* a street or less */

#endif
