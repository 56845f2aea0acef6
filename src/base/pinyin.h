/* SPDX-License-Identifier: Apache-2.0 */
/* pinyin.h - how Chinese characters are read, without tones: 张 is zhang, 女 is nu. Each has the one reading that ICU gives it
 * by itself; surnames have their own where it is another one. */
#ifndef BASE_PINYIN_H
#define BASE_PINYIN_H

#include <stddef.h>
#include <stdint.h>

enum { PINYIN_FIRST = 0x3400, PINYIN_LAST = 0x9FFF };

/* Made by tools/pinyin.c when the program is built. */
extern const uint16_t pinyin_numbers[PINYIN_LAST - PINYIN_FIRST + 1]; /* 0: no reading is known */
extern const char pinyin_syllables[][7];
extern const char pinyin_version[]; /* changes with any reading */

const char *pinyin_of(uint32_t point); /* NULL: none is known */
/* How many of the characters are a surname that is read in its own way: 0, 1 or 2; their syllables. */
size_t pinyin_surname(const uint32_t *points, size_t count, const char *syllables[static 2]);

#endif
