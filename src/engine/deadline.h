/* SPDX-License-Identifier: Apache-2.0 */
/* deadline.h - when something is due: a while from now, at the end of a day, or once a day, week or month. */
#ifndef ENGINE_DEADLINE_H
#define ENGINE_DEADLINE_H

#include "base/clock.h"

/* Days end at midnight, China Standard Time; the day from which is counted is not counted. */
struct deadline {
	int amount; /* at least 1 */
	enum deadline_unit { IN_MINUTES, IN_HOURS, IN_DAYS, IN_WORKDAYS } unit;
};

/* False: it lies behind a day of which it is not known yet whether it is worked on (engine/workdays.h). */
bool deadline_ms(struct deadline deadline, int64_t from_ms, int64_t *due_ms);

enum every { EVERY_DAY, EVERY_WEEK, EVERY_MONTH };

struct moment {
	enum every every;
	int on; /* of a week: 1 (Monday) to 7; of a month: 1 to 31, where it is shorter its last day */
	int hour, minute; /* China Standard Time */
};

bool moment_is_one(const struct moment *moment); /* whether there is such a moment */
int64_t moment_after(const struct moment *moment, int64_t at_ms); /* the first behind at_ms */
int64_t moment_before(const struct moment *moment, int64_t at_ms); /* the last that is not behind it */

#endif
