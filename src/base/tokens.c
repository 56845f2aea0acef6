/* SPDX-License-Identifier: Apache-2.0 */
/* tokens.c - texts cut into the tokens by which they are found. */
#include "base/tokens.h"

#include "base/arena.h"
#include "base/pinyin.h"

#include <string.h>

/* TOKEN_MAX in bytes: of a longer one only the beginning is kept, on both sides. */
enum { UNITS_MAX = 256, TOKEN_MAX = 32, TOKENS_FORM = 1 };

enum unit_kind { NOTHING, BLANK, HAN, DIGITS, LETTERS };

struct unit {
	enum unit_kind kind;
	bool after_blank;
	uint32_t point; /* of a character */
	size_t begin, len; /* in the folded text */
};

struct cut {
	struct buf folded;
	struct unit units[UNITS_MAX];
	size_t count;
};

/* ---- units ---- */

static bool is_between(uint32_t point, uint32_t first, uint32_t last)
{
	return point >= first && point <= last;
}

/* Of what is no ASCII, whatever is not known to be punctuation is taken for a letter: names are written in many scripts. */
static enum unit_kind kind_of(uint32_t point)
{
	if (is_between(point, 0x3400, 0x4DBF) || is_between(point, 0x4E00, 0x9FFF) || is_between(point, 0xF900, 0xFAFF) ||
	    is_between(point, 0x20000, 0x3FFFF) || point == 0x3005 || point == 0x3007)
		return HAN;
	if (is_between(point, '0', '9'))
		return DIGITS;
	if (is_between(point, 'a', 'z'))
		return LETTERS;
	if (point <= ' ' || point == 0xA0 || is_between(point, 0x2000, 0x200A) || point == 0x3000)
		return BLANK;
	bool punctuation = point < 0xC0 || point == 0xD7 || point == 0xF7 || is_between(point, 0x200B, 0x206F) ||
	                   is_between(point, 0x20A0, 0x2BFF) || is_between(point, 0x2E00, 0x2E7F) || is_between(point, 0x3000, 0x303F) ||
	                   point == 0x30FB || is_between(point, 0xD800, 0xF8FF) || is_between(point, 0xFE00, 0xFE6F) ||
	                   is_between(point, 0xFF00, 0xFFFF);
	return punctuation ? NOTHING : LETTERS;
}

/* ü is typed as v and read as u: both are u here, in what is looked for and in what is found. */
static uint32_t fold(uint32_t point)
{
	if (is_between(point, 0xFF01, 0xFF5E))
		point -= 0xFEE0;
	if (is_between(point, 'A', 'Z'))
		point += 'a' - 'A';
	return point == 'v' ? 'u' : point;
}

static void add_point(struct buf *out, uint32_t point)
{
	static const unsigned char heads[] = { 0, 0xC0, 0xE0, 0xF0 };
	unsigned more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
	buf_char(out, (char)(heads[more] | point >> 6 * more));
	while (more-- > 0)
		buf_char(out, (char)(0x80 | (point >> 6 * more & 0x3F)));
}

static void cut_up(struct cut *cut, struct arena *arena, struct text text)
{
	enum unit_kind before = NOTHING;
	uint32_t point;
	bool blank = false;
	cut->count = 0;
	cut->folded = buf_in(arena, text.len + 4, 2 * text.len + 4);
	for (size_t len; (len = text_point(text, &point)) > 0; text = (struct text){ text.ptr + len, text.len - len }) {
		point = fold(point);
		enum unit_kind kind = kind_of(point);
		blank = blank || kind == BLANK;
		bool goes_on = kind == before && (kind == DIGITS || kind == LETTERS);
		before = kind;
		if (kind == NOTHING || kind == BLANK)
			continue;
		if (!goes_on) {
			if (cut->count == UNITS_MAX)
				break;
			cut->units[cut->count++] = (struct unit){ .kind = kind, .after_blank = blank, .point = kind == HAN ? point : 0,
				                                  .begin = cut->folded.len };
			blank = false;
		}
		add_point(&cut->folded, point);
		struct unit *unit = &cut->units[cut->count - 1];
		unit->len = cut->folded.len - unit->begin;
	}
}

static struct text unit_text(const struct cut *cut, size_t at)
{
	const struct unit *unit = &cut->units[at];
	return text_cut((struct text){ cut->folded.ptr + unit->begin, unit->len }, TOKEN_MAX);
}

/* Two side by side; between two that are no characters stands a mark, so that 3-12 is not 31-2. */
static void add_pair(struct buf *out, const struct cut *cut, size_t at)
{
	buf_text(out, unit_text(cut, at));
	if (cut->units[at].kind != HAN && cut->units[at + 1].kind != HAN)
		buf_char(out, '_');
	buf_text(out, unit_text(cut, at + 1));
}

/* ---- of a text ---- */

/* The pinyin from the syllable on, and in `initials` how each of them begins. */
static void add_spoken(struct buf *out, const char *const *syllables, size_t count, bool initials)
{
	size_t len = 0;
	for (size_t i = 0; i < count && len < TOKEN_MAX; i++) {
		size_t more = initials ? 1 : strlen(syllables[i]);
		more = more < TOKEN_MAX - len ? more : TOKEN_MAX - len;
		buf_add(out, syllables[i], more);
		len += more;
	}
	buf_char(out, ' ');
}

static void add_pinyin(struct buf *out, const struct cut *cut, bool person)
{
	const char *syllables[UNITS_MAX + 1];
	uint32_t points[UNITS_MAX];
	for (size_t i = 0; i < cut->count; i++) {
		points[i] = cut->units[i].point;
		syllables[i] = pinyin_of(points[i]);
	}
	if (person && cut->count > 0) {
		const char *own[2];
		size_t len = pinyin_surname(points, cut->count, own);
		memcpy(syllables, own, len * sizeof *own);
	}
	for (size_t i = 0, end; i < cut->count; i = end + 1) {
		for (end = i; end < cut->count && syllables[end]; end++)
			;
		for (size_t from = i; from < end; from++) {
			add_spoken(out, &syllables[from], end - from, false);
			if (from == i || !person)
				add_spoken(out, &syllables[from], end - from, true);
		}
	}
}

void tokens_add(struct buf *out, struct text text, unsigned flags)
{
	struct cut cut;
	if (text.len == 0)
		return;
	cut_up(&cut, out->arena, text);
	for (size_t i = 0; i < cut.count; i++) {
		if (cut.units[i].kind != HAN || (flags & TOKENS_SINGLE)) {
			buf_text(out, unit_text(&cut, i));
			buf_char(out, ' ');
		}
		if (i + 1 < cut.count) {
			add_pair(out, &cut, i);
			buf_char(out, ' ');
		}
	}
	if (flags & TOKENS_PINYIN)
		add_pinyin(out, &cut, flags & TOKENS_PERSON);
}

struct text tokens_version(struct arena *arena)
{
	return text_printf(arena, "%d %s", TOKENS_FORM, pinyin_version);
}

/* ---- of what is typed ---- */

size_t tokens_seek(struct arena *arena, struct text typed, struct sought *list, size_t max)
{
	struct cut cut;
	size_t count = 0;
	if (typed.len == 0)
		return 0;
	cut_up(&cut, arena, typed);
	for (size_t i = 0; i < cut.count && count < max; i++) {
		bool first = i == 0 || cut.units[i].after_blank, last = i + 1 == cut.count || cut.units[i + 1].after_blank;
		if (last && !first)
			continue; /* it was the second of a pair */
		struct buf token = buf_in(arena, 2 * TOKEN_MAX + 1, 2 * TOKEN_MAX + 1);
		if (last)
			buf_text(&token, unit_text(&cut, i));
		else
			add_pair(&token, &cut, i);
		list[count++] = (struct sought){ buf_done(&token), last && cut.units[i].kind == LETTERS };
	}
	return count;
}
