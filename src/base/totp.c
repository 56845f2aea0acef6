/* SPDX-License-Identifier: Apache-2.0 */
/* totp.c - one-time codes by time (RFC 6238). */
#include "base/totp.h"

#include "base/arena.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { SHA1_BYTES = 20 };

uint32_t totp_code(struct text secret, int64_t step, unsigned digits)
{
	unsigned char counter[8], mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	uint32_t power = 1;
	for (int i = 0; i < 8; i++)
		counter[i] = (unsigned char)((uint64_t)step >> (56 - 8 * i) & 0xFF);
	if (!HMAC(EVP_sha1(), secret.ptr, (int)secret.len, counter, sizeof counter, mac, &len) || len != SHA1_BYTES)
		abort();
	const unsigned char *at = mac + (mac[SHA1_BYTES - 1] & 15); /* RFC 4226 5.3 */
	uint32_t number = ((uint32_t)at[0] & 0x7F) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	while (digits-- > 0)
		power *= 10;
	return number % power;
}

int64_t totp_find(struct text secret, struct text code, int64_t now_ms, int64_t used)
{
	int64_t number, now = now_ms / TOTP_STEP_MS, found = 0;
	if (code.len != TOTP_DIGITS || !text_to_int(code, INT32_MAX, &number)) /* a first zero is a digit like the others */
		return 0;
	for (int64_t step = now - 1; step <= now + 1; step++)
		if (step > used && totp_code(secret, step, TOTP_DIGITS) == (uint32_t)number)
			found = step;
	return found;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

struct text base32(struct arena *arena, struct text bytes)
{
	char *out = arena_take(arena, bytes.len * 8 / 5 + 2), *at = out;
	uint32_t group = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < bytes.len; i++) {
		group = (group << 8 | (unsigned char)bytes.ptr[i]) & 0xFFFF;
		for (bits += 8; bits >= 5; bits -= 5)
			*at++ = alphabet[group >> (bits - 5) & 31];
	}
	if (bits > 0)
		*at++ = alphabet[group << (5 - bits) & 31];
	return (struct text){ out, (size_t)(at - out) };
}

bool base32_read(struct arena *arena, struct text encoded, struct text *bytes)
{
	char *out = arena_take(arena, encoded.len * 5 / 8 + 1), *at = out;
	uint32_t group = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < encoded.len; i++) {
		char c = encoded.ptr[i];
		if (c == ' ' || c == '=')
			continue;
		c = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
		const char *found = c ? strchr(alphabet, c) : NULL;
		if (!found)
			return false;
		group = (group << 5 | (uint32_t)(found - alphabet)) & 0xFFFF;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			*at++ = (char)(group >> bits & 0xFF);
		}
	}
	*bytes = (struct text){ out, (size_t)(at - out) };
	return true;
}
