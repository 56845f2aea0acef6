/* SPDX-License-Identifier: Apache-2.0 */
/* id.c - record numbers that carry their district. */
#include "base/id.h"

#include <assert.h>

enum { COUNTER_BITS = 6, PROCESS_BITS = 4, DISTRICT_BITS = 12 };

/* 2024-01-01T00:00:00Z in milliseconds since 1970. */
static const int64_t epoch_ms = INT64_C(1704067200000);

int64_t id_next(struct id_maker *maker, unsigned district)
{
	assert(district >= 1 && district <= DISTRICT_MAX && maker->process < 1u << PROCESS_BITS);
	int64_t now_ms = clock_now_ms(maker->clock) - epoch_ms;
	uint64_t now = now_ms > 0 ? (uint64_t)now_ms << COUNTER_BITS : 0;
	uint64_t last = atomic_load(&maker->last), next;
	do {
		next = now > last ? now : last + 1;
	} while (!atomic_compare_exchange_weak(&maker->last, &last, next));
	uint64_t ms = next >> COUNTER_BITS, counter = next & ((1u << COUNTER_BITS) - 1);
	assert(ms < UINT64_C(1) << 41);
	return (int64_t)(((ms << DISTRICT_BITS | district) << PROCESS_BITS | maker->process) << COUNTER_BITS | counter);
}

void id_not_below(struct id_maker *maker, int64_t highest)
{
	uint64_t ms = (uint64_t)highest >> (DISTRICT_BITS + PROCESS_BITS + COUNTER_BITS);
	uint64_t floor = ms << COUNTER_BITS | ((1u << COUNTER_BITS) - 1);
	uint64_t last = atomic_load(&maker->last);
	while (last < floor && !atomic_compare_exchange_weak(&maker->last, &last, floor))
		;
}

unsigned id_district(int64_t id)
{
	return (unsigned)(id >> (PROCESS_BITS + COUNTER_BITS)) & DISTRICT_MAX;
}

int64_t id_created_ms(int64_t id)
{
	return (id >> (DISTRICT_BITS + PROCESS_BITS + COUNTER_BITS)) + epoch_ms;
}

bool id_read(struct text decimal, int64_t *out)
{
	return text_to_int(decimal, INT64_MAX, out) && *out > 0 && decimal.ptr[0] != '0';
}
