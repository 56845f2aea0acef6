/* SPDX-License-Identifier: Apache-2.0 */
/* tokens.h - texts cut into the tokens by which they are found, and what people type cut into the tokens to look for.
 *
 * A text is units: a Chinese character, a number, a word of letters; full-width and upper-case letters are as their plain ones,
 * punctuation and blanks are nothing. Tokens are every two units side by side, every number and word alone; of a name also every
 * character alone, and where it is said the pinyin from each syllable on and the initials. No token has a blank, a quote or a
 * backslash in it. */
#ifndef BASE_TOKENS_H
#define BASE_TOKENS_H

#include "base/text.h"

enum token_flag {
	TOKENS_SINGLE = 1 << 0, /* each character alone */
	TOKENS_PINYIN = 1 << 1,
	TOKENS_PERSON = 1 << 2 /* the text begins with a surname, and its initials are looked for from it on only */
};

/* What they are cut by: other versions cut otherwise. */
struct text tokens_version(struct arena *arena);

/* Adds the text's tokens to `out`, with a blank behind each. Of a very long text only what comes first. */
void tokens_add(struct buf *out, struct text text, unsigned flags);

/* A token to look for. */
struct sought {
	struct text token;
	bool begins; /* or any that begins with it */
};

/* All of them must be there. At most `max`; what people type beyond that is not looked for. */
size_t tokens_seek(struct arena *arena, struct text typed, struct sought *list, size_t max);

#endif
