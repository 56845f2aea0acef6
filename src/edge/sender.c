/* SPDX-License-Identifier: Apache-2.0 */
/* sender.c - messages go out.
 *
 * The process that leads the store sends, to each gateway one message at a time, so that they come in their order and one that
 * hangs keeps no other from its turn. */
#include "edge/sender.h"

#include "base/log.h"
#include "engine/journal.h"
#include "engine/keys.h"
#include "engine/outbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATEWAYS_MAX = 64, LOOK_MS = 250, HANDED_BYTES = 16 << 20, ERROR_MAX = 32 };

/* One gateway at work. */
struct handed {
	struct sender *sender;
	bool busy, answered; /* the second: only the store has to learn of it */
	struct outgoing outgoing;
	struct webhook hook;
	struct arena arena;
	struct call call;
	struct letter letter;
	struct outcome outcome;
	char error[ERROR_MAX]; /* of the outcome */
};

struct sender {
	struct app *app;
	const struct webhook_wish *wish;
	pthread_t thread;
	_Atomic bool stopping;
	CURLM *multi;
	struct handed at_work[GATEWAYS_MAX];
	struct outgoing found[GATEWAYS_MAX];
	size_t found_count;
};

/* ---- one message ---- */

static enum store_code open_letter(struct db *db, void *arg)
{
	struct handed *handed = arg;
	call_again(&handed->call);
	return outbox_open(db, &handed->call, &handed->outgoing, &handed->letter);
}

static enum store_code refresh_keys(struct db *db, void *arg)
{
	return keys_refresh(arg, db);
}

static enum store_code settle(struct tx *tx, void *arg)
{
	struct handed *handed = arg;
	return outbox_settle(tx, &handed->call, &handed->outgoing, &handed->outcome);
}

static void tell(const struct handed *handed)
{
	const struct outcome *outcome = &handed->outcome;
	if (outcome->gone)
		log_warn("gateway %lld (%s) answers 410: it takes no messages any more, and has ended", (long long)outcome->gone,
		         handed->outgoing.channel);
	else if (outcome->error)
		log_info("message %lld (%s) was not sent: %s", (long long)handed->outgoing.message, handed->outgoing.channel, outcome->error);
}

static void begin_call(struct handed *handed)
{
	arena_reset(&handed->arena);
	call_start(&handed->call, handed->sender->app, &handed->arena);
	outbox_act(&handed->call, &handed->outgoing);
}

/* Where the store cannot take the outcome now, it is told again later: the message is not sent twice because a disk is full. */
static void finish(struct handed *handed)
{
	bool again = handed->answered;
	call_end(&handed->call);
	begin_call(handed);
	handed->answered = store_command(handed->sender->app->store, LANE_BULK, settle, handed) != STORE_OK;
	if (handed->answered) {
		if (!again)
			log_error("message %lld: the store does not take what became of it; it is told again",
			          (long long)handed->outgoing.message);
		return;
	}
	tell(handed);
	call_end(&handed->call);
	handed->busy = false;
}

static void finish_all(struct sender *sender)
{
	for (size_t i = 0; i < GATEWAYS_MAX; i++)
		if (sender->at_work[i].busy && sender->at_work[i].answered)
			finish(&sender->at_work[i]);
}

static bool call_gateway(struct handed *handed)
{
	const struct letter *letter = &handed->letter;
	struct sender *sender = handed->sender;
	if (!webhook_begin(&handed->hook, sender->wish, &handed->arena, letter->gateway.url, letter->gateway.key, letter->id,
	                   clock_now_ms(store_clock(sender->app->store)), letter->body))
		return false;
	if (curl_multi_add_handle(sender->multi, handed->hook.easy) == CURLM_OK)
		return true;
	webhook_end(&handed->hook, &handed->arena, CURLE_FAILED_INIT);
	return false;
}

/* False: it is settled already, or could not be read. */
static bool begin(struct handed *handed, const struct outgoing *outgoing)
{
	struct app *app = handed->sender->app;
	struct letter *letter = &handed->letter;
	handed->outgoing = *outgoing;
	handed->outcome = (struct outcome){ 0 };
	begin_call(handed);
	handed->busy = true;
	enum store_code code = store_read(app->store, 0, open_letter, handed);
	if (code == STORE_OK && !letter->over && !letter->nobody && !letter->gateway.key.ptr &&
	    store_read(app->store, 0, refresh_keys, app->keys) == STORE_OK)
		code = store_read(app->store, 0, open_letter, handed);
	if (code != STORE_OK) {
		call_end(&handed->call);
		handed->busy = false;
		return false;
	}
	handed->outcome.nobody = letter->nobody != NULL;
	handed->outcome.error = letter->nobody;
	if (!letter->over && !letter->nobody) {
		handed->outcome.tried = true;
		handed->outcome.error = "cannot_be_opened";
		if (letter->gateway.key.ptr && call_gateway(handed))
			return true;
	}
	finish(handed);
	return false;
}

static void end(struct handed *handed, CURLcode code)
{
	curl_multi_remove_handle(handed->sender->multi, handed->hook.easy);
	struct webhook_answer answer = webhook_end(&handed->hook, &handed->arena, code);
	handed->outcome.delivered = answer.error == NULL;
	snprintf(handed->error, sizeof handed->error, "%s", answer.error ? answer.error : "");
	handed->outcome.error = answer.error ? handed->error : NULL;
	handed->outcome.retry_after_s = answer.retry_after_s;
	handed->outcome.gone = answer.status == 410 ? handed->letter.gateway.id : 0;
	finish(handed);
}

/* ---- all of them ---- */

static enum store_code look(struct db *db, void *arg)
{
	struct sender *sender = arg;
	return outbox_look(db, sender->found, GATEWAYS_MAX, &sender->found_count);
}

static bool is_of(const struct handed *handed, const struct outgoing *outgoing)
{
	return handed->busy && handed->outgoing.district == outgoing->district && strcmp(handed->outgoing.channel, outgoing->channel) == 0;
}

/* NULL: its gateway is at work already, or too many are. */
static struct handed *place_for(struct sender *sender, const struct outgoing *outgoing)
{
	struct handed *free_one = NULL;
	for (size_t i = 0; i < GATEWAYS_MAX; i++) {
		if (is_of(&sender->at_work[i], outgoing))
			return NULL;
		if (!sender->at_work[i].busy)
			free_one = &sender->at_work[i];
	}
	return free_one;
}

static void begin_all(struct sender *sender)
{
	struct store *store = sender->app->store;
	if (!store_leads(store) || store_read(store, 0, look, sender) != STORE_OK)
		return;
	for (size_t i = 0; i < sender->found_count && !sender->stopping; i++) {
		struct handed *handed = place_for(sender, &sender->found[i]);
		if (handed)
			begin(handed, &sender->found[i]);
	}
}

static bool end_some(struct sender *sender)
{
	int left = 0, running = 0;
	bool some = false;
	curl_multi_perform(sender->multi, &running);
	for (CURLMsg *said; (said = curl_multi_info_read(sender->multi, &left));) {
		struct webhook *hook = NULL;
		CURLcode code = said->data.result;
		if (said->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(said->easy_handle, CURLINFO_PRIVATE, (char **)&hook);
		end((struct handed *)(void *)((char *)hook - offsetof(struct handed, hook)), code);
		some = true;
	}
	return some;
}

/* While something is under way the store is asked for more each LOOK_MS, too: for other gateways. */
static void *carry_on(void *arg)
{
	struct sender *sender = arg;
	int64_t looked_ms = 0;
	while (!sender->stopping) {
		bool some = end_some(sender);
		int64_t now_ms = clock_steady_ms();
		if (some || now_ms - looked_ms >= LOOK_MS) {
			looked_ms = now_ms;
			finish_all(sender);
			begin_all(sender);
			curl_multi_perform(sender->multi, &(int){ 0 });
		}
		if (!sender->stopping)
			curl_multi_poll(sender->multi, NULL, 0, LOOK_MS, NULL);
	}
	return NULL;
}

void sender_start(struct app *app, const struct webhook_wish *wish)
{
	struct sender *sender = calloc(1, sizeof *sender);
	if (!sender || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(sender->multi = curl_multi_init()))
		abort();
	sender->app = app;
	sender->wish = wish;
	for (size_t i = 0; i < GATEWAYS_MAX; i++) {
		sender->at_work[i].sender = sender;
		sender->at_work[i].arena = arena_new(HANDED_BYTES);
	}
	if (pthread_create(&sender->thread, NULL, carry_on, sender) != 0)
		abort();
	app->sender = sender;
}

void sender_stop(struct app *app)
{
	struct sender *sender = app->sender;
	if (!sender)
		return;
	sender->stopping = true;
	curl_multi_wakeup(sender->multi);
	pthread_join(sender->thread, NULL);
	for (size_t i = 0; i < GATEWAYS_MAX; i++) {
		struct handed *handed = &sender->at_work[i];
		if (handed->hook.easy) {
			curl_easy_setopt(handed->hook.easy, CURLOPT_QUICK_EXIT, 1L); /* a name that is being looked up is not waited for */
			curl_multi_remove_handle(sender->multi, handed->hook.easy);
			webhook_end(&handed->hook, &handed->arena, CURLE_ABORTED_BY_CALLBACK);
		}
		if (handed->busy)
			call_end(&handed->call);
		arena_free(&handed->arena);
	}
	curl_multi_cleanup(sender->multi);
	curl_global_cleanup();
	app->sender = NULL;
	free(sender);
}

/* ---- trying a gateway out ---- */

struct trial {
	struct call *call;
	struct gateway gateway;
	int64_t at_ms;
};

static enum store_code open_gateway(struct tx *tx, void *arg)
{
	struct trial *trial = arg;
	struct call *call = trial->call;
	call_again(call);
	trial->at_ms = tx->now_ms;
	enum store_code code = gateway_open(tx->db, call, call->id, &trial->gateway);
	return code != STORE_OK ? code : journal_write(tx, &call->actor, &(struct journal_line){ .action = TEXT("test"),
		.resource = TEXT("gateway"), .record = call->id });
}

static void answer_trial(struct call *call, const struct webhook_answer *answer, int64_t took_ms)
{
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	JSON_BOOL(&json, "delivered", !answer->error);
	if (answer->status)
		JSON_INT(&json, "status", answer->status);
	else
		json_member_null(&json, TEXT("status"));
	JSON_TEXT(&json, "error", text_of(answer->error));
	JSON_INT(&json, "took_ms", took_ms);
	json_end_object(&json);
}

/* Nothing goes to anybody: the gateway sees what it has to expect, and whether it can verify it. */
static void try_out(struct call *call)
{
	struct app *app = call->app;
	struct sender *sender = app->sender;
	struct trial trial = { .call = call };
	struct webhook hook;
	if (!sender) {
		call_problem_detail(call, PROBLEM_UNAVAILABLE, TEXT("只有运行中的服务器才能连接网关"), TEXT("Only a running server calls gateways"));
		return;
	}
	enum store_code code = store_command(app->store, LANE_INTERACTIVE, open_gateway, &trial);
	if (code == STORE_OK && !trial.gateway.key.ptr && store_read(app->store, 0, refresh_keys, app->keys) == STORE_OK)
		code = store_command(app->store, LANE_INTERACTIVE, open_gateway, &trial);
	if (code != STORE_OK) {
		app_settle(call, code);
		return;
	}
	struct text id = text_printf(call->arena, "test_%lld_%lld", (long long)call->id, (long long)trial.at_ms);
	struct text body = text_printf(call->arena, "{\"type\":\"gateway.test\",\"timestamp\":\"%.*s\",\"data\":{}}",
	                               TEXT_ARG(clock_rfc3339(call->arena, trial.at_ms)));
	if (!trial.gateway.key.ptr ||
	    !webhook_begin(&hook, sender->wish, call->arena, trial.gateway.url, trial.gateway.key, id, trial.at_ms, body)) {
		call_problem(call, PROBLEM_INTERNAL);
		return;
	}
	int64_t began_ms = clock_steady_ms();
	struct webhook_answer answer = webhook_end(&hook, call->arena, curl_easy_perform(hook.easy));
	answer_trial(call, &answer, clock_steady_ms() - began_ms);
}

static const struct field trial_fields[] = {
	{ .type = FIELD_boolean, .name = "delivered", .label = "是否送达", .flags = MUST },
	{ .type = FIELD_integer, .name = "status", .label = "HTTP 状态", .en = "HTTP status" },
	{ .type = FIELD_text, .name = "error", .label = "未送达的原因", .en = "why not" },
	{ .type = FIELD_integer, .name = "took_ms", .label = "用时（毫秒）", .flags = MUST, .en = "milliseconds that it took" },
};
static const struct about test_about = { "test_gateway", "测试：消息网关", "test: gateway", .gives = BODY_MEMBERS,
	.out = { ROWS(trial_fields) }, .problems = PROBLEM_LIST(PROBLEM_WRONG_STATE) };
static const struct route routes[] = {
	{ METHOD_POST, "/api/v1/gateways/{id}/test", "gateway.test", ROUTE_TASK, .task = try_out, .bulk = true, .about = &test_about },
};
static const struct grant grants[] = { { "gateway.test", "bureau administrator" } };

const struct module sender_module = {
	.name = "sender", .file = __FILE__, .routes = routes, .route_count = COUNT(routes), .grants = grants, .grant_count = COUNT(grants),
};
