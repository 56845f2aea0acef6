/* SPDX-License-Identifier: Apache-2.0 */
/* seal.h - bytes that only the holder of a key can read or make, and hashes that only he can tell; by OpenSSL.
 *
 * A sealed box is nonce, ciphertext, tag. Associated data is not in it, but it opens with the same only. */
#ifndef BASE_SEAL_H
#define BASE_SEAL_H

#include "base/text.h"

enum suite {
	SUITE_AES, /* AES-256-GCM, HMAC-SHA-256 */
	SUITE_SM /* SM4-CTR with HMAC-SM3 over the ciphertext; HMAC-SM3 */
};

enum { SEAL_KEY_BYTES = 32, SEAL_HASH_BYTES = 16, SEAL_PLAIN_MAX = 64 << 20 };

const char *suite_name(enum suite suite); /* aes, sm */
bool suite_find(struct text name, enum suite *suite);

struct seal_key {
	enum suite suite;
	unsigned char key[SEAL_KEY_BYTES];
	unsigned char encrypt[16], authenticate[32]; /* SM alone: derived from `key`, one for each use */
};

void seal_key_set(struct seal_key *key, enum suite suite, const unsigned char bytes[static SEAL_KEY_BYTES]);
void seal_key_wipe(struct seal_key *key);

size_t seal_size(enum suite suite, size_t plain_len); /* of the box */
/* Writes seal_size() bytes. A nonce is random: no key may seal more than 2^32 times. */
void seal(const struct seal_key *key, struct text ad, struct text plain, unsigned char *box);
/* Writes up to box.len bytes. False: the box was not made with this key and this associated data, or was altered. */
bool unseal(const struct seal_key *key, struct text ad, struct text box, unsigned char *plain, size_t *len);

/* The keyed hash of the parts one behind the other: parts of varying length must say where they end. */
void seal_hash(const struct seal_key *key, const struct text *parts, size_t count, unsigned char hash[static SEAL_HASH_BYTES]);

#endif
