/* SPDX-License-Identifier: Apache-2.0 */
/* password.c - what a password must be. */
#include "engine/password.h"

#include "base/crypto.h"
#include "engine/pack.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { CHARACTERS_MIN = 8, KINDS_MIN = 3, NAME_CHARACTERS_MIN = 4 };

#define FAULT(code, zh, en) { code, { zh, sizeof(zh) - 1 }, { en, sizeof(en) - 1 } }

static const struct password_fault too_short = FAULT("bad_password", "密码至少 8 位", "A password has at least 8 characters");
static const struct password_fault too_long = FAULT("bad_password", "密码最多 256 个字节", "A password has at most 256 bytes");
static const struct password_fault not_text = FAULT("bad_password", "含有无效字符", "Contains characters that are not allowed");
static const struct password_fault common = FAULT("common_password", "这是常见密码，请换一个", "It is one of the commonest passwords");
static const struct password_fault named = FAULT("contains_user_name", "密码不能包含用户名", "It contains the user name");
static const struct password_fault simple = FAULT("password_too_simple", "须含大写字母、小写字母、数字、其他字符中的三种",
	"It needs three of: capital letters, small letters, digits, others");
const struct password_fault password_used_before = FAULT("password_used_before", "不能使用最近用过的密码",
	"One of the last passwords is not used again");

/* The file has one a line, in small letters. */
static bool is_common(struct text password)
{
	struct text rest = standard_file("passwords.txt");
	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
		if (len == password.len && rest.ptr[0] != '#' && strncasecmp(rest.ptr, password.ptr, len) == 0)
			return true;
		len += end ? 1 : 0;
		rest = (struct text){ rest.ptr + len, rest.len - len };
	}
	return false;
}

/* A name of a few letters stands in many words by chance. */
static bool contains_name(struct text password, struct text user)
{
	if (text_eq(password, user))
		return true;
	if (text_utf8_length(user) < NAME_CHARACTERS_MIN)
		return false;
	for (size_t i = 0; user.ptr && i + user.len <= password.len; i++)
		if (strncasecmp(password.ptr + i, user.ptr, user.len) == 0)
			return true;
	return false;
}

static unsigned kinds_of(struct text password)
{
	bool capital = false, small = false, digit = false, other = false;
	for (size_t i = 0; i < password.len; i++) {
		char c = password.ptr[i];
		bool is_capital = c >= 'A' && c <= 'Z', is_small = c >= 'a' && c <= 'z', is_digit = c >= '0' && c <= '9';
		capital = capital || is_capital;
		small = small || is_small;
		digit = digit || is_digit;
		other = other || (!is_capital && !is_small && !is_digit);
	}
	return (unsigned)capital + (unsigned)small + (unsigned)digit + (unsigned)other;
}

const struct password_fault *password_fault(const struct policy *policy, struct text password, struct text user)
{
	size_t characters = text_utf8_length(password);
	if (characters == SIZE_MAX)
		return &not_text;
	if (characters < CHARACTERS_MIN)
		return &too_short;
	if (password.len > PASSWORD_BYTES_MAX)
		return &too_long;
	if (contains_name(password, user))
		return &named;
	if (is_common(password))
		return &common;
	return policy->values[POLICY_PROFILE] == PROFILE_DENGBAO && kinds_of(password) < KINDS_MIN ? &simple : NULL;
}

/* ---- those of before ---- */

enum store_code password_history(struct db *db, struct arena *arena, const struct policy *policy, int64_t account,
                                 struct text current, struct old_passwords *old)
{
	int64_t wanted = policy->values[POLICY_PASSWORD_HISTORY];
	old->count = 0;
	if (wanted == 0)
		return STORE_OK;
	old->hashes[old->count++] = current;
	struct rows *rows = db_query(db, "SELECT password_hash FROM password_before WHERE district = ?1 AND account = ?2"
		" ORDER BY id DESC LIMIT ?3",
		BIND(value_int(id_district(account)), value_int(account), value_int(wanted - 1)));
	while (rows_next(rows) && old->count < COUNT(old->hashes))
		old->hashes[old->count++] = text_copy(arena, rows_text(rows, 0));
	return rows_end(rows);
}

bool password_was_used(const struct old_passwords *old, struct text password)
{
	for (size_t i = 0; i < old->count; i++)
		if (password_matches(password, old->hashes[i].ptr))
			return true;
	return false;
}

enum store_code password_retire(struct tx *tx, const struct policy *policy, int64_t account, struct text hash)
{
	int64_t kept = policy->values[POLICY_PASSWORD_HISTORY];
	struct value district = value_int(id_district(account)), id = value_int(account);
	if (kept == 0)
		return db_exec(tx->db, "DELETE FROM password_before WHERE district = ?1 AND account = ?2", BIND(district, id), NULL);
	enum store_code code = db_exec(tx->db, "INSERT INTO password_before (district, account, id, password_hash) VALUES (?1, ?2, ?3, ?4)",
		BIND(district, id, value_int(id_next(store_ids(tx->store), id_district(account))), value_text(hash)), NULL);
	if (code != STORE_OK)
		return code;
	return db_exec(tx->db, "DELETE FROM password_before WHERE district = ?1 AND account = ?2 AND id <"
		" (SELECT min(id) FROM (SELECT id FROM password_before WHERE district = ?1 AND account = ?2"
		" ORDER BY id DESC LIMIT ?3) AS newest)", BIND(district, id, value_int(kept)), NULL);
}
