/* SPDX-License-Identifier: Apache-2.0 */
/* account_about.c - what the routes of sessions and accounts say of themselves. */
#include "engine/account.h"

/* ---- members ---- */

#define USER(flag) { .type = FIELD_text, .name = "user", .label = "用户名", .flags = flag, .max = 60, .en = "user name" }
#define NAME(flag) { .type = FIELD_text, .name = "name", .label = "姓名", .flags = flag, .max = 60 }
#define AREAS(flag) { .type = FIELD_refs, .name = "areas", .label = "管辖区划", .flags = flag, .to = "area" }
#define ORGANIZATION { .type = FIELD_ref, .name = "organization", .label = "所属组织", .flags = DETAIL, .to = "organization" }
#define PERSON { .type = FIELD_ref, .name = "person", .label = "本人记录", .flags = DETAIL }
#define FAMILY(flag) { .type = FIELD_refs, .name = "family", .label = "亲属老人", .flags = flag, .to = "elder" }
#define PASSWORD(flag) { .type = FIELD_text, .name = "password", .label = "密码", .flags = flag, .max = 256 }
#define ROLE(flag) { .type = FIELD_word, .name = "role", .label = "角色", .flags = flag, .to = "role" }
#define DISABLED(flag) { .type = FIELD_boolean, .name = "disabled", .label = "停用", .flags = flag }
#define CODE(flag) { .type = FIELD_text, .name = "code", .label = "动态验证码", .flags = flag, .max = 20, .en = "one-time code" }
#define ID { .type = FIELD_ref, .name = "id", .label = "编号", .flags = MUST }
#define PERMISSIONS(flag) { .type = FIELD_words, .name = "permissions", .label = "权限", .flags = flag }
#define CREATED_AT { .type = FIELD_instant, .name = "created_at", .label = "建立时间", .flags = MUST }
#define USED_AT { .type = FIELD_instant, .name = "used_at", .label = "最近使用时间", .flags = MUST }
#define ENDS_AT { .type = FIELD_instant, .name = "ends_at", .label = "失效时间", .flags = MUST }
#define OF_USER { .type = FIELD_ref, .name = "user", .label = "账号编号", .flags = MUST, .en = "account" }

/* What account_write writes. */
#define ACCOUNT \
	ID, { .type = FIELD_integer, .name = "version", .label = "版本", .flags = MUST }, USER(MUST), NAME(MUST), \
	{ .type = FIELD_words, .name = "roles", .label = "角色", .flags = MUST, .to = "role" }, AREAS(MUST), \
	{ .type = FIELD_ref, .name = "organization", .label = "所属组织", .to = "organization" }, \
	{ .type = FIELD_ref, .name = "person", .label = "本人记录" }, FAMILY(MUST), \
	{ .type = FIELD_integer, .name = "district", .label = "所属区县", .flags = MUST }, DISABLED(MUST), \
	{ .type = FIELD_boolean, .name = "second_factor", .label = "已用动态验证码", .flags = MUST }

static const struct word duties[] = { { "change_password", "修改密码" }, { "set_up_second_factor", "设置动态验证码" }, { 0 } };

static const struct field me[] = {
	ACCOUNT, { .type = FIELD_word, .name = "must", .label = "须先办理", .words = duties }, PERMISSIONS(MUST),
};
static const struct field account[] = { ACCOUNT, { .type = FIELD_instant, .name = "locked_until", .label = "锁定至" } };
static const struct field credentials[] = { USER(MUST), PASSWORD(MUST), CODE(0) };
static const struct field to_create[] = {
	USER(MUST), NAME(DETAIL), ROLE(0), AREAS(0), ORGANIZATION, PERSON, FAMILY(DETAIL), PASSWORD(MUST), DISABLED(0),
};
static const struct field to_change[] = {
	USER(0), NAME(DETAIL), ROLE(0), AREAS(0), ORGANIZATION, PERSON, FAMILY(DETAIL), PASSWORD(0), DISABLED(0),
};
static const struct field new_password[] = {
	{ .type = FIELD_text, .name = "old", .label = "原密码", .flags = MUST, .max = 256, .en = "old password" },
	{ .type = FIELD_text, .name = "new", .label = "新密码", .flags = MUST, .max = 256, .en = "new password" },
};
static const struct field secret[] = {
	{ .type = FIELD_text, .name = "secret", .label = "密钥", .flags = MUST },
	{ .type = FIELD_text, .name = "uri", .label = "二维码内容", .flags = MUST, .en = "for a QR code" },
};
static const struct field a_code[] = { CODE(MUST) };
static const struct field a_password[] = { PASSWORD(MUST) };
static const struct field session[] = {
	ID, OF_USER, { .type = FIELD_text, .name = "agent", .label = "浏览器" }, { .type = FIELD_text, .name = "address", .label = "地址" },
	{ .type = FIELD_boolean, .name = "current", .label = "当前", .flags = MUST }, CREATED_AT, USED_AT, ENDS_AT,
};
static const struct field token[] = { ID, OF_USER, NAME(MUST), PERMISSIONS(0), CREATED_AT, USED_AT, ENDS_AT };
static const struct field to_make_token[] = {
	NAME(MUST), { .type = FIELD_date, .name = "until", .label = "有效期最后一天", .flags = MUST }, PERMISSIONS(DETAIL),
};
static const struct field new_token[] = {
	ID, { .type = FIELD_text, .name = "token", .label = "令牌", .flags = MUST }, NAME(MUST), PERMISSIONS(0), CREATED_AT, ENDS_AT,
};
static const struct field next[] = { { .type = FIELD_text, .name = "next", .label = "下一页" } };
static const struct field of_user[] = { { .type = FIELD_ref, .name = "user", .label = "账号编号", .en = "whose" } };
static const struct field by_name[] = { { .type = FIELD_text, .name = "user", .label = "用户名", .max = 60, .en = "user name" } };

#define LIST(rows) .gives = BODY_MEMBERS, .out = { ROWS(next), .list = "items", ROWS(rows) }

/* ---- one's own ---- */

const struct about login_about = {
	"login", "登录", "sign in", .takes = BODY_MEMBERS, .in = { ROWS(credentials) }, .gives = BODY_MEMBERS, .out = { ROWS(me) },
	.sets_cookie = true, .problems = PROBLEM_LIST(PROBLEM_WRONG_CREDENTIALS, PROBLEM_SECOND_FACTOR_NEEDED, PROBLEM_WRONG_CODE,
	                                              PROBLEM_RATE_LIMITED),
};
const struct about logout_about = { "logout", "退出登录", "sign out", .status = 204, .sets_cookie = true };
const struct about me_about = {
	"get_me", "我的账号", "the account that is signed in", .gives = BODY_MEMBERS, .out = { ROWS(me) },
	.problems = PROBLEM_LIST(PROBLEM_NOT_FOUND),
};
const struct about my_password_about = {
	"change_my_password", "修改我的密码", "change one's password", .takes = BODY_MEMBERS, .in = { ROWS(new_password) }, .status = 204,
	.problems = PROBLEM_LIST(PROBLEM_NOT_FOUND, PROBLEM_STALE, PROBLEM_RATE_LIMITED),
};
const struct about totp_begin_about = {
	"begin_totp", "设置动态验证码", "set up one-time codes", .gives = BODY_MEMBERS, .out = { ROWS(secret) }, .status = 201,
	.problems = PROBLEM_LIST(PROBLEM_NOT_FOUND, PROBLEM_DUPLICATE),
};
const struct about totp_confirm_about = {
	"confirm_totp", "确认动态验证码", "confirm one-time codes", .takes = BODY_MEMBERS, .in = { ROWS(a_code) }, .status = 204,
	.problems = PROBLEM_LIST(PROBLEM_NOT_FOUND, PROBLEM_WRONG_CODE, PROBLEM_RATE_LIMITED),
};
const struct about totp_end_about = {
	"end_totp", "关闭动态验证码", "end one-time codes", .takes = BODY_MEMBERS, .in = { ROWS(a_password) }, .status = 204,
	.problems = PROBLEM_LIST(PROBLEM_NOT_FOUND, PROBLEM_RATE_LIMITED),
};
const struct about session_list_about = {
	"list_session", "列表：登录", "list: session", LIST(session), .params = ROWS(of_user),
	.problems = PROBLEM_LIST(PROBLEM_FORBIDDEN, PROBLEM_NOT_FOUND),
};
const struct about session_end_about = { "end_session", "终止：登录", "end: session", .status = 204 };
const struct about token_list_about = {
	"list_token", "列表：令牌", "list: token", LIST(token), .params = ROWS(of_user),
	.problems = PROBLEM_LIST(PROBLEM_FORBIDDEN, PROBLEM_NOT_FOUND),
};
const struct about token_create_about = {
	"create_token", "新建：令牌", "create: token", .takes = BODY_MEMBERS, .in = { ROWS(to_make_token) }, .gives = BODY_MEMBERS,
	.out = { ROWS(new_token) }, .status = 201, .problems = PROBLEM_LIST(PROBLEM_NOT_FOUND),
};
const struct about token_end_about = { "end_token", "终止：令牌", "end: token", .status = 204 };

/* ---- those of others ---- */

#define ONE_USER .gives = BODY_MEMBERS, .out = { ROWS(account) }, .tagged = true, .tie = "area"

const struct about user_list_about = { "list_user", "列表：账号", "list: account", LIST(account), .params = ROWS(by_name), .tie = "area" };
const struct about user_create_about = {
	"create_user", "新建：账号", "create: account", .takes = BODY_MEMBERS, .in = { ROWS(to_create) }, .status = 201, ONE_USER,
	.problems = PROBLEM_LIST(PROBLEM_DUPLICATE),
};
const struct about user_get_about = { "get_user", "查看：账号", "get: account", ONE_USER };
const struct about user_change_about = {
	"change_user", "修改：账号", "change: account", .takes = BODY_MEMBERS, .in = { ROWS(to_change) }, .if_match = true, ONE_USER,
	.problems = PROBLEM_LIST(PROBLEM_DUPLICATE),
};
const struct about user_unlock_about = { "unlock_user", "解锁：账号", "unlock: account", ONE_USER };
const struct about user_totp_end_about = {
	"end_user_totp", "关闭他人的动态验证码", "end one-time codes of another", .status = 204, .tie = "area",
};
