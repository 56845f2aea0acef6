/* SPDX-License-Identifier: Apache-2.0 */
/* sign.c - signatures. */
#include "base/sign.h"

#include "base/arena.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { BASE64_MAX = 512, BYTES_MAX = BASE64_MAX / 4 * 3 };

struct sign_key {
	EVP_PKEY *pair;
};

/* GB/T 32918 signs who signed as well; this is who where nobody is named (GM/T 0009). */
static const char sm2_nobody[] = "1234567812345678";

static bool is_sm2(const EVP_PKEY *pair)
{
	return EVP_PKEY_is_a(pair, "SM2") == 1;
}

static struct sign_key *key_of(EVP_PKEY *pair)
{
	if (!pair || (!is_sm2(pair) && EVP_PKEY_is_a(pair, "ED25519") != 1)) {
		EVP_PKEY_free(pair);
		return NULL;
	}
	struct sign_key *key = malloc(sizeof *key);
	if (!key)
		abort();
	key->pair = pair;
	return key;
}

struct sign_key *sign_key_new(enum sign_kind kind)
{
	struct sign_key *key = key_of(kind == SIGN_SM2 ? EVP_PKEY_Q_keygen(NULL, NULL, "SM2")
	                                               : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	if (!key)
		abort(); /* a library without it: nothing else here would work */
	return key;
}

void sign_key_free(struct sign_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pair);
	free(key);
}

/* ---- as texts ---- */

static struct text base64(struct arena *arena, const unsigned char *bytes, size_t len)
{
	unsigned char *out = arena_take(arena, len / 3 * 4 + 5);
	return (struct text){ (const char *)out, (size_t)EVP_EncodeBlock(out, bytes, (int)len) };
}

/* The number of bytes; 0: it is not base64 as we write it, or too long. The library would pass over blanks, and over bits
 * that mean nothing. */
static size_t base64_read(struct text encoded, unsigned char bytes[static BYTES_MAX])
{
	unsigned char again[BASE64_MAX + 1];
	size_t padding = 0;
	while (padding < 2 && padding < encoded.len && encoded.ptr[encoded.len - 1 - padding] == '=')
		padding++;
	if (encoded.len == 0 || encoded.len % 4 != 0 || encoded.len > BASE64_MAX)
		return 0;
	int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)encoded.ptr, (int)encoded.len);
	if (decoded <= (int)padding)
		return 0;
	size_t len = (size_t)decoded - padding;
	bool same = EVP_EncodeBlock(again, bytes, (int)len) == (int)encoded.len && memcmp(again, encoded.ptr, encoded.len) == 0;
	return same ? len : 0;
}

/* No password is asked for: a key under one cannot be read by a server that starts by itself. */
static int no_password(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

struct sign_key *sign_key_read(struct text pem)
{
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	if (!in)
		abort();
	EVP_PKEY *pair = PEM_read_bio_PrivateKey(in, NULL, no_password, NULL);
	BIO_free(in);
	return key_of(pair);
}

struct text sign_key_pem(struct arena *arena, const struct sign_key *key)
{
	char *pem;
	BIO *out = BIO_new(BIO_s_secmem());
	if (!out || PEM_write_bio_PKCS8PrivateKey(out, key->pair, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	long len = BIO_get_mem_data(out, &pem);
	struct text copy = text_copy(arena, (struct text){ pem, (size_t)len });
	BIO_free(out);
	return copy;
}

struct sign_key *sign_public_read(struct text encoded)
{
	unsigned char bytes[BYTES_MAX];
	const unsigned char *at = bytes;
	size_t len = base64_read(encoded, bytes);
	EVP_PKEY *pair = len ? d2i_PUBKEY(NULL, &at, (long)len) : NULL;
	return key_of(pair);
}

struct text sign_public(struct arena *arena, const struct sign_key *key)
{
	unsigned char *bytes = NULL;
	int len = i2d_PUBKEY(key->pair, &bytes);
	if (len <= 0)
		abort();
	struct text encoded = base64(arena, bytes, (size_t)len);
	OPENSSL_free(bytes);
	return encoded;
}

/* ---- signing ---- */

/* Ready to sign or to verify with the key; NULL: the library refuses it. */
static EVP_MD_CTX *begin(const struct sign_key *key, bool signs)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pair, NULL);
	if (!digest || !context)
		abort();
	EVP_MD_CTX_set_pkey_ctx(digest, context);
	bool sm2 = is_sm2(key->pair);
	const char *hash = sm2 ? "SM3" : NULL;
	bool fine = (!sm2 || EVP_PKEY_CTX_set1_id(context, sm2_nobody, sizeof sm2_nobody - 1) == 1) &&
	            (signs ? EVP_DigestSignInit_ex(digest, NULL, hash, NULL, NULL, key->pair, NULL)
	                   : EVP_DigestVerifyInit_ex(digest, NULL, hash, NULL, NULL, key->pair, NULL)) == 1;
	if (fine)
		return digest;
	EVP_MD_CTX_free(digest);
	EVP_PKEY_CTX_free(context);
	return NULL;
}

static void end(EVP_MD_CTX *digest)
{
	EVP_PKEY_CTX *context = EVP_MD_CTX_get_pkey_ctx(digest); /* one that was set belongs to who set it */
	EVP_MD_CTX_free(digest);
	EVP_PKEY_CTX_free(context);
}

struct text sign_text(struct arena *arena, const struct sign_key *key, struct text text)
{
	unsigned char bytes[BYTES_MAX];
	size_t len = sizeof bytes;
	EVP_MD_CTX *digest = begin(key, true);
	if (!digest || EVP_DigestSign(digest, bytes, &len, (const unsigned char *)text.ptr, text.len) != 1)
		abort();
	end(digest);
	return base64(arena, bytes, len);
}

bool sign_fits(const struct sign_key *key, struct text text, struct text signature)
{
	unsigned char bytes[BYTES_MAX];
	size_t len = base64_read(signature, bytes);
	EVP_MD_CTX *digest = len ? begin(key, false) : NULL;
	if (!digest)
		return false;
	bool fits = EVP_DigestVerify(digest, bytes, len, (const unsigned char *)text.ptr, text.len) == 1;
	end(digest);
	return fits;
}
