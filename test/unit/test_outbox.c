/* SPDX-License-Identifier: Apache-2.0 */
/* test_outbox.c - a message is there when what it tells of is, and not otherwise; it is settled once.
 * Runs on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...), or on a file of its own. */
#include "base/crypto.h"
#include "care/modules.h"
#include "engine/claim.h"
#include "engine/flow.h"
#include "engine/job.h"
#include "engine/keys.h"
#include "engine/outbox.h"
#include "engine/session.h"
#include "engine/timer.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { DISTRICT = 370 };
#define AREA INT64_C(370613001011000)

static volatile int64_t now_ms;
static const struct clock test_clock = { .shared = &now_ms };
static const struct module *const modules[] = { &account_module, &claim_module, &job_module, &timer_module, &flow_module, &gateway_module,
	                                        &outbox_module, CAPABILITIES(CAPABILITY_ROW) };
static struct app *app;
static struct arena arena;
static struct timers *timers;

static enum store_code lay_ground(struct tx *tx, void *arg)
{
	(void)arg;
	db_exec(tx->db, "INSERT INTO district (number, name, plan, area) VALUES (?1, '某区', 'none', 370613000000000)",
	        BIND(value_int(DISTRICT)), NULL);
	db_exec(tx->db, "INSERT INTO area (district, id, version, created_at, updated_at, name, level) VALUES (?1, ?2, 1, 0, 0, '某社区',"
		" 'community')", BIND(value_int(DISTRICT), value_int(AREA)), NULL);
	/* Its secret does not open: whoever sends has nothing to do here. */
	db_exec(tx->db, "INSERT INTO gateway (district, id, version, created_at, updated_at, channel, url, secret) VALUES (?1, 1, 1, 0, 0,"
		" 'sms', 'https://sms.example.cn/', '***')", BIND(value_int(DISTRICT)), NULL);
	return db_code(tx->db);
}

static int setup(void **state)
{
	char url[256], seal_file[128];
	enum store_open_result result;
	(void)state;
	now_ms = date_begins_ms((struct date){ 2026, 3, 2 });
	arena = arena_new((size_t)64 << 20);
	if (!scratch_make())
		return -1;
	scratch_url(url, sizeof url);
	snprintf(seal_file, sizeof seal_file, "%s/seal", scratch);
	const struct keys_wish keys = { .file = seal_file };
	app = app_open(&(struct store_options){ .url = url, .clock = &test_clock, .workers = 4, .create = true }, &keys, modules,
	               COUNT(modules), &result);
	timers = app ? timers_new(app) : NULL;
	if (!app || store_command(app->store, LANE_BULK, lay_ground, NULL) != STORE_OK)
		return -1;
	app->home_area = INT64_C(370613000000000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	timers_free(timers);
	app_close(app);
	arena_free(&arena);
	return scratch_remove();
}

/* ---- asking ---- */

struct asked {
	const char *sql;
	int64_t found;
};

static enum store_code ask(struct db *db, void *arg)
{
	struct asked *asked = arg;
	asked->found = db_int(db, -1, asked->sql, BIND_NONE);
	return db_code(db);
}

static int64_t number(const char *sql)
{
	struct asked asked = { .sql = sql };
	assert_int_equal(store_read(app->store, 0, ask, &asked), STORE_OK);
	return asked.found;
}

struct wish {
	struct message message;
	bool changes_its_mind; /* whoever sends it */
	enum problem problem;
};

static enum store_code send(struct tx *tx, void *arg)
{
	struct wish *wish = arg;
	struct call call;
	call_start(&call, app, &arena);
	call.actor = actor_local(DISTRICT, AREA);
	enum store_code code = message_send(tx, &call, &wish->message);
	wish->problem = call.problem;
	call_end(&call);
	return code == STORE_OK && wish->changes_its_mind ? STORE_REFUSED : code;
}

static struct wish to(const char *phone)
{
	return (struct wish){ .message = { .channel = "sms", .kind = "visit.missed", .text = TEXT("请回电"), .about = TEXT("visit/1"),
		.to_name = TEXT("某人"), .to_phone = text_of(phone), .area = AREA } };
}

static enum store_code want(struct wish *wish)
{
	return store_command(app->store, LANE_INTERACTIVE, send, wish);
}

static void fire_what_is_due(void)
{
	while (!store_leads(app->store))
		nanosleep(&(struct timespec){ .tv_nsec = 5 * 1000 * 1000 }, NULL);
	while (timers_advance(timers))
		;
}

struct settling {
	struct outgoing outgoing;
	struct outcome outcome;
};

static enum store_code settle(struct tx *tx, void *arg)
{
	const struct settling *settling = arg;
	struct call call;
	call_start(&call, app, &arena);
	outbox_act(&call, &settling->outgoing);
	enum store_code code = outbox_settle(tx, &call, &settling->outgoing, &settling->outcome);
	call_end(&call);
	return code;
}

static enum store_code look(struct db *db, void *arg)
{
	struct settling *settling = arg;
	size_t count = 0;
	enum store_code code = outbox_look(db, &settling->outgoing, 1, &count);
	return code == STORE_OK && count == 0 ? STORE_REFUSED : code;
}

/* ---- what must hold ---- */

static void a_message_is_there_when_its_change_is(void **state)
{
	struct wish fine = to("13800138000"), undone = to("13800138001"), wrong = to("13800138002");
	(void)state;
	undone.changes_its_mind = true;
	wrong.message.channel = "fax";
	assert_int_equal(want(&fine), STORE_OK);
	assert_int_equal(want(&undone), STORE_REFUSED);
	assert_int_equal(want(&wrong), STORE_REFUSED);
	assert_int_equal(wrong.problem, PROBLEM_INVALID);
	assert_int_equal(number("SELECT count(*) FROM message"), 1);
	assert_int_equal(number("SELECT count(*) FROM message WHERE state = 'waiting' AND about = 'visit/1'"), 1);
	assert_int_equal(number("SELECT count(*) FROM timer WHERE kind = 'message.send'"), 1);
	assert_int_equal(number("SELECT count(*) FROM outbox"), 0);
}

static void where_nobody_takes_it_somebody_calls(void **state)
{
	struct wish wish = to("13800138000"), silent = to(NULL);
	(void)state;
	wish.message.channel = "voice";
	silent.message.to_openid = TEXT("o-1");
	assert_int_equal(want(&wish), STORE_OK);
	assert_int_equal(want(&silent), STORE_OK);
	assert_int_equal(number("SELECT count(*) FROM message WHERE state = 'by_hand' AND error = 'no_gateway'"), 1);
	assert_int_equal(number("SELECT count(*) FROM message WHERE state = 'by_hand' AND error = 'no_phone'"), 1);
	assert_int_equal(number("SELECT count(*) FROM timer WHERE kind = 'message.send'"), 1);
}

static void what_is_settled_stays_so(void **state)
{
	struct settling first = { .outcome = { .tried = true, .delivered = true } }, second;
	(void)state;
	assert_int_equal(store_read(app->store, 0, look, &first), STORE_REFUSED);
	fire_what_is_due();
	assert_int_equal(number("SELECT count(*) FROM outbox"), 1);
	assert_int_equal(store_read(app->store, 0, look, &first), STORE_OK);
	assert_string_equal(first.outgoing.channel, "sms");
	second = first;
	second.outcome = (struct outcome){ .tried = true, .error = "http_500" };
	assert_int_equal(store_command(app->store, LANE_BULK, settle, &first), STORE_OK);
	assert_int_equal(store_command(app->store, LANE_BULK, settle, &second), STORE_OK);
	assert_int_equal(number("SELECT count(*) FROM message WHERE state = 'sent' AND attempts = 1 AND error IS NULL"), 1);
	assert_int_equal(number("SELECT count(*) FROM outbox"), 0);
	assert_int_equal(number("SELECT count(*) FROM timer WHERE kind = 'message.send'"), 0);
}

/* The example of Standard Webhooks' own libraries. */
static void the_signature_is_that_of_the_reference(void **state)
{
	struct text key;
	unsigned char mac[HASH_BYTES];
	(void)state;
	assert_true(base64_read(&arena, TEXT("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key));
	hash_hmac(key, TEXT("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}"), mac);
	assert_true(text_is(base64(&arena, (struct text){ (const char *)mac, sizeof mac }), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
}

static void base64_is_read_as_it_is_written(void **state)
{
	static const char *const wrong[] = { "A", "AA", "AAA", "A===", "====", "AA-_", "AA A", "AAAA=", "AA=A", "AAAAA===" };
	struct text read;
	(void)state;
	for (size_t len = 0; len < 70; len++) {
		char bytes[70];
		random_bytes(bytes, len);
		struct text plain = { bytes, len }, written = base64(&arena, plain);
		assert_int_equal(written.len, (len + 2) / 3 * 4);
		assert_true(base64_read(&arena, written, &read));
		assert_true(text_eq(read, plain));
	}
	assert_true(text_is(base64(&arena, TEXT("\xfb\xff\xfe!")), "+//+IQ=="));
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(base64_read(&arena, text_of(wrong[i]), &read));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_there_when_its_change_is),
		cmocka_unit_test(where_nobody_takes_it_somebody_calls),
		cmocka_unit_test(what_is_settled_stays_so),
		cmocka_unit_test(the_signature_is_that_of_the_reference),
		cmocka_unit_test(base64_is_read_as_it_is_written),
	};
	return cmocka_run_group_tests_name("outbox", tests, setup, teardown);
}
