/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - numbers with a built-in check: identity card, unified social credit code, telephone, area code. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/clock.h"

enum sex { SEX_UNKNOWN, SEX_MALE, SEX_FEMALE };

enum id_card_wrong {
	ID_CARD_FINE,
	ID_CARD_LENGTH, /* neither 18 nor 15 characters */
	ID_CARD_CHARACTER,
	ID_CARD_AREA, /* the first six digits cannot be a GB/T 2260 code */
	ID_CARD_BIRTH_DATE, /* no such day, or outside 1850..2200; whether it is past is for whoever knows the time */
	ID_CARD_CHECK_DIGIT
};

/* What a citizen identity number says. `number` is always the 18-character form, upper case X. */
struct id_card {
	char number[19];
	struct date born_on;
	enum sex sex;
	bool was_15; /* converted from the 15-digit form (GB 11643-1989): 19 inserted, check character computed */
};

/* GB 11643-1999. Full-width digits and blanks are not repaired here. Area prefixes 900000-909999 are fine only
 * with `demo` (they exist in no real register). The area is checked by province and form, not by a list of counties:
 * a person keeps a number whose county is long gone. Checked in the order of the enum; *out is zeroed unless fine. */
enum id_card_wrong id_card_read(struct text source, bool demo, struct id_card *out);
/* The check character for 17 digits (ISO 7064 MOD 11-2). */
char id_card_check_character(const char digits[static 17]);

enum { MASKED_NUMBER_SIZE = 40, PHONE_SIZE = 24 };

/* 370613********1234: of what has the form of an ID card, the first six and last four characters stay. Other documents
 * keep their first and last two, and show at most 16 stars. Anything shorter than 11 code points, or not UTF-8, is
 * masked whole. The result is zero-terminated and valid UTF-8. */
void mask_number(struct text number, char masked[static MASKED_NUMBER_SIZE]);

/* GB 32100-2015, upper case only: alphabet, digits of the area, check character (finds any one wrong character). The
 * organisation code's own check (GB 11714) is left out: not every number given out keeps it. */
bool uscc_is_valid(struct text source);

enum phone_kind { PHONE_WRONG, PHONE_MOBILE, PHONE_FIXED, PHONE_SERVICE };
/* A Chinese telephone number; blanks, dashes and +86 are allowed in. `normal` receives digits, with a dash behind the
 * area code of a fixed line and one before its extension; it is empty for a wrong number. A fixed line needs its area
 * code. Reading `normal` again gives the same kind and the same `normal`. */
enum phone_kind phone_read(struct text source, char normal[static PHONE_SIZE]);
/* 138****5678; fixed lines and service numbers keep their last four characters, anything else nothing. */
void mask_phone(struct text phone, char masked[static PHONE_SIZE]);

/* An area as everybody writes it: 2, 4, 6, 9, 12 or 15 digits of the statistical code, the first not 0. Gives the
 * 15-digit number. Form only: which areas exist is known to the area tree. */
bool area_read(struct text source, int64_t *number);
/* The last number that lies under `number`: its scope is [number, area_last(number)]. `number` comes from area_read. */
int64_t area_last(int64_t number);

#endif
