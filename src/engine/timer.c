/* SPDX-License-Identifier: Apache-2.0 */
/* timer.c - durable deadlines: set, cleared, fired. */
#include "engine/timer.h"

#include "base/log.h"
#include "engine/journal.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOK_MS = 250, /* one indexed read a district: so also a clock that was put forward, and other processes, are noticed */
	GROUP_MAX = 256, /* timers that are fired in one transaction */
	ALONE_MS = 40, BESIDE_MS = 5, /* how long such a transaction goes on; the second while others write too */
	RETRY_MS = 10000, RETRY_DOUBLED = 9, RETRY_MOST_MS = 60 * 60 * 1000,
	SKIP_MS = 10 * 60 * 1000, DAY_MS = 24 * 60 * 60 * 1000,
	RESOLVE_MS = 60000, RESOLVED = 500,
	ARENA_BYTES = 128 << 20, ERROR_BYTES = 1000
};

struct timers {
	struct app *app;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t end;
	bool stopping;
	struct arena arena, one; /* of a group; of one timer in it */
	unsigned district; /* whose turn it is */
	int64_t area, districts; /* that district's; how many there are */
	int64_t prepared; /* so many districts are; 0: it has not led yet */
	int64_t resolved_at_ms, resolved; /* steady; in the last command */
	size_t most, count, failed; /* of the next group; in the last one, and which of it failed: `count`, when that is not known */
	struct timer group[GROUP_MAX];
	int64_t next_ms[GROUP_MAX];
	struct text error;
};

/* ---- setting and clearing ---- */

/* A timer waits until next_ms: when it is due, or when it is tried again. NULL: it is on hold, or its due time is not known. */
static enum store_code set(struct tx *tx, unsigned district, const char *kind, const char *resource, int64_t record, int64_t due_ms,
                           struct text from_on, int64_t workdays)
{
	return db_exec(tx->db, "INSERT INTO timer (district, id, kind, resource, record, due_ms, next_ms, set_ms, from_on, workdays, tries)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0)"
		" ON CONFLICT (district, resource, record, kind) DO UPDATE SET due_ms = excluded.due_ms,"
		" next_ms = CASE WHEN timer.held IS NULL THEN excluded.next_ms END, set_ms = excluded.set_ms,"
		" from_on = excluded.from_on, workdays = excluded.workdays, tries = 0, error = NULL",
		BIND(value_int(district), value_int(id_next(store_ids(tx->store), district)), value_text(text_of(kind)),
		     value_text(text_of(resource)), value_int(record), value_int(due_ms),
		     due_ms == TIMER_UNRESOLVED ? value_ref(0) : value_int(due_ms), value_int(tx->now_ms), value_text(from_on),
		     value_ref(workdays)), NULL);
}

enum store_code timer_set(struct tx *tx, unsigned district, const char *kind, const char *resource, int64_t record, int64_t due_ms)
{
	assert(due_ms != TIMER_UNRESOLVED);
	return set(tx, district, kind, resource, record, due_ms, TEXT_NONE, 0);
}

enum store_code timer_set_deadline(struct tx *tx, unsigned district, const char *kind, const char *resource, int64_t record,
                                   struct deadline deadline, int64_t from_ms, int64_t *due_ms)
{
	char from_on[DATE_CHARS];
	int64_t due = TIMER_UNRESOLVED;
	bool counted = deadline.unit == IN_WORKDAYS;
	deadline_ms(deadline, from_ms, &due);
	if (due_ms)
		*due_ms = due;
	date_put(from_on, date_of_ms(from_ms));
	return set(tx, district, kind, resource, record, due, counted ? (struct text){ from_on, DATE_CHARS } : TEXT_NONE,
	           counted ? deadline.amount : 0);
}

enum store_code timer_clear(struct tx *tx, unsigned district, const char *kind, const char *resource, int64_t record)
{
	if (!kind)
		return db_exec(tx->db, "DELETE FROM timer WHERE district = ?1 AND resource = ?2 AND record = ?3",
		               BIND(value_int(district), value_text(text_of(resource)), value_int(record)), NULL);
	return db_exec(tx->db, "DELETE FROM timer WHERE district = ?1 AND resource = ?2 AND record = ?3 AND kind = ?4",
		BIND(value_int(district), value_text(text_of(resource)), value_int(record), value_text(text_of(kind))), NULL);
}

const struct timer_kind *timer_kind_find(const struct app *app, struct text name)
{
	for (size_t m = 0; m < app->module_count; m++)
		for (size_t i = 0; i < app->modules[m]->timer_count; i++)
			if (text_is(name, app->modules[m]->timers[i].name))
				return &app->modules[m]->timers[i];
	return NULL;
}

const struct periodic *periodic_find(const struct app *app, struct text name)
{
	for (size_t m = 0; m < app->module_count; m++)
		for (size_t i = 0; i < app->modules[m]->periodic_count; i++)
			if (text_is(name, app->modules[m]->periodics[i].name))
				return &app->modules[m]->periodics[i];
	return NULL;
}

/* ---- firing ---- */

/* What is told of one that could not be fired. */
static struct text reason_of(struct arena *arena, struct call *call, enum store_code code)
{
	app_settle(call, code);
	const struct problem_row *row = &problem_rows[call->problem];
	struct text why = call->detail_zh.ptr ? call->detail_zh : text_of(row->zh);
	return text_cut(text_printf(arena, "%s: %.*s", row->code, TEXT_ARG(why)), ERROR_BYTES);
}

static enum store_code note_fired(struct tx *tx, struct timers *timers, const struct actor *actor, const struct timer *timer)
{
	struct buf detail = buf_in(&timers->one, 256, 2048);
	struct json_out json = json_out(&detail);
	json_begin_object(&json);
	JSON_TEXT(&json, "kind", timer->kind);
	JSON_TEXT(&json, "of", timer->resource);
	JSON_ID(&json, "record", timer->record);
	json_member_instant(&json, TEXT("due"), timer->due_ms);
	json_end_object(&json);
	return journal_write(tx, actor, &(struct journal_line){ .action = TEXT("fire"), .resource = TEXT("timer"), .record = timer->id,
		.places = { .area = timers->area }, .detail = buf_done(&detail) });
}

static enum store_code fire(struct tx *tx, struct timers *timers, const struct timer *timer, int64_t next_ms, struct call *call)
{
	int64_t gone = 0;
	enum store_code code = db_exec(tx->db, "DELETE FROM timer WHERE district = ?1 AND id = ?2 AND next_ms = ?3",
		BIND(value_int(timer->district), value_int(timer->id), value_int(next_ms)), &gone);
	if (code != STORE_OK || gone == 0) /* what fired before it has cleared it, or set it anew */
		return code;
	const struct timer_kind *kind = timer_kind_find(timers->app, timer->kind);
	if (!kind)
		return call_problem_detail(call, PROBLEM_INTERNAL, TEXT("这一版本的程序不认识此定时"),
			TEXT("This version of the program does not know the timer"));
	code = kind->fire(tx, call, timer);
	return code == STORE_OK ? note_fired(tx, timers, &call->actor, timer) : code;
}

/* Its next moment follows from the one before, not from the time it is now: so a clock that is put back repeats nothing. */
static enum store_code fire_periodic(struct tx *tx, struct timers *timers, const struct timer *timer, int64_t next_ms, struct call *call)
{
	int64_t moved = 0;
	const struct periodic *periodic = periodic_find(timers->app, timer->kind);
	if (!periodic)
		return call_problem_detail(call, PROBLEM_INTERNAL, TEXT("这一版本的程序不认识此定时"),
			TEXT("This version of the program does not know the timer"));
	bool each = periodic->missed == MISSED_EACH;
	int64_t moment = each ? timer->due_ms : moment_before(&periodic->moment, tx->now_ms);
	moment = moment < timer->due_ms ? timer->due_ms : moment;
	bool skips = periodic->missed == MISSED_SKIP && tx->now_ms - moment > SKIP_MS;
	enum store_code code = db_exec(tx->db, "UPDATE timer SET due_ms = ?1, next_ms = ?1, set_ms = ?2, tries = 0, error = NULL"
		" WHERE district = ?3 AND id = ?4 AND next_ms = ?5", BIND(value_int(moment_after(&periodic->moment, moment)),
		value_int(tx->now_ms), value_int(timer->district), value_int(timer->id), value_int(next_ms)), &moved);
	return code != STORE_OK || moved == 0 || skips ? code : periodic->run(tx, call, date_of_ms(moment));
}

static enum store_code fire_one(struct tx *tx, struct timers *timers, size_t i)
{
	const struct timer *timer = &timers->group[i];
	struct call call;
	arena_reset(&timers->one);
	call_start(&call, timers->app, &timers->one);
	call.actor = actor_local(timer->district, timers->area);
	memcpy(call.actor.name, "system", sizeof "system");
	memcpy(call.actor.channel, "timer", sizeof "timer");
	call.id = timer->record;
	enum store_code code = text_is(timer->resource, TIMER_PERIODIC) ? fire_periodic(tx, timers, timer, timers->next_ms[i], &call)
		: fire(tx, timers, timer, timers->next_ms[i], &call);
	if (code != STORE_OK) {
		timers->error = reason_of(&timers->arena, &call, code);
		timers->failed = i;
	}
	call_end(&call);
	return code;
}

static enum store_code read_group(struct tx *tx, struct timers *timers)
{
	struct rows *rows = db_query(tx->db, "SELECT id, kind, resource, record, due_ms, set_ms, next_ms FROM timer"
		" WHERE district = ?1 AND next_ms <= ?2 ORDER BY next_ms, id LIMIT ?3",
		BIND(value_int(timers->district), value_int(tx->now_ms), value_int((int64_t)timers->most)));
	arena_reset(&timers->arena);
	timers->count = 0;
	while (rows_next(rows)) {
		timers->next_ms[timers->count] = rows_int(rows, 6);
		timers->group[timers->count++] = (struct timer){ .id = rows_int(rows, 0), .district = timers->district,
			.kind = text_copy(&timers->arena, rows_text(rows, 1)), .resource = text_copy(&timers->arena, rows_text(rows, 2)),
			.record = rows_int(rows, 3), .due_ms = rows_int(rows, 4), .set_ms = rows_int(rows, 5) };
	}
	return rows_end(rows);
}

/* Some of what is due, in its order: all of it, or none. */
static enum store_code fire_group(struct tx *tx, void *arg)
{
	struct timers *timers = arg;
	int64_t began_ms = clock_steady_ms();
	timers->error = TEXT_NONE;
	timers->failed = SIZE_MAX;
	enum store_code code = read_group(tx, timers);
	for (size_t i = 0; i < timers->count && code == STORE_OK; i++) {
		int64_t took_ms = clock_steady_ms() - began_ms;
		if (i > 0 && (took_ms > ALONE_MS || (took_ms > BESIDE_MS && store_is_wanted(tx->store)))) {
			timers->count = i;
			break;
		}
		code = fire_one(tx, timers, i);
	}
	return code;
}

/* The group had one timer, and it was not fired: it stands back. */
static enum store_code stand_back(struct tx *tx, void *arg)
{
	struct timers *timers = arg;
	const struct timer *timer = &timers->group[0];
	struct value district = value_int(timer->district), id = value_int(timer->id);
	int64_t tries = db_int(tx->db, 0, "SELECT tries FROM timer WHERE district = ?1 AND id = ?2", BIND(district, id));
	int64_t pause_ms = (int64_t)RETRY_MS << (tries < RETRY_DOUBLED ? tries : RETRY_DOUBLED);
	pause_ms = pause_ms < RETRY_MOST_MS ? pause_ms : RETRY_MOST_MS;
	return db_exec(tx->db, "UPDATE timer SET tries = tries + 1, next_ms = ?1, error = ?2 WHERE district = ?3 AND id = ?4"
		" AND next_ms = ?5", BIND(value_int(tx->now_ms + pause_ms), value_text(timers->error), district, id,
		value_int(timers->next_ms[0])), NULL);
}

/* False: the store has no room, or is closing: that is not the timer's fault. */
static bool put_off(struct timers *timers, enum store_code code)
{
	const struct timer *timer = &timers->group[0];
	struct call call;
	call_start(&call, timers->app, &timers->arena);
	if (!timers->error.ptr) /* what was wrong showed at the commit */
		timers->error = reason_of(&timers->arena, &call, code);
	call_end(&call);
	if (store_command(timers->app->store, LANE_BULK, stand_back, timers) != STORE_OK)
		return false;
	log_error("timer %lld (%.*s) cannot be fired: %.*s", (long long)timer->id, TEXT_ARG(timer->kind), TEXT_ARG(timers->error));
	return true;
}

/* Who fails takes the group along. So the next one ends before it, and then it is alone. While people write, timers wait in their
 * lane and not behind it: what is due shall not wait for a quiet moment. */
static bool fire_some(struct timers *timers)
{
	struct store *store = timers->app->store;
	timers->count = 0;
	enum store_code code = store_command(store, store_is_wanted(store) ? LANE_INTERACTIVE : LANE_BULK, fire_group, timers);
	if (code == STORE_OK) {
		timers->most = timers->most * 2 < GROUP_MAX ? timers->most * 2 : GROUP_MAX;
		return timers->count > 0;
	}
	if (timers->count == 0)
		return false;
	if (timers->most == 1 || timers->failed == 0) {
		timers->most = 1;
		return put_off(timers, code);
	}
	timers->most = timers->failed < timers->most ? timers->failed : 1;
	return true;
}

/* ---- the runner ---- */

/* The district with what has been due for the longest. */
static enum store_code look(struct db *db, void *arg)
{
	struct timers *timers = arg;
	int64_t earliest = clock_now_ms(store_clock(timers->app->store));
	struct rows *rows = db_query(db, "SELECT d.number, d.area, (SELECT min(t.next_ms) FROM timer t WHERE t.district = d.number"
		" AND t.next_ms IS NOT NULL) FROM district d", BIND_NONE);
	timers->district = 0;
	timers->districts = 0;
	while (rows_next(rows)) {
		timers->districts++;
		if (rows_is_null(rows, 2) || rows_int(rows, 2) > earliest)
			continue;
		earliest = rows_int(rows, 2);
		timers->district = (unsigned)rows_int(rows, 0);
		timers->area = rows_int(rows, 1);
	}
	return rows_end(rows);
}

/* One that is due far later than it can be was moved on by a clock that had gone wrong; a clock that is put back by less than a day
 * moves nothing, so that nothing is repeated. */
static enum store_code add_periodic(struct tx *tx, unsigned district, const struct periodic *periodic)
{
	return db_exec(tx->db, "INSERT INTO timer (district, id, kind, resource, record, due_ms, next_ms, set_ms, tries)"
		" VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5, ?6, 0) ON CONFLICT (district, resource, record, kind) DO UPDATE"
		" SET due_ms = excluded.due_ms, next_ms = CASE WHEN timer.held IS NULL THEN excluded.next_ms END WHERE timer.due_ms > ?7",
		BIND(value_int(district), value_int(id_next(store_ids(tx->store), district)), value_text(text_of(periodic->name)),
		     value_text(TEXT(TIMER_PERIODIC)), value_int(moment_after(&periodic->moment, tx->now_ms)), value_int(tx->now_ms),
		     value_int(moment_after(&periodic->moment, tx->now_ms + DAY_MS))), NULL);
}

/* What is declared as periodic is there in each district. What another program could not fire, this one may: it is tried at once. */
static enum store_code prepare(struct tx *tx, void *arg)
{
	struct timers *timers = arg;
	const struct app *app = timers->app;
	struct rows *rows = db_query(tx->db, "SELECT number FROM district", BIND_NONE);
	while (rows_next(rows)) {
		unsigned district = (unsigned)rows_int(rows, 0);
		for (size_t m = 0; m < app->module_count; m++)
			for (size_t i = 0; i < app->modules[m]->periodic_count; i++)
				add_periodic(tx, district, &app->modules[m]->periodics[i]);
		db_exec(tx->db, "UPDATE timer SET next_ms = due_ms WHERE district = ?1 AND next_ms <= ?2 AND error IS NOT NULL",
			BIND(value_int(district), value_int(tx->now_ms + RETRY_MOST_MS)), NULL);
	}
	return rows_end(rows);
}

/* Deadlines in working days get their due time when the year's data have come. */
static enum store_code resolve(struct tx *tx, void *arg)
{
	struct timers *timers = arg;
	timers->resolved = 0;
	struct rows *rows = db_query(tx->db, "SELECT t.district, t.id, t.from_on, t.workdays FROM district d JOIN timer t"
		" ON t.district = d.number AND t.due_ms = ?1 ORDER BY t.from_on LIMIT ?2",
		BIND(value_int(TIMER_UNRESOLVED), value_int(RESOLVED)));
	while (rows_next(rows)) {
		struct date from;
		int64_t due_ms;
		if (!date_read(rows_text(rows, 2), &from) ||
		    !deadline_ms((struct deadline){ (int)rows_int(rows, 3), IN_WORKDAYS }, date_begins_ms(from), &due_ms))
			continue;
		timers->resolved++;
		db_exec(tx->db, "UPDATE timer SET due_ms = ?1, next_ms = CASE WHEN held IS NULL THEN ?1 END WHERE district = ?2 AND id = ?3",
			BIND(value_int(due_ms), value_int(rows_int(rows, 0)), value_int(rows_int(rows, 1))), NULL);
	}
	return rows_end(rows);
}

static void resolve_all(struct timers *timers)
{
	int64_t now_ms = clock_steady_ms();
	if (timers->resolved_at_ms != 0 && now_ms - timers->resolved_at_ms < RESOLVE_MS)
		return;
	timers->resolved_at_ms = now_ms;
	while (store_command(timers->app->store, LANE_BULK, resolve, timers) == STORE_OK && timers->resolved == RESOLVED)
		;
}

bool timers_advance(struct timers *timers)
{
	struct store *store = timers->app->store;
	if (!store_leads(store))
		timers->prepared = 0;
	if (!store_leads(store) || timers->app->stopping || store_read(store, 0, look, timers) != STORE_OK)
		return false;
	if (timers->prepared != timers->districts) {
		if (store_command(store, LANE_BULK, prepare, timers) != STORE_OK)
			return false;
		timers->prepared = timers->districts;
		return true; /* to look again */
	}
	resolve_all(timers);
	return timers->district != 0 && fire_some(timers);
}

static bool goes_on(struct timers *timers, int64_t pause_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)pause_ms * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&timers->lock);
	while (pause_ms > 0 && !timers->stopping &&
	       pthread_cond_clockwait(&timers->end, &timers->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
		;
	bool goes = !timers->stopping;
	pthread_mutex_unlock(&timers->lock);
	return goes;
}

static void *carry_on(void *arg)
{
	struct timers *timers = arg;
	while (goes_on(timers, 0))
		if (!timers_advance(timers))
			goes_on(timers, LOOK_MS);
	return NULL;
}

struct timers *timers_new(struct app *app)
{
	struct timers *timers = calloc(1, sizeof *timers);
	if (!timers)
		abort();
	timers->app = app;
	timers->most = GROUP_MAX;
	timers->arena = arena_new(ARENA_BYTES);
	timers->one = arena_new(ARENA_BYTES);
	pthread_mutex_init(&timers->lock, NULL);
	pthread_cond_init(&timers->end, NULL);
	return timers;
}

void timers_free(struct timers *timers)
{
	pthread_cond_destroy(&timers->end);
	pthread_mutex_destroy(&timers->lock);
	arena_free(&timers->arena);
	arena_free(&timers->one);
	free(timers);
}

void timers_start(struct app *app)
{
	struct timers *timers = timers_new(app);
	timers_warn(date_of_ms(clock_now_ms(store_clock(app->store))));
	if (pthread_create(&timers->thread, NULL, carry_on, timers) != 0)
		abort();
	app->timers = timers;
}

void timers_stop(struct timers *timers)
{
	if (!timers)
		return;
	pthread_mutex_lock(&timers->lock);
	timers->stopping = true;
	pthread_cond_signal(&timers->end);
	pthread_mutex_unlock(&timers->lock);
	pthread_join(timers->thread, NULL);
	timers_free(timers);
}
