/* SPDX-License-Identifier: Apache-2.0 */
/* pinyin.c - writes the syllables of all Chinese characters as C, as ICU reads each by itself: see src/base/pinyin.h.
 *
 * To ask ICU takes seconds for all, so it is asked when the program is built. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/utrans.h>
#include <unicode/ustring.h>

enum { FIRST = 0x3400, LAST = 0x9FFF, SYLLABLES_MAX = 1024, SYLLABLE_MAX = 6, UNITS = 64 };

static char syllables[SYLLABLES_MAX][SYLLABLE_MAX + 1];
static unsigned count = 1; /* the first means that there is none */

static unsigned number_of(const char *syllable)
{
	for (unsigned i = 1; i < count; i++)
		if (strcmp(syllables[i], syllable) == 0)
			return i;
	if (count == SYLLABLES_MAX) {
		fputs("pinyin: too many syllables\n", stderr);
		exit(1);
	}
	memcpy(syllables[count], syllable, strlen(syllable) + 1);
	return count++;
}

static unsigned read_character(UTransliterator *reader, UChar character)
{
	UErrorCode wrong = U_ZERO_ERROR;
	UChar text[UNITS] = { character, 0 };
	char out[4 * UNITS];
	int32_t len = 1, limit = 1;
	utrans_transUChars(reader, text, &len, UNITS, 0, &limit, &wrong);
	u_strToUTF8(out, sizeof out, NULL, text, -1, &wrong);
	size_t letters = strspn(out, "abcdefghijklmnopqrstuvwxyz");
	return U_SUCCESS(wrong) && letters > 0 && letters <= SYLLABLE_MAX && out[letters] == 0 ? number_of(out) : 0;
}

int main(void)
{
	static unsigned numbers[LAST - FIRST + 1];
	UErrorCode wrong = U_ZERO_ERROR;
	UChar id[64];
	uint32_t version = 2166136261;
	u_uastrcpy(id, "Han-Latin; Latin-ASCII; Lower");
	UTransliterator *reader = utrans_openU(id, -1, UTRANS_FORWARD, NULL, 0, NULL, &wrong);
	if (U_FAILURE(wrong)) {
		fprintf(stderr, "pinyin: ICU: %s\n", u_errorName(wrong));
		return 1;
	}
	printf("/* Written by tools/pinyin.c from ICU %s. */\n#include \"base/pinyin.h\"\n", U_ICU_VERSION);
	printf("const uint16_t pinyin_numbers[PINYIN_LAST - PINYIN_FIRST + 1] = {");
	for (int at = 0; at <= LAST - FIRST; at++) {
		numbers[at] = read_character(reader, (UChar)(FIRST + at));
		version = (version ^ numbers[at]) * 16777619;
		printf("%s%u,", at % 24 ? "" : "\n", numbers[at]);
	}
	printf("\n};\nconst char pinyin_syllables[][%d] = {", SYLLABLE_MAX + 1);
	for (unsigned i = 0; i < count; i++) {
		for (const char *c = syllables[i]; *c; c++)
			version = (version ^ (unsigned char)*c) * 16777619;
		printf("%s\"%s\",", i % 16 ? " " : "\n", syllables[i]);
	}
	printf("\n};\nconst char pinyin_version[] = \"%08x\";\n", version);
	utrans_close(reader);
	return 0;
}
