/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - numbers with a built-in check. */
#include "base/check.h"

#include <assert.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool all_digits(const char *ptr, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(ptr[i]))
			return false;
	}
	return true;
}

/* --- identity card --- */

char id_card_check_character(const char digits[static 17])
{
	static const int weights[17] = { 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2 };
	int sum = 0;
	for (size_t i = 0; i < 17; i++) {
		assert(is_digit(digits[i]));
		sum += (digits[i] - '0') * weights[i];
	}
	return "10X98765432"[sum % 11];
}

/* The two digits of a province in GB/T 2260. 83 is the residence permit of people from Taiwan. */
static bool is_province(const char *two)
{
	static const char provinces[] = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 "
					"50 51 52 53 54 61 62 63 64 65 71 81 82 83";
	for (size_t i = 0; i + 1 < sizeof provinces; i += 3) {
		if (memcmp(provinces + i, two, 2) == 0)
			return true;
	}
	return false;
}

static bool is_card_area(const char *six, bool demo)
{
	if (six[0] == '9')
		return demo && six[1] == '0';
	if (!is_province(six))
		return false;
	/* Residence permits of Hong Kong, Macao and Taiwan carry 810000, 820000 and 830000. */
	return six[0] == '8' || memcmp(six + 2, "0000", 4) != 0;
}

/* Eighteen characters out of either form; the last one of the 15-digit form is still to be computed. */
static enum id_card_wrong unfold(struct text source, struct id_card *card)
{
	if (source.len == 18) {
		memcpy(card->number, source.ptr, 18);
		if (card->number[17] == 'x')
			card->number[17] = 'X';
		if (!is_digit(card->number[17]) && card->number[17] != 'X')
			return ID_CARD_CHARACTER;
	} else if (source.len == 15) {
		card->was_15 = true;
		memcpy(card->number, source.ptr, 6);
		memcpy(card->number + 6, "19", 2);
		memcpy(card->number + 8, source.ptr + 6, 9);
	} else {
		return ID_CARD_LENGTH;
	}
	return all_digits(card->number, 17) ? ID_CARD_FINE : ID_CARD_CHARACTER;
}

static bool read_birth_date(const char *eight, struct date *out)
{
	char iso[10];
	memcpy(iso, eight, 4);
	iso[4] = '-';
	memcpy(iso + 5, eight + 4, 2);
	iso[7] = '-';
	memcpy(iso + 8, eight + 6, 2);
	return date_read((struct text){ iso, sizeof iso }, out);
}

enum id_card_wrong id_card_read(struct text source, bool demo, struct id_card *out)
{
	struct id_card card = { .sex = SEX_UNKNOWN };
	memset(out, 0, sizeof *out);
	enum id_card_wrong wrong = unfold(source, &card);
	if (wrong != ID_CARD_FINE)
		return wrong;
	if (!is_card_area(card.number, demo))
		return ID_CARD_AREA;
	if (!read_birth_date(card.number + 6, &card.born_on))
		return ID_CARD_BIRTH_DATE;
	char expected = id_card_check_character(card.number);
	if (!card.was_15 && card.number[17] != expected)
		return ID_CARD_CHECK_DIGIT;
	card.number[17] = expected;
	card.sex = (card.number[16] - '0') % 2 == 1 ? SEX_MALE : SEX_FEMALE;
	*out = card;
	assert(strlen(out->number) == 18);
	return ID_CARD_FINE;
}

/* --- masks --- */

static bool is_card_shaped(struct text number)
{
	if (number.len == 15)
		return all_digits(number.ptr, 15);
	return number.len == 18 && all_digits(number.ptr, 17) &&
	       (is_digit(number.ptr[17]) || number.ptr[17] == 'X' || number.ptr[17] == 'x');
}

/* The bytes of the first `points` code points of valid UTF-8. */
static size_t bytes_of_points(struct text t, size_t points)
{
	size_t at = 0;
	while (points > 0 && at < t.len) {
		at++;
		while (at < t.len && ((unsigned char)t.ptr[at] & 0xC0) == 0x80)
			at++;
		points--;
	}
	return at;
}

void mask_number(struct text number, char masked[static MASKED_NUMBER_SIZE])
{
	/* Two code points of four bytes at each end, and the stars, fit. */
	enum { WHOLE_BELOW = 11, STARS_MAX = 16 };
	if (number.len == 18 && is_card_shaped(number)) { /* nearly all of them */
		memcpy(masked, number.ptr, 6);
		memcpy(masked + 6, "********", 8);
		memcpy(masked + 14, number.ptr + 14, 4);
		masked[18] = '\0';
		return;
	}
	size_t points = text_utf8_length(number), first = 2, last = 2;
	if (points == SIZE_MAX) {
		number = TEXT("**********");
		points = number.len;
	}
	if (points < WHOLE_BELOW)
		first = last = 0;
	else if (is_card_shaped(number))
		first = 6, last = 4;
	size_t stars = points - first - last;
	if (stars > STARS_MAX)
		stars = STARS_MAX;
	size_t head = bytes_of_points(number, first);
	size_t tail = number.len - bytes_of_points(number, points - last);
	assert(head + stars + tail < MASKED_NUMBER_SIZE);
	if (head > 0)
		memcpy(masked, number.ptr, head);
	memset(masked + head, '*', stars);
	if (tail > 0)
		memcpy(masked + head + stars, number.ptr + number.len - tail, tail);
	masked[head + stars + tail] = '\0';
}

void mask_phone(struct text phone, char masked[static PHONE_SIZE])
{
	size_t shown = phone.len > 4 ? 4 : 0, len = phone.len;
	for (size_t i = 0; i < phone.len; i++) {
		if (!is_digit(phone.ptr[i]) && phone.ptr[i] != '-')
			shown = 0;
	}
	if (len >= PHONE_SIZE) {
		len = PHONE_SIZE - 1;
		shown = 0;
	}
	memset(masked, '*', len);
	masked[len] = '\0';
	if (shown == 0)
		return;
	memcpy(masked + len - shown, phone.ptr + len - shown, shown);
	if (len == 11 && phone.ptr[0] == '1' && all_digits(phone.ptr, 11))
		memcpy(masked, phone.ptr, 3);
}

/* --- unified social credit code --- */

bool uscc_is_valid(struct text source)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY"; /* no I O S V Z */
	static const int weights[17] = { 1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28 };
	if (source.len != 18 || !all_digits(source.ptr + 2, 6))
		return false;
	int sum = 0;
	for (size_t i = 0; i < 18; i++) {
		const char *found = memchr(alphabet, source.ptr[i], sizeof alphabet - 1);
		if (!found)
			return false;
		if (i < 17)
			sum += (int)(found - alphabet) * weights[i];
	}
	return source.ptr[17] == alphabet[(31 - sum % 31) % 31];
}

/* --- telephone --- */

/* What is left of a number as it was written: its digits, and where a dash stood last. */
struct dialled {
	char digits[PHONE_SIZE];
	size_t count;
	size_t dash; /* digits before the last dash; 0 when there is none */
	bool abroad; /* it began with +86 */
};

static bool take_digits(struct text source, struct dialled *out)
{
	struct text left = text_trim(source);
	bool after_digit = false;
	memset(out, 0, sizeof *out);
	if (text_starts(left, TEXT("+86"))) {
		out->abroad = true;
		left.ptr += 3;
		left.len -= 3;
		if (left.len > 0 && left.ptr[0] == '-') {
			left.ptr++;
			left.len--;
		}
	}
	for (size_t i = 0; i < left.len; i++) {
		char c = left.ptr[i];
		if (is_digit(c) && out->count < sizeof out->digits - 1)
			out->digits[out->count++] = c;
		else if (c == '-' && after_digit)
			out->dash = out->count;
		else if (c != ' ')
			return false;
		if (c != ' ')
			after_digit = c != '-';
	}
	return after_digit;
}

static bool is_mobile(const struct dialled *d)
{
	return d->count == 11 && d->digits[0] == '1' && d->digits[1] >= '3';
}

/* 400 and 800 numbers, 110 to 129, and the short hotlines of operators, governments and banks. */
static bool is_service(const struct dialled *d)
{
	const char *n = d->digits;
	if (d->count == 10)
		return memcmp(n, "400", 3) == 0 || memcmp(n, "800", 3) == 0;
	if (d->abroad)
		return false;
	if (d->count == 3)
		return n[0] == '1' && (n[1] == '1' || n[1] == '2');
	if (d->count != 5 && d->count != 6)
		return false;
	return (n[0] == '1' && n[1] <= '2') || (n[0] == '9' && (n[1] == '5' || n[1] == '6'));
}

/* Abroad the zero of the area code is left out. */
static void restore_zero(struct dialled *d)
{
	if (!d->abroad || d->digits[0] == '0' || d->count + 1 >= sizeof d->digits)
		return;
	memmove(d->digits + 1, d->digits, d->count);
	d->digits[0] = '0';
	d->count++;
	if (d->dash > 0)
		d->dash++;
}

static bool put_fixed(struct dialled *d, char normal[static PHONE_SIZE])
{
	restore_zero(d);
	if (d->count < 10 || d->digits[0] != '0' || d->digits[1] == '0')
		return false;
	size_t area = d->digits[1] <= '2' ? 3 : 4, line = d->count, extension = 0;
	if (d->dash == area + 7 || d->dash == area + 8) {
		extension = d->count - d->dash;
		line = d->dash;
	}
	if ((line != area + 7 && line != area + 8) || extension > 6 || d->digits[area] < '2')
		return false;
	size_t at = 0;
	for (size_t i = 0; i < d->count; i++) {
		if (i == area || i == line)
			normal[at++] = '-';
		normal[at++] = d->digits[i];
	}
	assert(at < PHONE_SIZE);
	normal[at] = '\0';
	return true;
}

enum phone_kind phone_read(struct text source, char normal[static PHONE_SIZE])
{
	struct dialled dialled;
	normal[0] = '\0';
	if (!take_digits(source, &dialled))
		return PHONE_WRONG;
	enum phone_kind kind = is_mobile(&dialled) ? PHONE_MOBILE : is_service(&dialled) ? PHONE_SERVICE : PHONE_WRONG;
	if (kind == PHONE_WRONG)
		return put_fixed(&dialled, normal) ? PHONE_FIXED : PHONE_WRONG;
	memcpy(normal, dialled.digits, dialled.count + 1);
	return kind;
}

/* --- area --- */

enum { AREA_DIGITS = 15 };

/* What one unit of each level counts in the 15-digit number, deepest first: 9, 6, 3 and 0 digits follow it. */
static const int64_t level_unit[] = {
	1, INT64_C(1000), INT64_C(1000000), INT64_C(1000000000), INT64_C(100000000000), INT64_C(10000000000000),
};

bool area_read(struct text source, int64_t *number)
{
	int64_t value;
	size_t len = source.len;
	if (len != 2 && len != 4 && len != 6 && len != 9 && len != 12 && len != AREA_DIGITS)
		return false;
	if (source.ptr[0] == '0' || !text_to_int(source, INT64_MAX, &value))
		return false;
	for (; len < AREA_DIGITS; len++)
		value *= 10;
	assert(value >= 10 * level_unit[COUNT(level_unit) - 1] && value < 100 * level_unit[COUNT(level_unit) - 1]);
	*number = value;
	return true;
}

int64_t area_last(int64_t number)
{
	assert(number >= 10 * level_unit[COUNT(level_unit) - 1] && number < 100 * level_unit[COUNT(level_unit) - 1]);
	int64_t unit = 1;
	for (size_t i = 1; i < COUNT(level_unit) && number % level_unit[i] == 0; i++)
		unit = level_unit[i];
	return number + unit - 1;
}
