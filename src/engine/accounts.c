/* SPDX-License-Identifier: Apache-2.0 */
/* accounts.c - accounts, signing in and policy, as one module: its tables, its routes, who may use them. */
#include "engine/password.h"
#include "engine/second_factor.h"
#include "engine/session.h"

enum { SECRET_BYTES_MAX = 4096, BEFORE_CODES = 1 << DUTY_SECOND_FACTOR, BEFORE_ALL = BEFORE_CODES | 1 << DUTY_PASSWORD };

static const char *const steps[] = {
	"CREATE TABLE account (district INTEGER NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL,"
	" display_name TEXT NOT NULL, password_hash TEXT NOT NULL, password_set_at INTEGER NOT NULL, role TEXT, areas TEXT NOT NULL,"
	" organization INTEGER, person INTEGER, family TEXT NOT NULL, disabled INTEGER NOT NULL, created_at INTEGER NOT NULL,"
	" updated_at INTEGER NOT NULL, PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID",
	"CREATE UNIQUE INDEX account_name ON account (name)",
	/* The organization, the person, the elders: for the question in whose areas they lie. */
	"CREATE TABLE account_tie (district INTEGER NOT NULL, account INTEGER NOT NULL, record INTEGER NOT NULL,"
	" PRIMARY KEY (district, account, record)) STRICT, WITHOUT ROWID",
	/* A program's token is a session with a name, permissions of its own and a last day; other sessions end at 0: as the policy
	 * says. */
	"CREATE TABLE session (token_hash TEXT NOT NULL PRIMARY KEY, district INTEGER NOT NULL, id INTEGER NOT NULL,"
	" account INTEGER NOT NULL, channel TEXT NOT NULL, name TEXT, permissions TEXT, agent TEXT, address TEXT,"
	" created_at INTEGER NOT NULL, used_at INTEGER NOT NULL, ends_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
	"CREATE INDEX session_account ON session (district, account, id)",
	"CREATE UNIQUE INDEX session_id ON session (district, id)",
	"CREATE TABLE totp (district INTEGER NOT NULL, account INTEGER NOT NULL, totp_secret BLOB NOT NULL,"
	" confirmed INTEGER NOT NULL, last_step INTEGER NOT NULL, PRIMARY KEY (district, account)) STRICT, WITHOUT ROWID",
	"CREATE TABLE password_before (district INTEGER NOT NULL, account INTEGER NOT NULL, id INTEGER NOT NULL,"
	" password_hash TEXT NOT NULL, PRIMARY KEY (district, account, id)) STRICT, WITHOUT ROWID",
	"CREATE TABLE policy (district INTEGER NOT NULL, name TEXT NOT NULL, from_day TEXT NOT NULL, value TEXT,"
	" version INTEGER NOT NULL, PRIMARY KEY (district, name, from_day)) STRICT, WITHOUT ROWID",
};

/* Also where a machine's clock was put back. */
static enum store_code opened(struct tx *tx)
{
	id_not_below(store_ids(tx->store), db_int(tx->db, 0, "SELECT max(id) FROM session", BIND_NONE));
	id_not_below(store_ids(tx->store), db_int(tx->db, 0, "SELECT max(id) FROM password_before", BIND_NONE));
	return db_code(tx->db);
}

static const struct schema schema = { .owner = "account", .steps = steps, .count = COUNT(steps), .id_table = "account",
	                              .opened = opened };

static const struct route routes[] = {
	{ METHOD_POST, "/api/v1/login", NULL, ROUTE_TASK, .task = sign_in_login, .open = true, .body_max = SECRET_BYTES_MAX,
	  .about = &login_about },
	{ METHOD_POST, "/api/v1/logout", NULL, ROUTE_TASK, .task = sign_in_logout, .in_person = true, .before = BEFORE_ALL,
	  .about = &logout_about },
	{ METHOD_GET, "/api/v1/me", NULL, ROUTE_READ, .read = sign_in_me, .before = BEFORE_ALL, .about = &me_about },
	{ METHOD_POST, "/api/v1/me/password", NULL, ROUTE_TASK, .task = sign_in_password, .in_person = true, .before = BEFORE_ALL,
	  .body_max = SECRET_BYTES_MAX, .about = &my_password_about },
	{ METHOD_POST, "/api/v1/me/totp", NULL, ROUTE_TASK, .task = second_factor_begin, .in_person = true, .before = BEFORE_CODES,
	  .about = &totp_begin_about },
	{ METHOD_POST, "/api/v1/me/totp/confirm", NULL, ROUTE_TASK, .task = second_factor_confirm, .in_person = true,
	  .before = BEFORE_CODES, .body_max = SECRET_BYTES_MAX, .about = &totp_confirm_about },
	{ METHOD_DELETE, "/api/v1/me/totp", NULL, ROUTE_TASK, .task = second_factor_end, .in_person = true,
	  .body_max = SECRET_BYTES_MAX, .about = &totp_end_about },
	{ METHOD_GET, "/api/v1/sessions", NULL, ROUTE_READ, .read = credential_list, .about = &session_list_about },
	{ METHOD_DELETE, "/api/v1/sessions/{id}", NULL, ROUTE_TASK, .task = credential_end, .in_person = true,
	  .about = &session_end_about },
	{ METHOD_GET, "/api/v1/tokens", NULL, ROUTE_READ, .read = credential_list, .about = &token_list_about },
	{ METHOD_POST, "/api/v1/tokens", NULL, ROUTE_TASK, .task = token_post, .in_person = true, .about = &token_create_about },
	{ METHOD_DELETE, "/api/v1/tokens/{id}", NULL, ROUTE_TASK, .task = credential_end, .in_person = true, .about = &token_end_about },
	{ METHOD_GET, "/api/v1/users", "user.read", ROUTE_READ, .read = user_list, .about = &user_list_about },
	{ METHOD_POST, "/api/v1/users", "user.write", ROUTE_TASK, .task = user_post, .about = &user_create_about },
	{ METHOD_GET, "/api/v1/users/{id}", "user.read", ROUTE_READ, .read = user_get, .about = &user_get_about },
	{ METHOD_PATCH, "/api/v1/users/{id}", "user.change", ROUTE_TASK, .task = user_patch, .about = &user_change_about },
	{ METHOD_POST, "/api/v1/users/{id}/unlock", "user.write", ROUTE_TASK, .task = user_unlock, .about = &user_unlock_about },
	{ METHOD_DELETE, "/api/v1/users/{id}/totp", "user.write", ROUTE_TASK, .task = user_forget_second_factor,
	  .about = &user_totp_end_about },
	{ METHOD_GET, "/api/v1/policy", "policy.read", ROUTE_READ, .read = policy_get, .about = &policy_get_about },
	{ METHOD_PATCH, "/api/v1/policy", "policy.write", ROUTE_TASK, .task = policy_patch, .in_person = true,
	  .about = &policy_change_about },
};

/* Where the three administrators are separate (POLICY_SEPARATION), account_actor takes user.grant and policy.write from the
 * one who keeps the accounts. */
static const struct grant grants[] = {
	{ "user.read", "auditor administrator security" },
	{ "user.write", "administrator" }, /* names, passwords, disabled */
	{ "user.grant", "administrator security" }, /* role, areas, ties */
	{ "user.change", "administrator security" }, /* either */
	{ "session.end", "administrator security" }, /* of others */
	{ "policy.read", "auditor administrator security" },
	{ "policy.write", "administrator security" },
};

const struct module account_module = {
	.name = "account",
	.file = __FILE__,
	.schema = &schema,
	.routes = routes,
	.route_count = COUNT(routes),
	.grants = grants,
	.grant_count = COUNT(grants),
	.journalled = "user",
	.journalled_permission = "user.read",
};
