/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - the time of day, and intervals. */
#include "base/clock.h"

#include <time.h>

int64_t clock_now_ms(const struct clock *clock)
{
	if (clock->shared)
		return __atomic_load_n(clock->shared, __ATOMIC_RELAXED);
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_steady_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_steady_ms(void)
{
	return clock_steady_us() / 1000;
}
