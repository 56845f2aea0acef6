/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c - memory with one lifetime. */
#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 16 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct arena arena_new(size_t max)
{
	assert(max > 0);
	return (struct arena){ .max = max };
}

static struct arena_block *block_new(struct arena *arena, size_t at_least)
{
	size_t size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
	while (size < at_least)
		size *= 2;
	struct arena_block *block = malloc(sizeof *block + size);
	if (!block)
		abort();
	block->size = size;
	block->used = 0;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_take_raw(struct arena *arena, size_t size)
{
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	assert(rounded >= size);
	arena->total += rounded;
	assert(arena->total <= arena->max);
	struct arena_block *block = arena->blocks;
	if (!block || block->size - block->used < rounded)
		block = block_new(arena, rounded);
	void *taken = block->bytes + block->used;
	block->used += rounded;
	return taken;
}

void *arena_take(struct arena *arena, size_t size)
{
	return memset(arena_take_raw(arena, size), 0, size);
}

void arena_reset(struct arena *arena)
{
	struct arena_block *keep = NULL;
	for (struct arena_block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		if (!next && block->size == FIRST_BLOCK)
			keep = block;
		else
			free(block);
	}
	if (keep)
		keep->used = 0;
	arena->blocks = keep;
	arena->total = 0;
}

void arena_free(struct arena *arena)
{
	for (struct arena_block *block = arena->blocks, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	arena->blocks = NULL;
	arena->total = 0;
}
