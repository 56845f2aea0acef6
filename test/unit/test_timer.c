/* SPDX-License-Identifier: Apache-2.0 */
/* test_timer.c - timers fire when they are due, once, in their order, whatever the clock and the servers do.
 * Runs on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...), or on a file of its own. */
#include "care/modules.h"
#include "engine/job.h"
#include "engine/keys.h"
#include "engine/pack.h"
#include "engine/session.h"
#include "engine/timer.h"
#include "engine/workdays.h"
#include "moved.h"
#include "scratch.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { DISTRICT = 370, OTHER_DISTRICT = 371, MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS };
enum { FIRED_MAX = 20000, RECORDS = 40 };

static volatile int64_t now_ms;
static const struct clock test_clock = { .shared = &now_ms };
static char url[256], seal_file[128];
static struct app *apps[2];
static struct timers *runners[2];
static unsigned processes; /* that are on the store */
static struct arena arena;
static bool broken; /* what some kinds ask */
static int dies_in; /* so many firings from now the process is killed in the middle of one; 0: never */
static bool periodic_too; /* whether what was done periodically is looked at */

/* ---- what is declared ---- */

static enum store_code write_fired(struct tx *tx, unsigned district, struct text kind, int64_t record, int64_t due_ms)
{
	return db_exec(tx->db, "INSERT INTO test_fired (district, id, kind, record, due_ms, at_ms)"
		" SELECT ?1, coalesce(max(id), 0) + 1, ?2, ?3, ?4, ?5 FROM test_fired WHERE district = ?1",
		BIND(value_int(district), value_text(kind), value_int(record), value_int(due_ms), value_int(tx->now_ms)), NULL);
}

static enum store_code fire(struct tx *tx, struct call *call, const struct timer *timer)
{
	assert_int_equal(call->id, timer->record);
	assert_int_equal(call->actor.district, timer->district);
	assert_true(actor_covers(&call->actor, 370613000000000));
	if (dies_in > 0 && --dies_in == 0)
		raise(SIGKILL);
	return write_fired(tx, timer->district, timer->kind, timer->record, timer->due_ms);
}

/* It writes, and then thinks better of it. */
static enum store_code fire_fragile(struct tx *tx, struct call *call, const struct timer *timer)
{
	enum store_code code = write_fired(tx, timer->district, timer->kind, timer->record, timer->due_ms);
	return code == STORE_OK && broken ? call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("还不行"), TEXT("Not yet")) : code;
}

/* What is wrong may only show at the commit. */
static enum store_code fire_twice(struct tx *tx, struct call *call, const struct timer *timer)
{
	(void)call;
	return broken ? db_exec(tx->db, "INSERT INTO test_fired SELECT * FROM test_fired WHERE district = ?1",
	                        BIND(value_int(timer->district)), NULL) : STORE_OK;
}

/* It sets itself anew, and ends the other timer of its record. */
static enum store_code fire_again(struct tx *tx, struct call *call, const struct timer *timer)
{
	enum store_code code = fire(tx, call, timer);
	if (code == STORE_OK)
		code = timer_clear(tx, timer->district, "test.plain", "thing", timer->record);
	return code == STORE_OK ? timer_set(tx, timer->district, "test.again", "thing", timer->record, timer->due_ms + HOUR_MS) : code;
}

static const struct timer_kind kinds[] = {
	{ "test.plain", "平常", "plain", fire }, { "test.other", "另一种", "other", fire }, { "test.fragile", "易坏", "fragile", fire_fragile },
	{ "test.twice", "重复", "twice", fire_twice }, { "test.again", "再来", "again", fire_again },
};

static enum store_code run_once(struct tx *tx, struct call *call, struct date day)
{
	return write_fired(tx, call->actor.district, TEXT("once"), date_to_days(day), 0);
}

static enum store_code run_each(struct tx *tx, struct call *call, struct date day)
{
	return write_fired(tx, call->actor.district, TEXT("each"), date_to_days(day), 0);
}

static enum store_code run_skip(struct tx *tx, struct call *call, struct date day)
{
	return write_fired(tx, call->actor.district, TEXT("skip"), date_to_days(day), 0);
}

static const struct periodic periodics[] = {
	{ "test.once", "补一次", "once", { EVERY_DAY, 0, 2, 30 }, MISSED_ONCE, run_once },
	{ "test.each", "逐次补", "each", { EVERY_MONTH, 31, 23, 0 }, MISSED_EACH, run_each },
	{ "test.skip", "不补", "skip", { EVERY_WEEK, 1, 8, 0 }, MISSED_SKIP, run_skip },
};

static const char *const steps[] = {
	"CREATE TABLE test_fired (district INTEGER NOT NULL, id INTEGER NOT NULL, kind TEXT NOT NULL, record INTEGER NOT NULL,"
	" due_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID",
};
static const struct schema schema = { .owner = "test", .steps = steps, .count = COUNT(steps) };
static const struct module test_module = {
	.name = "test", .file = __FILE__, .schema = &schema, .timers = kinds, .timer_count = COUNT(kinds),
	.periodics = periodics, .periodic_count = COUNT(periodics),
};
static const struct module *const modules[] = { &account_module, &job_module, &area_module, &timer_module, &test_module };

/* ---- servers ---- */

static void start(unsigned i)
{
	enum store_open_result result;
	const struct keys_wish keys = { .file = seal_file };
	apps[i] = app_open(&(struct store_options){ .url = url, .clock = &test_clock, .workers = 4, .create = true }, &keys, modules,
	                   COUNT(modules), &result);
	assert_non_null(apps[i]);
	runners[i] = timers_new(apps[i]);
}

static void stop(unsigned i)
{
	timers_free(runners[i]);
	app_close(apps[i]);
	apps[i] = NULL;
}

static void stop_all(void)
{
	for (unsigned i = 0; i < processes; i++)
		stop(i);
}

static void start_all(void)
{
	for (unsigned i = 0; i < processes; i++)
		start(i);
}

/* The one that leads: on PostgreSQL another may take a moment to. */
static struct timers *leader(void)
{
	for (;;) {
		for (unsigned i = 0; i < processes; i++)
			if (store_leads(apps[i]->store))
				return runners[i];
		nanosleep(&(struct timespec){ .tv_nsec = 5 * 1000 * 1000 }, NULL);
	}
}

/* Until nothing is due; both may try. */
static void advance(void)
{
	struct timers *leads = leader();
	for (unsigned i = 0; i < processes; i++)
		if (runners[i] != leads)
			assert_false(timers_advance(runners[i]));
	while (timers_advance(leads))
		;
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 << 20);
	if (!scratch_make())
		return -1;
	scratch_url(url, sizeof url);
	snprintf(seal_file, sizeof seal_file, "%s/seal", scratch);
	processes = strncmp(url, "sqlite:", 7) == 0 ? 1 : 2;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return scratch_remove();
}

static enum store_code clean(struct tx *tx, void *arg)
{
	(void)arg;
	db_exec(tx->db, "DELETE FROM timer", BIND_NONE, NULL);
	db_exec(tx->db, "DELETE FROM test_fired", BIND_NONE, NULL);
	db_exec(tx->db, "DELETE FROM district", BIND_NONE, NULL);
	for (int64_t number = DISTRICT; number <= OTHER_DISTRICT; number++)
		db_exec(tx->db, "INSERT INTO district (number, name, plan, area) VALUES (?1, '某区', 'none', 370613000000000)",
		        BIND(value_int(number)), NULL);
	return db_code(tx->db);
}

static int begin(void **state)
{
	(void)state;
	broken = periodic_too = false;
	struct date day = { 2026, 3, 2 };
	move_to(&now_ms, date_begins_ms(day) + 9 * HOUR_MS);
	arena_reset(&arena);
	start_all();
	return store_command(apps[0]->store, LANE_BULK, clean, NULL) == STORE_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < processes; i++)
		if (apps[i])
			stop(i);
	return workdays_load(standard_file("holidays.txt"));
}

/* ---- asking ---- */

struct wish {
	unsigned district;
	const char *kind; /* NULL: all, to be cleared */
	int64_t record, due_ms;
	bool clears;
	struct deadline deadline; /* with an amount: this, and due_ms is set to what it means */
	int64_t count; /* of so many records from this one on */
};

static enum store_code carry_out(struct tx *tx, void *arg)
{
	struct wish *wish = arg;
	enum store_code code = STORE_OK;
	if (wish->clears)
		return timer_clear(tx, wish->district, wish->kind, "thing", wish->record);
	if (wish->deadline.amount)
		return timer_set_deadline(tx, wish->district, wish->kind, "thing", wish->record, wish->deadline, now_ms, &wish->due_ms);
	for (int64_t i = 0; i < wish->count && code == STORE_OK; i++)
		code = timer_set(tx, wish->district, wish->kind, "thing", wish->record + i, wish->due_ms);
	return code;
}

static void want(struct wish wish)
{
	wish.count = wish.count ? wish.count : 1;
	assert_int_equal(store_command(apps[0] ? apps[0]->store : apps[1]->store, LANE_INTERACTIVE, carry_out, &wish), STORE_OK);
}

static void set_timer(const char *kind, int64_t record, int64_t due_ms)
{
	want((struct wish){ .district = DISTRICT, .kind = kind, .record = record, .due_ms = due_ms });
}

struct fired {
	unsigned district;
	char kind[32];
	int64_t record, due_ms, at_ms;
};
static struct fired fired[FIRED_MAX];
static size_t fired_count;

static enum store_code read_fired(struct db *db, void *district)
{
	struct rows *rows = db_query(db, "SELECT kind, record, due_ms, at_ms FROM test_fired WHERE district = ?1"
		" AND (?2 = 1 OR kind LIKE 'test.%') ORDER BY id", BIND(value_int(*(int *)district), value_int(periodic_too)));
	for (fired_count = 0; rows_next(rows) && fired_count < FIRED_MAX; fired_count++) {
		struct fired *f = &fired[fired_count];
		*f = (struct fired){ .record = rows_int(rows, 1), .due_ms = rows_int(rows, 2), .at_ms = rows_int(rows, 3) };
		snprintf(f->kind, sizeof f->kind, "%.*s", TEXT_ARG(rows_text(rows, 0)));
	}
	return rows_end(rows);
}

static size_t fired_in(int district)
{
	assert_int_equal(store_read(apps[0] ? apps[0]->store : apps[1]->store, 0, read_fired, &district), STORE_OK);
	return fired_count;
}

static int64_t number(const char *sql);
struct asked {
	const char *sql;
	int64_t found;
};

static enum store_code ask(struct db *db, void *arg)
{
	struct asked *asked = arg;
	struct text source = text_of(asked->sql);
	asked->found = db_int(db, -1, source.ptr, BIND_NONE);
	return db_code(db);
}

static int64_t number(const char *sql)
{
	struct asked asked = { .sql = sql };
	assert_int_equal(store_read(apps[0]->store, 0, ask, &asked), STORE_OK);
	return asked.found;
}

static int64_t at(int year, int month, int day, int hour, int minute)
{
	return date_begins_ms((struct date){ year, month, day }) + hour * HOUR_MS + minute * MINUTE_MS;
}

/* ---- tests ---- */

static void fires_when_due_in_its_order_once(void **state)
{
	(void)state;
	static const int order[] = { 5, 2, 9, 0, 7, 1, 8, 3, 6, 4 };
	for (size_t i = 0; i < COUNT(order); i++)
		set_timer("test.plain", 100 + order[i], now_ms + (1 + order[i]) * MINUTE_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), 0);
	move_to(&now_ms, now_ms + 3 * MINUTE_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), 3);
	move_to(&now_ms, now_ms + HOUR_MS);
	advance();
	advance();
	assert_int_equal(fired_in(DISTRICT), COUNT(order));
	for (size_t i = 0; i < fired_count; i++)
		assert_int_equal(fired[i].record, 100 + i);
}

static void one_of_each_kind_for_a_record(void **state)
{
	(void)state;
	set_timer("test.plain", 1, now_ms + MINUTE_MS);
	set_timer("test.plain", 1, now_ms + HOUR_MS);
	set_timer("test.other", 1, now_ms + MINUTE_MS);
	set_timer("test.plain", 2, now_ms + MINUTE_MS);
	set_timer("test.other", 2, now_ms + MINUTE_MS);
	set_timer("test.plain", 3, now_ms + MINUTE_MS);
	set_timer("test.other", 3, now_ms + MINUTE_MS);
	want((struct wish){ .district = DISTRICT, .kind = "test.plain", .record = 2, .clears = true });
	want((struct wish){ .district = DISTRICT, .record = 3, .clears = true });
	move_to(&now_ms, now_ms + MINUTE_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), 2);
	assert_string_equal(fired[0].kind, "test.other");
	assert_string_equal(fired[1].kind, "test.other");
	assert_int_equal(fired[1].record, 2);
	move_to(&now_ms, now_ms + HOUR_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), 3);
}

static void a_timer_may_set_itself_anew(void **state)
{
	(void)state;
	set_timer("test.again", 1, now_ms + MINUTE_MS);
	set_timer("test.plain", 1, now_ms + MINUTE_MS);
	move_to(&now_ms, now_ms + 3 * HOUR_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), 3); /* the other one was ended before its turn */
	assert_int_equal(number("SELECT count(*) FROM timer WHERE kind LIKE 'test.again'"), 1);
	assert_int_equal(number("SELECT count(*) FROM timer WHERE kind LIKE 'test.plain'"), 0);
}

static void districts_do_not_mix(void **state)
{
	(void)state;
	set_timer("test.plain", 1, now_ms);
	want((struct wish){ .district = OTHER_DISTRICT, .kind = "test.plain", .record = 1, .due_ms = now_ms });
	want((struct wish){ .district = OTHER_DISTRICT, .kind = "test.plain", .record = 1, .clears = true });
	want((struct wish){ .district = OTHER_DISTRICT, .kind = "test.plain", .record = 2, .due_ms = now_ms });
	advance();
	assert_int_equal(fired_in(DISTRICT), 1);
	assert_int_equal(fired[0].record, 1);
	assert_int_equal(fired_in(OTHER_DISTRICT), 1);
	assert_int_equal(fired[0].record, 2);
}

/* Nine that fail among ninety-one that do not. */
static void fails_among_others(const char *kind)
{
	broken = true;
	for (int i = 0; i < 100; i++)
		set_timer(i % 11 == 5 ? kind : "test.plain", i, now_ms + i);
	move_to(&now_ms, now_ms + MINUTE_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), 91);
	for (size_t i = 1; i < fired_count; i++)
		assert_true(fired[i].record > fired[i - 1].record);
	assert_int_equal(number("SELECT count(*) FROM timer WHERE error IS NOT NULL AND tries = 1"), 9);
	advance();
	assert_int_equal(number("SELECT count(*) FROM timer WHERE tries = 1"), 9);
	move_to(&now_ms, now_ms + 15000);
	advance();
	assert_int_equal(number("SELECT count(*) FROM timer WHERE tries = 2"), 9);
	move_to(&now_ms, now_ms + 15000); /* each time it takes longer */
	advance();
	assert_int_equal(number("SELECT count(*) FROM timer WHERE tries = 2"), 9);
	for (int i = 0; i < 20; i++) {
		move_to(&now_ms, now_ms + HOUR_MS);
		advance();
	}
	assert_int_equal(number("SELECT count(*) FROM timer WHERE tries = 22"), 9); /* never less often than once an hour */
	broken = false;
	move_to(&now_ms, now_ms + HOUR_MS);
	advance();
	assert_int_equal(number("SELECT count(*) FROM timer WHERE error IS NOT NULL"), 0);
}

static void who_fails_keeps_none_from_its_turn(void **state)
{
	(void)state;
	fails_among_others("test.fragile");
	assert_int_equal(fired_in(DISTRICT), 100);
}

static void nor_who_fails_at_the_commit(void **state)
{
	(void)state;
	fails_among_others("test.twice");
}

static void an_unknown_kind_stays_to_be_seen(void **state)
{
	(void)state;
	set_timer("test.gone", 1, now_ms);
	set_timer("test.plain", 2, now_ms);
	advance();
	assert_int_equal(fired_in(DISTRICT), 1);
	assert_int_equal(number("SELECT count(*) FROM timer WHERE kind = 'test.gone' AND tries = 1 AND error LIKE 'internal: %'"), 1);
	advance();
	assert_int_equal(number("SELECT max(tries) FROM timer"), 1);
	stop_all(); /* the next program may know it */
	start_all();
	advance();
	assert_int_equal(number("SELECT max(tries) FROM timer"), 2);
}

static void a_clock_that_is_put_back_repeats_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 120; i++)
		set_timer("test.plain", i, now_ms + i * MINUTE_MS);
	move_to(&now_ms, now_ms + HOUR_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), 61);
	move_to(&now_ms, now_ms - HOUR_MS);
	for (int i = 0; i < 60; i++, move_to(&now_ms, now_ms + MINUTE_MS)) {
		advance();
		assert_int_equal(fired_in(DISTRICT), 61);
	}
	move_to(&now_ms, now_ms + HOUR_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), 120);
	for (size_t i = 0; i < fired_count; i++)
		assert_int_equal(fired[i].record, i);
}

static void deadlines(void **state)
{
	(void)state;
	static const struct {
		struct deadline deadline;
		int month, day, hour, minute;
	} known[] = { /* from Monday 2 March 2026, nine o'clock */
		{ { 30, IN_MINUTES }, 3, 2, 9, 30 }, { { 24, IN_HOURS }, 3, 3, 9, 0 }, { { 1, IN_DAYS }, 3, 4, 0, 0 },
		{ { 30, IN_DAYS }, 4, 2, 0, 0 }, { { 5, IN_WORKDAYS }, 3, 10, 0, 0 }, { { 25, IN_WORKDAYS }, 4, 8, 0, 0 },
	};
	for (size_t i = 0; i < COUNT(known); i++) {
		struct wish wish = { .district = DISTRICT, .kind = "test.plain", .record = 1, .deadline = known[i].deadline };
		assert_int_equal(store_command(apps[0]->store, LANE_INTERACTIVE, carry_out, &wish), STORE_OK);
		assert_int_equal(wish.due_ms, at(2026, known[i].month, known[i].day, known[i].hour, known[i].minute));
	}
}

static void a_deadline_in_an_unknown_year_waits_for_its_data(void **state)
{
	(void)state;
	move_to(&now_ms, at(2026, 12, 28, 9, 0));
	struct wish wish = { .district = DISTRICT, .kind = "test.plain", .record = 1, .deadline = { 5, IN_WORKDAYS } };
	assert_int_equal(store_command(apps[0]->store, LANE_INTERACTIVE, carry_out, &wish), STORE_OK);
	assert_int_equal(wish.due_ms, TIMER_UNRESOLVED);
	move_to(&now_ms, at(2027, 6, 1, 9, 0));
	advance();
	assert_int_equal(fired_in(DISTRICT), 0);
	assert_int_equal(workdays_load(TEXT("year 2026 x\n2026-12-31 off\nyear 2027 y\n2027-01-01 off\n2027-01-04 off\n")), 0);
	move_to(&now_ms, at(2027, 1, 1, 9, 0));
	stop_all();
	start_all();
	advance(); /* 29, 30 December, 5, 6, 7 January */
	assert_int_equal(number("SELECT min(next_ms) FROM timer WHERE kind = 'test.plain'"), at(2027, 1, 8, 0, 0));
	move_to(&now_ms, at(2027, 1, 8, 0, 0) - 1);
	advance();
	assert_int_equal(fired_in(DISTRICT), 0);
	move_to(&now_ms, now_ms + 1);
	advance();
	assert_int_equal(fired_in(DISTRICT), 1);
}

static void moments(void **state)
{
	(void)state;
	const struct moment daily = { EVERY_DAY, 0, 2, 30 }, monday = { EVERY_WEEK, 1, 8, 0 }, last = { EVERY_MONTH, 31, 0, 0 };
	assert_int_equal(moment_after(&daily, at(2024, 2, 28, 2, 30)), at(2024, 2, 29, 2, 30));
	assert_int_equal(moment_after(&daily, at(2024, 2, 28, 2, 29)), at(2024, 2, 28, 2, 30));
	assert_int_equal(moment_before(&daily, at(2024, 3, 1, 2, 29)), at(2024, 2, 29, 2, 30));
	assert_int_equal(moment_before(&daily, at(2024, 3, 1, 2, 30)), at(2024, 3, 1, 2, 30));
	assert_int_equal(moment_after(&monday, at(2026, 3, 2, 8, 0)), at(2026, 3, 9, 8, 0));
	assert_int_equal(moment_before(&monday, at(2026, 3, 2, 7, 59)), at(2026, 2, 23, 8, 0));
	assert_int_equal(moment_after(&last, at(2024, 1, 31, 0, 0)), at(2024, 2, 29, 0, 0));
	assert_int_equal(moment_after(&last, at(2025, 1, 31, 0, 0)), at(2025, 2, 28, 0, 0));
	assert_int_equal(moment_after(&last, at(2025, 4, 1, 0, 0)), at(2025, 4, 30, 0, 0));
	assert_int_equal(moment_before(&last, at(2025, 12, 30, 23, 59)), at(2025, 11, 30, 0, 0));
	assert_true(moment_is_one(&daily) && moment_is_one(&monday) && moment_is_one(&last));
	const struct moment wrong[] = { { EVERY_DAY, 1, 2, 0 }, { EVERY_WEEK, 0, 2, 0 }, { EVERY_WEEK, 8, 2, 0 }, { EVERY_MONTH, 32, 2, 0 },
		                        { EVERY_DAY, 0, 24, 0 }, { EVERY_DAY, 0, 0, 60 }, { EVERY_DAY, 0, -1, 0 } };
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(moment_is_one(&wrong[i]));
}

static size_t ran(const char *name, int year, int month, int day)
{
	size_t count = 0;
	for (size_t i = 0; i < fired_count; i++)
		count += strcmp(fired[i].kind, name) == 0 &&
		         (year == 0 || fired[i].record == date_to_days((struct date){ year, month, day }));
	return count;
}

static void what_was_missed_is_done_as_it_says(void **state)
{
	(void)state;
	periodic_too = true;
	advance(); /* from here on they are there: Monday 2 March, nine o'clock */
	move_to(&now_ms, at(2026, 6, 10, 12, 0)); /* a Wednesday */
	advance();
	fired_in(DISTRICT);
	assert_int_equal(ran("once", 0, 0, 0), 1);
	assert_int_equal(ran("once", 2026, 6, 10), 1);
	assert_int_equal(ran("each", 0, 0, 0), 3);
	assert_int_equal(ran("each", 2026, 3, 31) + ran("each", 2026, 4, 30) + ran("each", 2026, 5, 31), 3);
	assert_int_equal(ran("skip", 0, 0, 0), 0);
	move_to(&now_ms, at(2026, 6, 15, 8, 0));
	advance();
	fired_in(DISTRICT);
	assert_int_equal(ran("skip", 2026, 6, 15), 1);
	assert_int_equal(ran("once", 2026, 6, 15), 1);
	assert_int_equal(ran("once", 0, 0, 0), 2);
	move_to(&now_ms, now_ms - DAY_MS);
	advance();
	move_to(&now_ms, now_ms + DAY_MS);
	advance();
	assert_int_equal(fired_in(OTHER_DISTRICT), fired_in(DISTRICT));
	assert_int_equal(fired_count, 6);
	/* One that has been skipped for months is there at its moment all the same. */
	move_to(&now_ms, at(2026, 12, 7, 8, 0));
	advance();
	fired_in(DISTRICT);
	assert_int_equal(ran("skip", 2026, 12, 7), 1);
	assert_int_equal(ran("skip", 0, 0, 0), 2);
}

static void a_clock_that_was_wrong_for_a_while_stops_nothing(void **state)
{
	(void)state;
	periodic_too = true;
	advance();
	move_to(&now_ms, now_ms + INT64_C(400) * DAY_MS);
	advance();
	move_to(&now_ms, now_ms - INT64_C(400) * DAY_MS);
	stop_all();
	start_all();
	advance();
	size_t before = fired_in(DISTRICT);
	move_to(&now_ms, at(2026, 3, 3, 2, 30));
	advance();
	assert_int_equal(fired_in(DISTRICT), before + 1);
	assert_int_equal(ran("once", 2026, 3, 3), 1);
	move_to(&now_ms, now_ms - HOUR_MS); /* but what was done is not done again */
	stop_all();
	start_all();
	advance();
	move_to(&now_ms, now_ms + HOUR_MS);
	advance();
	assert_int_equal(fired_in(DISTRICT), before + 1);
}

/* ---- ten years ---- */

struct expected {
	int64_t due_ms; /* 0: none is set */
};
static struct expected expected[2][RECORDS];
static const char *const ten_kinds[] = { "test.plain", "test.other" };

/* What has fired since the last look is what was due: each once, in its order. */
static void check_fired(size_t *seen)
{
	int64_t before_ms = 0;
	fired_in(DISTRICT);
	for (size_t i = *seen; i < fired_count; i++) {
		int kind = strcmp(fired[i].kind, ten_kinds[1]) == 0;
		if (strcmp(fired[i].kind, ten_kinds[kind]) != 0)
			continue;
		struct expected *one = &expected[kind][fired[i].record];
		assert_true(one->due_ms != 0 && one->due_ms <= now_ms);
		assert_int_equal(fired[i].due_ms, one->due_ms);
		assert_true(fired[i].due_ms >= before_ms);
		before_ms = fired[i].due_ms;
		one->due_ms = 0;
	}
	*seen = fired_count;
	for (int k = 0; k < 2; k++)
		for (int r = 0; r < RECORDS; r++)
			assert_true(expected[k][r].due_ms == 0 || expected[k][r].due_ms > now_ms);
}

static void set_some(void)
{
	static const struct deadline some[] = { { 30, IN_MINUTES }, { 48, IN_HOURS }, { 1, IN_DAYS }, { 30, IN_DAYS }, { 366, IN_DAYS } };
	for (int i = 0; i < 4; i++) {
		int kind = rand() % 2, record = rand() % RECORDS;
		if (rand() % 5 == 0) {
			want((struct wish){ .district = DISTRICT, .kind = ten_kinds[kind], .record = record, .clears = true });
			expected[kind][record].due_ms = 0;
			continue;
		}
		struct wish wish = { .district = DISTRICT, .kind = ten_kinds[kind], .record = record, .deadline = some[rand() % 5] };
		assert_int_equal(store_command(apps[0]->store, LANE_INTERACTIVE, carry_out, &wish), STORE_OK);
		expected[kind][record].due_ms = wish.due_ms;
	}
}

/* Periodic ones over all those years: never twice for a day, and the monthly one for every month. */
static void check_periodic(void)
{
	static int64_t months[200];
	size_t count = 0;
	for (size_t i = 0; i < fired_count; i++)
		for (size_t k = i + 1; k < fired_count && k < i + 400; k++)
			if (fired[i].due_ms == 0 && fired[k].due_ms == 0 && strcmp(fired[i].kind, fired[k].kind) == 0)
				assert_true(fired[i].record < fired[k].record);
	for (size_t i = 0; i < fired_count; i++)
		if (strcmp(fired[i].kind, "each") == 0)
			months[count++] = fired[i].record;
	assert_true(count >= 119 && count <= 121);
	for (size_t i = 0; i < count; i++) {
		struct date day = date_from_days(months[i]), next = date_from_days(months[i] + 1);
		assert_int_equal(next.day, 1);
		if (i > 0)
			assert_int_equal(next.month, date_from_days(months[i - 1] + 1).month % 12 + 1);
		assert_true(day.day >= 28);
	}
}

static void ten_years_with_restarts_and_steps_of_the_clock(void **state)
{
	(void)state;
	const int64_t last_ms = now_ms + INT64_C(3653) * DAY_MS;
	periodic_too = true;
	size_t seen = 0;
	srand(20260302);
	memset(expected, 0, sizeof expected);
	advance();
	for (int step = 0; now_ms < last_ms; step++) {
		set_some();
		move_to(&now_ms, now_ms + (int64_t)(rand() % (rand() % 4 == 0 ? 20 * 24 * 60 : 36 * 60)) * MINUTE_MS);
		if (rand() % 10 == 0)
			move_to(&now_ms, now_ms + (rand() % 2 ? HOUR_MS : -HOUR_MS));
		if (rand() % 40 == 0) { /* on two processes it may be the one that leads */
			unsigned i = (unsigned)rand() % processes;
			stop(i);
			start(i);
		}
		advance();
		check_fired(&seen);
	}
	check_periodic();
}

/* ---- killed ---- */

static _Noreturn void be_a_server(int firings)
{
	dies_in = firings;
	start(0);
	for (;;)
		timers_advance(runners[0]);
}

static void killed_in_the_middle_nothing_is_lost_or_done_twice(void **state)
{
	(void)state;
	enum { KILLS = 8, MANY = 18000, FIRINGS_MAX = 1000 };
	want((struct wish){ .district = DISTRICT, .kind = "test.plain", .record = 0, .due_ms = now_ms + MINUTE_MS, .count = MANY });
	move_to(&now_ms, now_ms + MINUTE_MS);
	stop_all();
	for (int kills = 0; kills < KILLS; kills++) {
		pid_t children[2] = { 0 };
		for (unsigned i = 0; i < processes; i++) {
			int firings = 1 + rand() % FIRINGS_MAX;
			if ((children[i] = fork()) == 0)
				be_a_server(firings);
		}
		pid_t dead = waitpid(-1, NULL, 0);
		for (unsigned i = 0; i < processes; i++)
			if (children[i] != dead) {
				assert_int_equal(kill(children[i], SIGKILL), 0);
				assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
			}
	}
	start_all();
	size_t before = fired_in(DISTRICT);
	assert_true(before > 0 && before < MANY);
	advance();
	assert_int_equal(fired_in(DISTRICT), MANY);
	for (size_t i = 0; i < fired_count; i++)
		assert_int_equal(fired[i].record, i);
}

/* ---- how quickly ---- */

static bool writing;
static int64_t slowest_us, writes;

static enum store_code write_something(struct tx *tx, void *arg)
{
	(void)arg;
	return db_exec(tx->db, "UPDATE district SET name = '甲区' WHERE number = ?1", BIND(value_int(DISTRICT)), NULL);
}

static void *keep_writing(void *arg)
{
	while (__atomic_load_n(&writing, __ATOMIC_RELAXED)) {
		int64_t began_us = clock_steady_us();
		store_command(arg, LANE_INTERACTIVE, write_something, NULL);
		int64_t took_us = clock_steady_us() - began_us;
		slowest_us = took_us > slowest_us ? took_us : slowest_us;
		writes++;
		nanosleep(&(struct timespec){ .tv_nsec = 2 * 1000 * 1000 }, NULL);
	}
	return NULL;
}

/* While other threads look at it. */
static void forward(int64_t ms)
{
	__atomic_store_n(&now_ms, now_ms + ms, __ATOMIC_RELAXED);
}

static int64_t fire_ten_thousand(void)
{
	want((struct wish){ .district = DISTRICT, .kind = "test.plain", .record = 1, .due_ms = now_ms + MINUTE_MS, .count = 10000 });
	advance();
	forward(MINUTE_MS);
	int64_t began_ms = clock_steady_ms();
	advance();
	return clock_steady_ms() - began_ms;
}

/* On a machine of its own; other tests run beside this one, and builds that look for mistakes are slow. */
static void ten_thousand_at_once(void **state)
{
	(void)state;
	pthread_t thread;
	int64_t alone_ms = fire_ten_thousand();
	writing = true;
	slowest_us = writes = 0;
	assert_int_equal(pthread_create(&thread, NULL, keep_writing, apps[0]->store), 0);
	int64_t beside_ms = fire_ten_thousand();
	__atomic_store_n(&writing, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(fired_in(DISTRICT), 20000);
	printf("10000 timers: %lld ms alone; %lld ms beside %lld writes, the slowest of which took %lld ms\n", (long long)alone_ms,
	       (long long)beside_ms, (long long)writes, (long long)slowest_us / 1000);
}

/* The thread notices by itself that the clock was put forward, and that another process has set a timer. */
static void the_runner_notices_within_a_second(void **state)
{
	(void)state;
	for (unsigned i = 0; i < processes; i++)
		timers_start(apps[i]);
	for (int i = 0; i < 5; i++) {
		set_timer("test.plain", i, now_ms + HOUR_MS);
		forward(HOUR_MS);
		int64_t began_ms = clock_steady_ms();
		leader();
		while (fired_in(DISTRICT) < (size_t)i + 1 && clock_steady_ms() - began_ms < 20000)
			nanosleep(&(struct timespec){ .tv_nsec = 5 * 1000 * 1000 }, NULL);
		assert_int_equal(fired_count, i + 1);
		if (clock_steady_ms() - began_ms > 1000)
			printf("it took %lld ms\n", (long long)(clock_steady_ms() - began_ms));
	}
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH_STORE(fires_when_due_in_its_order_once),
		WITH_STORE(one_of_each_kind_for_a_record),
		WITH_STORE(a_timer_may_set_itself_anew),
		WITH_STORE(districts_do_not_mix),
		WITH_STORE(who_fails_keeps_none_from_its_turn),
		WITH_STORE(nor_who_fails_at_the_commit),
		WITH_STORE(an_unknown_kind_stays_to_be_seen),
		WITH_STORE(a_clock_that_is_put_back_repeats_nothing),
		WITH_STORE(deadlines),
		WITH_STORE(a_deadline_in_an_unknown_year_waits_for_its_data),
		cmocka_unit_test(moments),
		WITH_STORE(what_was_missed_is_done_as_it_says),
		WITH_STORE(a_clock_that_was_wrong_for_a_while_stops_nothing),
		WITH_STORE(ten_years_with_restarts_and_steps_of_the_clock),
		WITH_STORE(killed_in_the_middle_nothing_is_lost_or_done_twice),
		WITH_STORE(ten_thousand_at_once),
		WITH_STORE(the_runner_notices_within_a_second),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
