/* SPDX-License-Identifier: Apache-2.0 */
/* seal.c - sealing bytes under a key, and keyed hashes. */
#include "base/seal.h"

#include "base/crypto.h"
#include "base/log.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUITES = 2, MAC_BYTES = 32, LENGTH_BYTES = 8 };

static const struct {
	const char *name, *cipher, *digest;
	size_t nonce_bytes, tag_bytes;
} suites[SUITES] = {
	[SUITE_AES] = { "aes", "AES-256-GCM", "SHA256", 12, 16 },
	[SUITE_SM] = { "sm", "SM4-CTR", "SM3", 16, MAC_BYTES },
};

const char *suite_name(enum suite suite)
{
	return suites[suite].name;
}

bool suite_find(struct text name, enum suite *suite)
{
	for (int i = 0; i < SUITES; i++)
		if (text_is(name, suites[i].name)) {
			*suite = (enum suite)i;
			return true;
		}
	return false;
}

/* ---- what a thread works with ---- */

/* To look an algorithm up, and to make a context, takes longer than to seal a telephone number: both are done once, the
 * one for all threads, the other for each. Contexts keep the last key used; OpenSSL wipes it when they are freed. */
struct tools {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t ended; /* frees a thread's tools when it ends */
static EVP_CIPHER *ciphers[SUITES];
static EVP_MAC *hmac;
static __thread struct tools *mine;

static void must(int done)
{
	if (done == 1)
		return;
	log_error("seal: OpenSSL failed");
	abort();
}

static void free_tools(void *arg)
{
	struct tools *tools = arg;
	for (int i = 0; i < SUITES; i++) {
		EVP_CIPHER_CTX_free(tools[i].cipher);
		EVP_MAC_CTX_free(tools[i].mac);
	}
	free(tools);
	mine = NULL;
}

static void fetch(void)
{
	for (int i = 0; i < SUITES; i++) /* some builds of OpenSSL lack SM4: that is told when it is wanted */
		ciphers[i] = EVP_CIPHER_fetch(NULL, suites[i].cipher, NULL);
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	must(hmac && pthread_key_create(&ended, free_tools) == 0);
}

static void make_tools(struct tools *tools, enum suite suite)
{
	char digest[8];
	snprintf(digest, sizeof digest, "%s", suites[suite].digest);
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		                      OSSL_PARAM_construct_end() };
	tools->cipher = EVP_CIPHER_CTX_new();
	tools->mac = EVP_MAC_CTX_new(hmac);
	if (!ciphers[suite] || !tools->cipher || !tools->mac || EVP_MAC_CTX_set_params(tools->mac, params) != 1) {
		log_error("seal: this OpenSSL has no %s or no %s", suites[suite].cipher, suites[suite].digest);
		abort();
	}
	must(EVP_CipherInit_ex2(tools->cipher, ciphers[suite], NULL, NULL, 1, NULL));
}

static struct tools *tools_of(enum suite suite)
{
	pthread_once(&once, fetch);
	if (!mine) {
		mine = calloc(SUITES, sizeof *mine);
		must(mine && pthread_setspecific(ended, mine) == 0);
	}
	struct tools *tools = &mine[suite];
	if (!tools->cipher)
		make_tools(tools, suite);
	return tools;
}

/* ---- keyed hashes ---- */

static const unsigned char *bytes_of(struct text t)
{
	return (const unsigned char *)t.ptr;
}

static void authenticate(enum suite suite, const unsigned char key[static 32], const struct text *parts, size_t count,
                         unsigned char mac[static MAC_BYTES])
{
	EVP_MAC_CTX *ctx = tools_of(suite)->mac;
	size_t len = 0;
	must(EVP_MAC_init(ctx, key, 32, NULL));
	for (size_t i = 0; i < count; i++)
		if (parts[i].len > 0)
			must(EVP_MAC_update(ctx, bytes_of(parts[i]), parts[i].len));
	must(EVP_MAC_final(ctx, mac, &len, MAC_BYTES));
	assert(len == MAC_BYTES);
}

void seal_hash(const struct seal_key *key, const struct text *parts, size_t count, unsigned char hash[static SEAL_HASH_BYTES])
{
	unsigned char mac[MAC_BYTES];
	authenticate(key->suite, key->key, parts, count, mac);
	memcpy(hash, mac, SEAL_HASH_BYTES);
}

/* ---- keys ---- */

/* One key for each use: HKDF's expansion (RFC 5869) with one block of output, by HMAC-SM3. */
static void derive(const unsigned char key[static SEAL_KEY_BYTES], struct text use, unsigned char *out, size_t len)
{
	unsigned char block[MAC_BYTES];
	authenticate(SUITE_SM, key, (const struct text[]){ use, TEXT("\x01") }, 2, block);
	memcpy(out, block, len);
	OPENSSL_cleanse(block, sizeof block);
}

void seal_key_set(struct seal_key *key, enum suite suite, const unsigned char bytes[static SEAL_KEY_BYTES])
{
	*key = (struct seal_key){ .suite = suite };
	memcpy(key->key, bytes, SEAL_KEY_BYTES);
	if (suite != SUITE_SM)
		return;
	derive(bytes, TEXT("songhe seal encrypt"), key->encrypt, sizeof key->encrypt);
	derive(bytes, TEXT("songhe seal authenticate"), key->authenticate, sizeof key->authenticate);
}

void seal_key_wipe(struct seal_key *key)
{
	OPENSSL_cleanse(key, sizeof *key);
}

/* ---- boxes ---- */

/* Runs the bytes through the cipher. */
static void turn(EVP_CIPHER_CTX *ctx, struct text in, unsigned char *out)
{
	int len = 0;
	if (in.len > 0)
		must(EVP_CipherUpdate(ctx, out, &len, bytes_of(in), (int)in.len));
	assert(len == (int)in.len);
}

/* GCM: the nonce and the associated data. */
static EVP_CIPHER_CTX *begin(const struct seal_key *key, const unsigned char *nonce, struct text ad, bool sealing)
{
	EVP_CIPHER_CTX *ctx = tools_of(key->suite)->cipher;
	must(EVP_CipherInit_ex2(ctx, NULL, key->suite == SUITE_SM ? key->encrypt : key->key, nonce, sealing, NULL));
	if (key->suite == SUITE_AES)
		turn(ctx, ad, NULL);
	return ctx;
}

/* SM: over everything; the length in front says where the associated data ends. */
static void tag_of(const struct seal_key *key, struct text ad, struct text nonce_and_ciphertext, unsigned char tag[static MAC_BYTES])
{
	unsigned char len[LENGTH_BYTES];
	for (unsigned i = 0; i < LENGTH_BYTES; i++)
		len[i] = (unsigned char)((uint64_t)ad.len >> (56 - 8 * i));
	const struct text parts[] = { { (const char *)len, sizeof len }, ad, nonce_and_ciphertext };
	authenticate(SUITE_SM, key->authenticate, parts, COUNT(parts), tag);
}

size_t seal_size(enum suite suite, size_t plain_len)
{
	return suites[suite].nonce_bytes + plain_len + suites[suite].tag_bytes;
}

void seal(const struct seal_key *key, struct text ad, struct text plain, unsigned char *box)
{
	size_t nonce_bytes = suites[key->suite].nonce_bytes;
	unsigned char *tag = box + nonce_bytes + plain.len;
	int len = 0;
	assert(plain.len <= SEAL_PLAIN_MAX && ad.len <= SEAL_PLAIN_MAX);
	random_bytes(box, nonce_bytes);
	EVP_CIPHER_CTX *ctx = begin(key, box, ad, true);
	turn(ctx, plain, box + nonce_bytes);
	must(EVP_CipherFinal_ex(ctx, tag, &len));
	assert(len == 0);
	if (key->suite == SUITE_SM)
		tag_of(key, ad, (struct text){ (const char *)box, nonce_bytes + plain.len }, tag);
	else
		must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)suites[key->suite].tag_bytes, tag));
}

bool unseal(const struct seal_key *key, struct text ad, struct text box, unsigned char *plain, size_t *len)
{
	size_t nonce_bytes = suites[key->suite].nonce_bytes, tag_bytes = suites[key->suite].tag_bytes;
	unsigned char tag[MAC_BYTES];
	int rest = 0;
	if (box.len < nonce_bytes + tag_bytes || box.len - nonce_bytes - tag_bytes > SEAL_PLAIN_MAX || ad.len > SEAL_PLAIN_MAX)
		return false;
	struct text sealed = { box.ptr, box.len - tag_bytes };
	if (key->suite == SUITE_SM) {
		tag_of(key, ad, sealed, tag);
		if (CRYPTO_memcmp(tag, box.ptr + sealed.len, tag_bytes) != 0)
			return false;
	}
	EVP_CIPHER_CTX *ctx = begin(key, bytes_of(box), ad, false);
	*len = sealed.len - nonce_bytes;
	turn(ctx, (struct text){ box.ptr + nonce_bytes, *len }, plain);
	if (key->suite == SUITE_AES) {
		memcpy(tag, box.ptr + sealed.len, tag_bytes);
		must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag_bytes, tag));
	}
	if (EVP_CipherFinal_ex(ctx, tag, &rest) == 1)
		return true;
	OPENSSL_cleanse(plain, *len); /* GCM tells only at the end that it was nothing */
	return false;
}
