/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.h - hashes, random bytes and passwords; the algorithms are OpenSSL's and libargon2's. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/text.h"

enum { HASH_BYTES = 32, TOKEN_CHARS = 43, PASSWORD_HASH_MAX = 160 };

void hash_sha256(struct text bytes, unsigned char hash[static HASH_BYTES]);
struct text hash_hex(struct arena *arena, const unsigned char hash[static HASH_BYTES]);
void random_bytes(void *out, size_t len); /* ends the process when the system has none */
/* 256 random bits in base64url; zero-terminated. */
void token_new(char token[static TOKEN_CHARS + 1]);
void hash_hmac(struct text key, struct text bytes, unsigned char hash[static HASH_BYTES]); /* HMAC-SHA-256 */
struct text base64url(struct arena *arena, struct text bytes);
/* False when it is not base64url. */
bool base64url_read(struct arena *arena, struct text encoded, struct text *bytes);
/* The same in the alphabet of RFC 4648 4, and filled up to whole groups of four with '='. */
struct text base64(struct arena *arena, struct text bytes);
bool base64_read(struct arena *arena, struct text encoded, struct text *bytes);
/* Argon2id, 19 MiB, 2 passes (OWASP's figures); takes tens of milliseconds: never on a network loop or the writer. */
void password_hash(struct text password, char encoded[static PASSWORD_HASH_MAX]);
bool password_matches(struct text password, const char *encoded);

#endif
