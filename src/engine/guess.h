/* SPDX-License-Identifier: Apache-2.0 */
/* guess.h - tries to guess a secret, counted by name and slowed down: passwords, one-time codes, tokens. In memory only. */
#ifndef ENGINE_GUESS_H
#define ENGINE_GUESS_H

#include "base/text.h"

enum {
	GUESSES_MAX = 5, /* under one user name */
	TOKEN_GUESSES_MAX = 60, /* from one address: many may share it */
	GUESS_LOCK_MS = 5 * 60 * 1000 /* where no policy says it */
};

enum outcome {
	TRY_RIGHT, /* the count begins anew */
	TRY_WRONG,
	TRY_OPEN /* it was never compared, or not all of it */
};

struct guesses;

struct guesses *guesses_new(void);
void guesses_free(struct guesses *guesses);
/* Counts the try before it is made: many at once are not more than one after the other. False: too many, wait *seconds. */
bool guess_begin(struct guesses *guesses, struct text name, int64_t now_ms, unsigned max, unsigned *seconds);
/* Wrong tries count for `lock_ms` from the first on; those that make it too many, from then on. */
void guess_end(struct guesses *guesses, struct text name, int64_t now_ms, enum outcome outcome, int64_t lock_ms);
int64_t guess_locked_until(struct guesses *guesses, struct text name, int64_t now_ms); /* 0: it is not */
void guess_lift(struct guesses *guesses, struct text name);

#endif
