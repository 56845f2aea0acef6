/* SPDX-License-Identifier: Apache-2.0 */
/* app.c - opening the house, finding the route, and carrying a call out. */
#include "engine/app.h"

#include "base/crypto.h"
#include "engine/checkpoint.h"
#include "engine/feed.h"
#include "engine/files.h"
#include "engine/flow.h"
#include "engine/guess.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/keys.h"
#include "engine/operations.h"
#include "engine/questionnaire.h"
#include "engine/reaction.h"
#include "engine/record_tokens.h"
#include "engine/session.h"
#include "engine/shown.h"
#include "engine/timer.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_DAYS_MS = 24 * 60 * 60 * 1000, KEY_MAX = 200, KEYS_DROPPED = 500 };

/* ---- opening ---- */

static const char *const steps[] = {
	"CREATE TABLE store_fact (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
	"CREATE TABLE idempotency (district INTEGER NOT NULL, account INTEGER NOT NULL, idempotency_key TEXT NOT NULL,"
	" request_hash TEXT NOT NULL, at_ms INTEGER NOT NULL, status INTEGER NOT NULL, version INTEGER NOT NULL,"
	" location TEXT, body TEXT NOT NULL, PRIMARY KEY (district, account, idempotency_key)) STRICT, WITHOUT ROWID",
	"CREATE INDEX idempotency_age ON idempotency (at_ms)",
};
static const struct schema app_schema = { .owner = "app", .steps = steps, .count = COUNT(steps) };

static enum store_code read_facts(struct db *db, void *arg)
{
	struct app *app = arg;
	app->demo = db_int(db, 0, "SELECT 1 FROM store_fact WHERE name = 'demo'", BIND_NONE) == 1;
	app->home_district = (unsigned)db_int(db, 0, "SELECT min(number) FROM district", BIND_NONE);
	app->home_area = db_int(db, 0, "SELECT area FROM district ORDER BY number LIMIT 1", BIND_NONE);
	return db_code(db);
}

/* ---- laying out what is declared ---- */

enum { LAYOUT_BYTES_MAX = 16 << 20 };

static void add_route(struct app *app, const struct route *route, const struct shape *shape, unsigned permission)
{
	struct route *added = &app->routes[app->route_count++];
	*added = *route;
	added->shape = shape;
	added->permission_number = permission;
	size_t before = strcspn(route->path, "{");
	added->before_id = (struct text){ route->path, before };
	added->behind_id = text_of(route->path[before] ? route->path + before + strlen("{id}") : NULL);
}

static void add_operations(struct app *app, const struct shape *shape, const struct operation *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct operation *o = &list[i];
		unsigned permission = shape->may[o->right];
		if (permission == PERMISSIONS_MAX || (o->has && !o->has(shape)))
			continue;
		struct route route = { o->method, text_printf(&app->arena, "%s%s", shape->path, o->path).ptr,
			               app->access.names[permission], o->kind, o->read, o->command, o->task, .upload = o->upload,
			               .bulk = o->bulk, .about = o->about, .operation = o };
		add_route(app, &route, shape, permission);
	}
}

static void add_moves(struct app *app, const struct shape *shape)
{
	const struct resource *resource = shape->resource;
	for (size_t i = 0; resource->flow && i < resource->flow->move_count; i++) {
		const struct move *move = &resource->flow->moves[i];
		if (!move->roles)
			continue;
		const char *permission = text_printf(&app->arena, "%s.%s", resource->name, move->name).ptr;
		struct route route = { METHOD_POST, text_printf(&app->arena, "%s/{id}/%s", shape->path, move->name).ptr, permission,
			               ROUTE_COMMAND, .command = flow_command, .move = move,
			               .about = flow_about(&app->arena, shape, move) };
		add_route(app, &route, shape, access_grant(&app->access, permission, move->roles));
	}
}

/* Those of all modules that are about the shape's changes, in the order of the modules. */
static void add_reactions(struct app *app, struct shape *shape, size_t most)
{
	shape->reactions = arena_take(&app->arena, (most + 1) * sizeof(*shape->reactions));
	for (size_t m = 0; m < app->module_count; m++)
		for (size_t i = 0; i < app->modules[m]->reaction_count; i++)
			if (strcmp(app->modules[m]->reactions[i].on, shape->resource->name) == 0)
				shape->reactions[shape->reaction_count++] = &app->modules[m]->reactions[i];
}

static void add_jobs(struct app *app, const struct module *module)
{
	for (size_t i = 0; i < module->job_count; i++) {
		const struct job_kind *kind = &module->jobs[i];
		if (!kind->path)
			continue;
		struct route route = { METHOD_POST, kind->path, kind->permission, ROUTE_COMMAND, .command = job_make, .job = kind,
			               .about = kind->about };
		add_route(app, &route, NULL, access_number(&app->access, kind->permission));
	}
}

static void lay_out(struct app *app)
{
	size_t resources = 0, routes = 0, reactions = 0, each = operation_count;
	for (size_t m = 0; m < app->module_count; m++) {
		resources += app->modules[m]->resource_count;
		routes += app->modules[m]->route_count + app->modules[m]->job_count;
		each += app->modules[m]->operation_count;
		reactions += app->modules[m]->reaction_count;
		for (size_t i = 0; i < app->modules[m]->resource_count; i++)
			routes += app->modules[m]->resources[i]->flow ? app->modules[m]->resources[i]->flow->move_count : 0;
		for (size_t g = 0; g < app->modules[m]->grant_count; g++)
			access_grant(&app->access, app->modules[m]->grants[g].permission, app->modules[m]->grants[g].roles);
	}
	app->shapes = arena_take(&app->arena, (resources + 1) * sizeof *app->shapes);
	app->routes = arena_take(&app->arena, (routes + resources * each) * sizeof *app->routes);
	for (size_t m = 0; m < app->module_count; m++) {
		const struct module *module = app->modules[m];
		for (size_t i = 0; i < module->route_count; i++) {
			const char *permission = module->routes[i].permission;
			add_route(app, &module->routes[i], NULL, permission ? access_number(&app->access, permission) : 0);
			assert(!permission || app->routes[app->route_count - 1].permission_number < PERMISSIONS_MAX);
		}
		for (size_t i = 0; i < module->resource_count; i++) {
			struct shape *shape = shape_new(&app->arena, &app->access, module->resources[i]);
			app->shapes[app->shape_count++] = shape;
			add_operations(app, shape, operations, operation_count);
			for (size_t o = 0; o < app->module_count; o++)
				add_operations(app, shape, app->modules[o]->operations, app->modules[o]->operation_count);
			add_moves(app, shape);
		}
	}
	for (size_t m = 0; m < app->module_count; m++) /* their permissions may be those of a resource */
		add_jobs(app, app->modules[m]);
	for (size_t i = 0; i < app->shape_count; i++)
		add_reactions(app, app->shapes[i], reactions);
	for (size_t i = 0; i < app->route_count; i++)
		if (app->routes[i].about && app->routes[i].about->of)
			app->routes[i].shape = app_shape(app, text_of(app->routes[i].about->of));
}

/* A store of an earlier version gets its keys when it is first opened to write, like its missing tables. */
static bool load_keys(struct app *app, const char *url, const struct keys_wish *wish)
{
	const char *path = keys_path(&app->arena, url, wish);
	enum keys_result result = keys_load(app->keys, app->store, path);
	if (result == KEYS_NONE)
		result = keys_make(app->keys, app->store, path, wish);
	return result == KEYS_FINE;
}

void app_tables(struct app *app, struct store_options *options)
{
	static const struct schema *const own[] = { &app_schema, &journal_schema, &keys_schema };
	const struct schema **schemas = arena_take(&app->arena, (COUNT(own) + app->module_count) * sizeof *schemas);
	size_t most = app->shape_count + 1;
	for (size_t i = 0; i < app->shape_count; i++)
		most += app->shapes[i]->side_table_count;
	const struct table **tables = arena_take(&app->arena, most * sizeof *tables);
	options->schema_count = 0;
	for (size_t i = 0; i < COUNT(own); i++)
		schemas[options->schema_count++] = own[i];
	for (size_t i = 0; i < app->module_count; i++)
		if (app->modules[i]->schema)
			schemas[options->schema_count++] = app->modules[i]->schema;
	options->table_count = 0;
	for (size_t i = 0; i < app->shape_count; i++) {
		tables[options->table_count++] = &app->shapes[i]->table;
		for (size_t t = 0; t < app->shapes[i]->side_table_count; t++)
			tables[options->table_count++] = &app->shapes[i]->side_tables[t];
	}
	options->schemas = schemas;
	options->tables = tables;
}

static enum store_open_result open_store(struct app *app, const struct store_options *wanted, const struct keys_wish *wish)
{
	struct store_options options = *wanted;
	app_tables(app, &options);
	options.sequence = journal_sequence;
	enum store_open_result result = store_open(&options, &app->store);
	if (result == STORE_OPENED && (store_read(app->store, 0, read_facts, app) != STORE_OK ||
	                               (!options.read_only && !(load_keys(app, options.url, wish) && record_tokens_fill(app))))) {
		store_close(app->store);
		return STORE_UNUSABLE;
	}
	return result;
}

struct app *app_declared(const struct module *const *modules, size_t count)
{
	struct app *app = calloc(1, sizeof *app);
	if (!app)
		abort();
	app->modules = modules;
	app->module_count = count;
	questionnaires_load();
	app->arena = arena_new(LAYOUT_BYTES_MAX);
	lay_out(app);
	return app;
}

void app_forget(struct app *app)
{
	arena_free(&app->arena);
	free(app);
}

struct app *app_open(const struct store_options *options, const struct keys_wish *wish, const struct module *const *modules,
                     size_t count, enum store_open_result *result)
{
	struct app *app = app_declared(modules, count);
	app->keys = keys_new();
	app->files = options->files ? options->files : store_beside(&app->arena, options->url, ".files");
	*result = open_store(app, options, wish);
	if (*result != STORE_OPENED) {
		keys_free(app->keys);
		app_forget(app);
		return NULL;
	}
	app->sessions = sessions_new();
	app->guesses = guesses_new();
	app->shown = shown_new();
	if (!options->read_only)
		app->feed = feed_start(app);
	return app;
}

void app_close(struct app *app)
{
	if (!app)
		return;
	if (app->feed) /* it wakes the runner */
		feed_stop(app->feed);
	jobs_stop(app->jobs);
	timers_stop(app->timers);
	checkpoints_write(app->checkpoints);
	store_close(app->store);
	checkpoints_close(app->checkpoints);
	sessions_free(app->sessions);
	guesses_free(app->guesses);
	shown_free(app->shown);
	keys_free(app->keys);
	app_forget(app);
}

static enum store_code drop_old_keys(struct tx *tx, void *dropped)
{
	return db_exec(tx->db, "DELETE FROM idempotency WHERE (district, account, idempotency_key) IN"
		" (SELECT district, account, idempotency_key FROM idempotency WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
		BIND(value_int(tx->now_ms - KEY_DAYS_MS), value_int(KEYS_DROPPED)), dropped);
}

/* In slices, as a day may have brought very many. */
static void tend(struct job *job)
{
	struct app *app = (struct app *)(void *)((char *)job - offsetof(struct app, tending));
	int64_t dropped = KEYS_DROPPED;
	checkpoints_write(app->checkpoints);
	sessions_tend(app);
	files_tend(app);
	while (dropped == KEYS_DROPPED && !app->stopping && store_command(app->store, LANE_BULK, drop_old_keys, &dropped) == STORE_OK)
		;
	app->tends = false;
}

void app_tend(struct app *app)
{
	if (atomic_exchange(&app->tends, true))
		return;
	app->tending = (struct job){ .run = tend, .lane = LANE_BULK };
	if (!pool_submit(store_pool(app->store), &app->tending))
		app->tends = false;
}

/* ---- routes ---- */

static bool path_fits(const struct route *route, struct text path, int64_t *id)
{
	struct text before = route->before_id, behind = route->behind_id;
	/* Most paths begin alike: the last character tells most of them apart. */
	if (path.len < before.len || path.ptr[before.len - 1] != before.ptr[before.len - 1] || !text_starts(path, before))
		return false;
	if (!behind.ptr)
		return path.len == before.len;
	struct text rest = { path.ptr + before.len, path.len - before.len };
	if (rest.len <= behind.len || memcmp(rest.ptr + rest.len - behind.len, behind.ptr, behind.len) != 0)
		return false;
	return id_read((struct text){ rest.ptr, rest.len - behind.len }, id);
}

const struct route *app_route(const struct app *app, enum method method, struct text path, int64_t *id, bool *known_path)
{
	*known_path = false;
	for (size_t i = 0; i < app->route_count; i++) {
		const struct route *route = &app->routes[i];
		int64_t found = 0;
		if (!path_fits(route, path, &found))
			continue;
		*known_path = true;
		if (route->method == method) {
			*id = found;
			return route;
		}
	}
	return NULL;
}

const struct shape *app_shape(const struct app *app, struct text resource)
{
	for (size_t i = 0; i < app->shape_count; i++)
		if (text_is(resource, app->shapes[i]->resource->name))
			return app->shapes[i];
	return NULL;
}

unsigned app_feed_permission(const struct app *app, struct text resource)
{
	const struct shape *shape = app_shape(app, resource);
	if (shape)
		return shape->may[RIGHT_READ];
	for (size_t m = 0; m < app->module_count; m++)
		if (app->modules[m]->journalled && text_is(resource, app->modules[m]->journalled))
			return access_number(&app->access, app->modules[m]->journalled_permission);
	return access_number(&app->access, "journal.read");
}

/* ---- carrying out ---- */

void app_settle(struct call *call, enum store_code code)
{
	static const enum problem problems[] = {
		[STORE_REFUSED] = PROBLEM_INTERNAL, [STORE_DUPLICATE] = PROBLEM_DUPLICATE, [STORE_BUDGET] = PROBLEM_TOO_SLOW,
		[STORE_RETRY] = PROBLEM_UNAVAILABLE, [STORE_BUSY] = PROBLEM_UNAVAILABLE, [STORE_FULL] = PROBLEM_STORAGE_FULL,
		[STORE_BROKEN] = PROBLEM_UNAVAILABLE, /* whether a change was kept may be unknown: never «nothing was changed» */
	};
	if (code == STORE_OK || (code == STORE_REFUSED && call->problem != PROBLEM_NONE))
		return;
	call->wrong_count = 0;
	call->set_cookie = call->location = TEXT_NONE;
	call->version = 0;
	call_problem(call, problems[code]);
	if (call->problem == PROBLEM_UNAVAILABLE)
		call->retry_after_s = 1;
}

enum store_code app_run_read(struct db *db, void *arg)
{
	struct call *call = arg;
	call_again(call);
	return call->route->read(db, call);
}

/* What makes two requests the same: method and path by the route, the record, the body, and what the account may see: an
 * answer is never given again to somebody who has lost the right to it. */
static struct text request_hash(struct call *call)
{
	unsigned char hash[HASH_BYTES];
	struct buf all = buf_in(call->arena, call->raw.len + 1024, call->raw.len + 1024);
	buf_printf(&all, "%s\n%lld\n%lld %lld", call->route->path, (long long)call->id, (long long)call->actor.organization,
	           (long long)call->actor.person);
	for (size_t i = 0; i < COUNT(call->actor.permissions.bits); i++)
		buf_printf(&all, " %llx", (unsigned long long)call->actor.permissions.bits[i]);
	for (unsigned i = 0; i < call->actor.family_count; i++)
		buf_printf(&all, " f%lld", (long long)call->actor.family[i]);
	for (unsigned i = 0; i < call->actor.area_count; i++)
		buf_printf(&all, " %lld", (long long)call->actor.areas[i]);
	buf_char(&all, '\n');
	buf_text(&all, call->raw);
	assert(!all.overflow);
	hash_sha256(buf_done(&all), hash);
	return hash_hex(call->arena, hash);
}

/* STORE_OK with call->status set: the answer of the first time stands in the call. */
static enum store_code replay(struct tx *tx, struct call *call, struct text hash)
{
	struct rows *rows = db_query(tx->db, "SELECT request_hash, status, version, location, body FROM idempotency"
		" WHERE district = ?1 AND account = ?2 AND idempotency_key = ?3",
		BIND(value_int(call->actor.district), value_int(call->actor.user), value_text(call->idempotency_key)));
	enum store_code code = STORE_OK;
	if (rows_next(rows)) {
		if (!text_eq(rows_text(rows, 0), hash)) {
			code = call_problem(call, PROBLEM_KEY_REUSED);
		} else {
			call_json(call, (int)rows_int(rows, 1));
			buf_text(&call->out, rows_text(rows, 4));
			call->version = rows_int(rows, 2);
			call->location = text_copy(call->arena, rows_text(rows, 3));
			call->replayed = true;
		}
	}
	enum store_code ended = rows_end(rows);
	return code != STORE_OK ? code : ended;
}

static bool key_is_used(struct tx *tx, const struct call *call)
{
	return db_int(tx->db, 0, "SELECT 1 FROM idempotency WHERE district = ?1 AND account = ?2 AND idempotency_key = ?3",
	              BIND(value_int(call->actor.district), value_int(call->actor.user), value_text(call->idempotency_key))) == 1;
}

static enum store_code keep_answer(struct tx *tx, struct call *call, struct text hash)
{
	return db_exec(tx->db, "INSERT INTO idempotency (district, account, idempotency_key, request_hash, at_ms, status,"
		" version, location, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		BIND(value_int(call->actor.district), value_int(call->actor.user), value_text(call->idempotency_key),
		     value_text(hash), value_int(tx->now_ms), value_int(call->status), value_int(call->version),
		     value_text(call->location), value_text(buf_done(&call->out))), NULL);
}

enum store_code app_run_command(struct tx *tx, void *arg)
{
	struct call *call = arg;
	call_again(call);
	if (!call->idempotency_key.ptr || call->route->method != METHOD_POST)
		return call->route->command(tx, call);
	if (call->idempotency_key.len == 0 || call->idempotency_key.len > KEY_MAX ||
	    text_utf8_length(call->idempotency_key) == SIZE_MAX)
		return call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("Idempotency-Key 为 1 到 200 个字符"),
			TEXT("Idempotency-Key has 1 to 200 characters"));
	struct text hash = request_hash(call);
	enum store_code code = STORE_OK;
	if (tx->again)
		code = replay(tx, call, hash);
	if (code != STORE_OK || call->replayed)
		return code;
	code = call->route->command(tx, call);
	if (code == STORE_OK && call->out.len > 0)
		return keep_answer(tx, call, hash); /* a key that was used is a duplicate */
	/* What is refused now may have been granted then. */
	return code == STORE_REFUSED && !tx->again && key_is_used(tx, call) ? STORE_DUPLICATE : code;
}

bool app_covers_all(const struct app *app, const struct actor *actor)
{
	return actor->district == app->home_district && actor_covers(actor, app->home_area);
}

bool app_allows(struct call *call)
{
	static const enum problem duties[] = { [DUTY_PASSWORD] = PROBLEM_PASSWORD_EXPIRED,
		                               [DUTY_SECOND_FACTOR] = PROBLEM_SECOND_FACTOR_REQUIRED };
	if (call->route->open)
		return true;
	if (call->problem != PROBLEM_NONE)
		return false;
	if (!call->signed_in) {
		call_problem(call, PROBLEM_NOT_SIGNED_IN);
		return false;
	}
	if (call->actor.duty != DUTY_NONE && !(call->route->before >> call->actor.duty & 1)) {
		call_problem(call, duties[call->actor.duty]);
		return false;
	}
	if (call->route->in_person && call->bearer) {
		call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("令牌不能用于此操作"), TEXT("Not with a token"));
		return false;
	}
	if (call->route->permission && !actor_may(&call->actor, call->route->permission_number)) {
		call_problem(call, PROBLEM_FORBIDDEN);
		return false;
	}
	return true;
}

bool app_admits(struct app *app, struct call *call)
{
	if (!call->signed_in && !call->route->open)
		session_load(app, call);
	return app_allows(call);
}

void app_answer(struct app *app, struct call *call)
{
	if (!app_admits(app, call))
		return;
	switch (call->route->kind) {
	case ROUTE_READ:
		app_settle(call, store_read(app->store, 0, app_run_read, call));
		break;
	case ROUTE_COMMAND:
		app_settle(call, store_command(app->store, LANE_INTERACTIVE, app_run_command, call));
		break;
	case ROUTE_TASK:
		call->route->task(call);
		break;
	case ROUTE_STREAM:
		feed_follow(app->feed, call->actor.district);
		if (call->last_event_id.ptr) /* another server may have told of lines that this one has not yet read */
			app_settle(call, feed_newest(app->feed, call->actor.district, &call->journal_head));
		break;
	}
}
