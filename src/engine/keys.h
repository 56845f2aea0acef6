/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - the keys under which protected fields are sealed in the store, and the hashes by which they are found.
 *
 * The store's own keys lie in the table data_key, each wrapped (sealed) under the key of a file outside of it. One of them
 * makes the hashes and never changes. The others have versions: the newest seals, all unseal, and a box tells which one it
 * needs. So a new version touches no row, and another key file wraps a handful of keys anew. */
#ifndef ENGINE_KEYS_H
#define ENGINE_KEYS_H

#include "base/seal.h"
#include "engine/access.h"
#include "engine/key_file.h"

struct keys;

extern const struct schema keys_schema;

/* ---- opening ---- */

/* What the operator said about keys. */
struct keys_wish {
	const char *file; /* the key file; NULL: PATH.key beside a SQLite file */
	bool suite_said;
	enum suite suite; /* of new keys, where it was said; else as the key file has it, or AES */
};

enum keys_result {
	KEYS_FINE,
	KEYS_NONE, /* the store has no keys yet */
	KEYS_NO_FILE, /* there is no key file, or none was named, or it cannot be read */
	KEYS_EXPOSED, /* others may read the key file */
	KEYS_WRONG_FILE, /* the store's keys are wrapped under another file's key, or were altered; or another suite is wanted */
	KEYS_BROKEN /* the store failed */
};

struct keys *keys_new(void); /* without any: nothing is sealed, nothing unsealed */
void keys_free(struct keys *keys); /* wiped; NULL is fine */
/* NULL: it must be named. */
const char *keys_path(struct arena *arena, const char *url, const struct keys_wish *wish);
/* Takes the store's keys into memory. What is not fine is logged, with what to do; KEYS_NONE is not. */
enum keys_result keys_load(struct keys *keys, struct store *store, const char *path);
/* The first keys of a store that has none, and the key file where there is none; then as keys_load. */
enum keys_result keys_make(struct keys *keys, struct store *store, const char *path, const struct keys_wish *wish);

/* ---- using: any thread, no waiting ---- */

/* Where a sealed value belongs: in no other place does it open. */
struct seal_place {
	unsigned district;
	const char *resource, *field;
	int64_t id;
};

/* Four bytes of key version, then a box as seal() makes it. Missing text stays missing, both ways. */
struct text keys_seal(const struct keys *keys, struct arena *arena, const struct seal_place *place, struct text plain);
size_t keys_box_size(enum suite suite, size_t plain_len); /* of such a box */
/* False: it was altered, or is another record's or field's, or its key is not in memory. */
bool keys_unseal(const struct keys *keys, struct arena *arena, const struct seal_place *place, struct text box, struct text *plain);
/* Equal values of one kind in one district have equal hashes. `kind` tells id_card from phone and from id_card.last4. */
void keys_hash(const struct keys *keys, const char *kind, unsigned district, struct text value,
               unsigned char hash[static SEAL_HASH_BYTES]);
/* Whether the key of the box is in memory. When not, another server may have added it: keys_refresh, and try again. */
bool keys_know(const struct keys *keys, struct text box);
/* With a reader's connection: what a transaction has not committed yet must not be sealed with. */
enum store_code keys_refresh(struct keys *keys, struct db *db);
unsigned keys_newest(const struct keys *keys); /* the version that seals; 0: there is none */
enum suite keys_suite(const struct keys *keys); /* of the key file, and so of all that are made under it */

/* ---- changing ---- */

/* A new version, journalled; it is in use after keys_refresh. STORE_REFUSED: the store's keys are wrapped under another
 * file by now, or there are too many versions. */
enum store_code keys_add_version(struct tx *tx, const struct keys *keys, const struct actor *actor, int64_t *version);
/* Wraps all keys under another file's key, journalled. What was opened with the old file goes on until it is closed.
 * STORE_REFUSED: they are wrapped under another file by now. */
enum store_code keys_rewrap(struct tx *tx, const struct keys *keys, const struct key_file *to, const struct actor *actor);

#endif
