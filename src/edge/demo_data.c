/* SPDX-License-Identifier: Apache-2.0 */
/* demo_data.c - an invented district: what belongs to all of it. */
#include "edge/demo_own.h"

struct demo demo_open(const struct pack *pack, uint64_t elders, uint64_t seed, struct date today, struct arena *arena)
{
	assert(elders <= DEMO_ELDERS_MAX);
	struct demo demo = { .pack = pack, .seed = chance_mix(seed + pack->number), .today = today, .elder_count = (uint32_t)elders };
	demo_read_places(&demo, arena);
	demo_plan_homes(&demo, arena);
	demo_plan_sites(&demo, arena);
	demo_plan_staff(&demo, arena);
	return demo;
}
