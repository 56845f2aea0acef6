/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - memory with one lifetime: taken piece by piece, given back all at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

/* Inputs are bounded before they reach an arena, so passing `max` is a bug and ends the process, as does
 * being out of memory: nothing that was acknowledged is lost by either. */
struct arena {
	struct arena_block *blocks;
	size_t total, max;
};

struct arena arena_new(size_t max);
void *arena_take(struct arena *arena, size_t size); /* zeroed, aligned for any type; never NULL */
void *arena_take_raw(struct arena *arena, size_t size); /* the same, not zeroed: for what is written before it is read */
void arena_reset(struct arena *arena); /* keeps one small block for the next use */
void arena_free(struct arena *arena);

#endif
