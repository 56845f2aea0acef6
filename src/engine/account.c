/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - one account: in the store, as an actor, as JSON, in the journal. */
#include "engine/account.h"

#include <string.h>

#define COLUMNS \
	"a.id, a.version, a.district, a.name, a.display_name, a.password_hash, a.role, a.areas, a.disabled, a.organization," \
	" a.person, a.family, a.password_set_at," \
	" (SELECT t.confirmed FROM totp t WHERE t.district = a.district AND t.account = a.id)"

/* Whatever an account may be tied to. */
static const char *const tied_resources[] = { "organization", "staff", "elder" };

static struct text list_text(struct arena *arena, const int64_t *numbers, size_t count)
{
	struct buf list = buf_in(arena, 64, 1024);
	for (size_t i = 0; i < count; i++) {
		buf_text(&list, i ? TEXT(",") : TEXT(""));
		buf_int(&list, numbers[i]);
	}
	return buf_done(&list);
}

static size_t list_from(struct text list, int64_t *numbers, size_t max)
{
	size_t count = 0;
	while (list.len > 0 && count < max) {
		const char *comma = memchr(list.ptr, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
		if (text_to_int((struct text){ list.ptr, len }, INT64_MAX, &numbers[count]))
			count++;
		len += comma ? 1 : 0;
		list = (struct text){ list.ptr + len, list.len - len };
	}
	return count;
}

static void from_row(const struct rows *rows, struct arena *arena, struct account *account)
{
	*account = (struct account){
		.id = rows_int(rows, 0),
		.version = rows_int(rows, 1),
		.district = rows_int(rows, 2),
		.name = text_copy(arena, rows_text(rows, 3)),
		.display_name = text_copy(arena, rows_text(rows, 4)),
		.password_hash = text_copy(arena, rows_text(rows, 5)),
		.role = text_copy(arena, rows_text(rows, 6)),
		.disabled = rows_int(rows, 8) != 0,
		.organization = rows_int(rows, 9),
		.person = rows_int(rows, 10),
		.password_set_at = rows_int(rows, 12),
		.second_factor = rows_int(rows, 13) != 0,
	};
	account->area_count = list_from(rows_text(rows, 7), account->areas, ACTOR_AREAS_MAX);
	account->family_count = list_from(rows_text(rows, 11), account->family, ACTOR_FAMILY_MAX);
}

enum store_code account_read(struct db *db, struct arena *arena, int64_t id, struct account *account, bool *found)
{
	struct rows *rows = db_query(db, "SELECT " COLUMNS " FROM account a WHERE a.district = ?1 AND a.id = ?2",
	                             BIND(value_int(id_district(id)), value_int(id)));
	*found = rows_next(rows);
	if (*found)
		from_row(rows, arena, account);
	return rows_end(rows);
}

/* ---- for whom it exists ---- */

bool account_within(const struct account *account, const struct actor *actor)
{
	bool within = account->district == actor->district;
	for (size_t i = 0; within && i < account->area_count; i++)
		within = actor_covers(actor, account->areas[i]);
	return within;
}

/* Each record that the account is tied to lies in the actor's areas. */
static void ties_within(struct query *query, const struct call *call)
{
	if (app_covers_all(call->app, &call->actor))
		return;
	query_sql(query, " AND NOT EXISTS (SELECT 1 FROM account_tie t WHERE t.district = a.district AND t.account = a.id");
	for (size_t i = 0; i < COUNT(tied_resources); i++) {
		const struct shape *shape = app_shape(call->app, text_of(tied_resources[i]));
		if (!shape)
			continue;
		query_sql(query, " AND NOT EXISTS (SELECT 1 FROM ");
		query_sql(query, shape->table.name);
		query_sql(query, " r WHERE r.district = t.district AND r.id = t.record");
		scope_condition(query, &call->actor, &(struct tie_columns){ .area = "r.area" });
		query_sql(query, ")");
	}
	query_sql(query, ")");
}

enum store_code account_each(struct db *db, struct call *call, struct text name, bool (*take)(void *arg, const struct account *account),
                             void *arg)
{
	struct query query;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT " COLUMNS " FROM account a WHERE a.district = ");
	query_value(&query, value_int(call->actor.district));
	if (name.ptr) {
		query_sql(&query, " AND a.name = ");
		query_value(&query, value_text(name));
	}
	ties_within(&query, call);
	query_sql(&query, " ORDER BY a.name");
	struct rows *rows = query_run(&query, db);
	bool more = true;
	while (more && rows_next(rows)) {
		struct account account;
		from_row(rows, call->arena, &account);
		if (account_within(&account, &call->actor))
			more = take(arg, &account);
	}
	return rows_end(rows);
}

enum store_code account_exists(struct db *db, struct call *call, const struct account *account, bool *exists)
{
	struct query query;
	*exists = account_within(account, &call->actor);
	if (!*exists || app_covers_all(call->app, &call->actor))
		return STORE_OK;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT 1 FROM account a WHERE a.district = ");
	query_value(&query, value_int(account->district));
	query_sql(&query, " AND a.id = ");
	query_value(&query, value_int(account->id));
	ties_within(&query, call);
	struct rows *rows = query_run(&query, db);
	*exists = rows_next(rows);
	return rows_end(rows);
}

/* ---- as an actor ---- */

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static enum duty duty_of(const struct account *account, const struct policy *policy, const struct role *role, int64_t now_ms)
{
	int64_t days = policy->values[POLICY_PASSWORD_DAYS];
	if (account->password_set_at == 0 || (days > 0 && now_ms - account->password_set_at > days * DAY_MS))
		return DUTY_PASSWORD;
	return !account->second_factor && policy_requires_second_factor(policy, role) ? DUTY_SECOND_FACTOR : DUTY_NONE;
}

void account_actor(const struct app *app, const struct account *account, const struct policy *policy, int64_t now_ms,
                   struct actor *actor)
{
	*actor = (struct actor){ .user = account->id, .channel = "web", .district = (unsigned)account->district,
		                 .organization = account->organization, .person = account->person };
	memcpy(actor->name, account->name.ptr, account->name.len < NAME_BYTES_MAX ? account->name.len : NAME_BYTES_MAX);
	actor->role = role_find(account->role);
	if (actor->role)
		actor->permissions = app->access.of_role[actor->role - roles];
	if (policy->values[POLICY_SEPARATION] && text_is(account->role, "administrator")) {
		access_remove(&app->access, &actor->permissions, "user.grant");
		access_remove(&app->access, &actor->permissions, "policy.write");
	}
	memcpy(actor->areas, account->areas, sizeof actor->areas);
	actor->area_count = (unsigned)account->area_count;
	memcpy(actor->family, account->family, sizeof actor->family);
	actor->family_count = (unsigned)account->family_count;
	actor->duty = duty_of(account, policy, actor->role, now_ms);
}

/* ---- where it lies ---- */

/* The smallest area that holds both: whoever covers it covers them. */
static int64_t around(int64_t a, int64_t b)
{
	static const int64_t units[] = { 1, 1000, 1000000, 1000000000, 100000000000, 10000000000000 };
	size_t level = 0;
	if (a == 0 || b == 0)
		return a + b;
	while (level + 1 < COUNT(units) && a / units[level] != b / units[level])
		level++;
	return a / units[level] * units[level];
}

static int64_t place_of_areas(const struct account *account)
{
	int64_t place = 0;
	for (size_t i = 0; i < account->area_count; i++)
		place = around(place, account->areas[i]);
	return place;
}

/* The records that it is tied to, as they stand in the account itself; their number. */
static size_t ties_of(const struct account *account, int64_t ties[ACTOR_FAMILY_MAX + 2])
{
	size_t count = 0;
	if (account->organization)
		ties[count++] = account->organization;
	if (account->person)
		ties[count++] = account->person;
	for (size_t i = 0; i < account->family_count; i++)
		ties[count++] = account->family[i];
	return count;
}

enum store_code account_find_place(struct db *db, const struct app *app, struct account *account)
{
	int64_t ties[ACTOR_FAMILY_MAX + 2];
	size_t count = ties_of(account, ties);
	enum store_code code = STORE_OK;
	struct arena arena = arena_new(65536);
	account->place = place_of_areas(account);
	for (size_t i = 0; count > 0 && i < COUNT(tied_resources) && code == STORE_OK; i++) {
		const struct shape *shape = app_shape(app, text_of(tied_resources[i]));
		struct query query;
		if (!shape)
			continue;
		query_start(&query, &arena);
		query_sql(&query, "SELECT area FROM ");
		query_sql(&query, shape->table.name);
		query_sql(&query, " WHERE district = ");
		query_value(&query, value_int(account->district));
		for (size_t t = 0; t < count; t++) {
			query_sql(&query, t == 0 ? " AND id IN (" : ", ");
			query_value(&query, value_int(ties[t]));
		}
		query_sql(&query, ")");
		struct rows *rows = query_run(&query, db);
		while (rows_next(rows))
			account->place = around(account->place, rows_int(rows, 0));
		code = rows_end(rows);
	}
	arena_free(&arena);
	return code;
}

/* ---- as JSON ---- */

static void put_ids(struct json_out *json, const int64_t *ids, size_t count)
{
	json_begin_array(json);
	for (size_t i = 0; i < count; i++)
		json_put_id(json, ids[i]);
	json_end_array(json);
}

void account_write(struct json_out *json, const struct account *account)
{
	JSON_ID(json, "id", account->id);
	JSON_INT(json, "version", account->version);
	JSON_TEXT(json, "user", account->name);
	JSON_TEXT(json, "name", account->display_name);
	json_key(json, TEXT("roles"));
	json_begin_array(json);
	if (account->role.ptr)
		json_put_text(json, account->role);
	json_end_array(json);
	json_key(json, TEXT("areas"));
	put_ids(json, account->areas, account->area_count);
	JSON_ID(json, "organization", account->organization);
	JSON_ID(json, "person", account->person);
	json_key(json, TEXT("family"));
	put_ids(json, account->family, account->family_count);
	JSON_INT(json, "district", account->district);
	JSON_BOOL(json, "disabled", account->disabled);
	JSON_BOOL(json, "second_factor", account->second_factor);
}

struct text account_areas(struct arena *arena, const struct account *account)
{
	return list_text(arena, account->areas, account->area_count);
}

void account_set_areas(struct account *account, struct text list)
{
	account->area_count = list_from(list, account->areas, ACTOR_AREAS_MAX);
}

/* ---- what the journal says of a change ---- */

struct notes {
	struct buf fields, detail;
	struct json_out json;
};

static void note(struct notes *notes, const char *name)
{
	buf_text(&notes->fields, notes->fields.len > 0 ? TEXT(",") : TEXT(""));
	buf_text(&notes->fields, text_of(name));
	json_key(&notes->json, text_of(name));
	json_begin_array(&notes->json);
}

static void note_text(struct notes *notes, const char *name, struct text was, struct text now)
{
	if (text_eq(was, now))
		return;
	note(notes, name);
	json_put_text(&notes->json, was);
	json_put_text(&notes->json, now);
	json_end_array(&notes->json);
}

static void note_id(struct notes *notes, const char *name, int64_t was, int64_t now)
{
	if (was == now)
		return;
	note(notes, name);
	json_put_id(&notes->json, was);
	json_put_id(&notes->json, now);
	json_end_array(&notes->json);
}

static void note_ids(struct notes *notes, const char *name, const int64_t *was, size_t was_count, const int64_t *now, size_t count)
{
	if (was_count == count && memcmp(was, now, count * sizeof *now) == 0)
		return;
	note(notes, name);
	put_ids(&notes->json, was, was_count);
	put_ids(&notes->json, now, count);
	json_end_array(&notes->json);
}

/* The line of a change from `was`, an empty account before its creation. Of a password it says only that it is new. */
static struct journal_line line_of(struct arena *arena, const struct account *was, const struct account *now)
{
	struct notes notes = { .fields = buf_in(arena, 64, 1024), .detail = buf_in(arena, 512, 16384) };
	notes.json = json_out(&notes.detail);
	json_begin_object(&notes.json);
	note_text(&notes, "user", was->name, now->name);
	note_text(&notes, "name", was->display_name, now->display_name);
	note_text(&notes, "role", was->role, now->role);
	note_ids(&notes, "areas", was->areas, was->area_count, now->areas, now->area_count);
	note_id(&notes, "organization", was->organization, now->organization);
	note_id(&notes, "person", was->person, now->person);
	note_ids(&notes, "family", was->family, was->family_count, now->family, now->family_count);
	if (!text_eq(was->password_hash, now->password_hash)) {
		note(&notes, "password");
		json_put_null(&notes.json);
		json_put_null(&notes.json);
		json_end_array(&notes.json);
	}
	if (was->disabled != now->disabled) {
		note(&notes, "disabled");
		json_put_bool(&notes.json, was->disabled);
		json_put_bool(&notes.json, now->disabled);
		json_end_array(&notes.json);
	}
	json_end_object(&notes.json);
	return (struct journal_line){ .district = (unsigned)now->district, .resource = TEXT("user"), .record = now->id,
		                      .version = now->version, .places = { .area = now->place, .was_area = now->place ? was->place : 0 },
		                      .fields = buf_done(&notes.fields), .detail = buf_done(&notes.detail) };
}

enum store_code account_note(struct tx *tx, const struct actor *by, const struct account *account, const char *action,
                             const char *resource, struct text detail)
{
	return journal_write(tx, by, &(struct journal_line){ .district = (unsigned)account->district, .action = text_of(action),
		.resource = text_of(resource), .record = account->id, .version = account->version, .places.area = account->place,
		.detail = detail });
}

/* ---- what is kept ---- */

static enum store_code save_ties(struct tx *tx, const struct account *account, bool fresh)
{
	int64_t ties[ACTOR_FAMILY_MAX + 2];
	size_t count = ties_of(account, ties);
	enum store_code code = STORE_OK;
	if (!fresh)
		code = db_exec(tx->db, "DELETE FROM account_tie WHERE district = ?1 AND account = ?2",
		               BIND(value_int(account->district), value_int(account->id)), NULL);
	for (size_t i = 0; i < count && code == STORE_OK; i++)
		code = db_exec(tx->db, "INSERT INTO account_tie (district, account, record) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
		               BIND(value_int(account->district), value_int(account->id), value_int(ties[i])), NULL);
	return code;
}

enum store_code account_insert(struct tx *tx, const struct actor *by, struct account *account)
{
	struct arena arena = arena_new(65536);
	account->id = id_next(store_ids(tx->store), (unsigned)account->district);
	account->version = 1;
	account->place = account->place ? account->place : place_of_areas(account);
	enum store_code code = db_exec(tx->db,
		"INSERT INTO account (id, version, district, name, display_name, password_hash, password_set_at, role, areas,"
		" organization, person, family, disabled, created_at, updated_at)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
		BIND(value_int(account->id), value_int(1), value_int(account->district), value_text(account->name),
		     value_text(account->display_name), value_text(account->password_hash), value_int(account->password_set_at),
		     value_text(account->role), value_text(list_text(&arena, account->areas, account->area_count)),
		     value_ref(account->organization), value_ref(account->person),
		     value_text(list_text(&arena, account->family, account->family_count)), value_int(account->disabled),
		     value_int(tx->now_ms)), NULL);
	if (code == STORE_OK)
		code = save_ties(tx, account, true);
	if (code == STORE_OK) {
		struct journal_line line = line_of(&arena, &(struct account){ .id = 0 }, account);
		line.action = TEXT("create");
		code = journal_write(tx, by, &line);
	}
	arena_free(&arena);
	return code;
}

static enum store_code update(struct tx *tx, struct arena *arena, const struct account *account)
{
	enum store_code code = db_exec(tx->db,
		"UPDATE account SET version = ?1, name = ?2, display_name = ?3, password_hash = ?4, password_set_at = ?5, role = ?6,"
		" areas = ?7, organization = ?8, person = ?9, family = ?10, disabled = ?11, updated_at = ?12"
		" WHERE district = ?13 AND id = ?14",
		BIND(value_int(account->version), value_text(account->name), value_text(account->display_name),
		     value_text(account->password_hash), value_int(account->password_set_at), value_text(account->role),
		     value_text(list_text(arena, account->areas, account->area_count)), value_ref(account->organization),
		     value_ref(account->person), value_text(list_text(arena, account->family, account->family_count)),
		     value_int(account->disabled), value_int(tx->now_ms), value_int(account->district), value_int(account->id)), NULL);
	return code == STORE_OK ? save_ties(tx, account, false) : code;
}

enum store_code account_save(struct tx *tx, const struct actor *by, const struct account *was, struct account *account)
{
	struct arena arena = arena_new(65536);
	enum store_code code = STORE_OK;
	account->version++;
	struct journal_line line = line_of(&arena, was, account);
	if (line.fields.len > 0) {
		line.action = TEXT("update");
		code = update(tx, &arena, account);
		if (code == STORE_OK)
			code = journal_write(tx, by, &line);
	} else {
		account->version--;
	}
	arena_free(&arena);
	return code;
}
