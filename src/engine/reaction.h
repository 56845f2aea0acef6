/* SPDX-License-Identifier: Apache-2.0 */
/* reaction.h - what follows in other records where one changes, in the same transaction, as rows.
 *
 * A reaction stands in the module that it writes to: capabilities do not know who follows them. From what changes to what is
 * written the rows never lead in a circle; that is checked when the program is built. */
#ifndef ENGINE_REACTION_H
#define ENGINE_REACTION_H

#include "engine/call.h"
#include "engine/resource.h"

struct reaction {
	const char *on; /* a resource */
	const char *action; /* create, update, end, return, or one of its moves */
	const char *field; /* of an update: only where this one changed; NULL: any */
	const char *writes, *does; /* to which resource, and what: one of its moves, or an action as above */
	/* Either all its open records whose reference `by` names the changed one make that move, where they stand in one of its
	 * first states; */
	const char *by;
	/* or what no row can say. `before` is NULL for a new record. `call` is a deputy's (engine/deputy.h). */
	enum store_code (*react)(struct tx *tx, struct call *call, const void *before, const void *record);
	const char *zh, *en; /* what follows, and why */
};

/* Everything that follows from a change, deeper and deeper. What was done elsewhere is noted in the call, and answered. `fields` are
 * the changed ones, name,name. */
enum store_code reaction_run(struct tx *tx, struct call *call, const struct shape *shape, const char *action, struct text fields,
                             const void *before, const void *record);
/* Notes that a record was changed because of another. */
void reaction_note(struct call *call, const struct shape *shape, int64_t id, const char *action);

#endif
