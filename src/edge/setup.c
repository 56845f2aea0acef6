/* SPDX-License-Identifier: Apache-2.0 */
/* setup.c - making a new store. */
#include "edge/setup.h"

#include "base/crypto.h"
#include "base/log.h"
#include "edge/demo_data.h"
#include "engine/account.h"
#include "engine/input.h"
#include "engine/journal.h"
#include "engine/import_row.h"
#include "engine/policy.h"

#include <assert.h>
#include <string.h>

enum { SLICE = 100, CELLS_MAX = 20 };

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
	}
	return code;
}

/* ---- the demo ---- */

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

struct slice {
	struct app *app;
	const struct demo *demo;
	const struct shape *shape;
	struct actor actor;
	struct arena arena;
	void (*fill)(struct slice *slice, uint64_t index, struct pair *cells, size_t *count);
	uint64_t first, count;
};

static void cell(struct pair *cells, size_t *count, const char *name, struct text value)
{
	assert(*count < CELLS_MAX);
	if (value.len > 0)
		cells[(*count)++] = (struct pair){ text_of(name), value };
}

static void number_cell(struct slice *s, struct pair *cells, size_t *count, const char *name, int64_t value)
{
	cell(cells, count, name, value ? text_printf(&s->arena, "%lld", (long long)value) : TEXT_NONE);
}

static void fill_elder(struct slice *s, uint64_t index, struct pair *cells, size_t *count)
{
	struct demo_elder e;
	struct buf tags = buf_in(&s->arena, 128, 1024);
	demo_elder(s->demo, index, &s->arena, &e);
	for (size_t i = 0; i < e.tag_count; i++) {
		buf_text(&tags, i ? TEXT(",") : TEXT(""));
		buf_text(&tags, text_of(e.tags[i]));
	}
	cell(cells, count, "name", e.name);
	cell(cells, count, "id_card", text_copy(&s->arena, text_of(e.id_card)));
	cell(cells, count, "sex", e.sex == SEX_MALE ? TEXT("male") : TEXT("female"));
	cell(cells, count, "born_on", date_text(&s->arena, e.born_on));
	number_cell(s, cells, count, "area", e.area);
	number_cell(s, cells, count, "hukou_area", e.hukou_area);
	cell(cells, count, "residence", text_of(e.residence));
	cell(cells, count, "address", e.address);
	cell(cells, count, "phone", text_copy(&s->arena, text_of(e.phone)));
	cell(cells, count, "position", text_printf(&s->arena, "%.6f,%.6f", e.lat, e.lon));
	cell(cells, count, "tags", buf_done(&tags));
}

static void fill_facility(struct slice *s, uint64_t index, struct pair *cells, size_t *count)
{
	struct demo_facility f;
	demo_facility(s->demo, (size_t)index, &s->arena, &f);
	cell(cells, count, "name", f.name);
	cell(cells, count, "kind", text_of(f.kind));
	number_cell(s, cells, count, "area", f.area);
	cell(cells, count, "address", f.address);
	cell(cells, count, "position", text_printf(&s->arena, "%.6f,%.6f", f.lat, f.lon));
	cell(cells, count, "built_on", date_text(&s->arena, f.built_on));
	number_cell(s, cells, count, "use_years", f.use_years);
	cell(cells, count, "ownership", text_of(f.ownership));
	cell(cells, count, "responsible_unit", f.responsible_unit);
	cell(cells, count, "manager", f.manager);
	cell(cells, count, "phone", text_copy(&s->arena, text_of(f.phone)));
	number_cell(s, cells, count, "size_m2", f.size_m2);
	number_cell(s, cells, count, "floors", f.floors);
	number_cell(s, cells, count, "beds_nursing", f.beds_nursing);
	number_cell(s, cells, count, "beds_general", f.beds_general);
	number_cell(s, cells, count, "beds_dementia", f.beds_dementia);
}

/* The demo goes through the same door as everybody's files: what is invented is checked like what is real. */
static enum store_code add_slice(struct tx *tx, void *arg)
{
	struct slice *s = arg;
	enum store_code code = STORE_OK;
	for (uint64_t i = 0; i < s->count && code == STORE_OK; i++) {
		struct pair cells[CELLS_MAX];
		size_t count = 0;
		struct call call;
		arena_reset(&s->arena);
		call_start(&call, s->app, &s->arena);
		call.actor = s->actor;
		s->fill(s, s->first + i, cells, &count);
		struct input in = { .cells = cells, .cell_count = count };
		code = import_row_take(tx, &call, s->shape, &in, &(struct import_row){ .invented = true });
		if (code == STORE_REFUSED)
			log_error("demo: record %llu was refused: %.*s %s", (unsigned long long)(s->first + i),
			          TEXT_ARG(call.wrong_count ? call.wrongs[0].pointer : TEXT("")),
			          call.wrong_count ? call.wrongs[0].code : problem_rows[call.problem].code);
	}
	return code;
}

static enum store_code add_all(struct slice *s, uint64_t total)
{
	enum store_code code = STORE_OK;
	for (s->first = 0; s->first < total && code == STORE_OK; s->first += s->count) {
		s->count = total - s->first < SLICE ? total - s->first : SLICE;
		code = store_command(s->app->store, LANE_BULK, add_slice, s);
	}
	arena_free(&s->arena);
	return code;
}

enum store_code setup_demo(struct app *app, const struct demo_wish *wish)
{
	char hash[PASSWORD_HASH_MAX];
	struct arena arena = arena_new(64 << 20);
	enum store_code code = setup_district(app, wish->pack, wish->password, true, PROFILE_ASVS);
	password_hash(wish->password, hash);
	struct district district = district_of(wish->pack, true, hash, PROFILE_ASVS);
	if (code == STORE_OK)
		code = store_command(app->store, LANE_BULK, add_demo_accounts, &district);
	struct demo demo = demo_open(wish->pack, wish->seed, &arena);
	struct slice facilities = { .app = app, .demo = &demo, .actor = district.actor, .arena = arena_new(16 << 20),
		                    .shape = app_shape(app, TEXT("facility")), .fill = fill_facility };
	struct slice elders = { .app = app, .demo = &demo, .actor = district.actor, .arena = arena_new(16 << 20),
		                .shape = app_shape(app, TEXT("elder")), .fill = fill_elder };
	if (code == STORE_OK)
		code = add_all(&facilities, demo_facility_count(&demo));
	if (code == STORE_OK)
		code = add_all(&elders, wish->elders);
	arena_free(&arena);
	return code;
}
