/* SPDX-License-Identifier: Apache-2.0 */
/* timer.h - durable deadlines, and what is done again and again.
 *
 * A timer is set in the transaction of the change that it belongs to, and so is there when the change is. When it is due,
 * the one runner of all processes fires it: in one transaction the timer goes and what it does is done, so it is done once,
 * whatever stops in between. In a district timers fire in the order in which they are due. One that cannot be fired stands
 * back and is tried again, and keeps none behind it from their turn.
 *
 * What is done periodically is a timer of the district too, which in the same transaction is set to its next moment. */
#ifndef ENGINE_TIMER_H
#define ENGINE_TIMER_H

#include "engine/app.h"
#include "engine/deadline.h"

#define TIMER_UNRESOLVED INT64_MAX /* due_ms of a deadline in working days of a year that is not known yet */
#define TIMER_PERIODIC "periodic" /* the resource of those that are set again and again */

struct timer {
	int64_t id;
	unsigned district;
	struct text kind, resource;
	int64_t record, due_ms, set_ms;
};

/* Declared by modules (struct module, .timers). */
struct timer_kind {
	const char *name; /* "transfer.overdue" */
	const char *zh, *en;
	/* In the transaction in which the timer ends; it may set another, also the same again. The call's actor is the system, and may
	 * do everything in the district; call->id is the record. It may be run again, and what it does not do with STORE_OK is undone:
	 * then the timer is tried again later, and shows the call's problem. Some milliseconds at most. */
	enum store_code (*fire)(struct tx *tx, struct call *call, const struct timer *timer);
};

/* What becomes of those moments at which no server ran. */
enum missed {
	MISSED_ONCE, /* it is run once, for the last of them */
	MISSED_EACH, /* it is run for each of them */
	MISSED_SKIP /* it is not run for those that are more than ten minutes past */
};

/* Declared by modules (struct module, .periodics): run in each district. */
struct periodic {
	const char *name; /* no kind of timer has it too */
	const char *zh, *en;
	struct moment moment;
	enum missed missed;
	/* As a timer's `fire`; `day` is the day of the moment for which it is run. */
	enum store_code (*run)(struct tx *tx, struct call *call, struct date day);
};

extern const struct module timer_module;

/* Sets the timer of this kind for the record, instead of the one that there is: a record has one of each kind. One that is on
 * hold stays so. What is due already fires at once. */
enum store_code timer_set(struct tx *tx, unsigned district, const char *kind, const char *resource, int64_t record, int64_t due_ms);
/* The same from a deadline, which *due_ms (may be NULL) then tells. TIMER_UNRESOLVED: the timer is kept as so many working days
 * from then on, is shown as that, and gets its due time as soon as the year's data are there. */
enum store_code timer_set_deadline(struct tx *tx, unsigned district, const char *kind, const char *resource, int64_t record,
                                   struct deadline deadline, int64_t from_ms, int64_t *due_ms);
/* Those that there are of this kind, or with NULL of any. */
enum store_code timer_clear(struct tx *tx, unsigned district, const char *kind, const char *resource, int64_t record);

/* ---- the runner ---- */

/* One that is carried on by a thread of its own, until app_close. */
void timers_start(struct app *app);
void timers_stop(struct timers *timers); /* NULL is fine */
/* One that is carried on by the caller: timers_advance fires some of what is due, and is false when there is nothing to do now. */
struct timers *timers_new(struct app *app);
bool timers_advance(struct timers *timers);
void timers_free(struct timers *timers);

/* Whether holidays are missing that should be known on this day goes into the log. */
void timers_warn(struct date today);

/* The first mistake in what the module declares of timers, and in which; NULL: there is none. */
const char *timers_mistake(const struct module *const *modules, size_t count, const struct module *module, const char **of);

const struct timer_kind *timer_kind_find(const struct app *app, struct text name); /* NULL: there is none */
const struct periodic *periodic_find(const struct app *app, struct text name);

#endif
