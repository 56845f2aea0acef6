/* SPDX-License-Identifier: Apache-2.0 */
/* id.h - record numbers that carry their district (63 bits, always positive).
 * 41 bits of milliseconds since 2024-01-01T00:00Z, 12 bits district, 4 bits process, 6 bits counter. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/clock.h"

#include <stdatomic.h>

struct id_maker {
	const struct clock *clock;
	_Atomic uint64_t last; /* milliseconds << 6 | counter of the newest id */
	unsigned process; /* 0..15, one per running process on a store */
};

enum { DISTRICT_MAX = 4095 };

int64_t id_next(struct id_maker *maker, unsigned district);
void id_not_below(struct id_maker *maker, int64_t highest); /* ids made later are greater than `highest` */
unsigned id_district(int64_t id);
int64_t id_created_ms(int64_t id);
bool id_read(struct text decimal, int64_t *out); /* a positive 63-bit number */

#endif
