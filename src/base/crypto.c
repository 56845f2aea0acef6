/* SPDX-License-Identifier: Apache-2.0 */
/* crypto.c - hashes, random bytes and passwords. */
#include "base/crypto.h"

#include "base/arena.h"
#include "base/log.h"

#include <argon2.h>
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Looked up once: OpenSSL 3 searches its providers at each implicit use. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256)
		abort();
}

void hash_sha256(struct text bytes, unsigned char hash[static HASH_BYTES])
{
	pthread_once(&sha256_once, fetch_sha256);
	if (EVP_Digest(bytes.ptr, bytes.len, hash, NULL, sha256, NULL) != 1)
		abort();
}

void hash_hmac(struct text key, struct text bytes, unsigned char hash[static HASH_BYTES])
{
	unsigned len = 0;
	if (!HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)bytes.ptr, bytes.len, hash, &len) || len != HASH_BYTES)
		abort();
}

struct text hash_hex(struct arena *arena, const unsigned char hash[static HASH_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *hex = arena_take(arena, 2 * HASH_BYTES + 1);
	for (size_t i = 0; i < HASH_BYTES; i++) {
		hex[2 * i] = digits[hash[i] >> 4];
		hex[2 * i + 1] = digits[hash[i] & 15];
	}
	return (struct text){ hex, 2 * HASH_BYTES };
}

/* The system gives up to 256 bytes in one call, and never fewer than were asked for. What is few is taken from what was left of the
 * last call, once: an import needs a nonce for every protected field of every row. */
void random_bytes(void *out, size_t len)
{
	static _Thread_local unsigned char left[256];
	static _Thread_local size_t left_count;
	bool few = len <= sizeof left / 4;
	if (few && left_count < len)
		left_count = getrandom(left, sizeof left, 0) == (ssize_t)sizeof left ? sizeof left : 0;
	if (len > 256 || (few ? left_count < len : getrandom(out, len, 0) != (ssize_t)len)) {
		log_error("random: the system gives no random bytes");
		abort();
	}
	if (!few)
		return;
	left_count -= len;
	memcpy(out, left + left_count, len);
	OPENSSL_cleanse(left + left_count, len);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct text base64url(struct arena *arena, struct text bytes)
{
	char *out = arena_take(arena, bytes.len * 4 / 3 + 4), *at = out;
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t group = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
		if (left > 1)
			group |= (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8;
		if (left > 2)
			group |= (unsigned char)bytes.ptr[i + 2];
		for (size_t k = 0; k < (left > 2 ? 4 : left + 1); k++)
			*at++ = alphabet[group >> (18 - 6 * k) & 63];
	}
	return (struct text){ out, (size_t)(at - out) };
}

bool base64url_read(struct arena *arena, struct text encoded, struct text *bytes)
{
	if (encoded.len % 4 == 1)
		return false;
	char *out = arena_take(arena, encoded.len * 3 / 4 + 4), *at = out;
	uint32_t group = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < encoded.len; i++) {
		const char *found = encoded.ptr[i] ? strchr(alphabet, encoded.ptr[i]) : NULL;
		if (!found)
			return false;
		group = (group << 6 | (uint32_t)(found - alphabet)) & 0xFFFFFF;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*at++ = (char)(group >> bits & 0xFF);
		}
	}
	*bytes = (struct text){ out, (size_t)(at - out) };
	return true;
}

struct text base64(struct arena *arena, struct text bytes)
{
	struct text url = base64url(arena, bytes);
	size_t len = (url.len + 3) / 4 * 4;
	char *out = arena_take(arena, len + 1);
	for (size_t i = 0; i < len; i++)
		out[i] = i >= url.len ? '=' : url.ptr[i] == '-' ? '+' : url.ptr[i] == '_' ? '/' : url.ptr[i];
	return (struct text){ out, len };
}

bool base64_read(struct arena *arena, struct text encoded, struct text *bytes)
{
	size_t len = encoded.len;
	char *url = arena_take(arena, len + 1);
	if (len % 4 != 0)
		return false;
	for (int fill = 0; fill < 2 && len > 0 && encoded.ptr[len - 1] == '='; fill++)
		len--;
	for (size_t i = 0; i < len; i++) {
		if (encoded.ptr[i] == '-' || encoded.ptr[i] == '_')
			return false;
		url[i] = encoded.ptr[i] == '+' ? '-' : encoded.ptr[i] == '/' ? '_' : encoded.ptr[i];
	}
	return base64url_read(arena, (struct text){ url, len }, bytes);
}

void token_new(char token[static TOKEN_CHARS + 1])
{
	char bytes[32];
	random_bytes(bytes, sizeof bytes);
	struct arena arena = arena_new(4096);
	struct text encoded = base64url(&arena, (struct text){ bytes, sizeof bytes });
	assert(encoded.len == TOKEN_CHARS);
	memcpy(token, encoded.ptr, TOKEN_CHARS);
	token[TOKEN_CHARS] = 0;
	arena_free(&arena);
}

void password_hash(struct text password, char encoded[static PASSWORD_HASH_MAX])
{
	unsigned char salt[16];
	random_bytes(salt, sizeof salt);
	int result = argon2id_hash_encoded(2, 19 * 1024, 1, password.ptr, password.len, salt, sizeof salt, HASH_BYTES,
	                                   encoded, PASSWORD_HASH_MAX);
	if (result != ARGON2_OK) {
		log_error("password: %s", argon2_error_message(result));
		abort();
	}
}

bool password_matches(struct text password, const char *encoded)
{
	return argon2id_verify(encoded, password.ptr, password.len) == ARGON2_OK;
}
