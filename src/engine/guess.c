/* SPDX-License-Identifier: Apache-2.0 */
/* guess.c - tries to guess a secret, counted by name and slowed down. */
#include "engine/guess.h"

#include "base/crypto.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	GUESS_SETS = 16384, /* more names than can be tried within the window */
	GUESS_WAYS = 8,
	GUESS_KEY_BYTES = 32,
	GUESS_NAME_MAX = 256
};

/* The tries under one name. */
struct guess {
	uint64_t name; /* its keyed hash */
	int64_t until_ms; /* so long the wrong ones count */
	unsigned wrong, under_way;
};

struct guesses {
	pthread_mutex_t lock;
	char key[GUESS_KEY_BYTES];
	struct guess sets[GUESS_SETS][GUESS_WAYS]; /* a name may stand in one set only */
};

struct guesses *guesses_new(void)
{
	struct guesses *guesses = calloc(1, sizeof *guesses);
	if (!guesses)
		abort();
	pthread_mutex_init(&guesses->lock, NULL);
	random_bytes(guesses->key, sizeof guesses->key);
	return guesses;
}

void guesses_free(struct guesses *guesses)
{
	pthread_mutex_destroy(&guesses->lock);
	free(guesses);
}

/* The set of a name, and the name's hash. The key is made at start: nobody can tell which other names would share a set. */
static struct guess *set_of(struct guesses *guesses, struct text name, uint64_t *hashed)
{
	char keyed[GUESS_KEY_BYTES + GUESS_NAME_MAX];
	unsigned char hash[HASH_BYTES];
	uint64_t set;
	name = text_cut(name, GUESS_NAME_MAX);
	memcpy(keyed, guesses->key, GUESS_KEY_BYTES);
	memcpy(keyed + GUESS_KEY_BYTES, name.ptr, name.len);
	hash_sha256((struct text){ keyed, GUESS_KEY_BYTES + name.len }, hash);
	memcpy(&set, hash, sizeof set);
	memcpy(hashed, hash + sizeof set, sizeof *hashed);
	return guesses->sets[set % GUESS_SETS];
}

/* The name's slot, or one that it may have; NULL when each of its set still counts for another name. The caller holds the lock. */
static struct guess *slot_of(struct guesses *guesses, struct text name, int64_t now_ms)
{
	uint64_t hashed;
	struct guess *ways = set_of(guesses, name, &hashed), *unused = NULL;
	for (size_t i = 0; i < GUESS_WAYS; i++) {
		struct guess *guess = &ways[i];
		if (now_ms > guess->until_ms)
			guess->wrong = 0;
		if (guess->name == hashed)
			return guess;
		if (guess->wrong == 0 && guess->under_way == 0)
			unused = guess;
	}
	if (unused)
		*unused = (struct guess){ .name = hashed };
	return unused;
}

bool guess_begin(struct guesses *guesses, struct text name, int64_t now_ms, unsigned max, unsigned *seconds)
{
	int64_t wait_ms = GUESS_LOCK_MS;
	pthread_mutex_lock(&guesses->lock);
	struct guess *guess = slot_of(guesses, name, now_ms);
	bool may = guess && guess->wrong + guess->under_way < max;
	if (may)
		guess->under_way++;
	else if (guess) /* those under way may turn out right */
		wait_ms = guess->wrong < max ? 0 : guess->until_ms - now_ms;
	pthread_mutex_unlock(&guesses->lock);
	*seconds = (unsigned)(wait_ms / 1000) + 1;
	return may;
}

void guess_end(struct guesses *guesses, struct text name, int64_t now_ms, enum outcome outcome, int64_t lock_ms)
{
	pthread_mutex_lock(&guesses->lock);
	struct guess *guess = slot_of(guesses, name, now_ms); /* it is there: nobody may have it while a try is under way */
	guess->under_way--;
	if (outcome == TRY_WRONG && (++guess->wrong == 1 || guess->wrong >= GUESSES_MAX))
		guess->until_ms = now_ms + lock_ms;
	if (outcome == TRY_RIGHT)
		guess->wrong = 0;
	pthread_mutex_unlock(&guesses->lock);
}

int64_t guess_locked_until(struct guesses *guesses, struct text name, int64_t now_ms)
{
	uint64_t hashed;
	int64_t until_ms = 0;
	struct guess *ways = set_of(guesses, name, &hashed);
	pthread_mutex_lock(&guesses->lock);
	for (size_t i = 0; i < GUESS_WAYS; i++)
		if (ways[i].name == hashed && ways[i].wrong >= GUESSES_MAX && now_ms <= ways[i].until_ms)
			until_ms = ways[i].until_ms;
	pthread_mutex_unlock(&guesses->lock);
	return until_ms;
}

void guess_lift(struct guesses *guesses, struct text name)
{
	uint64_t hashed;
	struct guess *ways = set_of(guesses, name, &hashed);
	pthread_mutex_lock(&guesses->lock);
	for (size_t i = 0; i < GUESS_WAYS; i++)
		if (ways[i].name == hashed)
			ways[i].wrong = 0;
	pthread_mutex_unlock(&guesses->lock);
}
