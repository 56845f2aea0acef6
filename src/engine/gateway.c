/* SPDX-License-Identifier: Apache-2.0 */
/* gateway.c - where messages are handed to. The secret is taken and used, and shown to nobody. */
#include "engine/gateway.h"

#include "base/crypto.h"
#include "engine/input.h"
#include "engine/keys.h"
#include "engine/operations.h"
#include "engine/record.h"

#include <string.h>

enum { KEY_BYTES_MIN = 24, KEY_BYTES_MAX = 64 /* Standard Webhooks */, HOST_MAX = 253, PORT_MAX = 65535 };

#define SECRET_BEGINS TEXT("whsec_")

const struct word channels[] = { { "sms", "短信" }, { "voice", "语音" }, { "wechat", "微信" }, { 0 } };

static const struct word reasons[] = {
	{ "closed", "停用" }, { "gone", "对方答复不再接收" }, { "duplicate", "重复登记" }, { "mistake", "登记错误" }, { "other", "其他" }, { 0 },
};

#define GATEWAY(F) \
	F(word, channel, "渠道", MUST | UNIQUE | FIXED, .words = channels) \
	F(text, url, "接收地址", MUST, .max = 500, .en = "address that takes messages") \
	F(text, secret, "签名密钥", MUST | HEALTH, .max = 100, .en = "secret of the signature") \
	F(date, valid_from, "启用日期", OPTIONAL, .en = "in use from") \
	F(text, provider, "服务商", OPTIONAL, .max = 100)

struct gateway_record { struct record is; GATEWAY(FIELD_MEMBER) };
static const struct field fields[] = { GATEWAY(FIELD_ROW) };

/* ---- what is typed in ---- */

static bool is_host(struct text host)
{
	if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		return strspn(host.ptr + 1, "0123456789abcdefABCDEF:.") == host.len - 2;
	for (size_t i = 0; i < host.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", host.ptr[i]))
			return false;
	return host.len > 0 && host.len <= HOST_MAX;
}

/* https://HOST, or with a port, a path and a query. No user, no fragment: nothing that is read one way here and another there. */
static bool is_address(struct text url)
{
	struct text begins = TEXT("https://");
	int64_t port = 0;
	for (size_t i = 0; i < url.len; i++)
		if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || strchr("#\\\"<>^`{|}", url.ptr[i]))
			return false;
	if (!text_starts(url, begins))
		return false;
	const char *host = url.ptr + begins.len, *end = url.ptr + url.len, *at = host;
	if (at < end && *at == '[')
		at = memchr(at, ']', (size_t)(end - at));
	while (at && at < end && !strchr(":/?", *at))
		at++;
	if (!at || !is_host((struct text){ host, (size_t)(at - host) }))
		return false;
	if (at == end || *at != ':')
		return true;
	const char *digits = ++at;
	while (at < end && !strchr("/?", *at))
		at++;
	return text_to_int((struct text){ digits, (size_t)(at - digits) }, PORT_MAX, &port) && port > 0;
}

static bool read_secret(struct arena *arena, struct text secret, struct text *key)
{
	struct text begins = SECRET_BEGINS;
	if (!text_starts(secret, begins) || !base64_read(arena, (struct text){ secret.ptr + begins.len, secret.len - begins.len }, key))
		return false;
	return key->len >= KEY_BYTES_MIN && key->len <= KEY_BYTES_MAX;
}

static void check(struct input *in, struct tx *tx, const void *record)
{
	const struct gateway_record *gateway = record;
	struct text key;
	(void)tx;
	if (gateway->url.ptr && !is_address(gateway->url))
		input_wrong(in, "url", "bad_url", "请填写 https:// 开头的完整地址", "Give a whole address that begins with https://");
	if (input_gives(in, "secret") && gateway->secret.ptr && !read_secret(in->call->arena, input_plain(in, "secret"), &key))
		input_wrong(in, "secret", "bad_secret", "密钥以 whsec_ 开头，后面是 24 至 64 字节的 Base64",
		            "The secret is whsec_ and 24 to 64 bytes in Base64");
}

/* ---- what is used ---- */

#define IN_USE "SELECT id FROM gateway WHERE district = ?1 AND channel = ?2 AND ended_at IS NULL" \
	" AND (valid_from IS NULL OR valid_from <= ?3) LIMIT 1"

bool gateway_is_there(struct tx *tx, unsigned district, struct text channel)
{
	char today[DATE_CHARS];
	date_put(today, date_of_ms(tx->now_ms));
	return db_int(tx->db, 0, IN_USE, BIND(value_int(district), value_text(channel),
		value_text((struct text){ today, sizeof today }))) != 0;
}

enum store_code gateway_find(struct db *db, struct call *call, struct text channel, struct text today, struct gateway *gateway)
{
	*gateway = (struct gateway){ 0 };
	int64_t id = db_int(db, 0, IN_USE, BIND(value_int(call->actor.district), value_text(channel), value_text(today)));
	return id ? gateway_open(db, call, id, gateway) : db_code(db);
}

enum store_code gateway_open(struct db *db, struct call *call, int64_t id, struct gateway *gateway)
{
	const struct shape *shape = app_shape(call->app, TEXT("gateway"));
	struct gateway_record record;
	struct hidden hidden;
	struct text secret;
	enum store_code code = operation_find(db, call, shape, id, &record, &hidden);
	if (code == STORE_OK && record_has_ended(&record))
		code = call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("网关已停用"), TEXT("The gateway has ended"));
	if (code != STORE_OK)
		return code;
	*gateway = (struct gateway){ .id = id, .url = record.url };
	struct seal_place place = { call->actor.district, "gateway", "secret", id };
	if (keys_unseal(call->app->keys, call->arena, &place, hidden.sealed[shape_slot(shape, TEXT("secret"))->sealed].box, &secret) &&
	    !read_secret(call->arena, secret, &gateway->key))
		gateway->key = TEXT_NONE;
	return STORE_OK;
}

enum store_code gateway_gone(struct tx *tx, struct call *call, int64_t id)
{
	return operation_close(tx, call, app_shape(call->app, TEXT("gateway")), id, "gone", TEXT_NONE);
}

/* ---- what is declared ---- */

static const struct resource gateway = {
	.name = "gateway", .plural = "gateways", .label = "消息网关", .en = "gateway",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct gateway_record),
	.readers = "bureau operator auditor administrator", .writers = "bureau administrator",
	.check = check, .end_reasons = reasons,
};
static const struct resource *const resources[] = { &gateway };

const struct module gateway_module = {
	.name = "gateway", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
};
