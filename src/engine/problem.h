/* SPDX-License-Identifier: Apache-2.0 */
/* problem.h - every answer that is not the wished-for one: stable code, HTTP status, words in Chinese and English. */
#ifndef ENGINE_PROBLEM_H
#define ENGINE_PROBLEM_H

/* A code that has left the house is never reused for something else. */
#define PROBLEMS(P) \
	P(MALFORMED_JSON, 400, "malformed_json", "内容不是有效的 JSON", "The body is not valid JSON") \
	P(BAD_REQUEST, 400, "bad_request", "请求无效", "The request cannot be understood") \
	P(BAD_FILTER, 400, "bad_filter", "筛选条件无效", "The filter is not valid") \
	P(BAD_CURSOR, 400, "bad_cursor", "翻页标记无效，请从第一页重新开始", "The cursor is not valid; start again from the first page") \
	P(BAD_TABLE, 400, "bad_table", "文件无法读取", "The file cannot be read") \
	P(NOT_SIGNED_IN, 401, "not_signed_in", "请先登录", "Sign in first") \
	P(WRONG_CREDENTIALS, 401, "wrong_credentials", "用户名或密码不正确", "The user name or password is wrong") \
	P(SECOND_FACTOR_NEEDED, 401, "second_factor_needed", "请输入动态验证码", "The one-time code is needed") \
	P(WRONG_CODE, 401, "wrong_code", "验证码不正确或已用过", "The one-time code is wrong or was used") \
	P(FORBIDDEN, 403, "forbidden", "您的角色没有此项权限", "Your role does not allow this") \
	P(PASSWORD_EXPIRED, 403, "password_expired", "密码已到期，请先修改密码", "The password has expired; change it first") \
	P(SECOND_FACTOR_REQUIRED, 403, "second_factor_required", "请先设置动态验证码", "Set up the second factor first") \
	P(CROSS_SITE, 403, "cross_site", "拒绝来自其他网站的请求", "Requests from another site are refused") \
	P(NOT_FOUND, 404, "not_found", "没有找到，或不在您的管辖范围内", "Not found, or outside your area") \
	P(METHOD_NOT_ALLOWED, 405, "method_not_allowed", "此地址不支持该操作", "This address does not support the method") \
	P(DUPLICATE, 409, "duplicate", "已有相同的记录", "The same record exists already") \
	P(REGISTERED_ELSEWHERE, 409, "registered_elsewhere", "已在本区登记，请申请转入", \
	  "Already registered in this district; ask for a transfer") \
	P(SEVERAL_FIT, 409, "several_fit", "有多条记录符合，请补充公民身份号码等唯一编号", \
	  "Several records fit; add a number that only one has") \
	P(WRONG_STATE, 409, "wrong_state", "当前状态不允许该操作", "Its state does not allow this") \
	P(AREA_IN_USE, 409, "area_in_use", "区划内还有记录，不能撤销", "The area is in use") \
	P(JOB_UNDER_WAY, 409, "job_under_way", "这些区划正在变更，请等任务完成", "A job is under way on these areas; wait for its end") \
	P(STALE, 412, "stale", "记录已被他人修改，请刷新后重试", "The record has changed; load it again") \
	P(TOO_LARGE, 413, "too_large", "内容太大", "The body is too large") \
	P(URI_TOO_LONG, 414, "uri_too_long", "地址太长", "The address is too long") \
	P(UNSUPPORTED_TYPE, 415, "unsupported_media_type", "不支持该内容类型", "The content type is not supported") \
	P(INVALID, 422, "invalid", "填写的内容有误", "Some fields are not valid") \
	P(KEY_REUSED, 422, "idempotency_key_reused", "同一个幂等键不能用于不同的内容", \
	  "The Idempotency-Key was used before with a different request") \
	P(IF_MATCH_NEEDED, 428, "precondition_required", "请带上 If-Match（记录的版本）", \
	  "Send If-Match with the version that you have seen") \
	P(RATE_LIMITED, 429, "rate_limited", "尝试太频繁，请稍后再试", "Too many attempts; try again later") \
	P(INTERNAL, 500, "internal", "服务器内部错误，操作没有生效", "Internal error; nothing was changed") \
	P(UNAVAILABLE, 503, "unavailable", "服务暂时繁忙，请稍后再试", "Busy for the moment; try again") \
	P(TOO_SLOW, 503, "too_slow", "查询耗时过长，请缩小范围", "The query takes too long; narrow it") \
	P(STORAGE_FULL, 507, "storage_full", "磁盘已满，暂时无法保存；请联系管理员", \
	  "The disk is full; nothing can be saved until there is room")

#define PROBLEM_NAME(name, status, code, zh, en) PROBLEM_##name,
enum problem { PROBLEM_NONE, PROBLEMS(PROBLEM_NAME) PROBLEM_COUNT };

struct problem_row {
	int status;
	const char *code, *zh, *en;
};
extern const struct problem_row problem_rows[PROBLEM_COUNT];

#endif
