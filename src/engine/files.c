/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - fields of the type `file`: sent, named by a record, looked at, swept. */
#include "engine/files.h"

#include "base/log.h"
#include "engine/file_store.h"
#include "engine/journal.h"
#include "engine/operations.h"
#include "engine/record.h"

#include <stdio.h>
#include <string.h>

/* `record` is NULL until one names it. */
static const char *const steps[] = {
	"CREATE TABLE file (district INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, resource TEXT NOT NULL,"
	" field TEXT NOT NULL, type TEXT NOT NULL, bytes INTEGER NOT NULL, account INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	" record INTEGER, PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID",
	"CREATE UNIQUE INDEX file_name ON file (district, name)",
	"CREATE INDEX file_waiting ON file (district, account, at_ms) WHERE record IS NULL",
};
static const struct schema schema = { .owner = "file", .steps = steps, .count = COUNT(steps), .id_table = "file" };

enum { WAITING_MAX = 50, SWEPT = 200, CHECKED = 500 };

/* By its first bytes, whatever it is called. NULL: something else. */
static const char *kind_of(struct text bytes)
{
	static const struct text begins[] = { TEXT_OF("\xFF\xD8\xFF"), TEXT_OF("\x89PNG\r\n\x1A\n"), TEXT_OF("%PDF-") };
	for (size_t i = 0; i < COUNT(begins); i++) /* in the order of file_types */
		if (text_starts(bytes, begins[i]))
			return file_types[i];
	return NULL;
}

/* Which need not be said where there is but one. */
static const struct slot *named_slot(struct call *call)
{
	const struct shape *shape = call->route->shape;
	struct text name = call_param(call, "field");
	const struct slot *found = NULL;
	size_t count = 0;
	for (size_t i = 0; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (slot->field->type != FIELD_file || (name.ptr && !text_eq(name, slot->name)))
			continue;
		found = slot;
		count++;
	}
	if (count == 1)
		return found;
	call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("field 应是一个文件字段"), TEXT("`field` is a field of the type file"));
	return NULL;
}

static bool has_place(struct call *call)
{
	if (!call->app->files)
		call_problem_detail(call, PROBLEM_UNAVAILABLE, TEXT("服务器没有配置文件目录"), TEXT("The server was given no directory for files"));
	return call->app->files != NULL;
}

static void put_file(struct json_out *json, int64_t id, struct text type, int64_t bytes)
{
	json_begin_object(json);
	JSON_ID(json, "id", id);
	JSON_TEXT(json, "type", type);
	JSON_INT(json, "bytes", bytes);
	json_end_object(json);
}

/* ---- sending ---- */

struct sent {
	struct call *call;
	const struct slot *slot;
	struct file_place place;
	const char *type;
};

static enum store_code insert(struct tx *tx, void *arg)
{
	struct sent *sent = arg;
	struct call *call = sent->call;
	struct value district = value_int(call->actor.district), account = value_int(call->actor.user);
	call_again(call);
	if (db_int(tx->db, 0, "SELECT count(*) FROM file WHERE district = ?1 AND account = ?2 AND record IS NULL", BIND(district, account)) >=
	    WAITING_MAX) {
		call->retry_after_s = 60 * 60;
		return call_problem_detail(call, PROBLEM_RATE_LIMITED, TEXT("已上传而未使用的文件太多"),
			TEXT("Too many files were sent that no record names"));
	}
	return db_exec(tx->db, "INSERT INTO file (district, id, name, resource, field, type, bytes, account, at_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		BIND(district, value_int(sent->place.id), value_text(text_of(sent->place.name)),
		     value_text(text_of(call->route->shape->resource->name)), value_text(sent->slot->name), value_text(text_of(sent->type)),
		     value_int((int64_t)call->raw.len), account, value_int(tx->now_ms)), NULL);
}

/* On disk first, in the table then: a row is never without its file. */
static void send_file(struct call *call)
{
	struct app *app = call->app;
	struct sent sent = { .call = call, .slot = named_slot(call), .type = kind_of(call->raw) };
	if (!sent.slot || !has_place(call))
		return;
	if (!sent.type) {
		call_problem_detail(call, PROBLEM_UNSUPPORTED_TYPE, TEXT("只接受 JPEG、PNG 图片和 PDF"), TEXT("JPEG, PNG or PDF"));
		return;
	}
	sent.place = file_place(app->keys, app->files, call->actor.district, id_next(store_ids(app->store), call->actor.district));
	enum store_code code = file_keep(&sent.place, app->keys, call->raw, clock_now_ms(store_clock(app->store)));
	if (code == STORE_OK)
		code = store_command(app->store, LANE_INTERACTIVE, insert, &sent);
	if (code == STORE_OK && !file_is_whole(&sent.place, (int64_t)call->raw.len)) {
		log_error("files: %s was taken away while its row was written", sent.place.name); /* a clock that leapt a day */
		code = STORE_BROKEN;
	}
	if (code == STORE_OK) {
		struct json_out json = call_json(call, 201);
		put_file(&json, sent.place.id, text_of(sent.type), (int64_t)call->raw.len);
	}
	app_settle(call, code);
}

/* ---- naming ---- */

struct text file_attach(struct input *in, struct tx *tx, const struct field *field, int64_t id)
{
	const struct actor *actor = &in->call->actor;
	struct value district = value_int(actor->district);
	struct buf shown = buf_in(in->call->arena, 128, 256);
	struct json_out json = json_out(&shown);
	struct rows *rows = db_query(tx->db, "SELECT type, bytes FROM file WHERE district = ?1 AND id = ?2 AND resource = ?3 AND field = ?4"
		" AND ((record IS NULL AND account = ?5) OR record = ?6)",
		BIND(district, value_int(id), value_text(text_of(in->shape->resource->name)), value_text(text_of(field->name)),
		     value_int(actor->user), value_int(in->id)));
	bool found = rows_next(rows);
	if (found)
		put_file(&json, id, rows_text(rows, 0), rows_int(rows, 1));
	if (rows_end(rows) != STORE_OK || !found)
		return TEXT_NONE;
	enum store_code code = db_exec(tx->db, "UPDATE file SET record = ?3 WHERE district = ?1 AND id = ?2 AND record IS NULL",
	                               BIND(district, value_int(id), value_int(in->id)), NULL);
	return code == STORE_OK ? buf_done(&shown) : TEXT_NONE;
}

/* ---- looking ---- */

struct look {
	struct call *call;
	const struct slot *slot;
	void *record;
	int64_t id, bytes;
	struct text type;
	struct file_place place;
};

/* In the record's own text, which we wrote. */
static int64_t id_in(struct text shown)
{
	const char *digits = shown.len > strlen("{\"id\":\"") ? shown.ptr + strlen("{\"id\":\"") : "";
	int64_t id = 0;
	return id_read((struct text){ digits, strcspn(digits, "\"") }, &id) ? id : 0;
}

static enum store_code find(struct db *db, void *arg)
{
	struct look *look = arg;
	struct call *call = look->call;
	call_again(call);
	enum store_code code = operation_find(db, call, call->route->shape, call->id, look->record, NULL);
	if (code == STORE_OK && !operation_keeps(call->route->shape, &call->actor, look->record))
		code = call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("由所在地管理，此处只能查看"),
			TEXT("It is kept by the area where it lies; here it can only be seen"));
	look->id = code == STORE_OK ? id_in(slot_text(look->slot, look->record)) : 0;
	if (code != STORE_OK || !look->id)
		return code != STORE_OK ? code : call_problem(call, PROBLEM_NOT_FOUND);
	struct rows *rows = db_query(db, "SELECT type, bytes FROM file WHERE district = ?1 AND id = ?2",
	                             BIND(value_int(call->actor.district), value_int(look->id)));
	bool found = rows_next(rows);
	if (found) {
		look->type = text_copy(call->arena, rows_text(rows, 0));
		look->bytes = rows_int(rows, 1);
	}
	code = rows_end(rows);
	return code != STORE_OK || found ? code : call_problem(call, PROBLEM_NOT_FOUND);
}

static enum store_code note(struct tx *tx, void *arg)
{
	struct look *look = arg;
	const struct shape *shape = look->call->route->shape;
	const struct record *record = look->record;
	return journal_write(tx, &look->call->actor, &(struct journal_line){ .action = ACTION_LOOK,
		.resource = text_of(shape->resource->name), .record = record->id, .version = record->version,
		.places = record_places(shape, NULL, record), .fields = look->slot->name,
		.detail = text_printf(look->call->arena, "{\"fields\":[\"%s\"]}", look->slot->field->name) });
}

static enum store_code refresh_keys(struct db *db, void *arg)
{
	return keys_refresh(arg, db);
}

/* Another server may have made a new key, and sealed with it. */
static enum file_result open_file(struct look *look)
{
	struct app *app = look->call->app;
	look->place = file_place(app->keys, app->files, look->call->actor.district, look->id);
	enum file_result result = file_open(&look->place, app->keys, look->bytes, &look->call->content);
	if (result == FILE_UNKNOWN_KEY && store_read(app->store, 0, refresh_keys, app->keys) == STORE_OK)
		result = file_open(&look->place, app->keys, look->bytes, &look->call->content);
	return result;
}

static void look_at(struct call *call)
{
	struct look look = { .call = call, .slot = named_slot(call) };
	struct app *app = call->app;
	if (!look.slot || !has_place(call))
		return;
	look.record = arena_take_raw(call->arena, call->route->shape->resource->size);
	enum store_code code = store_read(app->store, 0, find, &look);
	if (code == STORE_OK && open_file(&look) != FILE_FINE)
		code = call_problem_detail(call, PROBLEM_INTERNAL, TEXT("文件缺失或已损坏"), TEXT("The file is missing or damaged"));
	if (code == STORE_OK)
		code = store_command(app->store, LANE_INTERACTIVE, note, &look);
	if (code == STORE_OK) {
		call->status = 200;
		call->content_type = text_z(call->arena, look.type);
		call->file_name = text_printf(call->arena, "%s.%s", look.slot->field->label, strrchr(call->content_type, '/') + 1);
	}
	app_settle(call, code);
}

/* ---- sweeping and checking ---- */

static enum store_code end_unnamed(struct tx *tx, void *arg)
{
	return db_exec(tx->db, "DELETE FROM file WHERE (district, id) IN (SELECT district, id FROM file WHERE record IS NULL AND at_ms < ?1"
		" LIMIT ?2)", BIND(value_int(tx->now_ms - FILE_AGE_MS), value_int(SWEPT)), arg);
}

struct question {
	struct app *app;
	const char *name;
	bool has_row;
};

static enum store_code ask_row(struct db *db, void *arg)
{
	struct question *question = arg;
	question->has_row = db_int(db, 0, "SELECT 1 FROM file WHERE district = ?1 AND name = ?2",
	                           BIND(value_int(question->app->home_district), value_text(text_of(question->name)))) == 1;
	return db_code(db);
}

static bool is_wanted(void *arg, const char *name)
{
	struct question question = { arg, name, true };
	return store_read(question.app->store, 0, ask_row, &question) != STORE_OK || question.has_row;
}

void files_tend(struct app *app)
{
	int64_t ended = SWEPT;
	if (!app->files)
		return;
	while (ended == SWEPT && !app->stopping && store_command(app->store, LANE_BULK, end_unnamed, &ended) == STORE_OK)
		;
	/* Another one each minute: all within five hours, whoever was started anew meanwhile. */
	int64_t now_ms = clock_now_ms(store_clock(app->store));
	file_sweep(app->files, app->home_district, (unsigned)(now_ms / 60000 % 256), now_ms, is_wanted, app);
}

enum store_code files_check(struct db *db, const char *dir, struct file_count *count)
{
	struct file_place place = { .dir = dir };
	struct rows *rows = db_query(db, "SELECT district, id, name, bytes FROM file WHERE (district, id) > (?1, ?2) AND record IS NOT NULL"
		" ORDER BY district, id LIMIT ?3", BIND(value_int(count->district), value_int(count->id), value_int(CHECKED)));
	while (rows_next(rows)) {
		count->district = rows_int(rows, 0);
		count->id = rows_int(rows, 1);
		count->files++;
		place.district = (unsigned)count->district;
		snprintf(place.name, sizeof place.name, "%.*s", TEXT_ARG(rows_text(rows, 2)));
		if (!dir || file_is_whole(&place, rows_int(rows, 3)))
			continue;
		count->first_missing = count->missing++ ? count->first_missing : count->id;
	}
	return rows_end(rows);
}

/* ---- the operations ---- */

static bool has_files(const struct shape *shape)
{
	for (size_t i = 0; i < shape->slot_count; i++)
		if (shape->slots[i].field->type == FIELD_file)
			return true;
	return false;
}

static const struct field params[] = {
	{ .type = FIELD_text, .name = "field", .label = "文件字段", .max = 40, .en = "which field" },
};
static const struct field answered[] = {
	{ .type = FIELD_ref, .name = "id", .label = "编号", .flags = MUST },
	{ .type = FIELD_text, .name = "type", .label = "类型", .flags = MUST },
	{ .type = FIELD_integer, .name = "bytes", .label = "字节数", .flags = MUST },
};
static const struct about send_about = { .takes = BODY_FILE, .gives = BODY_MEMBERS, .out = { ROWS(answered) }, .status = 201,
	                                 .params = ROWS(params) };
static const struct about look_about = { .gives = BODY_FILE, .params = ROWS(params) };

static const struct operation operations_of_all[] = {
	{ METHOD_POST, "/files", RIGHT_WRITE, ROUTE_TASK, .task = send_file, .has = has_files, .upload = UPLOAD_FILE,
	  .zh = "上传文件", .en = "send a file", .about = &send_about },
	{ METHOD_GET, "/{id}/file", RIGHT_READ, ROUTE_TASK, .task = look_at, .has = has_files,
	  .zh = "查看文件", .en = "look at a file", .about = &look_about },
};

const struct module file_module = {
	.name = "file", .file = __FILE__, .schema = &schema,
	.operations = operations_of_all, .operation_count = COUNT(operations_of_all),
};
