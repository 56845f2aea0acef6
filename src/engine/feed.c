/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c - the journal as it happens. */
#include "engine/feed.h"

#include "base/log.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/session.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RING_LINES = 8192, READ_LINES = 500, DISTRICTS_MAX = 4096, COALESCE_MS = 8, BEAT_MS = 15000, TEND_MS = 60000 };

struct ring_line {
	unsigned district, permission;
	int64_t pos;
	struct places places;
	unsigned len, gone_len;
	char event[FEED_EVENT_MAX];
	char gone[160];
};

struct followed {
	unsigned district;
	int64_t pos;
};

struct feed {
	struct app *app;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	bool has_news, stopping;
	struct followed followed[DISTRICTS_MAX];
	size_t followed_count;
	struct ring_line *ring; /* number n stands at n % RING_LINES; numbers begin at 1 */
	uint64_t end; /* number of the next line */
	struct listener *listeners;
	unsigned listener_count;
};

/* ---- what a line looks like outside ---- */

/* As many names as there is room for: the journal has them all. */
static void write_fields(struct json_out *json, struct text fields)
{
	static const char more_and_end[] = "],\"more\":true}\n\n";
	json_key(json, TEXT("fields"));
	json_begin_array(json);
	while (fields.len > 0) {
		const char *comma = memchr(fields.ptr, ',', fields.len);
		size_t len = comma ? (size_t)(comma - fields.ptr) : fields.len;
		if (json->buf->len + sizeof ",\"\"" + len + sizeof more_and_end > FEED_EVENT_MAX)
			break;
		json_put_text(json, (struct text){ fields.ptr, len });
		len += comma ? 1 : 0;
		fields.ptr += len;
		fields.len -= len;
	}
	json_end_array(json);
	if (fields.len > 0)
		JSON_BOOL(json, "more", true);
}

static struct text render(struct arena *arena, const struct journal_line *line, bool gone)
{
	struct buf b = buf_in(arena, FEED_EVENT_MAX, 2 * FEED_EVENT_MAX);
	buf_printf(&b, "id: %lld\nevent: %s\ndata: ", (long long)line->pos, gone ? "gone" : "change");
	struct json_out json = json_out(&b);
	json_begin_object(&json);
	JSON_TEXT(&json, "resource", line->resource);
	JSON_ID(&json, "id", line->record);
	if (!gone) {
		JSON_TEXT(&json, "action", line->action);
		JSON_INT(&json, "version", line->version);
		json_member_instant(&json, TEXT("at"), line->at_ms);
		JSON_TEXT(&json, "actor", line->actor);
		write_fields(&json, text_is(line->action, "create") ? TEXT_NONE : line->fields);
	}
	json_end_object(&json);
	buf_add(&b, "\n\n", 2);
	assert(b.len <= FEED_EVENT_MAX);
	return buf_done(&b);
}

/* Who looked at what is for the auditor alone: the record is as it was. */
static unsigned permission_for(const struct app *app, const struct journal_line *line)
{
	return journal_is_change(line->action) ? app_feed_permission(app, line->resource) : access_number(&app->access, "journal.read");
}

enum sight { UNSEEN, GONE, SEEN };

static bool sees(const struct actor *actor, int64_t area, int64_t second, int64_t organization, int64_t subject)
{
	static const struct tie_columns any = { "", "", "", "", "" }; /* a tie that a record does not have is 0 in its line */
	return scope_sees(actor, &any, &(struct tie_values){ area, second, organization, subject, subject });
}

static enum sight sight_of(const struct app *app, const struct actor *actor, unsigned permission, const struct places *p)
{
	if (!actor_may(actor, permission))
		return UNSEEN;
	/* Not tied to anybody: a user without areas; what only the journal tells is for who audits the whole district. */
	if (!p->area && !p->was_area && !p->organization && !p->was_organization && !p->subject)
		return permission != access_number(&app->access, "journal.read") || app_covers_all(app, actor) ? SEEN : UNSEEN;
	if (sees(actor, p->area, p->hukou_area, p->organization, p->subject))
		return SEEN;
	return sees(actor, p->was_area, p->was_hukou_area, p->was_organization, p->subject) ? GONE : UNSEEN;
}

/* ---- following ---- */

struct intake {
	struct feed *feed;
	struct followed *followed;
	struct arena arena;
	int64_t pos;
	int count;
};

/* The caller holds the lock. */
static void wake(struct listener *listener)
{
	if (!listener->waiting)
		return;
	listener->waiting = false;
	listener->wake(listener);
}

/* The account has changed, or a session or a token of it ended. */
static bool changes_rights(const struct journal_line *line)
{
	return text_is(line->resource, "user") || text_is(line->resource, "token") ||
	       (text_is(line->resource, "session") && !text_is(line->action, "sign_in"));
}

/* Its streams hear nothing more before that was looked at. 0: everybody's. */
static void check_user(struct feed *feed, int64_t user)
{
	for (struct listener *l = feed->listeners; l; l = l->next)
		if (l->session[0] && (user == 0 || l->actor.user == user)) {
			l->check_due = true;
			wake(l);
		}
}

static bool take_in(void *arg, const struct journal_line *line)
{
	struct intake *in = arg;
	struct feed *feed = in->feed;
	struct text event = render(&in->arena, line, false), gone = render(&in->arena, line, true);
	unsigned permission = permission_for(feed->app, line);
	/* Whichever server it was done at. */
	bool policy = text_is(line->resource, "policy"), rights = policy || changes_rights(line);
	if (policy)
		sessions_forget_all(feed->app->sessions);
	else if (rights)
		sessions_forget_user(feed->app->sessions, line->record);
	if (text_is(line->resource, "user") && text_is(line->action, "unlock"))
		user_unlocked(feed->app, line);
	if (text_is(line->resource, "job"))
		jobs_wake(feed->app->jobs);
	pthread_mutex_lock(&feed->lock);
	if (rights)
		check_user(feed, policy ? 0 : line->record);
	struct ring_line *slot = &feed->ring[feed->end % RING_LINES];
	slot->district = line->district;
	slot->permission = permission;
	slot->pos = line->pos;
	slot->places = line->places;
	memcpy(slot->event, event.ptr, event.len);
	slot->len = (unsigned)event.len;
	assert(gone.len <= sizeof slot->gone);
	memcpy(slot->gone, gone.ptr, gone.len);
	slot->gone_len = (unsigned)gone.len;
	in->followed->pos = line->pos;
	feed->end++;
	pthread_mutex_unlock(&feed->lock);
	in->pos = line->pos;
	in->count++;
	arena_reset(&in->arena);
	return true;
}

static enum store_code read_lines(struct db *db, void *arg)
{
	struct intake *in = arg;
	return journal_read(db, in->followed->district, in->pos, READ_LINES, take_in, in);
}

static void wake_all(struct feed *feed, unsigned district)
{
	pthread_mutex_lock(&feed->lock);
	for (struct listener *l = feed->listeners; l; l = l->next)
		if (district == 0 || l->actor.district == district)
			wake(l);
	pthread_mutex_unlock(&feed->lock);
}

static void follow_on(struct feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	size_t count = feed->followed_count;
	pthread_mutex_unlock(&feed->lock);
	for (size_t i = 0; i < count; i++) {
		struct intake in = { .feed = feed, .followed = &feed->followed[i], .arena = arena_new(1 << 16) };
		in.pos = in.followed->pos;
		int before;
		do {
			before = in.count;
			if (store_read(feed->app->store, 0, read_lines, &in) != STORE_OK)
				break;
			if (in.count > before)
				wake_all(feed, in.followed->district);
		} while (in.count - before == READ_LINES);
		arena_free(&in.arena);
	}
}

/* A session ends by time alone, too; and a stream may have been opened with rights that were just being changed. */
static void check_session(struct feed *feed, struct listener *l, int64_t now)
{
	if (!l->session[0] || l->check_due || now - l->checked_ms < BEAT_MS)
		return;
	l->checked_ms = now;
	l->check_due = !session_lasts(feed->app, text_of(l->session), &l->actor);
}

static void wake_for_beats(struct feed *feed)
{
	int64_t now = clock_steady_ms();
	pthread_mutex_lock(&feed->lock);
	for (struct listener *l = feed->listeners; l; l = l->next) {
		check_session(feed, l, now);
		if (l->waiting && now - l->sent_ms >= BEAT_MS)
			l->beat_due = true;
		if (l->check_due || l->beat_due)
			wake(l);
	}
	pthread_mutex_unlock(&feed->lock);
}

static void wait_ms(struct feed *feed, int64_t ms, bool for_news)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!feed->stopping && !(for_news && feed->has_news))
		if (pthread_cond_timedwait(&feed->news, &feed->lock, &until) == ETIMEDOUT)
			break;
}

static void *follow(void *arg)
{
	struct feed *feed = arg;
	int64_t last_tend = clock_steady_ms(), last_beat = last_tend;
	pthread_mutex_lock(&feed->lock);
	while (!feed->stopping) {
		wait_ms(feed, 1000, true);
		bool news = feed->has_news;
		feed->has_news = false;
		pthread_mutex_unlock(&feed->lock);
		if (news)
			follow_on(feed);
		int64_t now = clock_steady_ms();
		if (now - last_beat >= 1000) {
			last_beat = now;
			wake_for_beats(feed);
		}
		if (now - last_tend >= TEND_MS) {
			last_tend = now;
			app_tend(feed->app);
		}
		pthread_mutex_lock(&feed->lock);
		if (news)
			wait_ms(feed, COALESCE_MS, false);
	}
	pthread_mutex_unlock(&feed->lock);
	return NULL;
}

static void on_commit(void *arg)
{
	struct feed *feed = arg;
	pthread_mutex_lock(&feed->lock);
	if (!feed->has_news) {
		feed->has_news = true;
		pthread_cond_signal(&feed->news);
	}
	pthread_mutex_unlock(&feed->lock);
}

struct feed *feed_start(struct app *app)
{
	struct feed *feed = calloc(1, sizeof *feed);
	if (!feed || !(feed->ring = calloc(RING_LINES, sizeof *feed->ring)))
		abort();
	feed->app = app;
	feed->end = 1;
	pthread_mutex_init(&feed->lock, NULL);
	pthread_condattr_t steady;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&feed->news, &steady);
	pthread_condattr_destroy(&steady);
	if (pthread_create(&feed->thread, NULL, follow, feed) != 0)
		abort();
	store_on_commit(app->store, on_commit, feed);
	return feed;
}

void feed_stop(struct feed *feed)
{
	store_on_commit(feed->app->store, NULL, NULL);
	pthread_mutex_lock(&feed->lock);
	feed->stopping = true;
	pthread_cond_signal(&feed->news);
	pthread_mutex_unlock(&feed->lock);
	pthread_join(feed->thread, NULL);
	pthread_cond_destroy(&feed->news);
	pthread_mutex_destroy(&feed->lock);
	free(feed->ring);
	free(feed);
}

static struct followed *followed_find(struct feed *feed, unsigned district)
{
	for (size_t i = 0; i < feed->followed_count; i++)
		if (feed->followed[i].district == district)
			return &feed->followed[i];
	return NULL;
}

struct head_of {
	unsigned district;
	int64_t pos;
};

static enum store_code read_head(struct db *db, void *arg)
{
	struct head_of *head = arg;
	head->pos = journal_head(db, head->district);
	return db_code(db);
}

void feed_follow(struct feed *feed, unsigned district)
{
	pthread_mutex_lock(&feed->lock);
	bool known = followed_find(feed, district) != NULL;
	pthread_mutex_unlock(&feed->lock);
	struct head_of head = { .district = district };
	if (known || store_read(feed->app->store, 0, read_head, &head) != STORE_OK)
		return;
	pthread_mutex_lock(&feed->lock);
	if (!followed_find(feed, district) && feed->followed_count < DISTRICTS_MAX)
		feed->followed[feed->followed_count++] = (struct followed){ district, head.pos };
	feed->has_news = true; /* what came between the two steps is found at once */
	pthread_cond_signal(&feed->news);
	pthread_mutex_unlock(&feed->lock);
}

enum store_code feed_newest(struct feed *feed, unsigned district, int64_t *pos)
{
	struct head_of head = { .district = district };
	enum store_code code = store_read(feed->app->store, 0, read_head, &head);
	*pos = head.pos;
	return code;
}

int64_t feed_head(struct feed *feed, unsigned district)
{
	pthread_mutex_lock(&feed->lock);
	const struct followed *followed = followed_find(feed, district);
	int64_t pos = followed ? followed->pos : 0;
	pthread_mutex_unlock(&feed->lock);
	return pos;
}

/* ---- listening ---- */

void feed_join(struct feed *feed, struct listener *listener)
{
	pthread_mutex_lock(&feed->lock);
	listener->sent_ms = clock_steady_ms();
	listener->checked_ms = listener->sent_ms - BEAT_MS;
	listener->next = feed->listeners;
	listener->link = &feed->listeners;
	if (listener->next)
		listener->next->link = &listener->next;
	feed->listeners = listener;
	feed->listener_count++;
	pthread_mutex_unlock(&feed->lock);
}

void feed_leave(struct feed *feed, struct listener *listener)
{
	pthread_mutex_lock(&feed->lock);
	*listener->link = listener->next;
	if (listener->next)
		listener->next->link = listener->link;
	feed->listener_count--;
	pthread_mutex_unlock(&feed->lock);
}

static void drop(struct feed *feed, int64_t user, struct text session, bool all)
{
	pthread_mutex_lock(&feed->lock);
	for (struct listener *l = feed->listeners; l; l = l->next) {
		if (!all && (session.ptr ? !text_is(session, l->session) : l->actor.user != user))
			continue;
		l->closing = true;
		wake(l);
	}
	pthread_mutex_unlock(&feed->lock);
}

void feed_drop_user(struct feed *feed, int64_t user)
{
	drop(feed, user, TEXT_NONE, false);
}

void feed_drop_session(struct feed *feed, struct text token)
{
	drop(feed, 0, token, false);
}

void feed_drop_all(struct feed *feed)
{
	drop(feed, 0, TEXT_NONE, true);
}

unsigned feed_listeners(struct feed *feed)
{
	pthread_mutex_lock(&feed->lock);
	unsigned count = feed->listener_count;
	pthread_mutex_unlock(&feed->lock);
	return count;
}

/* Finds the listener's place in the ring. */
static bool place(struct feed *feed, struct listener *l)
{
	uint64_t first = feed->end > RING_LINES ? feed->end - RING_LINES : 1;
	if (l->at >= first && l->at != 0)
		return true;
	const struct followed *followed = followed_find(feed, l->actor.district);
	if (!followed || followed->pos <= l->pos) {
		l->at = feed->end;
		return true;
	}
	for (uint64_t n = first; n < feed->end; n++) {
		const struct ring_line *line = &feed->ring[n % RING_LINES];
		if (line->district == l->actor.district && line->pos == l->pos + 1) {
			l->at = n;
			return true;
		}
	}
	l->at = 0;
	return false;
}

static size_t copy_new(struct feed *feed, struct listener *l, char *out, size_t max)
{
	size_t len = 0;
	for (; l->at < feed->end; l->at++) {
		const struct ring_line *line = &feed->ring[l->at % RING_LINES];
		/* What was read from the store meanwhile may come by once more. */
		if (line->district != l->actor.district || line->pos <= l->pos)
			continue;
		enum sight sight = sight_of(feed->app, &l->actor, line->permission, &line->places);
		size_t add = sight == SEEN ? line->len : sight == GONE ? line->gone_len : 0;
		if (len + add > max)
			break;
		memcpy(out + len, sight == SEEN ? line->event : line->gone, add);
		len += add;
		l->pos = line->pos;
	}
	return len;
}

int feed_take(struct feed *feed, struct listener *l, char *out, size_t max)
{
	assert(max >= FEED_EVENT_MAX);
	pthread_mutex_lock(&feed->lock);
	int result;
	if (l->closing) {
		result = FEED_CLOSED;
	} else if (l->check_due || !place(feed, l)) {
		result = FEED_BEHIND;
	} else {
		size_t len = copy_new(feed, l, out, max);
		if (len == 0 && l->beat_due) {
			struct arena arena = arena_new(4096);
			struct text beat = text_printf(&arena, ": beat\nid: %lld\n\n", (long long)l->pos);
			memcpy(out, beat.ptr, beat.len);
			len = beat.len;
			arena_free(&arena);
		}
		l->beat_due = false;
		if (len > 0) {
			l->sent_ms = clock_steady_ms();
		} else {
			l->waiting = true;
			l->pause(l);
		}
		result = (int)len;
	}
	pthread_mutex_unlock(&feed->lock);
	return result;
}

struct backlog {
	struct feed *feed;
	struct listener *listener;
	struct arena arena;
	char *out;
	size_t len, max;
};

static bool take_old(void *arg, const struct journal_line *line)
{
	struct backlog *b = arg;
	enum sight sight = sight_of(b->feed->app, &b->listener->actor, permission_for(b->feed->app, line), &line->places);
	if (sight != UNSEEN) {
		struct text event = render(&b->arena, line, sight == GONE);
		if (b->len + event.len > b->max)
			return false;
		memcpy(b->out + b->len, event.ptr, event.len);
		b->len += event.len;
	}
	b->listener->pos = line->pos;
	arena_reset(&b->arena);
	return true;
}

static enum store_code read_old(struct db *db, void *arg)
{
	struct backlog *b = arg;
	return journal_read(db, b->listener->actor.district, b->listener->pos, READ_LINES, take_old, b);
}

static bool may_go_on(struct feed *feed, struct listener *listener)
{
	pthread_mutex_lock(&feed->lock);
	bool due = listener->check_due;
	listener->check_due = false; /* what comes while it is looked at makes it due again */
	pthread_mutex_unlock(&feed->lock);
	bool lasts = true;
	return !due || (session_ask(feed->app, text_of(listener->session), &listener->actor, &lasts) == STORE_OK && lasts);
}

bool feed_catch_up(struct feed *feed, struct listener *listener, char *out, size_t max, size_t *len)
{
	*len = 0;
	if (!may_go_on(feed, listener))
		return false;
	struct backlog backlog = { .feed = feed, .listener = listener, .arena = arena_new(1 << 16), .out = out, .max = max };
	enum store_code code = store_read(feed->app->store, 0, read_old, &backlog);
	arena_free(&backlog.arena);
	*len = backlog.len;
	return code == STORE_OK || backlog.len > 0;
}
