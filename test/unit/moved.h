/* SPDX-License-Identifier: Apache-2.0 */
/* moved.h - a test's own clock is moved while threads of a store look at it. */
#ifndef TEST_MOVED_H
#define TEST_MOVED_H

#include <stdint.h>

static inline void move_to(volatile int64_t *clock_ms, int64_t at_ms)
{
	__atomic_store_n(clock_ms, at_ms, __ATOMIC_RELAXED);
}

#endif
