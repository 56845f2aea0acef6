/* SPDX-License-Identifier: Apache-2.0 */
/* setup.c - making a new store. */
#include "edge/setup.h"

#include "base/crypto.h"
#include "base/log.h"
#include "engine/account.h"
#include "engine/import_row.h"
#include "engine/input.h"
#include "engine/journal.h"
#include "engine/policy.h"

#include <assert.h>
#include <string.h>

/* ---- the district ---- */

struct district {
	const struct pack *pack;
	struct actor actor;
	bool demo;
	const char *password_hash;
	int64_t profile; /* of the policy (engine/policy.h) */
};

static enum store_code add_areas(struct tx *tx, const struct pack *pack)
{
	struct arena arena = arena_new(8 << 20);
	struct csv areas = pack_areas(pack);
	struct pack_area area;
	enum store_code code = STORE_OK;
	struct text dated = date_text(&arena, pack->codes_on);
	while (code == STORE_OK && pack_next_area(&areas, &arena, &area)) {
		struct text number = text_printf(&arena, "%lld", (long long)area.number);
		code = db_exec(tx->db, "INSERT INTO area (district, id, version, created_at, updated_at, name, level, parent, code,"
			" code_date) VALUES (?1, ?2, 1, ?8, ?8, ?3, ?4, ?5, ?6, ?7)",
			BIND(value_int(pack->number), value_int(area.number), value_text(area.name), value_text(area.level),
			     value_ref(area.parent), value_text((struct text){ number.ptr, 12 }), value_text(dated),
			     value_int(tx->now_ms)), NULL);
	}
	arena_free(&arena);
	return code;
}

/* In the profile dengbao the password of the beginning is nobody's own: each changes it first of all. */
static enum store_code add_account(struct tx *tx, const struct district *d, const char *user, const char *name,
                                   const char *role, int64_t area)
{
	struct account account = { .district = d->pack->number, .name = text_of(user), .display_name = text_of(name),
		                   .password_hash = text_of(d->password_hash), .role = text_of(role), .areas = { area },
		                   .area_count = 1, .password_set_at = d->profile == PROFILE_DENGBAO ? 0 : tx->now_ms };
	return account_insert(tx, &d->actor, &account);
}

/* Who keeps accounts, who grants rights and who audits are three people there (三员分立). */
static enum store_code add_three(struct tx *tx, const struct district *d)
{
	struct policy was, now;
	enum store_code code = policy_read(tx->db, d->pack->number, tx->now_ms, &was);
	now = was;
	policy_decide(&now, POLICY_PROFILE, d->profile);
	if (code == STORE_OK)
		code = policy_save(tx, &d->actor, &was, &now);
	if (code == STORE_OK)
		code = add_account(tx, d, "security", "安全管理员", "security", d->pack->code);
	return code == STORE_OK ? add_account(tx, d, "auditor", "审计管理员", "auditor", d->pack->code) : code;
}

static enum store_code add_district(struct tx *tx, void *arg)
{
	const struct district *d = arg;
	const struct pack *pack = d->pack;
	if (db_int(tx->db, 0, "SELECT 1 FROM district WHERE number = ?1", BIND(value_int(pack->number))) == 1)
		return STORE_REFUSED;
	enum store_code code = db_exec(tx->db, "INSERT INTO district (number, name, plan, area, lat, lon)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		BIND(value_int(pack->number), value_text(pack->district), value_text(pack->name), value_int(pack->code),
		     value_real(pack->lat), value_real(pack->lon)), NULL);
	if (code == STORE_OK)
		code = add_areas(tx, pack);
	if (code == STORE_OK && d->demo)
		code = db_exec(tx->db, "INSERT INTO store_fact (name, value) VALUES ('demo', '1') ON CONFLICT DO NOTHING",
		               BIND_NONE, NULL);
	if (code == STORE_OK && d->profile == PROFILE_DENGBAO)
		code = add_three(tx, d);
	return code == STORE_OK ? add_account(tx, d, "admin", "系统管理员", "administrator", pack->code) : code;
}

static struct district district_of(const struct pack *pack, bool demo, const char *hash, int64_t profile)
{
	return (struct district){ pack, actor_local(pack->number, pack->code), demo, hash, profile };
}

/* One line of standards/saved_lists.txt. */
static enum store_code add_list(struct tx *tx, const struct district *d, struct app *app, struct arena *arena, struct text line)
{
	static const char *const names[] = { "name", "ledger", "roles", "basis", "filter" };
	struct pair cells[COUNT(names)];
	struct call call;
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *bar = i + 1 < COUNT(names) ? memchr(line.ptr, '|', line.len) : NULL;
		size_t len = bar ? (size_t)(bar - line.ptr) : line.len;
		cells[i] = (struct pair){ text_of(names[i]), { line.ptr, len } };
		line = (struct text){ line.ptr + len + (bar != NULL), line.len - len - (bar != NULL) };
	}
	call_start(&call, app, arena);
	call.actor = d->actor;
	struct input in = { .cells = cells, .cell_count = COUNT(names) };
	enum store_code code = import_row_take(tx, &call, app_shape(app, TEXT("saved_list")), &in, &(struct import_row){ .invented = true });
	if (code == STORE_REFUSED)
		log_error("setup: the list %.*s was refused", TEXT_ARG(cells[0].value));
	return code;
}

struct beginning {
	const struct district *district;
	struct app *app;
};

/* What a district begins with, to be changed by whoever keeps it. */
static enum store_code add_lists(struct tx *tx, void *arg)
{
	const struct beginning *beginning = arg;
	struct arena arena = arena_new(1 << 20);
	struct text rest = standard_file("saved_lists.txt");
	enum store_code code = STORE_OK;
	while (rest.len > 0 && code == STORE_OK) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		struct text line = { rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len };
		if (line.len > 0 && *line.ptr != '#')
			code = add_list(tx, beginning->district, beginning->app, &arena, line);
		rest = end ? (struct text){ end + 1, rest.len - line.len - 1 } : TEXT_NONE;
	}
	arena_free(&arena);
	return code;
}

enum store_code setup_district(struct app *app, const struct pack *pack, struct text password, bool demo, int64_t profile)
{
	char hash[PASSWORD_HASH_MAX];
	password_hash(password, hash);
	struct district district = district_of(pack, demo, hash, profile);
	enum store_code code = store_command(app->store, LANE_BULK, add_district, &district);
	if (code == STORE_OK) {
		app->demo = app->demo || demo;
		app->home_district = pack->number;
		app->home_area = pack->code;
		code = store_command(app->store, LANE_BULK, add_lists, &(struct beginning){ &district, app });
	}
	return code;
}

/* ---- the accounts of a demo ---- */

static enum store_code add_demo_accounts(struct tx *tx, void *arg)
{
	const struct district *d = arg;
	int64_t street = db_int(tx->db, 0, "SELECT min(id) FROM area WHERE district = ?1 AND level = 'street'",
	                        BIND(value_int(d->pack->number)));
	int64_t community = db_int(tx->db, 0, "SELECT min(id) FROM area WHERE district = ?1 AND parent = ?2",
	                           BIND(value_int(d->pack->number), value_int(street)));
	enum store_code code = add_account(tx, d, "bureau", "民政局", "bureau", d->pack->code);
	if (code == STORE_OK)
		code = add_account(tx, d, "auditor", "审计员", "auditor", d->pack->code);
	if (code == STORE_OK)
		code = add_account(tx, d, "street1", "街道专员", "street", street);
	return code == STORE_OK ? add_account(tx, d, "community1", "社区专员", "community", community) : code;
}

enum store_code setup_demo_accounts(struct app *app, const struct pack *pack, struct text password)
{
	char hash[PASSWORD_HASH_MAX];
	password_hash(password, hash);
	struct district district = district_of(pack, true, hash, PROFILE_ASVS);
	return store_command(app->store, LANE_BULK, add_demo_accounts, &district);
}
