/* SPDX-License-Identifier: Apache-2.0 */
/* feed.h - the journal as it happens: one thread follows it and wakes whoever listens.
 *
 * The newest lines stand ready-made in a ring; a listener that fell out of it is served from the store until it has
 * caught up. A slow listener costs nothing but its place. */
#ifndef ENGINE_FEED_H
#define ENGINE_FEED_H

#include "engine/app.h"

struct feed;

struct listener {
	struct actor actor;
	char session[64]; /* the token it was opened with */
	int64_t pos; /* of the last line that was passed on or passed over */
	/* called with the feed's lock held: put the connection to sleep, wake it */
	void (*pause)(struct listener *listener);
	void (*wake)(struct listener *listener);
	/* the feed's own */
	uint64_t at; /* number of the next line in the ring, 0: not placed */
	bool waiting, beat_due, check_due, closing;
	int64_t sent_ms, checked_ms; /* when its session was last looked at */
	struct listener *next, **link;
};

struct feed *feed_start(struct app *app);
void feed_stop(struct feed *feed);
/* Makes the feed follow a district (many times is once). May read the store. */
void feed_follow(struct feed *feed, unsigned district);
int64_t feed_head(struct feed *feed, unsigned district); /* as far as it has been read */
enum store_code feed_newest(struct feed *feed, unsigned district, int64_t *pos); /* as the store has it; may wait */
void feed_join(struct feed *feed, struct listener *listener);
void feed_leave(struct feed *feed, struct listener *listener);
void feed_drop_user(struct feed *feed, int64_t user);
void feed_drop_session(struct feed *feed, struct text token);
void feed_drop_all(struct feed *feed); /* every stream ends: the server is stopping */
unsigned feed_listeners(struct feed *feed);

enum { FEED_NOTHING = 0, FEED_BEHIND = -1, FEED_CLOSED = -2 };
/* Copies what is new and visible for the listener, whole events only; the number of bytes, or FEED_NOTHING after it
 * was put to sleep, or FEED_BEHIND: ask feed_catch_up. `max` holds at least one event (FEED_EVENT_MAX). */
int feed_take(struct feed *feed, struct listener *listener, char *out, size_t max);
/* Looks whether the listener's session lasts, where that is due, and reads older lines from the store into `out`, *len
 * bytes, moving the listener on. May wait. False: the session is over, or the store cannot say; the stream ends, and its
 * client comes again. */
bool feed_catch_up(struct feed *feed, struct listener *listener, char *out, size_t max, size_t *len);
enum { FEED_EVENT_MAX = 1280 };

#endif
