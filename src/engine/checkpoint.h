/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.h - signed statements of where the journal stood, also outside of the database.
 *
 * The journal's chain shows that a line was altered, but not that the whole chain was made anew, nor that its end is
 * missing. A checkpoint says, signed, which hash stood at which position at what time: one line of text,
 *	songhe-checkpoint 1 district=N pos=P hash=HEX at=RFC3339 key=BASE64 sig=BASE64
 * where the signature covers all before " sig=". It is appended to a file, which is to be copied to where nobody
 * reaches who reaches the database, and kept in the table journal_checkpoint. */
#ifndef ENGINE_CHECKPOINT_H
#define ENGINE_CHECKPOINT_H

#include "base/sign.h"
#include "engine/app.h"
#include "engine/journal.h"

/* ---- one line ---- */

struct checkpoint {
	unsigned district;
	int64_t pos;
	unsigned char hash[HASH_BYTES];
	struct text at, key; /* RFC 3339; base64 */
};

/* Signed; without a newline. `key` of the checkpoint is that of the pair. */
struct text checkpoint_line(struct arena *arena, const struct checkpoint *checkpoint, const struct sign_key *pair);
/* Takes a line apart, borrowing from it; `signature` is to be looked at with checkpoint_fits. False: it is not one. */
bool checkpoint_read(struct text line, struct checkpoint *checkpoint, struct text *signature);
bool checkpoint_fits(const struct sign_key *key, struct text line, struct text signature);

/* ---- writing them ---- */

struct checkpoint_wish {
	const char *store; /* its address */
	/* NULL: SONGHE_SIGN_KEY_FILE of the environment; then PATH.sign and PATH.checkpoints of a SQLite store, else none. */
	const char *key_file, *file;
};

/* From now on app_tend, and app_close at last, write a checkpoint where there is something new. A store that has no key
 * yet gets one: the pair in the key file, made where that is missing (of SM2 in a store of the suite SM), and its public
 * half in store_fact. False (logged): what was asked for cannot be done. What was not asked for is left undone, and said
 * in the log. */
bool checkpoints_open(struct app *app, const struct checkpoint_wish *wish);
void checkpoints_write(struct checkpoints *checkpoints); /* may wait; NULL is fine */
void checkpoints_close(struct checkpoints *checkpoints);

/* The public key that the store names, missing when it has none. */
enum store_code checkpoint_key(struct db *db, struct arena *arena, struct text *key);
/* The next of those that the store keeps, in order, behind a place; false in the end, or when the store fails. */
enum { CHECKPOINTS_READ = 200 };
enum store_code checkpoint_list(struct db *db, int64_t district, int64_t pos, int limit,
                                bool (*take)(void *arg, int64_t district, int64_t pos, struct text line), void *arg);

#endif
