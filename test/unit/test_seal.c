/* SPDX-License-Identifier: Apache-2.0 */
/* test_seal.c - boxes and keyed hashes: the published vectors, another hand's boxes, and every byte that may be altered. */
#include "base/arena.h"
#include "base/seal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { BYTES_MAX = 256, THREADS = 4, EACH = 500, MEASURED = 200000 };

static const enum suite both[] = { SUITE_AES, SUITE_SM };

struct bytes {
	unsigned char at[BYTES_MAX];
	size_t len;
};

static struct bytes of_hex(const char *hex)
{
	struct bytes b = { .len = strlen(hex) / 2 };
	assert_true(b.len <= BYTES_MAX);
	for (size_t i = 0; i < b.len; i++) {
		const char digits[] = { hex[2 * i], hex[2 * i + 1], 0 };
		b.at[i] = (unsigned char)strtoul(digits, NULL, 16);
	}
	return b;
}

static struct text text_from(const unsigned char *bytes, size_t len)
{
	return (struct text){ (const char *)bytes, len };
}

static struct seal_key key_of(enum suite suite, const char *hex)
{
	struct seal_key key;
	struct bytes bytes = of_hex(hex); /* a shorter one is filled with zeros, as HMAC does */
	seal_key_set(&key, suite, bytes.at);
	return key;
}

#define SOME_KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* ---- published vectors ---- */

/* McGrew and Viega, «The Galois/Counter Mode of Operation», test cases 13 to 16: the box, and what is in it. */
static const struct {
	const char *key, *ad, *box, *plain;
} gcm[] = {
	{ "0000000000000000000000000000000000000000000000000000000000000000", "",
	  "000000000000000000000000" "530f8afbc74536b9a963b4f1c4cb738b", "" },
	{ "0000000000000000000000000000000000000000000000000000000000000000", "",
	  "000000000000000000000000" "cea7403d4d606b6e074ec5d3baf39d18" "d0d1c8a799996bf0265b98b5d48ab919",
	  "00000000000000000000000000000000" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "",
	  "cafebabefacedbaddecaf888"
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
	  "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
	  "b094dac5d93471bdec1a502270e3cc6c",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
	  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255" },
	{ "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "cafebabefacedbaddecaf888"
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
	  "76fc6ece0f4e1768cddf8853bb2d551b",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39" },
};

static void boxes_of_the_gcm_specification_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(gcm); i++) {
		struct seal_key key = key_of(SUITE_AES, gcm[i].key);
		struct bytes ad = of_hex(gcm[i].ad), box = of_hex(gcm[i].box), wanted = of_hex(gcm[i].plain);
		unsigned char plain[BYTES_MAX];
		size_t len = 99;
		assert_int_equal(box.len, seal_size(SUITE_AES, wanted.len));
		assert_true(unseal(&key, text_from(ad.at, ad.len), text_from(box.at, box.len), plain, &len));
		assert_int_equal(len, wanted.len);
		assert_memory_equal(plain, wanted.at, len);
	}
}

/* Keys of up to 32 bytes, as ours are. RFC 4231 cases 1, 2, 5 (which the RFC itself cuts to 128 bits); GM/T 0042-2015 D.3. */
static const struct {
	enum suite suite;
	const char *key, *message, *mac;
} macs[] = {
	{ SUITE_AES, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There", "b0344c61d8db38535ca8afceaf0bf12b" },
	{ SUITE_AES, "4a656665", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7" },
	{ SUITE_AES, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "Test With Truncation", "a3b6167473100ee06e0c796c2955552b" },
	{ SUITE_SM, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
	  "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopqabcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "ca05e144ed05d1857840d1f318a4a866" },
	{ SUITE_SM, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "Hi There",
	  "c0ba18c68b90c88bc07de794bfc7d2c8" },
	{ SUITE_SM, "4a656665", "what do ya want for nothing?", "2e87f1d16862e6d964b50a5200bf2b10" },
};

static void hashes_are_the_published_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(macs); i++) {
		struct seal_key key = key_of(macs[i].suite, macs[i].key);
		struct bytes wanted = of_hex(macs[i].mac);
		struct text message = text_of(macs[i].message);
		unsigned char hash[SEAL_HASH_BYTES];
		assert_int_equal(wanted.len, SEAL_HASH_BYTES);
		seal_hash(&key, &message, 1, hash);
		assert_memory_equal(hash, wanted.at, SEAL_HASH_BYTES);
		/* In pieces it is the same. */
		const struct text pieces[] = { { message.ptr, 3 }, TEXT(""), { message.ptr + 3, message.len - 3 } };
		seal_hash(&key, pieces, COUNT(pieces), hash);
		assert_memory_equal(hash, wanted.at, SEAL_HASH_BYTES);
	}
}

/* GB/T 32905 A.1; GB/T 32907 A.1; draft-ribose-cfrg-sm4 A.2.5.1: this OpenSSL knows the national algorithms. */
static void the_national_algorithms_are_the_published_ones(void **state)
{
	(void)state;
	unsigned char out[BYTES_MAX];
	unsigned len = 0;
	int count = 0;
	struct bytes sm3 = of_hex("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	assert_int_equal(EVP_Digest("abc", 3, out, &len, EVP_sm3(), NULL), 1);
	assert_int_equal(len, sm3.len);
	assert_memory_equal(out, sm3.at, sm3.len);
	struct bytes key = of_hex("0123456789abcdeffedcba9876543210"), sm4 = of_hex("681edf34d206965e86b3e94f536e4246");
	struct bytes iv = of_hex("000102030405060708090a0b0c0d0e0f");
	struct bytes plain = of_hex("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
	                            "eeeeeeeeeeeeeeeeffffffffffffffffaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb");
	struct bytes ctr = of_hex("ac3236cb970cc20791364c395a1342d1a3cbc1878c6f30cd074cce385cdd70c7"
	                          "f234bc0e24c11980fd1286310ce37b926e02fcd0faa0baf38b2933851d824514");
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_EncryptInit_ex2(ctx, EVP_sm4_ecb(), key.at, NULL, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &count, key.at, 16), 1);
	assert_memory_equal(out, sm4.at, 16);
	assert_int_equal(EVP_EncryptInit_ex2(ctx, EVP_sm4_ctr(), key.at, iv.at, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &count, plain.at, (int)plain.len), 1);
	assert_int_equal(count, ctr.len);
	assert_memory_equal(out, ctr.at, ctr.len);
	EVP_CIPHER_CTX_free(ctx);
}

/* ---- another hand ---- */

static void sm3_hmac(const unsigned char *key, size_t key_len, const void *message, size_t len, unsigned char out[32])
{
	unsigned out_len = 32;
	assert_non_null(HMAC(EVP_sm3(), key, (int)key_len, message, len, out, &out_len));
}

/* The box of the SM suite by its description: keys derived, counter mode, HMAC over length, data, nonce and ciphertext. */
static size_t sm_box(const struct bytes *key, const struct bytes *iv, struct text ad, struct text plain, unsigned char *box)
{
	unsigned char encrypt[32], authenticate[32], message[BYTES_MAX];
	int count = 0;
	sm3_hmac(key->at, 32, "songhe seal encrypt\x01", 20, encrypt);
	sm3_hmac(key->at, 32, "songhe seal authenticate\x01", 25, authenticate);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	memcpy(box, iv->at, 16);
	assert_int_equal(EVP_EncryptInit_ex2(ctx, EVP_sm4_ctr(), encrypt, iv->at, NULL), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, box + 16, &count, (const unsigned char *)plain.ptr, (int)plain.len), 1);
	EVP_CIPHER_CTX_free(ctx);
	const unsigned char len[8] = { 0, 0, 0, 0, 0, 0, 0, (unsigned char)ad.len };
	memcpy(message, len, 8);
	memcpy(message + 8, ad.ptr, ad.len);
	memcpy(message + 8 + ad.len, box, 16 + plain.len);
	sm3_hmac(authenticate, 32, message, 8 + ad.len + 16 + plain.len, box + 16 + plain.len);
	return 16 + plain.len + 32;
}

static void boxes_of_the_sm_suite_are_as_described(void **state)
{
	(void)state;
	struct seal_key key = key_of(SUITE_SM, SOME_KEY);
	struct bytes bytes = of_hex(SOME_KEY), iv = of_hex("fffffffffffffffffffffffffffffffe"); /* the counter runs over */
	struct text ad = TEXT("where it belongs"), wanted = TEXT("37061319410308002X, and on over three blocks");
	unsigned char box[BYTES_MAX], plain[BYTES_MAX];
	size_t size = sm_box(&bytes, &iv, ad, wanted, box), len;
	assert_int_equal(size, seal_size(SUITE_SM, wanted.len));
	assert_true(unseal(&key, ad, text_from(box, size), plain, &len));
	assert_true(text_eq(text_from(plain, len), wanted));
}

/* What was sealed once must open for ever. */
static void boxes_of_old_open(void **state)
{
	(void)state;
	static const char *const boxes[] = {
		[SUITE_AES] = "3ef97eccaf51d3f3fa1b038d26d41f8ddf5d27c9146b018d684e0995a2f599707c6ad91c940fc4b47b578a777706",
		[SUITE_SM] = "15d07f578edb56a37e3243d3b7374e36e380eda60472e30f2077f9945975ea6a521b"
		             "4a0f34af28c6f874006097a8adf77cad1c3e3fa872d12c184f1d8894bf644b15",
	};
	for (size_t i = 0; i < COUNT(both); i++) {
		struct seal_key key = key_of(both[i], SOME_KEY);
		struct bytes box = of_hex(boxes[both[i]]);
		unsigned char plain[BYTES_MAX];
		size_t len;
		assert_true(unseal(&key, TEXT("elder id_card"), text_from(box.at, box.len), plain, &len));
		assert_true(text_is(text_from(plain, len), "37061319410308002X"));
	}
}

/* ---- both suites ---- */

static void what_was_sealed_opens(void **state)
{
	(void)state;
	struct arena arena = arena_new(64 << 20);
	static const size_t lengths[] = { 0, 1, 11, 15, 16, 17, 18, 31, 32, 33, 1000, 100000 };
	for (size_t s = 0; s < COUNT(both); s++)
		for (size_t i = 0; i < COUNT(lengths); i++)
			for (size_t ad_len = 0; ad_len < 40; ad_len += 13) {
				struct seal_key key = key_of(both[s], SOME_KEY);
				size_t size = seal_size(both[s], lengths[i]), len = 0;
				char *plain = arena_take(&arena, lengths[i] + 1);
				memset(plain, 'x', lengths[i]);
				struct text text = { plain, lengths[i] }, ad = { "associated data that is long enough for this", ad_len };
				unsigned char *box = arena_take(&arena, size), *again = arena_take(&arena, size);
				seal(&key, ad, text, box);
				seal(&key, ad, text, again);
				assert_memory_not_equal(box, again, size);
				unsigned char *out = arena_take(&arena, size);
				assert_true(unseal(&key, ad, text_from(box, size), out, &len));
				assert_true(text_eq(text_from(out, len), text));
			}
	arena_free(&arena);
}

static void every_altered_byte_is_refused(void **state)
{
	(void)state;
	struct text text = TEXT("37061319410308002X");
	for (size_t s = 0; s < COUNT(both); s++) {
		struct seal_key key = key_of(both[s], SOME_KEY), other = key_of(both[s], "01" SOME_KEY);
		char ad[] = "370613 elder id_card";
		struct text bound = { ad, sizeof ad - 1 };
		unsigned char box[BYTES_MAX], plain[BYTES_MAX];
		size_t size = seal_size(both[s], text.len), len;
		seal(&key, bound, text, box);
		for (size_t i = 0; i < size; i++)
			for (unsigned bit = 0; bit < 8; bit++) {
				box[i] ^= (unsigned char)(1U << bit);
				assert_false(unseal(&key, bound, text_from(box, size), plain, &len));
				box[i] ^= (unsigned char)(1U << bit);
			}
		for (size_t i = 0; i < bound.len; i++) {
			ad[i] ^= 1;
			assert_false(unseal(&key, bound, text_from(box, size), plain, &len));
			ad[i] ^= 1;
		}
		for (size_t cut = 0; cut < size; cut++)
			assert_false(unseal(&key, bound, text_from(box, cut), plain, &len));
		for (size_t cut = 0; cut < bound.len; cut++)
			assert_false(unseal(&key, (struct text){ ad, cut }, text_from(box, size), plain, &len));
		assert_false(unseal(&key, bound, text_from(box, size + 1), plain, &len));
		assert_false(unseal(&other, bound, text_from(box, size), plain, &len));
		assert_true(unseal(&key, bound, text_from(box, size), plain, &len));
		assert_true(text_eq(text_from(plain, len), text));
	}
}

/* A byte must not be able to wander from the associated data into the box. */
static void the_border_of_the_associated_data_holds(void **state)
{
	(void)state;
	struct seal_key key = key_of(SUITE_SM, SOME_KEY);
	unsigned char box[BYTES_MAX], joined[BYTES_MAX], plain[BYTES_MAX];
	size_t size = seal_size(SUITE_SM, 5), len;
	seal(&key, TEXT("abc"), TEXT("plain"), box);
	joined[0] = 'c';
	memcpy(joined + 1, box, size);
	assert_false(unseal(&key, TEXT("ab"), text_from(joined, size + 1), plain, &len));
}

static void suites_go_by_their_names(void **state)
{
	(void)state;
	enum suite suite = SUITE_SM;
	assert_true(suite_find(TEXT("aes"), &suite));
	assert_int_equal(suite, SUITE_AES);
	assert_true(suite_find(TEXT("sm"), &suite));
	assert_int_equal(suite, SUITE_SM);
	assert_string_equal(suite_name(SUITE_AES), "aes");
	assert_string_equal(suite_name(SUITE_SM), "sm");
	assert_false(suite_find(TEXT("des"), &suite));
	assert_false(suite_find(TEXT_NONE, &suite));
}

static void a_wiped_key_is_gone(void **state)
{
	(void)state;
	static const struct seal_key nothing;
	struct seal_key key = key_of(SUITE_SM, SOME_KEY);
	seal_key_wipe(&key);
	assert_memory_equal(key.key, nothing.key, sizeof key.key);
	assert_memory_equal(key.encrypt, nothing.encrypt, sizeof key.encrypt);
	assert_memory_equal(key.authenticate, nothing.authenticate, sizeof key.authenticate);
}

/* ---- many threads, one key ---- */

static void *work(void *arg)
{
	const struct seal_key *key = arg;
	size_t wrong = 0;
	for (int i = 0; i < EACH; i++) {
		unsigned char box[BYTES_MAX], plain[BYTES_MAX];
		size_t len;
		seal(key, TEXT("here"), TEXT("13800138000"), box);
		wrong += !unseal(key, TEXT("here"), text_from(box, seal_size(key->suite, 11)), plain, &len) || len != 11;
		wrong += unseal(key, TEXT("there"), text_from(box, seal_size(key->suite, 11)), plain, &len);
	}
	return (void *)(uintptr_t)wrong;
}

static void threads_do_not_disturb_each_other(void **state)
{
	(void)state;
	struct seal_key keys[] = { key_of(SUITE_AES, SOME_KEY), key_of(SUITE_SM, SOME_KEY) };
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &keys[i % COUNT(keys)]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

/* ---- how long it takes: told, never asserted ---- */

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void cost_is_told(void **state)
{
	(void)state;
	const struct text ad = TEXT("\0\0\x01\x02\0\0\0\0\0\0\0\x07" "elder\0id_card"), text = TEXT("37061319410308002X");
	int rounds = getenv("SONGHE_MEASURE") ? MEASURED : 10;
	for (size_t s = 0; s < COUNT(both); s++) {
		struct seal_key key = key_of(both[s], SOME_KEY);
		unsigned char box[BYTES_MAX], plain[BYTES_MAX], hash[SEAL_HASH_BYTES];
		const struct text parts[] = { TEXT("id_card\0\0\0\x01\x02"), text };
		size_t len;
		double began = now_ns();
		for (int i = 0; i < rounds; i++)
			seal(&key, ad, text, box);
		double sealed = now_ns();
		for (int i = 0; i < rounds; i++)
			assert_true(unseal(&key, ad, text_from(box, seal_size(both[s], text.len)), plain, &len));
		double unsealed = now_ns();
		for (int i = 0; i < rounds; i++)
			seal_hash(&key, parts, COUNT(parts), hash);
		double hashed = now_ns();
		print_message("%s: seal %.0f ns, unseal %.0f ns, hash %.0f ns\n", suite_name(both[s]), (sealed - began) / rounds,
		              (unsealed - sealed) / rounds, (hashed - unsealed) / rounds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boxes_of_the_gcm_specification_open),
		cmocka_unit_test(hashes_are_the_published_ones),
		cmocka_unit_test(the_national_algorithms_are_the_published_ones),
		cmocka_unit_test(boxes_of_the_sm_suite_are_as_described),
		cmocka_unit_test(boxes_of_old_open),
		cmocka_unit_test(what_was_sealed_opens),
		cmocka_unit_test(every_altered_byte_is_refused),
		cmocka_unit_test(the_border_of_the_associated_data_holds),
		cmocka_unit_test(suites_go_by_their_names),
		cmocka_unit_test(a_wiped_key_is_gone),
		cmocka_unit_test(threads_do_not_disturb_each_other),
		cmocka_unit_test(cost_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
