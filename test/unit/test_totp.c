/* SPDX-License-Identifier: Apache-2.0 */
/* test_totp.c - one-time codes: the vectors of RFC 6238, RFC 4226 and RFC 4648, drift, and no code twice. */
#include "base/arena.h"
#include "base/totp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char secret_of_rfc[] = "12345678901234567890";

static struct text code_at(struct arena *arena, struct text secret, int64_t at_ms)
{
	return text_printf(arena, "%06u", totp_code(secret, at_ms / TOTP_STEP_MS, TOTP_DIGITS));
}

static void codes_are_those_of_rfc_6238(void **state)
{
	(void)state;
	/* Appendix B, SHA-1, eight digits. */
	static const struct {
		int64_t at_s;
		uint32_t code;
	} vectors[] = {
		{ 59, 94287082 }, { 1111111109, 7081804 }, { 1111111111, 14050471 }, { 1234567890, 89005924 },
		{ 2000000000, 69279037 }, { 20000000000, 65353130 },
	};
	for (size_t i = 0; i < COUNT(vectors); i++)
		assert_int_equal(totp_code(text_of(secret_of_rfc), vectors[i].at_s / 30, 8), vectors[i].code);
}

static void codes_are_those_of_rfc_4226(void **state)
{
	(void)state;
	/* Appendix D, six digits. */
	static const uint32_t codes[] = { 755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489 };
	for (size_t i = 0; i < COUNT(codes); i++)
		assert_int_equal(totp_code(text_of(secret_of_rfc), (int64_t)i, 6), codes[i]);
}

static void one_step_of_drift_is_forgiven(void **state)
{
	(void)state;
	struct arena arena = arena_new(1 << 16);
	struct text secret = text_of(secret_of_rfc);
	const int64_t now = INT64_C(1700000000000), step = now / TOTP_STEP_MS;
	for (int64_t off = -3; off <= 3; off++) {
		struct text code = code_at(&arena, secret, now + off * TOTP_STEP_MS);
		assert_int_equal(totp_find(secret, code, now, 0), off >= -1 && off <= 1 ? step + off : 0);
	}
	arena_free(&arena);
}

static void no_code_counts_twice(void **state)
{
	(void)state;
	struct arena arena = arena_new(1 << 16);
	struct text secret = text_of(secret_of_rfc);
	const int64_t now = INT64_C(1700000000000), step = now / TOTP_STEP_MS;
	struct text before = code_at(&arena, secret, now - TOTP_STEP_MS), code = code_at(&arena, secret, now);
	assert_int_equal(totp_find(secret, code, now, step - 1), step);
	assert_int_equal(totp_find(secret, code, now, step), 0);
	assert_int_equal(totp_find(secret, before, now, step), 0); /* nor one from before the last that counted */
	assert_int_equal(totp_find(secret, code_at(&arena, secret, now + TOTP_STEP_MS), now, step), step + 1);
	arena_free(&arena);
}

static void what_is_no_code_is_refused(void **state)
{
	(void)state;
	struct text secret = text_of(secret_of_rfc);
	static const char *const wrong[] = { "", "28708", "2870822", "28708a", "+28708", "-28708", " 28708", "287082 ", "94287082" };
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(totp_find(secret, text_of(wrong[i]), 59000, 0), 0);
	assert_int_equal(totp_find(secret, TEXT_NONE, 59000, 0), 0);
	assert_int_equal(totp_find(secret, TEXT("287082"), 59000, 0), 1);
	/* 1111111109 s: 07081804, so its last six begin with a zero */
	assert_int_equal(totp_find(secret, TEXT("081804"), INT64_C(1111111109000), 0), 1111111109 / 30);
	assert_int_equal(totp_find(secret, TEXT("81804"), INT64_C(1111111109000), 0), 0);
}

static void base32_is_that_of_rfc_4648(void **state)
{
	(void)state;
	struct arena arena = arena_new(1 << 16);
	static const char *const vectors[][2] = { { "", "" }, { "f", "MY" }, { "fo", "MZXQ" }, { "foo", "MZXW6" }, { "foob", "MZXW6YQ" },
		                                  { "fooba", "MZXW6YTB" }, { "foobar", "MZXW6YTBOI" } };
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct text back;
		assert_true(text_is(base32(&arena, text_of(vectors[i][0])), vectors[i][1]));
		assert_true(base32_read(&arena, text_of(vectors[i][1]), &back));
		assert_true(text_is(back, vectors[i][0]));
	}
	struct text bytes;
	assert_true(base32_read(&arena, TEXT("mzxw 6ytb oi======"), &bytes));
	assert_true(text_is(bytes, "foobar"));
	assert_false(base32_read(&arena, TEXT("MZXW1"), &bytes));
	assert_false(base32_read(&arena, TEXT("MZ-W"), &bytes));
	assert_false(base32_read(&arena, (struct text){ "M\0ZX", 4 }, &bytes));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_those_of_rfc_6238),
		cmocka_unit_test(codes_are_those_of_rfc_4226),
		cmocka_unit_test(one_step_of_drift_is_forgiven),
		cmocka_unit_test(no_code_counts_twice),
		cmocka_unit_test(what_is_no_code_is_refused),
		cmocka_unit_test(base32_is_that_of_rfc_4648),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
