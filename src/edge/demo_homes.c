/* SPDX-License-Identifier: Apache-2.0 */
/* demo_homes.c - how old the invented elders are, and who of them is married to whom. */
#include "edge/demo_homes.h"

/* How many of the Laishan census's 66,198 were 60, 61, ... 105 years old. The sums from 60 and from 65 (44,837) are the
 * plan's; single years are drawn to the country's shape of 2020. */
enum { AGE_FIRST = 60, CENSUS = 66198 };
static const int ages[] = {
	4500, 4390, 4270, 4160, 4041, 3900, 3710, 3490, 3260, 3050, 2720, 2530, 2330, 2130, 1957, 1760,
	1610, 1460, 1320, 1190, 1140, 1050, 960,  870,	778,  680,  590,  505,	420,  347,  270,  210,
	160,  125,  96,	  70,	50,   35,   24,	  16,	10,   6,    4,	  2,	1,    1,
};
enum { AGES = COUNT(ages) };

/* Elders are numbered by age, the youngest first; number r stands for the middle of the census's r-th part of elder_count. So
 * the 65 and older are those of the census, to the elder, however many there are. */
int demo_age(const struct demo *demo, uint32_t number)
{
	uint64_t rank = ((2 * (uint64_t)number + 1) * CENSUS) / (2 * (uint64_t)demo->elder_count);
	int age = 0;
	for (; rank >= (uint64_t)ages[age]; age++)
		rank -= (uint64_t)ages[age];
	return AGE_FIRST + age;
}

enum sex demo_sex(const struct demo *demo, uint32_t number)
{
	struct chance chance = chance_of(demo->seed, STREAM_ELDER, number);
	size_t women = 520 + 3 * (size_t)(demo_age(demo, number) - AGE_FIRST);
	return chance_permille(&chance, women) ? SEX_FEMALE : SEX_MALE;
}

/* ---- who is married to whom ---- */

struct registry {
	const struct demo *demo;
	enum sex *sexes;
	uint32_t next[AGES], end[AGES]; /* of each age: the first who may still be taken as a wife, and behind the last */
};

static void count_ages(struct registry *registry, struct arena *arena)
{
	const struct demo *demo = registry->demo;
	registry->sexes = arena_take(arena, demo->elder_count * sizeof *registry->sexes);
	for (uint32_t number = 0; number < demo->elder_count; number++) {
		registry->sexes[number] = demo_sex(demo, number);
		registry->end[demo_age(demo, number) - AGE_FIRST] = number + 1;
	}
	for (int age = 1; age < AGES; age++) {
		if (registry->end[age] < registry->end[age - 1])
			registry->end[age] = registry->end[age - 1];
		registry->next[age] = registry->end[age - 1];
	}
}

static uint32_t take_woman(struct registry *registry, int age)
{
	for (uint32_t *next = &registry->next[age]; *next < registry->end[age];) {
		uint32_t number = (*next)++;
		if (registry->sexes[number] == SEX_FEMALE)
			return number;
	}
	return DEMO_NOBODY;
}

/* Wives are two years younger on the whole; whose wife is not 60 yet has her at home, but not in the ledger. */
static uint32_t wife_of(struct registry *registry, struct chance *chance, int age)
{
	static const signed char younger[] = { -3, -1, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 8 };
	static const signed char near[] = { 0, -1, 1, -2, 2, -3, 3 };
	int wanted = age - younger[chance_below(chance, COUNT(younger))];
	if (wanted < AGE_FIRST)
		return DEMO_YOUNGER;
	for (size_t i = 0; i < COUNT(near); i++) {
		int at = wanted + near[i] - AGE_FIRST;
		uint32_t found = at >= 0 && at < AGES ? take_woman(registry, at) : DEMO_NOBODY;
		if (found != DEMO_NOBODY)
			return found;
	}
	return DEMO_NOBODY;
}

/* From the oldest man down, so that the widows are where the men have died. */
static size_t marry(struct registry *registry, struct demo_pair *homes, unsigned char *taken)
{
	static const unsigned short married[] = { 930, 900, 870, 820, 720, 570, 420, 300, 200, 200 };
	const struct demo *demo = registry->demo;
	size_t count = 0;
	for (uint32_t number = demo->elder_count; number-- > 0;) {
		if (registry->sexes[number] != SEX_MALE)
			continue;
		struct chance chance = chance_of(demo->seed, STREAM_ELDER, (uint64_t)number + UINT32_MAX);
		int age = demo_age(demo, number);
		uint32_t wife = DEMO_NOBODY;
		if (chance_permille(&chance, married[(age - AGE_FIRST) / 5]))
			wife = wife_of(registry, &chance, age);
		if (wife < demo->elder_count)
			taken[wife] = 1;
		homes[count++] = (struct demo_pair){ number, wife };
	}
	return count;
}

void demo_plan_homes(struct demo *demo, struct arena *arena)
{
	struct registry registry = { .demo = demo };
	struct demo_pair *homes = arena_take(arena, (demo->elder_count + 1) * sizeof *homes);
	unsigned char *taken = arena_take(arena, demo->elder_count + 1);
	count_ages(&registry, arena);
	size_t count = marry(&registry, homes, taken);
	for (uint32_t number = 0; number < demo->elder_count; number++) {
		/* a few of the youngest have a husband who is not 60 yet */
		struct chance chance = chance_of(demo->seed, STREAM_ELDER, (uint64_t)number + UINT32_MAX);
		bool younger = demo_age(demo, number) < 63 && chance_permille(&chance, 120);
		if (registry.sexes[number] == SEX_FEMALE && !taken[number])
			homes[count++] = (struct demo_pair){ number, younger ? DEMO_YOUNGER : DEMO_NOBODY };
	}
	/* old and young among each other, as in the files that come in (Fisher and Yates) */
	struct chance chance = chance_of(demo->seed, STREAM_DISTRICT, 0);
	for (size_t i = count; i > 1; i--) {
		size_t other = chance_below(&chance, i);
		struct demo_pair last = homes[i - 1];
		homes[i - 1] = homes[other];
		homes[other] = last;
	}
	demo->homes = homes;
	demo->home_count = count;
}
