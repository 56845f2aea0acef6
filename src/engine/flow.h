/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h - the states of a resource and the moves between them, as rows.
 *
 * A move is one transaction: it is asked for by its name, so two who make the same one at once cannot both succeed; the second is
 * told where the record stands now, and who brought it there. */
#ifndef ENGINE_FLOW_H
#define ENGINE_FLOW_H

#include "engine/call.h"
#include "engine/deadline.h"
#include "engine/resource.h"

/* Who among those with the permission. */
enum move_by {
	BY_KEEPER, /* who keeps the record */
	BY_SECOND, /* whose area is the second that the record is tied to */
	BY_SIGHT /* whoever sees it */
};

struct move {
	const char *name, *label, *en; /* the permission is RESOURCE.NAME */
	const char *from, *to; /* states; the first with blanks between, the second NULL: it stays in its own */
	const char *roles; /* with blanks between; NULL: only the program itself makes it */
	enum move_by by;
	bool waits; /* the record waits for it: until then it is a task of those who may */
	const char *needs, *takes; /* fields that must, and that may, be said with it; blanks between */
	/* What the fields cannot say: answers a problem where it must not be. Touches nothing. NULL: nothing. */
	enum store_code (*guard)(struct tx *tx, struct call *call, const void *record);
	/* What the program itself fills in of `record` with the move. NULL: nothing. */
	enum store_code (*sets)(struct tx *tx, struct call *call, struct input *in, const void *before, void *record);
	/* What it does to others, through the engine, when the record has been written. NULL: nothing. The `call` of both is a
	 * deputy's (engine/deputy.h); they touch nothing but the transaction, and may be run again. */
	enum store_code (*effect)(struct tx *tx, struct call *call, const void *record);
	const enum problem *problems; /* that these answer; PROBLEM_NONE is behind the last */
};

/* A state in which something is open. In any other the record is closed. */
struct open_state {
	const char *name;
	struct deadline within; /* how long it may last, from when the record came there */
	const char *until; /* instead: to the end of the day in this field */
	const char *hours; /* instead, of the records in which this number is not 0: so many hours */
	const char *late; /* the move that is made by itself when it has lasted longer; NULL: it goes on, overdue */
};

struct flow {
	const char *start; /* the state of a new record */
	const struct open_state *open;
	size_t open_count;
	const struct move *moves;
	size_t move_count;
};

/* When something is due that nobody can say yet: in working days of a year whose holidays are not known. */
#define DUE_UNKNOWN_MS INT64_C(253402271999000) /* the end of 9999 */

/* The fields of a record that has a flow, first of its list; `states` is the dictionary. */
#define FLOW(F, states) \
	F(word, state, "状态", KEPT | MUST, .words = states) \
	F(instant, moved_at, "状态变更时间", KEPT, .en = "in this state since") \
	F(text, moved_by, "状态变更人", KEPT, .en = "who brought it there") \
	F(instant, due_at, "办理期限", KEPT | INDEX, .en = "due; of what is closed none")

enum { FLOW_MOVED_AT = 1, FLOW_MOVED_BY, FLOW_DUE_AT, FLOW_FIELDS }; /* behind shape->state */

/* Puts a new record where its flow begins. */
void flow_start(struct tx *tx, struct call *call, const struct shape *shape, void *record);
/* When a record is due that goes from `before` (NULL: it is new) to here, be it that it ends or returns; and, when it has been
 * written, the timer of that. Of a resource without a flow: nothing. */
void flow_due(struct tx *tx, const struct shape *shape, const void *before, void *record);
enum store_code flow_settle(struct tx *tx, struct call *call, const struct shape *shape, const void *before, const void *record);
const struct open_state *flow_open(const struct resource *resource, struct text state); /* NULL: it is closed */
bool flow_is_over(const struct shape *shape, const void *record); /* it has a flow, and is closed */
const struct move *flow_find(const struct resource *resource, struct text name); /* NULL: it has none of that name */
bool flow_is_in(const struct move *move, struct text state); /* one of its first */
/* Whether it is the actor's to make, by permission and by what ties them to the record. */
bool flow_may(const struct app *app, const struct shape *shape, const struct actor *actor, const struct move *move, const void *record);

/* The command of a move's route. */
enum store_code flow_command(struct tx *tx, void *call);
/* The same of another record and move than the route's. */
enum store_code flow_ask(struct tx *tx, struct call *call, const struct shape *shape, int64_t id, const struct move *move, json_t *said);
/* A move that the program makes itself. STORE_REFUSED with the answer in the call where it cannot be. */
enum store_code flow_make(struct tx *tx, struct call *call, const struct shape *shape, int64_t id, const char *move);

/* What a route of a move says of itself. */
const struct about *flow_about(struct arena *arena, const struct shape *shape, const struct move *move);

extern const struct module flow_module; /* what is late moves on by itself */

#endif
