/* SPDX-License-Identifier: Apache-2.0 */
/* outbox.c - messages: written with what they tell of, due by their timers, sent by the sender or told by hand. */
#include "engine/outbox.h"

#include "engine/deputy.h"
#include "engine/flow.h"
#include "engine/input_own.h"
#include "engine/keys.h"
#include "engine/operations.h"
#include "engine/reaction.h"
#include "engine/record.h"
#include "engine/timer.h"

#include <string.h>

enum { BODY_MAX = 32 * 1024 };

static const struct word states[] = {
	{ "waiting", "待发送" }, { "sent", "已发出" }, { "by_hand", "待电话告知" }, { "called", "已电话告知" }, { 0 },
};

#define MESSAGE(F) \
	FLOW(F, states) \
	F(word, channel, "渠道", MUST | FIXED | INDEX, .words = channels) \
	F(text, kind, "事由", MUST | FIXED, .max = 50, .en = "what it is about") \
	F(ref, to_elder, "接收老人", FIXED | INDEX, .to = "elder", .en = "elder whom it goes to") \
	F(text, to_name, "接收人", FIXED, .max = 50, .en = "name of whom it goes to") \
	F(phone, to_phone, "接收号码", OPTIONAL, .en = "number that it goes to") \
	F(text, to_openid, "微信 OpenID", SEALED, .max = 100, .en = "WeChat OpenID") \
	F(text, about, "相关记录", FIXED | INDEX, .max = 100, .en = "record that it is about") \
	F(area, area, "区划代码", FIXED) \
	F(integer, attempts, "已尝试次数", KEPT | ZERO, .en = "times that it was tried") \
	F(instant, tried_at, "最近尝试时间", KEPT, .en = "last tried at") \
	F(text, error, "未发出的原因", KEPT, .max = 100, .en = "why it was not sent") \
	F(integer, repeats, "重新发送次数", KEPT | ZERO, .en = "times that it was sent again") \
	F(text, text, "内容", MUST | FIXED | HEALTH, .max = 1000) \
	F(text, result, "告知结果", KEPT | HEALTH, .max = 500, .en = "what came of the call")

struct message_record { struct record is; MESSAGE(FIELD_MEMBER) };
static const struct field fields[] = { MESSAGE(FIELD_ROW) };

/* What waits for the sender. */
static const char *const steps[] = {
	"CREATE TABLE outbox (district INTEGER NOT NULL, channel TEXT NOT NULL, due_ms INTEGER NOT NULL, message INTEGER NOT NULL,"
	" PRIMARY KEY (district, message)) STRICT, WITHOUT ROWID",
	"CREATE INDEX outbox_next ON outbox (district, channel, due_ms, message)",
};
static const struct schema schema = { .owner = "outbox", .steps = steps, .count = COUNT(steps) };

#define SEND "message.send"

static const struct shape *shape_of(const struct call *call)
{
	return app_shape(call->app, TEXT("message"));
}

/* ---- writing one ---- */

static void set_text(struct input *in, const char *name, struct text *value, struct text now)
{
	if (!value->ptr && now.ptr)
		input_set_text(in, shape_slot(in->shape, text_of(name))->field, value, now);
}

/* Number, name and area of the elder, where none were said. Later changes of theirs do not change the message. */
static void fill_elder(struct input *in, struct tx *tx, struct message_record *message)
{
	const struct shape *shape = app_shape(in->call->app, TEXT("elder"));
	const struct slot *phone = shape_slot(shape, TEXT("phone"));
	void *elder = arena_take_raw(in->call->arena, shape->resource->size);
	struct hidden hidden;
	struct text plain = TEXT_NONE;
	if (operation_find(tx->db, in->call, shape, message->to_elder, elder, &hidden) != STORE_OK)
		return;
	struct seal_place place = { in->call->actor.district, "elder", "phone", message->to_elder };
	if (!keys_unseal(in->call->app->keys, in->call->arena, &place, hidden.sealed[phone->sealed].box, &plain)) {
		call_problem(in->call, PROBLEM_UNAVAILABLE); /* another server made a new key a moment ago */
		return;
	}
	set_text(in, "to_phone", &message->to_phone, plain);
	set_text(in, "to_name", &message->to_name, slot_text(shape_slot(shape, TEXT("name")), elder));
	if (!message->area)
		input_set_number(in, shape_slot(in->shape, TEXT("area"))->field, &message->area, record_ties(shape, elder).area);
}

static void fill(struct input *in, struct tx *tx, void *record)
{
	struct message_record *message = record;
	if (message->to_elder)
		fill_elder(in, tx, message);
	else if (!message->to_phone.ptr && !message->to_openid.ptr)
		input_wrong(in, "to_elder", "required", "请选择老人，或填写接收号码", "Say to which elder it goes, or to which number");
	if (!message->area && !message->to_elder)
		input_wrong(in, "area", "required", "必填", "This field is required");
}

/* Why it cannot be sent, whoever tries. NULL: it can. */
static const char *obstacle(struct tx *tx, struct call *call, const struct message_record *message)
{
	bool chat = text_is(message->channel, "wechat");
	if (!(chat ? message->to_openid.ptr : message->to_phone.ptr))
		return chat ? "no_openid" : "no_phone";
	return gateway_is_there(tx, call->actor.district, message->channel) ? NULL : "no_gateway";
}

static const char *begins(struct tx *tx, struct call *call, void *record)
{
	struct message_record *message = record;
	const char *why = obstacle(tx, call, message);
	message->error = text_of(why);
	return why ? "by_hand" : "waiting";
}

static enum store_code queue(struct tx *tx, struct call *call, const void *record)
{
	const struct message_record *message = record;
	if (!text_is(message->state, "waiting"))
		return STORE_OK;
	return timer_set(tx, call->actor.district, SEND, "message", message->is.id, tx->now_ms);
}

static enum store_code queue_new(struct tx *tx, struct call *call, const void *before, const void *record)
{
	(void)before;
	return queue(tx, call, record);
}

static void put(json_t *object, const char *name, struct text value)
{
	if (value.ptr)
		json_object_set_new(object, name, json_stringn(value.ptr, value.len));
}

static void put_number(json_t *object, const char *name, int64_t number)
{
	if (number)
		json_object_set_new(object, name, json_sprintf("%lld", (long long)number));
}

enum store_code message_send(struct tx *tx, struct call *call, const struct message *message)
{
	struct call deputy = deputy_for(call);
	json_t *object = json_object();
	put(object, "channel", text_of(message->channel));
	put(object, "kind", text_of(message->kind));
	put(object, "text", message->text);
	put(object, "about", message->about);
	put(object, "to_name", message->to_name);
	put(object, "to_phone", message->to_phone);
	put(object, "to_openid", message->to_openid);
	put_number(object, "to_elder", message->to_elder);
	put_number(object, "area", message->area);
	enum store_code code = operation_make(tx, &deputy, shape_of(call), object);
	json_decref(object);
	deputy_done(call, &deputy);
	return code;
}

/* ---- its states ---- */

/* Nobody sends it any more. */
static enum store_code leave(struct tx *tx, struct call *call, const void *record)
{
	struct value district = value_int(call->actor.district), id = value_int(((const struct record *)record)->id);
	enum store_code code = timer_clear(tx, call->actor.district, SEND, "message", ((const struct record *)record)->id);
	return code != STORE_OK ? code : db_exec(tx->db, "DELETE FROM outbox WHERE district = ?1 AND message = ?2", BIND(district, id), NULL);
}

static enum store_code can_be_sent(struct tx *tx, struct call *call, const void *record)
{
	const char *why = obstacle(tx, call, record);
	if (!why)
		return STORE_OK;
	return text_is(text_of(why), "no_gateway")
		? call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("此渠道没有可用的网关"), TEXT("The channel has no gateway"))
		: call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("没有接收号码"), TEXT("It has no number to go to"));
}

/* What a gateway has taken it knows by its number: it would not take the same again. */
static enum store_code renew(struct tx *tx, struct call *call, struct input *in, const void *before, void *record)
{
	const struct message_record *was = before;
	struct message_record *message = record;
	(void)tx;
	(void)call;
	(void)in;
	if (text_is(was->state, "waiting")) /* only sooner */
		return STORE_OK;
	message->attempts = 0;
	message->error = TEXT_NONE;
	message->repeats += text_is(was->state, "sent");
	return STORE_OK;
}

#define TRIED "attempts tried_at error"

static const struct move moves[] = {
	{ "deliver", "已发出", "sent", "waiting by_hand", "sent", .roles = NULL, .takes = TRIED, .effect = leave },
	{ "retry", "待重试", "to be tried again", "waiting", "waiting", .roles = NULL, .takes = TRIED },
	{ "hand_over", "转电话告知", "to be told by telephone", "waiting", "by_hand", .roles = NULL, .takes = TRIED, .effect = leave },
	{ "call", "已电话告知", "told by telephone", "by_hand", "called", "bureau street community operator", BY_KEEPER, .waits = true,
	  .needs = "result" },
	{ "resend", "重新发送", "send again", "waiting by_hand sent", "waiting", "bureau operator", BY_KEEPER, .guard = can_be_sent,
	  .sets = renew, .effect = queue },
};
static const struct open_state open_states[] = {
	{ "waiting", .within = { 72, IN_HOURS }, .late = "hand_over" }, { "by_hand", .within = { 24, IN_HOURS } },
};
static const struct flow flow = { "waiting", ROWS(open_states), ROWS(moves) };

/* ---- when it is due ---- */

/* What follows the attempts that failed, the first of which was made at once: the schedule of Standard Webhooks, its last wait
 * shortened so that all of it fits into three days. */
static const int64_t waits_s[] = { 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 20 * 3600 };
enum { RETRY_AFTER_MOST_S = 24 * 3600 };

static enum store_code find(struct db *db, struct call *call, int64_t id, struct message_record *message, struct hidden *hidden)
{
	return operation_find(db, call, shape_of(call), id, message, hidden);
}

static bool is_waiting(const struct message_record *message)
{
	return !record_has_ended(message) && text_is(message->state, "waiting");
}

/* From here on it is the sender's. */
static enum store_code fire(struct tx *tx, struct call *call, const struct timer *timer)
{
	struct message_record message;
	enum store_code code = find(tx->db, call, timer->record, &message, NULL);
	if (code != STORE_OK || !is_waiting(&message))
		return code;
	return db_exec(tx->db, "INSERT INTO outbox (district, channel, due_ms, message) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT (district, message) DO NOTHING", BIND(value_int(timer->district), value_text(message.channel),
		value_int(timer->due_ms), value_int(timer->record)), NULL);
}

/* ---- for the sender ---- */

enum store_code outbox_look(struct db *db, struct outgoing *list, size_t max, size_t *count)
{
	*count = 0;
	struct rows *rows = db_query(db, "SELECT d.number, d.area, c.channel, (SELECT o.message FROM outbox o WHERE o.district = d.number"
		" AND o.channel = c.channel ORDER BY o.due_ms, o.message LIMIT 1) FROM district d, (SELECT 'sms' AS channel"
		" UNION ALL SELECT 'voice' UNION ALL SELECT 'wechat') c", BIND_NONE);
	while (*count < max && rows_next(rows)) {
		struct text channel = rows_text(rows, 2);
		if (rows_is_null(rows, 3) || channel.len > CHANNEL_CHARS_MAX)
			continue;
		struct outgoing *outgoing = &list[(*count)++];
		*outgoing = (struct outgoing){ (unsigned)rows_int(rows, 0), rows_int(rows, 1), rows_int(rows, 3), "" };
		memcpy(outgoing->channel, channel.ptr, channel.len);
	}
	return rows_end(rows);
}

void outbox_act(struct call *call, const struct outgoing *outgoing)
{
	call->actor = actor_local(outgoing->district, outgoing->area);
	memcpy(call->actor.name, "system", sizeof "system");
	memcpy(call->actor.channel, "outbox", sizeof "outbox");
	call->id = outgoing->message;
}

static bool unseal_field(struct call *call, const char *field, int64_t id, const struct hidden *hidden, struct text *plain)
{
	struct seal_place place = { call->actor.district, "message", field, id };
	struct text box = hidden->sealed[shape_slot(shape_of(call), text_of(field))->sealed].box;
	return keys_unseal(call->app->keys, call->arena, &place, box, plain);
}

/* The same bytes each time: they tell of the message, not of the attempt. */
static struct text write_body(struct call *call, const struct message_record *message, struct text to, struct text text)
{
	struct buf body = buf_in(call->arena, 1024, BODY_MAX);
	struct json_out json = json_out(&body);
	json_begin_object(&json);
	JSON_TEXT(&json, "type", text_printf(call->arena, "message.%.*s", TEXT_ARG(message->channel)));
	json_member_instant(&json, TEXT("timestamp"), message->is.created_at);
	json_key(&json, TEXT("data"));
	json_begin_object(&json);
	JSON_ID(&json, "id", message->is.id);
	JSON_TEXT(&json, "kind", message->kind);
	JSON_TEXT(&json, "to", to);
	JSON_TEXT(&json, "text", text);
	json_end_object(&json);
	json_end_object(&json);
	return buf_done(&body);
}

enum store_code outbox_open(struct db *db, struct call *call, const struct outgoing *outgoing, struct letter *letter)
{
	struct message_record message;
	struct hidden hidden;
	struct text to, text, today = date_text(call->arena, date_of_ms(clock_now_ms(store_clock(call->app->store))));
	*letter = (struct letter){ 0 };
	enum store_code code = find(db, call, outgoing->message, &message, &hidden);
	if (code == STORE_OK)
		code = gateway_find(db, call, text_of(outgoing->channel), today, &letter->gateway);
	letter->over = code == STORE_OK && !is_waiting(&message);
	if (code != STORE_OK || letter->over)
		return code;
	const char *field = text_is(message.channel, "wechat") ? "to_openid" : "to_phone";
	if (!unseal_field(call, field, message.is.id, &hidden, &to) || !unseal_field(call, "text", message.is.id, &hidden, &text)) {
		letter->gateway.key = TEXT_NONE;
		return STORE_OK;
	}
	letter->nobody = !to.ptr ? "no_phone" : letter->gateway.id == 0 ? "no_gateway" : NULL;
	letter->id = message.repeats == 0 ? text_printf(call->arena, "msg_%lld", (long long)message.is.id)
		: text_printf(call->arena, "msg_%lld_%lld", (long long)message.is.id, (long long)message.repeats);
	letter->body = write_body(call, &message, to, text);
	return STORE_OK;
}

/* What becomes of the message, as fields of the move. */
static enum store_code move_on(struct tx *tx, struct call *call, const struct message_record *message, const char *move,
                               const struct outcome *outcome)
{
	json_t *said = json_object();
	struct text now = clock_rfc3339(call->arena, tx->now_ms);
	json_object_set_new(said, "attempts", json_integer(message->attempts + outcome->tried));
	if (outcome->tried)
		put(said, "tried_at", now);
	json_object_set_new(said, "error", outcome->error ? json_string(outcome->error) : json_null());
	enum store_code code = flow_ask(tx, call, shape_of(call), message->is.id, flow_find(shape_of(call)->resource, text_of(move)), said);
	json_decref(said);
	return code;
}

static enum store_code try_again(struct tx *tx, struct call *call, const struct message_record *message, const struct outcome *outcome)
{
	int64_t wish_s = outcome->retry_after_s < RETRY_AFTER_MOST_S ? outcome->retry_after_s : RETRY_AFTER_MOST_S;
	int64_t wait_s = waits_s[message->attempts];
	wait_s = wait_s > wish_s ? wait_s : wish_s;
	enum store_code code = move_on(tx, call, message, "retry", outcome);
	return code == STORE_OK ? timer_set(tx, call->actor.district, SEND, "message", message->is.id, tx->now_ms + wait_s * 1000) : code;
}

enum store_code outbox_settle(struct tx *tx, struct call *call, const struct outgoing *outgoing, const struct outcome *outcome)
{
	struct message_record message;
	int64_t was_there = 0;
	call_again(call);
	enum store_code code = db_exec(tx->db, "DELETE FROM outbox WHERE district = ?1 AND message = ?2",
		BIND(value_int(outgoing->district), value_int(outgoing->message)), &was_there);
	if (code != STORE_OK || was_there == 0)
		return code;
	code = find(tx->db, call, outgoing->message, &message, NULL);
	if (code == STORE_OK && outcome->gone)
		code = gateway_gone(tx, call, outcome->gone);
	if (code != STORE_OK || (!outcome->tried && !outcome->nobody) || record_has_ended(&message))
		return code;
	if (outcome->delivered)
		return is_waiting(&message) || text_is(message.state, "by_hand") ? move_on(tx, call, &message, "deliver", outcome) : STORE_OK;
	if (!is_waiting(&message))
		return STORE_OK;
	if (outcome->nobody || outcome->gone || message.attempts >= (int64_t)COUNT(waits_s))
		return move_on(tx, call, &message, "hand_over", outcome);
	return try_again(tx, call, &message, outcome);
}

/* ---- what is declared ---- */

static const struct resource message = {
	.name = "message", .plural = "messages", .label = "消息", .en = "message",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct message_record),
	.ties = { .area = "area" },
	.readers = "bureau street community operator auditor", .writers = "bureau operator",
	.revealers = "bureau street community operator", .finders = "bureau operator", .exporters = "bureau operator auditor",
	.fill = fill, .flow = &flow, .begins = begins,
};
static const struct resource *const resources[] = { &message };

static const struct reaction reactions[] = {
	{ .on = "message", .action = "create", .writes = "message", .does = "deliver", .react = queue_new,
	  .zh = "新消息即刻发送", .en = "a new message is sent at once" },
	{ .on = "message", .action = "return", .writes = "message", .does = "deliver", .react = queue_new,
	  .zh = "恢复的消息继续发送", .en = "a message that returns is sent" },
};

static const struct timer_kind timers[] = { { SEND, "发送消息", "send a message", fire } };

const struct module outbox_module = {
	.name = "outbox", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
	.reactions = reactions, .reaction_count = COUNT(reactions), .timers = timers, .timer_count = COUNT(timers), .schema = &schema,
};
