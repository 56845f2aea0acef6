/* SPDX-License-Identifier: Apache-2.0 */
/* pinyin.c - how Chinese characters are read. */
#include "base/pinyin.h"

#include "base/text.h"

/* Surnames that are not read as the character is elsewhere: what 《现代汉语词典》 (7th edition) gives as the reading of the
 * surname (姓), and the transform Han-Latin-Names of the Unicode CLDR 42. Where both readings are surnames, as of 覃 and 隗,
 * the more usual one of the character stays. */
static const struct {
	uint32_t points[2];
	const char *syllables[2];
} surnames[] = {
	{ { U'万', U'俟' }, { "mo", "qi" } }, { { U'尉', U'迟' }, { "yu", "chi" } }, { { U'澹', U'台' }, { "tan", "tai" } },
	{ { U'单', U'于' }, { "chan", "yu" } },
	{ { U'乐' }, { "yue" } }, { { U'仇' }, { "qiu" } }, { { U'任' }, { "ren" } }, { { U'区' }, { "ou" } },
	{ { U'单' }, { "shan" } }, { { U'卜' }, { "bu" } }, { { U'召' }, { "shao" } }, { { U'句' }, { "gou" } },
	{ { U'员' }, { "yun" } }, { { U'折' }, { "she" } }, { { U'晟' }, { "cheng" } }, { { U'曾' }, { "zeng" } },
	{ { U'朴' }, { "piao" } }, { { U'查' }, { "zha" } }, { { U'洗' }, { "xian" } }, { { U'牟' }, { "mu" } },
	{ { U'乜' }, { "nie" } }, { { U'盖' }, { "ge" } }, { { U'祭' }, { "zhai" } }, { { U'秘' }, { "bi" } },
	{ { U'种' }, { "chong" } }, { { U'粘' }, { "nian" } }, { { U'繁' }, { "po" } }, { { U'缪' }, { "miao" } },
	{ { U'翟' }, { "zhai" } }, { { U'薄' }, { "bo" } }, { { U'解' }, { "xie" } }, { { U'都' }, { "du" } },
	{ { U'阚' }, { "kan" } }, { { U'黑' }, { "he" } },
};

const char *pinyin_of(uint32_t point)
{
	if (point < PINYIN_FIRST || point > PINYIN_LAST || pinyin_numbers[point - PINYIN_FIRST] == 0)
		return NULL;
	return pinyin_syllables[pinyin_numbers[point - PINYIN_FIRST]];
}

size_t pinyin_surname(const uint32_t *points, size_t count, const char *syllables[static 2])
{
	for (size_t i = 0; i < COUNT(surnames); i++) {
		size_t len = surnames[i].points[1] ? 2 : 1;
		if (count < len || points[0] != surnames[i].points[0] || (len == 2 && points[1] != surnames[i].points[1]))
			continue;
		syllables[0] = surnames[i].syllables[0];
		syllables[1] = surnames[i].syllables[1];
		return len;
	}
	return 0;
}
