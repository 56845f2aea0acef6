/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - what a district has decided about accounts and signing in. */
#include "engine/policy.h"

#include "engine/app.h"
#include "engine/field.h"
#include "engine/journal.h"
#include "engine/session.h"

#include <string.h>

enum kind { NUMBER, WORD, BOOLEAN, ROLES };

static const struct word profiles[] = { { "asvs", "OWASP ASVS" }, { "dengbao", "等保三级" }, { 0 } };
static const struct word second_factors[] = { { "off", "不用" }, { "optional", "自愿" }, { "required", "必须" }, { 0 } };

/* As a form has them. */
#define POLICY(flag) \
	[POLICY_PROFILE] = { .type = FIELD_word, .name = "profile", .label = "安全要求", .flags = flag, .words = profiles }, \
	[POLICY_PASSWORD_DAYS] = { .type = FIELD_integer, .name = "password_days", .label = "密码有效天数", .flags = flag, .max = 365 }, \
	[POLICY_PASSWORD_HISTORY] = { .type = FIELD_integer, .name = "password_history", .label = "不得重复的旧密码数", .flags = flag, \
	                              .max = PASSWORD_HISTORY_MAX }, \
	[POLICY_LOCK_MINUTES] = { .type = FIELD_integer, .name = "lock_minutes", .label = "锁定分钟数", .flags = flag, .min = 1, .max = 1440 }, \
	[POLICY_SESSION_IDLE_MINUTES] = { .type = FIELD_integer, .name = "session_idle_minutes", .label = "无操作退出分钟数", \
	                                  .flags = flag, .min = 1, .max = 720 }, \
	[POLICY_SESSION_HOURS] = { .type = FIELD_integer, .name = "session_hours", .label = "登录有效小时数", .flags = flag, .min = 1, \
	                           .max = SESSION_HOURS_MAX }, \
	[POLICY_SEPARATION] = { .type = FIELD_boolean, .name = "separation", .label = "三员分立", .flags = flag }, \
	[POLICY_SECOND_FACTOR] = { .type = FIELD_word, .name = "second_factor", .label = "动态验证码", .flags = flag, \
	                           .words = second_factors }, \
	[POLICY_SECOND_FACTOR_ROLES] = { .type = FIELD_words, .name = "second_factor_roles", .label = "须用动态验证码的角色", .flags = flag, \
	                                 .to = "role" }
static const struct field taken[POLICY_ITEMS] = { POLICY(DETAIL) }; /* null is the profile's */

static const struct item {
	const struct field *field;
	enum kind kind;
	int64_t of_profile[2]; /* where nobody has decided */
} items[POLICY_ITEMS] = {
	[POLICY_PROFILE] = { &taken[POLICY_PROFILE], WORD, { PROFILE_ASVS, PROFILE_ASVS } },
	[POLICY_PASSWORD_DAYS] = { &taken[POLICY_PASSWORD_DAYS], NUMBER, { 0, 90 } },
	[POLICY_PASSWORD_HISTORY] = { &taken[POLICY_PASSWORD_HISTORY], NUMBER, { 0, 5 } },
	[POLICY_LOCK_MINUTES] = { &taken[POLICY_LOCK_MINUTES], NUMBER, { 5, 10 } },
	[POLICY_SESSION_IDLE_MINUTES] = { &taken[POLICY_SESSION_IDLE_MINUTES], NUMBER, { 30, 30 } },
	[POLICY_SESSION_HOURS] = { &taken[POLICY_SESSION_HOURS], NUMBER, { 12, 12 } },
	[POLICY_SEPARATION] = { &taken[POLICY_SEPARATION], BOOLEAN, { false, true } },
	[POLICY_SECOND_FACTOR] = { &taken[POLICY_SECOND_FACTOR], WORD, { SECOND_FACTOR_OPTIONAL, SECOND_FACTOR_OPTIONAL } },
	[POLICY_SECOND_FACTOR_ROLES] = { &taken[POLICY_SECOND_FACTOR_ROLES], ROLES, { 0, 0 } },
};

static void follow_profile(struct policy *policy)
{
	for (size_t i = 0; i < POLICY_ITEMS; i++)
		if (!policy->decided[i])
			policy->values[i] = items[i].of_profile[i == POLICY_PROFILE ? 0 : policy->values[POLICY_PROFILE]];
}

void policy_decide(struct policy *policy, enum policy_item item, int64_t value)
{
	policy->decided[item] = true;
	policy->values[item] = value;
	follow_profile(policy);
}

static bool word_number(const struct word *words, struct text text, int64_t *number)
{
	const struct word *word = word_find(words, text);
	*number = word ? word - words : 0;
	return word != NULL;
}

bool policy_profile(struct text word, int64_t *profile)
{
	return word_number(profiles, word, profile);
}

static bool add_role(struct text name, int64_t *set)
{
	const struct role *role = role_find(name);
	*set |= role ? INT64_C(1) << (role - roles) : 0;
	return role != NULL;
}

bool policy_requires_second_factor(const struct policy *policy, const struct role *role)
{
	int64_t of = policy->values[POLICY_SECOND_FACTOR_ROLES];
	return policy->values[POLICY_SECOND_FACTOR] == SECOND_FACTOR_REQUIRED && role && (of == 0 || (of >> (role - roles) & 1));
}

/* ---- in the store ---- */

static struct text stored(struct arena *arena, const struct item *item, int64_t value)
{
	if (item->kind == WORD)
		return text_of(item->field->words[value].word);
	if (item->kind == BOOLEAN)
		return value ? TEXT("true") : TEXT("false");
	if (item->kind == NUMBER)
		return text_printf(arena, "%lld", (long long)value);
	struct buf list = buf_in(arena, 64, 1024);
	for (size_t i = 0; i < role_count; i++)
		if (value >> i & 1) {
			buf_text(&list, list.len ? TEXT(" ") : TEXT(""));
			buf_text(&list, text_of(roles[i].name));
		}
	return buf_done(&list);
}

/* What this program does not know (any more) follows from the profile. */
static bool take_stored(const struct item *item, struct text text, int64_t *value)
{
	*value = 0;
	switch (item->kind) {
	case WORD:
		return word_number(item->field->words, text, value);
	case BOOLEAN:
		*value = text_is(text, "true");
		return true;
	case NUMBER:
		return text_to_int(text, item->field->max, value) && *value >= item->field->min;
	case ROLES:
		break;
	}
	while (text.len > 0) {
		const char *blank = memchr(text.ptr, ' ', text.len);
		size_t len = blank ? (size_t)(blank - text.ptr) : text.len;
		add_role((struct text){ text.ptr, len }, value);
		len += blank ? 1 : 0;
		text = (struct text){ text.ptr + len, text.len - len };
	}
	return true;
}

static size_t item_find(struct text name)
{
	size_t i = 0;
	while (i < POLICY_ITEMS && !text_is(name, items[i].field->name))
		i++;
	return i;
}

enum store_code policy_read(struct db *db, unsigned district, int64_t now_ms, struct policy *policy)
{
	struct arena arena = arena_new(4096);
	*policy = (struct policy){ .version = 1 };
	struct rows *rows = db_query(db, "SELECT name, value, version FROM policy WHERE district = ?1 AND from_day <= ?2"
		" ORDER BY name, from_day", BIND(value_int(district), value_text(date_text(&arena, date_of_ms(now_ms)))));
	while (rows_next(rows)) {
		size_t i = item_find(rows_text(rows, 0));
		if (rows_int(rows, 2) > policy->version)
			policy->version = rows_int(rows, 2);
		if (i < POLICY_ITEMS) /* the last day counts */
			policy->decided[i] = rows_text(rows, 1).ptr && take_stored(&items[i], rows_text(rows, 1), &policy->values[i]);
	}
	enum store_code code = rows_end(rows);
	arena_free(&arena);
	follow_profile(policy);
	return code;
}

static void put_value(struct json_out *json, const struct item *item, int64_t value)
{
	if (item->kind == WORD)
		json_put_text(json, text_of(item->field->words[value].word));
	if (item->kind == BOOLEAN)
		json_put_bool(json, value != 0);
	if (item->kind == NUMBER)
		json_put_int(json, value);
	if (item->kind != ROLES)
		return;
	json_begin_array(json);
	for (size_t i = 0; i < role_count; i++)
		if (value >> i & 1)
			json_put_text(json, text_of(roles[i].name));
	json_end_array(json);
}

static enum store_code save_item(struct tx *tx, struct arena *arena, unsigned district, const struct policy *now, size_t i)
{
	struct text value = now->decided[i] ? stored(arena, &items[i], now->values[i]) : TEXT_NONE;
	return db_exec(tx->db, "INSERT INTO policy (district, name, from_day, value, version) VALUES (?1, ?2, ?3, ?4, ?5)"
		" ON CONFLICT (district, name, from_day) DO UPDATE SET value = excluded.value, version = excluded.version",
		BIND(value_int(district), value_text(text_of(items[i].field->name)), value_text(date_text(arena, date_of_ms(tx->now_ms))),
		     value_text(value), value_int(now->version)), NULL);
}

enum store_code policy_save(struct tx *tx, const struct actor *by, const struct policy *was, struct policy *now)
{
	struct arena arena = arena_new(65536);
	struct buf fields = buf_in(&arena, 256, 1024), detail = buf_in(&arena, 512, 8192);
	struct json_out json = json_out(&detail);
	enum store_code code = STORE_OK;
	now->version = was->version + 1;
	json_begin_object(&json);
	for (size_t i = 0; i < POLICY_ITEMS && code == STORE_OK; i++) {
		if (was->decided[i] != now->decided[i] || (now->decided[i] && was->values[i] != now->values[i]))
			code = save_item(tx, &arena, by->district, now, i);
		if (was->values[i] == now->values[i])
			continue;
		buf_text(&fields, fields.len ? TEXT(",") : TEXT(""));
		buf_text(&fields, text_of(items[i].field->name));
		json_key(&json, text_of(items[i].field->name));
		json_begin_array(&json);
		put_value(&json, &items[i], was->values[i]);
		put_value(&json, &items[i], now->values[i]);
		json_end_array(&json);
	}
	json_end_object(&json);
	if (code == STORE_OK)
		code = journal_write(tx, by, &(struct journal_line){ .action = TEXT("update"), .resource = TEXT("policy"),
			.version = now->version, .fields = buf_done(&fields), .detail = buf_done(&detail) });
	arena_free(&arena);
	return code;
}

/* ---- routes ---- */

static void answer(struct call *call, const struct policy *policy)
{
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	JSON_INT(&json, "version", policy->version);
	for (size_t i = 0; i < POLICY_ITEMS; i++) {
		json_key(&json, text_of(items[i].field->name));
		put_value(&json, &items[i], policy->values[i]);
	}
	json_key(&json, TEXT("decided"));
	json_begin_array(&json);
	for (size_t i = 0; i < POLICY_ITEMS; i++)
		if (policy->decided[i])
			json_put_text(&json, text_of(items[i].field->name));
	json_end_array(&json);
	json_end_object(&json);
	call->version = policy->version;
}

enum store_code policy_get(struct db *db, void *arg)
{
	struct call *call = arg;
	struct policy policy;
	enum store_code code = policy_read(db, call->actor.district, clock_now_ms(store_clock(call->app->store)), &policy);
	if (code == STORE_OK)
		answer(call, &policy);
	return code;
}

static bool take_value(const struct item *item, const json_t *json, int64_t *value)
{
	size_t i;
	json_t *one;
	switch (item->kind) {
	case WORD:
		return json_is_string(json) && word_number(item->field->words, json_text_of(json), value);
	case BOOLEAN:
		*value = json_is_true(json);
		return json_is_boolean(json);
	case NUMBER:
		*value = json_integer_value(json);
		return json_is_integer(json) && *value >= item->field->min && *value <= item->field->max;
	case ROLES:
		break;
	}
	bool known = json_is_array(json);
	*value = 0;
	json_array_foreach(json, i, one)
		known = known && add_role(json_text_of(one), value);
	return known;
}

/* null: what the profile says. */
static void take_items(struct call *call, struct policy *policy)
{
	const char *key;
	json_t *json;
	json_object_foreach(call->body, key, json) {
		size_t i = item_find(text_of(key));
		int64_t value = 0;
		struct text pointer = text_printf(call->arena, "/%.*s", TEXT_ARG(text_cut(text_of(key), 60)));
		if (i == POLICY_ITEMS)
			call_wrong(call, pointer, "unknown_field", TEXT("没有这个字段"), TEXT("There is no such field"));
		else if (!json_is_null(json) && !take_value(&items[i], json, &value))
			call_wrong(call, pointer, "wrong_value", TEXT("取值不对"), TEXT("Not a value that it may have"));
		else {
			policy->decided[i] = !json_is_null(json);
			policy->values[i] = value;
		}
	}
	follow_profile(policy);
}

static enum store_code patch(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct policy was, now;
	call_again(call);
	if (!app_covers_all(call->app, &call->actor))
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("只有管辖全区的人可以修改"),
			TEXT("Only who keeps the whole district may change it"));
	enum store_code code = policy_read(tx->db, call->actor.district, tx->now_ms, &was);
	if (code == STORE_OK)
		code = call_match(call, was.version);
	if (code != STORE_OK)
		return code;
	now = was;
	take_items(call, &now);
	if (call->problem != PROBLEM_NONE)
		return STORE_REFUSED;
	if (memcmp(was.decided, now.decided, sizeof was.decided) != 0 || memcmp(was.values, now.values, sizeof was.values) != 0)
		code = policy_save(tx, &call->actor, &was, &now);
	if (code == STORE_OK)
		answer(call, &now);
	return code;
}

/* Limits and rights follow from it: whoever is signed in is looked up again. */
void policy_patch(struct call *call)
{
	enum store_code code = store_command(call->app->store, LANE_INTERACTIVE, patch, call);
	app_settle(call, code);
	if (code == STORE_OK)
		sessions_forget_all(call->app->sessions);
}

/* ---- what they say of themselves ---- */

static const struct field answered[] = {
	POLICY(MUST),
	{ .type = FIELD_integer, .name = "version", .label = "版本", .flags = MUST },
	{ .type = FIELD_words, .name = "decided", .label = "已自行规定的项目", .flags = MUST },
};

#define POLICY_ANSWER .gives = BODY_MEMBERS, .out = { ROWS(answered) }, .tagged = true
const struct about policy_get_about = { "get_policy", "查看：账号与登录的规定", "get: policy", POLICY_ANSWER };
const struct about policy_change_about = {
	"change_policy", "修改：账号与登录的规定", "change: policy", .takes = BODY_MEMBERS, .in = { ROWS(taken) }, POLICY_ANSWER, .if_match = true,
};
