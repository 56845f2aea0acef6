/* SPDX-License-Identifier: Apache-2.0 */
/* import_batch.c - rows that wait, and the job that makes records of them. */
#include "edge/import_batch.h"

#include "base/log.h"
#include "engine/keys.h"
#include "engine/source.h"

#include <string.h>

enum { ERRORS_TOLD_MAX = 100, FOLLOWERS_TOLD_MAX = 200, PIECE_PLAIN_MAX = 16 << 20, ORPHAN_MS = 24 * 3600 * 1000, UNDO_DAYS = 90,
       ALONE_MS = 40, /* pages that many rows change are written once */
       MANY_ROWS = 2000, GROWS_BY = 4 };

/* `done`: NULL while the piece waits, then the same kind of box with what it has done. */
static const char *const steps[] = {
	"CREATE TABLE import_piece (district INTEGER NOT NULL, job INTEGER NOT NULL, piece INTEGER NOT NULL, made_at INTEGER NOT NULL,"
	" waiting BLOB, done BLOB, PRIMARY KEY (district, job, piece)) STRICT, WITHOUT ROWID",
};

/* What was laid down by a process that ended before it had made the job; and what takes back so old a batch. */
static enum store_code sweep(struct tx *tx)
{
	return db_exec(tx->db, "DELETE FROM import_piece WHERE (made_at < ?1 AND NOT EXISTS"
		" (SELECT 1 FROM job j WHERE j.district = import_piece.district AND j.id = import_piece.job))"
		" OR (made_at < ?2 AND waiting IS NULL)",
		BIND(value_int(tx->now_ms - ORPHAN_MS), value_int(tx->now_ms - UNDO_DAYS * INT64_C(86400000))), NULL);
}

const struct schema import_schema = { .owner = "import", .steps = steps, .count = COUNT(steps), .opened = sweep };

/* ---- pieces as bytes: numbers of eight, texts with their length in front ---- */

static void put_number(struct buf *out, int64_t number)
{
	buf_add(out, &number, sizeof number);
}

/* Missing: a length of -1. */
static void put_text(struct buf *out, struct text text)
{
	put_number(out, text.ptr ? (int64_t)text.len : -1);
	buf_add(out, text.ptr ? text.ptr : "", text.len);
}

/* A piece has been sealed by us: one that cannot be read so is a bug, or another program's. */
struct reader {
	struct text rest;
	bool broken;
};

static int64_t take_number(struct reader *in)
{
	int64_t number = 0;
	if (in->rest.len < sizeof number) {
		in->broken = true;
		return 0;
	}
	memcpy(&number, in->rest.ptr, sizeof number);
	in->rest = (struct text){ in->rest.ptr + sizeof number, in->rest.len - sizeof number };
	return number;
}

static struct text take_text(struct reader *in)
{
	int64_t len = take_number(in);
	if (len < 0)
		return TEXT_NONE;
	if ((uint64_t)len > in->rest.len) {
		in->broken = true;
		return TEXT_NONE;
	}
	struct text text = { in->rest.ptr, (size_t)len };
	in->rest = (struct text){ in->rest.ptr + len, in->rest.len - (size_t)len };
	return text;
}

/* ---- laying down ---- */

static struct seal_place place_of(unsigned district, int64_t job, bool done)
{
	return (struct seal_place){ district, "import_piece", done ? "done" : "waiting", job };
}

struct laying {
	struct batch *batch;
	struct text box;
};

static enum store_code lay_down(struct tx *tx, void *arg)
{
	struct laying *laying = arg;
	struct batch *batch = laying->batch;
	return db_exec(tx->db, "INSERT INTO import_piece (district, job, piece, made_at, waiting) VALUES (?1, ?2, ?3, ?4, ?5)",
		BIND(value_int(batch->call->actor.district), value_int(batch->id), value_int(batch->pieces), value_int(tx->now_ms),
		     value_blob(laying->box)), NULL);
}

enum store_code batch_add(struct batch *batch, const struct batch_row *rows, size_t count)
{
	struct app *app = batch->call->app;
	struct arena arena = arena_new(6 * PIECE_PLAIN_MAX);
	struct buf out = buf_in(&arena, 64 * 1024, PIECE_PLAIN_MAX);
	struct seal_place place = place_of(batch->call->actor.district, batch->id, false);
	put_number(&out, (int64_t)count);
	for (size_t i = 0; i < count; i++) {
		put_number(&out, rows[i].line);
		put_number(&out, (int64_t)rows[i].cell_count);
		put_number(&out, (int64_t)rows[i].said_count);
		for (size_t k = 0; k < rows[i].cell_count; k++) {
			put_text(&out, rows[i].cells[k].name);
			put_text(&out, rows[i].cells[k].value);
		}
	}
	struct laying laying = { batch, keys_seal(app->keys, &arena, &place, buf_done(&out)) };
	enum store_code code = out.overflow ? call_problem(batch->call, PROBLEM_TOO_LARGE)
	                                    : store_command(app->store, LANE_BULK, lay_down, &laying);
	batch->pieces += code == STORE_OK;
	arena_free(&arena);
	return code;
}

static enum store_code take_away(struct tx *tx, void *arg)
{
	const struct batch *batch = arg;
	return db_exec(tx->db, "DELETE FROM import_piece WHERE district = ?1 AND job = ?2",
	               BIND(value_int(batch->call->actor.district), value_int(batch->id)), NULL);
}

void batch_drop(struct batch *batch)
{
	if (batch->pieces > 0)
		store_command(batch->call->app->store, LANE_BULK, take_away, batch);
}

/* ---- the job ---- */

const char *const import_end_names[IMPORT_ENDS] = {
	[IMPORT_CREATED] = "created", [IMPORT_CHANGED] = "changed", [IMPORT_SAME] = "same", [IMPORT_CLAIMED] = "claimed",
	[IMPORT_ENDED] = "ended", [IMPORT_RETURNED] = "returned",
};

static void put_count(struct json_out *json, const char *name, int64_t count, const json_t *instead)
{
	const json_t *told = json_object_get(instead, name);
	json_member_int(json, text_of(name), told ? json_integer_value(told) : count);
}

void batch_put_counts(struct json_out *json, const struct batch_counts *counts, const json_t *instead)
{
	put_count(json, "rows", counts->rows, instead);
	put_count(json, "accepted", counts->accepted, instead);
	put_count(json, "rejected", counts->rejected, instead);
	for (size_t i = 0; i < IMPORT_ENDS; i++)
		put_count(json, import_end_names[i], counts->of[i], instead);
	put_count(json, "followed", counts->followed, instead);
}

static enum store_code take(struct tx *tx, struct call *call, struct job_work *work, struct json_out *input)
{
	const struct batch *batch = work->given;
	struct buf result = buf_in(call->arena, 512, 4096);
	struct json_out json = json_out(&result);
	struct batch_counts counts = { .rows = batch->counts.rows, .rejected = batch->counts.rejected };
	(void)tx;
	JSON_TEXT(input, "resource", text_of(batch->shape->resource->name));
	JSON_TEXT(input, "source", source_of(call));
	JSON_INT(input, "pieces", batch->pieces);
	JSON_INT(input, "rows", counts.rows);
	work->total = batch->counts.accepted;
	json_begin_object(&json);
	batch_put_counts(&json, &counts, NULL);
	json_end_object(&json);
	work->result = buf_done(&result);
	return STORE_OK;
}

static enum store_code make_job(struct tx *tx, void *arg)
{
	struct batch *batch = arg;
	call_again(batch->call);
	return job_add(tx, batch->call, import_jobs, batch->id, batch);
}

enum store_code batch_begin(struct batch *batch)
{
	return store_command(batch->call->app->store, LANE_INTERACTIVE, make_job, batch);
}

/* ---- carrying it out ---- */

/* A piece while it is worked on. */
struct piece {
	struct tx *tx;
	struct job_work *work;
	const struct shape *shape;
	int64_t number;
	json_t *told; /* the job's result */
	json_t *errors; /* in it */
	struct text plain;
};

static int64_t counted(const struct piece *piece, const char *name)
{
	return json_integer_value(json_object_get(piece->told, name));
}

static void count_up(struct piece *piece, const char *name, int64_t by)
{
	json_object_set_new(piece->told, name, json_integer(counted(piece, name) + by));
}

static enum store_code read_piece(struct piece *piece, bool done)
{
	struct job_work *work = piece->work;
	struct seal_place place = place_of(work->actor.district, work->id, done);
	struct rows *rows = db_query(piece->tx->db, done ? "SELECT done FROM import_piece WHERE district = ?1 AND job = ?2 AND piece = ?3"
		: "SELECT waiting FROM import_piece WHERE district = ?1 AND job = ?2 AND piece = ?3",
		BIND(value_int(work->actor.district), value_int(work->id), value_int(piece->number)));
	struct text box = rows_next(rows) ? text_copy(work->arena, rows_text(rows, 0)) : TEXT_NONE;
	enum store_code code = rows_end(rows);
	if (code == STORE_OK && !box.ptr && done)
		return job_fail(work, "导入已超过 90 天，不能再撤回", "The import is older than 90 days and cannot be taken back");
	if (code == STORE_OK && (!box.ptr || !keys_unseal(work->app->keys, work->arena, &place, box, &piece->plain)))
		code = job_fail(work, "暂存的数据无法读取", "The staged rows cannot be read");
	return code;
}

static enum store_code keep_done(struct piece *piece, struct text plain)
{
	struct job_work *work = piece->work;
	struct seal_place place = place_of(work->actor.district, work->id, true);
	return db_exec(piece->tx->db, "UPDATE import_piece SET waiting = NULL, done = ?1 WHERE district = ?2 AND job = ?3 AND piece = ?4",
		BIND(value_blob(keys_seal(work->app->keys, work->arena, &place, plain)), value_int(work->actor.district),
		     value_int(work->id), value_int(piece->number)), NULL);
}

/* What was fine when the file was read, and is not now. Never the value: whoever may see the job may not see the person. */
static void tell_refused(struct piece *piece, unsigned line, const struct call *row)
{
	const struct problem_row *problem = &problem_rows[row->problem];
	bool of_field = row->problem == PROBLEM_INVALID && row->wrong_count > 0;
	const char *code = of_field ? row->wrongs[0].code : problem->code;
	struct text column = of_field ? row->wrongs[0].pointer : TEXT("/");
	count_up(piece, "rejected", 1);
	if (json_array_size(piece->errors) < ERRORS_TOLD_MAX)
		json_array_append_new(piece->errors, json_pack("{s:i, s:s%, s:s, s:s}", "line", (int)line, "column", column.ptr + 1,
			column.len - 1, "code", code, "message", of_field ? row->wrongs[0].zh.ptr : problem->zh));
}

/* What ended or changed with a row; the first of them by name. */
static void tell_followed(struct piece *piece, unsigned line, const struct import_row *import)
{
	json_t *list = json_object_get(piece->told, "followers");
	if (import->followed_count == 0)
		return;
	if (!list) {
		list = json_array();
		json_object_set_new(piece->told, "followers", list);
	}
	count_up(piece, "followed", (int64_t)import->followed_count);
	for (size_t i = 0; i < import->followed_count && json_array_size(list) < FOLLOWERS_TOLD_MAX; i++) {
		const struct follower *follower = &import->followed[i];
		json_array_append_new(list, json_pack("{s:i, s:s, s:o, s:s}", "line", (int)line, "resource", follower->resource, "id",
			json_sprintf("%lld", (long long)follower->id), "action", follower->action));
	}
}

static void call_for(struct piece *piece, struct call *row, struct pair *source)
{
	call_start(row, piece->work->app, piece->work->arena);
	row->actor = piece->work->actor;
	memcpy(row->actor.channel, "import", sizeof "import");
	*source = (struct pair){ TEXT("source"), json_text_of(json_object_get(piece->work->input, "source")) };
	row->pairs[row->pair_count++] = *source;
}

static enum store_code apply_row(struct piece *piece, struct reader *in, struct buf *done)
{
	struct call call;
	struct pair source;
	struct import_row import = { .check = false };
	unsigned line = (unsigned)take_number(in);
	size_t count = (size_t)take_number(in);
	import.said_count = (size_t)take_number(in);
	struct pair *cells = arena_take(piece->work->arena, (in->broken ? 0 : count) * sizeof *cells + 1);
	for (size_t i = 0; i < count && !in->broken; i++) {
		cells[i].name = take_text(in);
		cells[i].value = take_text(in);
	}
	if (in->broken)
		return job_fail(piece->work, "暂存的数据无法读取", "The staged rows cannot be read");
	call_for(piece, &call, &source);
	struct input row = { .cells = cells, .cell_count = count };
	enum store_code code = import_row_take(piece->tx, &call, piece->shape, &row, &import);
	if (code == STORE_REFUSED) {
		tell_refused(piece, line, &call);
		return STORE_OK;
	}
	if (code != STORE_OK)
		return code;
	count_up(piece, import_end_names[import.end], 1);
	count_up(piece, "accepted", 1);
	tell_followed(piece, line, &import);
	if (import.end == IMPORT_SAME || import.end == IMPORT_CLAIMED)
		return STORE_OK;
	put_number(done, import.end);
	put_number(done, import.id);
	put_number(done, import.version);
	put_text(done, import.back);
	put_text(done, import.sources);
	return STORE_OK;
}

static enum store_code apply_rows(struct piece *piece)
{
	struct reader in = { piece->plain, false };
	struct buf done = buf_in(piece->work->arena, 8192, PIECE_PLAIN_MAX);
	int64_t rows = take_number(&in);
	enum store_code code = STORE_OK;
	for (int64_t i = 0; i < rows && code == STORE_OK; i++)
		code = apply_row(piece, &in, &done);
	piece->work->progress += rows;
	return code == STORE_OK ? keep_done(piece, buf_done(&done)) : code;
}

static void write_told(struct piece *piece)
{
	char *text = json_dumps(piece->told, JSON_COMPACT);
	piece->work->result = text_copy(piece->work->arena, text_of(text));
	free(text);
}

/* Reads the place and the result of the job; what stands in them was written by a slice before. */
static enum store_code begin(struct tx *tx, struct job_work *work, struct piece *piece)
{
	*piece = (struct piece){ .tx = tx, .work = work, .number = 0 };
	piece->shape = app_shape(work->app, json_text_of(json_object_get(work->input, "resource")));
	if (work->cursor.ptr)
		text_to_int(work->cursor, INT64_MAX, &piece->number);
	if (!piece->shape || json_read(work->result, BODY_DEPTH_MAX, &piece->told) != JSON_FINE)
		return job_fail(work, "任务内容无法读取", "What the job is about cannot be read");
	piece->errors = json_object_get(piece->told, "errors");
	if (!piece->errors) {
		piece->errors = json_array();
		json_object_set_new(piece->told, "errors", piece->errors);
	}
	return job_actor(tx, work);
}

/* Whether the table is to be settled: while it grows, since whom a row is about is looked up in it; and before the end, so that lists
 * are quick when the answer comes. */
static bool is_much(int64_t before, int64_t after, int64_t total)
{
	int64_t next = MANY_ROWS;
	while (next <= before)
		next *= GROWS_BY;
	return after > before && (next <= after || (after >= total && total >= MANY_ROWS));
}

static enum store_code step(struct tx *tx, struct job_work *work)
{
	struct piece piece;
	int64_t pieces = json_integer_value(json_object_get(work->input, "pieces"));
	int64_t until_ms = clock_steady_ms() + ALONE_MS;
	enum store_code code = begin(tx, work, &piece);
	int64_t before = work->progress;
	while (code == STORE_OK && piece.number < pieces) {
		code = read_piece(&piece, false);
		if (code == STORE_OK)
			code = apply_rows(&piece);
		piece.number++;
		if (store_is_wanted(tx->store) || clock_steady_ms() > until_ms)
			break;
	}
	if (code == STORE_OK) {
		write_told(&piece);
		work->cursor = text_printf(work->arena, "%lld", (long long)piece.number);
		work->grown = is_much(before, work->progress, work->total) ? piece.shape : NULL;
		work->done = piece.number >= pieces && !work->grown;
	}
	json_decref(piece.told);
	return code;
}

/* ---- taking it back, the last piece first ---- */

static enum store_code undo_row(struct piece *piece, struct reader *in)
{
	struct call call;
	struct pair source;
	struct import_row import = { .check = false };
	bool kept;
	import.end = (enum import_end)take_number(in);
	import.id = take_number(in);
	import.version = take_number(in);
	import.back = take_text(in);
	import.sources = take_text(in);
	if (in->broken)
		return job_fail(piece->work, "暂存的数据无法读取", "The staged rows cannot be read");
	call_for(piece, &call, &source);
	enum store_code code = import_row_undo(piece->tx, &call, piece->shape, &import, &kept);
	if (code == STORE_REFUSED) { /* something depends on it by now */
		kept = true;
		code = STORE_OK;
	}
	count_up(piece, kept ? "kept" : "undone", 1);
	return code;
}

static enum store_code undo_piece(struct piece *piece)
{
	enum store_code code = read_piece(piece, true);
	struct reader in = { piece->plain, false };
	while (code == STORE_OK && in.rest.len > 0)
		code = undo_row(piece, &in);
	return code;
}

static enum store_code forget(struct tx *tx, const struct job_work *work)
{
	return db_exec(tx->db, "DELETE FROM import_piece WHERE district = ?1 AND job = ?2",
	               BIND(value_int(work->actor.district), value_int(work->id)), NULL);
}

static enum store_code undo(struct tx *tx, struct job_work *work)
{
	struct piece piece;
	enum store_code code = begin(tx, work, &piece);
	if (code == STORE_OK && piece.number > 0) {
		piece.number--;
		code = undo_piece(&piece);
	}
	if (code == STORE_OK) {
		write_told(&piece);
		work->cursor = text_printf(work->arena, "%lld", (long long)piece.number);
		work->done = piece.number == 0;
	}
	json_decref(piece.told);
	return code == STORE_OK && work->done ? forget(tx, work) : code;
}

const struct job_kind import_jobs[1] = {
	{ .name = "import", .permission = "import.cancel", .zh = "导入", .en = "import", .take = take, .step = step,
	  .undo = undo, .lasting = true },
};
const struct grant import_grants[1] = { { "import.cancel", "bureau street community provider operator" } };
