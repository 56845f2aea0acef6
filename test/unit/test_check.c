/* SPDX-License-Identifier: Apache-2.0 */
/* test_check.c - identity cards, credit codes, telephones, areas and masks, against published numbers. */
#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum id_card_wrong card(const char *number)
{
	struct id_card out;
	return id_card_read(text_of(number), false, &out);
}

static void id_card_says_birth_and_sex(void **state)
{
	(void)state;
	struct id_card out;
	assert_int_equal(id_card_read(TEXT("11010519491231002X"), false, &out), ID_CARD_FINE);
	assert_string_equal(out.number, "11010519491231002X");
	assert_int_equal(date_compare(out.born_on, (struct date){ 1949, 12, 31 }), 0);
	assert_int_equal(out.sex, SEX_FEMALE);
	assert_false(out.was_15);

	assert_int_equal(id_card_read(TEXT("440524188001010014"), false, &out), ID_CARD_FINE);
	assert_int_equal(out.born_on.year, 1880);
	assert_int_equal(out.sex, SEX_MALE);

	assert_int_equal(id_card_read(TEXT("34052419800101001x"), false, &out), ID_CARD_FINE);
	assert_string_equal(out.number, "34052419800101001X");
}

static void id_card_of_15_digits_is_converted(void **state)
{
	(void)state;
	struct id_card out;
	assert_int_equal(id_card_read(TEXT("110105491231002"), false, &out), ID_CARD_FINE);
	assert_string_equal(out.number, "11010519491231002X");
	assert_true(out.was_15);
	assert_int_equal(out.sex, SEX_FEMALE);
	assert_int_equal(card("110105490230002"), ID_CARD_BIRTH_DATE);
	assert_int_equal(card("110105000229002"), ID_CARD_BIRTH_DATE); /* 1900 had no leap day */
	assert_int_equal(card("11010549123100X"), ID_CARD_CHARACTER);
}

static void id_card_names_the_first_mistake(void **state)
{
	(void)state;
	static const struct {
		const char *number;
		enum id_card_wrong wrong;
	} cases[] = {
		{ "", ID_CARD_LENGTH },
		{ "1", ID_CARD_LENGTH },
		{ "11010519491231002", ID_CARD_LENGTH },
		{ "11010519491231002XX", ID_CARD_LENGTH },
		{ " 11010519491231002X", ID_CARD_LENGTH },
		{ "1101051949123100XX", ID_CARD_CHARACTER },
		{ "11010519491231002Y", ID_CARD_CHARACTER },
		{ "11010519491231 02X", ID_CARD_CHARACTER },
		{ "\xEF\xBC\x91" "1010519491231002", ID_CARD_LENGTH }, /* a full-width 1 is three bytes */
		{ "\xEF\xBC\x91" "010519491231002", ID_CARD_CHARACTER },
		{ "999999194503151238", ID_CARD_AREA },
		{ "110000194912310021", ID_CARD_AREA },
		{ "160105194912310021", ID_CARD_AREA },
		{ "010105194912310021", ID_CARD_AREA },
		{ "110105194913310021", ID_CARD_BIRTH_DATE },
		{ "110105194902290021", ID_CARD_BIRTH_DATE },
		{ "110105194900010021", ID_CARD_BIRTH_DATE },
		{ "110105194901000021", ID_CARD_BIRTH_DATE },
		{ "110105184912310021", ID_CARD_BIRTH_DATE },
		{ "110105999912310021", ID_CARD_BIRTH_DATE },
		{ "110105194912310021", ID_CARD_CHECK_DIGIT },
		{ "34052419800101001 ", ID_CARD_CHARACTER },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (card(cases[i].number) != cases[i].wrong)
			fail_msg("%s: %d, not %d", cases[i].number, (int)card(cases[i].number), (int)cases[i].wrong);
	}
	struct id_card out = { .was_15 = true };
	assert_int_equal(id_card_read(TEXT_NONE, false, &out), ID_CARD_LENGTH);
	assert_string_equal(out.number, "");
	assert_false(out.was_15);
	assert_int_equal(id_card_read((struct text){ "11010519491231002\0", 18 }, false, &out), ID_CARD_CHARACTER);
}

static void put_check(char number[static 19])
{
	number[17] = id_card_check_character(number);
	number[18] = '\0';
}

static void demo_prefixes_need_a_demo(void **state)
{
	(void)state;
	struct id_card out;
	char number[19] = "90061319450315123";
	put_check(number);
	assert_int_equal(id_card_read(text_of(number), true, &out), ID_CARD_FINE);
	assert_int_equal(id_card_read(text_of(number), false, &out), ID_CARD_AREA);
	memcpy(number, "900000", 6);
	put_check(number);
	assert_int_equal(id_card_read(text_of(number), true, &out), ID_CARD_FINE);
	memcpy(number, "910000", 6);
	put_check(number);
	assert_int_equal(id_card_read(text_of(number), true, &out), ID_CARD_AREA);
	assert_int_equal(id_card_read(TEXT("999999194503151238"), true, &out), ID_CARD_AREA);
	assert_int_equal(id_card_read(TEXT("11010519491231002X"), true, &out), ID_CARD_FINE);
}

static void residence_permits_have_no_county(void **state)
{
	(void)state;
	static const char *const areas[] = { "810000", "820000", "830000" };
	for (size_t i = 0; i < COUNT(areas); i++) {
		char number[19] = "00000019500601001";
		memcpy(number, areas[i], 6);
		put_check(number);
		assert_int_equal(card(number), ID_CARD_FINE);
	}
}

/* ISO 7064 MOD 11-2 finds every single wrong digit and every swap of neighbours. */
static void id_card_finds_single_errors_and_swaps(void **state)
{
	(void)state;
	static const char good[] = "370613194503151238";
	char number[19];
	memcpy(number, good, sizeof number);
	put_check(number);
	for (size_t at = 6; at < 17; at++) {
		char wrong[19];
		for (char c = '0'; c <= '9'; c++) {
			memcpy(wrong, number, sizeof wrong);
			wrong[at] = c;
			assert_true((card(wrong) == ID_CARD_FINE) == (c == number[at]));
		}
		memcpy(wrong, number, sizeof wrong);
		wrong[at] = number[at - 1];
		wrong[at - 1] = number[at];
		assert_true((card(wrong) == ID_CARD_FINE) == (number[at] == number[at - 1]));
	}
}

static bool uscc(const char *code)
{
	return uscc_is_valid(text_of(code));
}

static void uscc_published_codes_pass(void **state)
{
	(void)state;
	assert_true(uscc("91350100M000100Y43"));
	assert_true(uscc("91110000600037341L"));
	assert_true(uscc("52340100MJ00000002"));
	assert_true(uscc("5312010100000000A3"));
}

static void uscc_refuses_every_changed_character(void **state)
{
	(void)state;
	static const char code[] = "91350100M000100Y43";
	for (size_t at = 0; at < 18; at++) {
		for (int c = 0; c < 256; c++) {
			char wrong[19];
			memcpy(wrong, code, sizeof wrong);
			wrong[at] = (char)c;
			assert_true(uscc_is_valid((struct text){ wrong, 18 }) == (wrong[at] == code[at]));
		}
	}
	assert_false(uscc(""));
	assert_false(uscc_is_valid(TEXT_NONE));
	assert_false(uscc("91350100m000100y43"));
	assert_false(uscc("91350100M000100Y4"));
	assert_false(uscc("91350100M000100Y433"));
}

static void phones_are_read_and_normalised(void **state)
{
	(void)state;
	static const struct {
		const char *source;
		enum phone_kind kind;
		const char *normal;
	} cases[] = {
		{ "13812345678", PHONE_MOBILE, "13812345678" },
		{ " 138 1234 5678 ", PHONE_MOBILE, "13812345678" },
		{ "138-1234-5678", PHONE_MOBILE, "13812345678" },
		{ "+8613812345678", PHONE_MOBILE, "13812345678" },
		{ "+86-138 1234 5678", PHONE_MOBILE, "13812345678" },
		{ "19912345678", PHONE_MOBILE, "19912345678" },
		{ "12812345678", PHONE_WRONG, "" },
		{ "1381234567", PHONE_WRONG, "" },
		{ "138123456789", PHONE_WRONG, "" },
		{ "0535-6881234", PHONE_FIXED, "0535-6881234" },
		{ "05356881234", PHONE_FIXED, "0535-6881234" },
		{ "0535 688 1234", PHONE_FIXED, "0535-6881234" },
		{ "0535-688-1234", PHONE_FIXED, "0535-6881234" },
		{ "+86 535 6881234", PHONE_FIXED, "0535-6881234" },
		{ "+86 0535 6881234", PHONE_FIXED, "0535-6881234" },
		{ "+86 535-6881234-801", PHONE_FIXED, "0535-6881234-801" },
		{ "010-88888888", PHONE_FIXED, "010-88888888" },
		{ "010-8888-8888", PHONE_FIXED, "010-88888888" },
		{ "+86 10 8888 8888", PHONE_FIXED, "010-88888888" },
		{ "02187654321", PHONE_FIXED, "021-87654321" },
		{ "0519-88881234-1", PHONE_FIXED, "0519-88881234-1" },
		{ "0519-88881234-123456", PHONE_FIXED, "0519-88881234-123456" },
		{ "0519-88881234-1234567", PHONE_WRONG, "" },
		{ "0535-1881234", PHONE_WRONG, "" },
		{ "0035-6881234", PHONE_WRONG, "" },
		{ "6881234", PHONE_WRONG, "" },
		{ "0535-688123", PHONE_WRONG, "" },
		{ "0535-688123456", PHONE_WRONG, "" },
		{ "400-820-8820", PHONE_SERVICE, "4008208820" },
		{ "8008208820", PHONE_SERVICE, "8008208820" },
		{ "120", PHONE_SERVICE, "120" },
		{ "12345", PHONE_SERVICE, "12345" },
		{ "12349", PHONE_SERVICE, "12349" },
		{ "95588", PHONE_SERVICE, "95588" },
		{ "961234", PHONE_SERVICE, "961234" },
		{ "+86 120", PHONE_WRONG, "" },
		{ "", PHONE_WRONG, "" },
		{ "+86", PHONE_WRONG, "" },
		{ "+", PHONE_WRONG, "" },
		{ "-", PHONE_WRONG, "" },
		{ "-13812345678", PHONE_WRONG, "" },
		{ "13812345678-", PHONE_WRONG, "" },
		{ "138--12345678", PHONE_WRONG, "" },
		{ "13812345678a", PHONE_WRONG, "" },
		{ "+1 212 555 0100", PHONE_WRONG, "" },
		{ "138123456781381234567813812345678", PHONE_WRONG, "" },
		{ "\xEF\xBC\x91" "3812345678", PHONE_WRONG, "" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char normal[PHONE_SIZE], again[PHONE_SIZE];
		enum phone_kind kind = phone_read(text_of(cases[i].source), normal);
		if (kind != cases[i].kind || strcmp(normal, cases[i].normal) != 0)
			fail_msg("\"%s\": %d \"%s\"", cases[i].source, (int)kind, normal);
		assert_int_equal(phone_read(text_of(normal), again), kind);
		assert_string_equal(again, normal);
	}
}

static const char *masked_number(const char *number)
{
	static char masked[MASKED_NUMBER_SIZE];
	memset(masked, 'z', sizeof masked);
	mask_number(text_of(number), masked);
	return masked;
}

static void numbers_are_masked(void **state)
{
	(void)state;
	assert_string_equal(masked_number("370613194503151234"), "370613********1234");
	assert_string_equal(masked_number("11010519491231002X"), "110105********002X");
	assert_string_equal(masked_number("110105491231002"), "110105*****1002");
	assert_string_equal(masked_number("E12345678"), "*********");
	assert_string_equal(masked_number("H1234567890"), "H1*******90");
	assert_string_equal(masked_number("0123456789"), "**********");
	assert_string_equal(masked_number("37061319450315123A"), "37**************3A");
	assert_string_equal(masked_number(""), "");
	assert_string_equal(masked_number(NULL), "");
	assert_string_equal(masked_number("军官证南字第0123456号"), "军官**********6号");
	assert_string_equal(masked_number("军字第12号"), "******");
	assert_string_equal(masked_number("AB\xFF"), "**********");
	assert_string_equal(masked_number("AB0123456789012345678901234567890123456789CD"), "AB****************CD");
	assert_string_equal(masked_number("\U00020000\U00020001" "0123456789012345" "\U00020002\U00020003"),
			    "\U00020000\U00020001****************\U00020002\U00020003");
}

static void phones_are_masked(void **state)
{
	(void)state;
	static const struct {
		const char *phone, *masked;
	} cases[] = {
		{ "13812345678", "138****5678" },
		{ "0535-6881234", "********1234" },
		{ "010-88888888", "********8888" },
		{ "4008208820", "******8820" },
		{ "12345", "*2345" },
		{ "120", "***" },
		{ "1234", "****" },
		{ "", "" },
		{ "call me", "*******" },
		{ "0123456789012345678901234567", "***********************" },
		{ "01234567890123456789012", "*******************9012" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char masked[PHONE_SIZE];
		mask_phone(text_of(cases[i].phone), masked);
		assert_string_equal(masked, cases[i].masked);
	}
}

static void areas_are_read_at_every_level(void **state)
{
	(void)state;
	static const struct {
		const char *source;
		int64_t number, last;
	} cases[] = {
		{ "37", INT64_C(370000000000000), INT64_C(379999999999999) },
		{ "3706", INT64_C(370600000000000), INT64_C(370699999999999) },
		{ "370613", INT64_C(370613000000000), INT64_C(370613999999999) },
		{ "370613001", INT64_C(370613001000000), INT64_C(370613001999999) },
		{ "370613001001", INT64_C(370613001001000), INT64_C(370613001001999) },
		{ "370613001001005", INT64_C(370613001001005), INT64_C(370613001001005) },
		{ "370613001001000", INT64_C(370613001001000), INT64_C(370613001001999) },
		{ "370613000000000", INT64_C(370613000000000), INT64_C(370613999999999) },
		{ "441900003", INT64_C(441900003000000), INT64_C(441900003999999) }, /* a city without districts */
		{ "310", 0, 0 },
		{ "", 0, 0 },
		{ "07", 0, 0 },
		{ "00", 0, 0 },
		{ "3706130010010050", 0, 0 },
		{ "37061a", 0, 0 },
		{ "-3", 0, 0 },
		{ " 370613", 0, 0 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t number = -1;
		bool fine = area_read(text_of(cases[i].source), &number);
		assert_true(fine == (cases[i].number != 0));
		if (!fine)
			continue;
		assert_true(number == cases[i].number);
		assert_true(area_last(number) == cases[i].last);
	}
	int64_t number;
	assert_false(area_read(TEXT_NONE, &number));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_card_says_birth_and_sex),
		cmocka_unit_test(id_card_of_15_digits_is_converted),
		cmocka_unit_test(id_card_names_the_first_mistake),
		cmocka_unit_test(demo_prefixes_need_a_demo),
		cmocka_unit_test(residence_permits_have_no_county),
		cmocka_unit_test(id_card_finds_single_errors_and_swaps),
		cmocka_unit_test(uscc_published_codes_pass),
		cmocka_unit_test(uscc_refuses_every_changed_character),
		cmocka_unit_test(phones_are_read_and_normalised),
		cmocka_unit_test(numbers_are_masked),
		cmocka_unit_test(phones_are_masked),
		cmocka_unit_test(areas_are_read_at_every_level),
	};
	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
