/* SPDX-License-Identifier: Apache-2.0 */
/* test_sign.c - a signature fits one text and one key; keys come back from their texts. */
#include "base/arena.h"
#include "base/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void signs_and_comes_back(enum sign_kind kind)
{
	struct text text = TEXT("老人 had a visitor"), other = TEXT("老人 had no visitor");
	struct sign_key *key = sign_key_new(kind), *stranger = sign_key_new(kind);
	struct text pem = sign_key_pem(&arena, key), open = sign_public(&arena, key);
	struct sign_key *again = sign_key_read(pem), *seen = sign_public_read(open);
	assert_non_null(again);
	assert_non_null(seen);
	assert_true(text_eq(sign_public(&arena, again), open));
	assert_true(text_eq(sign_public(&arena, seen), open));
	struct text signature = sign_text(&arena, again, text);
	assert_true(signature.len <= SIGNATURE_MAX);
	assert_true(sign_fits(seen, text, signature));
	assert_true(sign_fits(key, text, signature));
	assert_false(sign_fits(seen, other, signature));
	assert_false(sign_fits(stranger, text, signature));
	for (size_t i = 0; i < signature.len; i++)
		assert_false(sign_fits(seen, text, (struct text){ signature.ptr, i }));
	sign_key_free(key);
	sign_key_free(stranger);
	sign_key_free(again);
	sign_key_free(seen);
}

static void ed25519(void **state)
{
	(void)state;
	signs_and_comes_back(SIGN_ED25519);
}

static void sm2(void **state)
{
	(void)state;
	signs_and_comes_back(SIGN_SM2);
}

/* RFC 8410 10.1 and 10.3 have this pair; RFC 8032 7.1 has the signature of TEST 1 by its own. */
static void knows_what_the_standards_print(void **state)
{
	(void)state;
	struct sign_key *pair = sign_key_read(TEXT("-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"));
	assert_non_null(pair);
	assert_true(text_is(sign_public(&arena, pair), "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="));
	sign_key_free(pair);
	struct sign_key *key = sign_public_read(TEXT("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="));
	assert_non_null(key);
	assert_true(sign_fits(key, TEXT(""),
		TEXT("5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==")));
	sign_key_free(key);
}

static void what_is_no_key_is_refused(void **state)
{
	(void)state;
	static const char *const none[] = { "", "=", "====", "AAAA", "AAA",
		"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZu=E",
		" MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
		"MCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=" };
	for (size_t i = 0; i < COUNT(none); i++)
		assert_null(sign_public_read(text_of(none[i])));
	assert_null(sign_public_read((struct text){ arena_take(&arena, 4000), 4000 }));
	assert_null(sign_key_read(TEXT("")));
	assert_null(sign_key_read(TEXT("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519),
		cmocka_unit_test(sm2),
		cmocka_unit_test(knows_what_the_standards_print),
		cmocka_unit_test(what_is_no_key_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
