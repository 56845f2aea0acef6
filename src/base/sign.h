/* SPDX-License-Identifier: Apache-2.0 */
/* sign.h - signatures: Ed25519, or SM2 with SM3; the algorithms are OpenSSL's.
 *
 * Keys outside are texts that its command line reads too: a private one as PEM (PKCS #8), a public one as the base64 of
 * its SubjectPublicKeyInfo, which says the algorithm. */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include "base/text.h"

struct sign_key; /* a key pair, or its public half alone */

enum sign_kind { SIGN_ED25519, SIGN_SM2 };

struct sign_key *sign_key_new(enum sign_kind kind);
struct sign_key *sign_key_read(struct text pem); /* a pair; NULL: it is none of these */
struct sign_key *sign_public_read(struct text base64); /* NULL: it is none of these */
void sign_key_free(struct sign_key *key); /* NULL is fine */
struct text sign_key_pem(struct arena *arena, const struct sign_key *key);
struct text sign_public(struct arena *arena, const struct sign_key *key);

enum { SIGNATURE_MAX = 100 }; /* characters of base64 */
/* The signature of a text, in base64. Needs a pair. */
struct text sign_text(struct arena *arena, const struct sign_key *key, struct text text);
bool sign_fits(const struct sign_key *key, struct text text, struct text signature);

#endif
