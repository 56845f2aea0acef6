/* SPDX-License-Identifier: Apache-2.0 */
/* job.c - slow work in slices. */
#include "engine/job.h"

#include "base/log.h"
#include "engine/account.h"
#include "engine/journal.h"
#include "engine/record.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES_MAX = 1 << 18, LOOK_MS = 1000, AWAIT_MS = 20, SLICE_BYTES = 128 << 20 };

static const struct word states[] = {
	{ "waiting", "等待" }, { "running", "进行中" }, { "cancelling", "正在撤回" }, { "done", "完成" }, { "failed", "失败" },
	{ "cancelled", "已取消" }, { 0 },
};

#define JOB(F) \
	F(text, kind, "任务", KEPT | MUST) \
	F(word, state, "状态", KEPT | MUST | INDEX, .words = states) \
	F(text, made_by, "提交人", KEPT | MUST) \
	F(area, area, "区划代码", KEPT | MUST) \
	F(ref, organization, "组织", KEPT, .to = "organization") \
	F(integer, progress, "已完成", KEPT | ZERO) \
	F(integer, total, "总数", KEPT | ZERO) \
	F(boolean, cancellable, "可取消", KEPT | MUST) \
	F(instant, finished_at, "完成时间", KEPT) \
	F(text, input, "内容", KEPT | RAW | DETAIL) \
	F(text, result, "结果", KEPT | RAW | DETAIL)

struct job_record { struct record is; JOB(FIELD_MEMBER) };
static const struct field fields[] = { JOB(FIELD_ROW) };

static const struct resource job = {
	.name = "job", .plural = "jobs", .label = "任务", .en = "job",
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct job_record),
	.ties = { .area = "area", .organization = "organization" },
	.readers = "bureau street community provider auditor administrator",
};
static const struct resource *const resources[] = { &job };

/* What only the runner reads of a job. */
static const char *const steps[] = {
	"CREATE TABLE job_place (district INTEGER NOT NULL, job INTEGER NOT NULL, user_id INTEGER NOT NULL, place TEXT,"
	" PRIMARY KEY (district, job)) STRICT, WITHOUT ROWID",
};
static const struct schema schema = { .owner = "job", .steps = steps, .count = COUNT(steps) };

static const struct job_kind *kind_find(const struct app *app, struct text name)
{
	for (size_t m = 0; m < app->module_count; m++)
		for (size_t i = 0; i < app->modules[m]->job_count; i++)
			if (text_is(name, app->modules[m]->jobs[i].name))
				return &app->modules[m]->jobs[i];
	return NULL;
}

/* ---- one job ---- */

/* `actor` NULL: whoever may see it. */
static enum store_code read_job(struct db *db, struct arena *arena, const struct shape *shape, unsigned district, int64_t id,
                                const struct actor *actor, struct job_record *record, bool *found)
{
	struct query query;
	query_start(&query, arena);
	query_sql(&query, "SELECT ");
	query_sql(&query, shape->column_list);
	query_sql(&query, " FROM job WHERE district = ");
	query_value(&query, value_int(district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(id));
	if (actor)
		scope_condition(&query, actor, &shape->ties);
	struct rows *rows = query_run(&query, db);
	*found = rows_next(rows);
	if (*found)
		record_read(shape, rows, arena, record);
	return rows_end(rows);
}

static enum store_code answer_job(struct tx *tx, struct call *call, int64_t id, int status)
{
	const struct shape *shape = app_shape(call->app, TEXT("job"));
	struct job_record record;
	bool found;
	enum store_code code = read_job(tx->db, call->arena, shape, call->actor.district, id, NULL, &record, &found);
	if (code != STORE_OK || !found)
		return code != STORE_OK ? code : call_problem(call, PROBLEM_NOT_FOUND);
	record_answer(call, shape, &record, status);
	call->location = status == 202 ? text_printf(call->arena, "%s/%lld", shape->path, (long long)id) : TEXT_NONE;
	return STORE_OK;
}

static enum store_code note(struct tx *tx, const struct actor *actor, const char *action, int64_t id, int64_t version,
                            struct text fields_changed, struct text detail)
{
	return journal_write(tx, actor, &(struct journal_line){ .action = text_of(action), .resource = TEXT("job"), .record = id,
		.version = version, .fields = fields_changed, .detail = detail });
}

/* The result of a job that failed says why; another may have one before it is taken back. */
static bool says_why(struct text result)
{
	return text_starts(result, TEXT("{\"error\":"));
}

/* What the job becomes, with its line. */
static enum store_code save(struct tx *tx, struct arena *arena, const struct actor *actor, const struct job_record *was,
                            struct job_record *now)
{
	struct buf detail = buf_in(arena, 256, 4096);
	struct json_out json = json_out(&detail);
	bool moved = was->progress != now->progress, turned = !text_eq(was->state, now->state);
	bool told = !text_eq(was->result, now->result);
	if (!moved && !turned && !told && was->total == now->total && was->cancellable == now->cancellable)
		return STORE_OK;
	now->is.version = was->is.version + 1;
	json_begin_object(&json);
	if (turned) {
		json_key(&json, TEXT("state"));
		json_begin_array(&json);
		json_put_text(&json, was->state);
		json_put_text(&json, now->state);
		json_end_array(&json);
	}
	if (moved) {
		json_key(&json, TEXT("progress"));
		json_begin_array(&json);
		json_put_int(&json, was->progress);
		json_put_int(&json, now->progress);
		json_end_array(&json);
	}
	json_end_object(&json);
	enum store_code code = db_exec(tx->db, "UPDATE job SET version = ?1, updated_at = ?2, state = ?3, progress = ?4, total = ?5,"
		" cancellable = ?6, finished_at = ?7, result = ?8 WHERE district = ?9 AND id = ?10",
		BIND(value_int(now->is.version), value_int(tx->now_ms), value_text(now->state), value_int(now->progress),
		     value_int(now->total), value_int(now->cancellable),
		     now->finished_at == MISSING ? value_ref(0) : value_int(now->finished_at), value_text(now->result),
		     value_int(actor->district), value_int(now->is.id)), NULL);
	if (code != STORE_OK)
		return code;
	return note(tx, actor, turned ? "update" : "progress", now->is.id, now->is.version,
	            !turned ? TEXT("progress") : moved ? TEXT("state,progress") : TEXT("state"), buf_done(&detail));
}

/* ---- asking for one, and cancelling it ---- */

enum store_code job_make(struct tx *tx, void *arg)
{
	struct call *call = arg;
	return job_add(tx, call, call->route->job, 0, NULL);
}

/* Where whoever makes a job stands, so that others of the same place may see it. */
static int64_t area_of(const struct call *call)
{
	return call->actor.area_count > 0 ? call->actor.areas[0] : call->app->home_area;
}

enum store_code job_add(struct tx *tx, struct call *call, const struct job_kind *kind, int64_t id, void *given)
{
	unsigned district = call->actor.district;
	struct job_work work = { .app = call->app, .arena = call->arena, .actor = call->actor, .given = given,
		                 .id = id ? id : id_next(store_ids(tx->store), district) };
	struct buf input = buf_in(call->arena, 512, INPUT_BYTES_MAX);
	struct json_out json = json_out(&input);
	json_begin_object(&json);
	enum store_code code = kind->take(tx, call, &work, &json);
	json_end_object(&json);
	if (code == STORE_OK && input.overflow)
		code = call_problem(call, PROBLEM_TOO_LARGE);
	if (code == STORE_OK)
		code = db_exec(tx->db, "INSERT INTO job (district, id, version, created_at, updated_at, kind, state, made_by, progress,"
			" total, cancellable, input, result, area, organization) VALUES (?1, ?2, 1, ?3, ?3, ?4, 'waiting', ?5, 0, ?6, 1, ?7,"
			" ?8, ?9, ?10)",
			BIND(value_int(district), value_int(work.id), value_int(tx->now_ms), value_text(text_of(kind->name)),
			     value_text(text_of(call->actor.name)), value_int(work.total), value_text(buf_done(&input)),
			     value_text(work.result), value_int(area_of(call)), value_ref(call->actor.organization)), NULL);
	if (code == STORE_OK)
		code = db_exec(tx->db, "INSERT INTO job_place (district, job, user_id) VALUES (?1, ?2, ?3)",
		               BIND(value_int(district), value_int(work.id), value_int(call->actor.user)), NULL);
	if (code == STORE_OK)
		code = note(tx, &call->actor, "create", work.id, 1, TEXT_NONE, buf_done(&input));
	return code == STORE_OK ? answer_job(tx, call, work.id, 202) : code;
}

enum store_code job_fail(struct job_work *work, const char *zh, const char *en)
{
	struct buf reason = buf_in(work->arena, 256, 4096);
	struct json_out json = json_out(&reason);
	json_begin_object(&json);
	JSON_TEXT(&json, "error", text_of(zh));
	JSON_TEXT(&json, "error_en", text_of(en));
	json_end_object(&json);
	work->result = buf_done(&reason);
	return STORE_REFUSED;
}

enum store_code job_actor(struct tx *tx, struct job_work *work)
{
	unsigned district = work->actor.district;
	struct account account;
	struct policy policy;
	bool found = true;
	enum store_code code = STORE_OK;
	if (work->actor.user) {
		code = account_read(tx->db, work->arena, work->actor.user, &account, &found);
		if (code == STORE_OK && found)
			code = policy_read(tx->db, district, tx->now_ms, &policy);
		if (code == STORE_OK && found && !account.disabled)
			account_actor(work->app, &account, &policy, tx->now_ms, &work->actor);
		if (code == STORE_OK && (!found || account.disabled))
			code = job_fail(work, "提交人的账号已停用", "The account of who asked for it has been closed");
	} else {
		work->actor = actor_local(district, work->app->home_area);
	}
	memcpy(work->actor.channel, "job", sizeof "job");
	return code;
}

static bool is_open(struct text state)
{
	return text_is(state, "waiting") || text_is(state, "running");
}

/* A job may be about areas that are not one's own: it is taken back by who asked for it, and by who has the whole district. */
static bool may_take_back(struct tx *tx, const struct call *call, int64_t id)
{
	struct value district = value_int(call->actor.district);
	int64_t asked = db_int(tx->db, -1, "SELECT user_id FROM job_place WHERE district = ?1 AND job = ?2", BIND(district, value_int(id)));
	return asked == call->actor.user ||
	       actor_covers(&call->actor, db_int(tx->db, 0, "SELECT area FROM district WHERE number = ?1", BIND(district)));
}

/* No slice is under way in this transaction: the next one finds that it is to take back. */
static enum store_code cancel(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct job_record was, now;
	bool found;
	enum store_code code = read_job(tx->db, call->arena, app_shape(call->app, TEXT("job")), call->actor.district, call->id,
	                                &call->actor, &was, &found);
	if (code != STORE_OK || !found)
		return code != STORE_OK ? code : call_problem(call, PROBLEM_NOT_FOUND);
	const struct job_kind *kind = kind_find(call->app, was.kind);
	if (!kind || !actor_may(&call->actor, access_number(&call->app->access, kind->permission)))
		return call_problem(call, PROBLEM_FORBIDDEN);
	if (!may_take_back(tx, call, call->id))
		return db_code(tx->db) != STORE_OK ? db_code(tx->db)
			: call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("由提交人或管辖全区的人取消"),
			                      TEXT("By who asked for it, or who keeps the whole district"));
	bool done = kind->lasting && text_is(was.state, "done");
	if ((!is_open(was.state) && !done) || !was.cancellable)
		return call_problem_detail(call, PROBLEM_WRONG_STATE, TEXT("任务已结束，或已不能撤回"),
			TEXT("The job is over, or can no longer be taken back"));
	now = was;
	now.state = kind->undo ? TEXT("cancelling") : TEXT("cancelled");
	now.cancellable = 0;
	now.finished_at = kind->undo ? MISSING : tx->now_ms;
	code = save(tx, call->arena, &call->actor, &was, &now);
	return code == STORE_OK ? answer_job(tx, call, call->id, 200) : code;
}

/* ---- the runner ---- */

struct jobs {
	struct app *app;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t due;
	bool news, stopping;
	struct arena arena; /* of a slice */
	int64_t job; /* whose turn it is, or was */
	unsigned district;
	struct text failed; /* why the slice was refused */
	const struct shape *grown; /* by the slice */
};

/* The open jobs in turn. */
static enum store_code find_next(struct db *db, void *arg)
{
	struct jobs *jobs = arg;
	int64_t after = jobs->job;
	jobs->job = 0;
	for (int round = 0; round < 2 && jobs->job == 0; round++, after = 0) {
		struct rows *rows = db_query(db, "SELECT j.id, j.district FROM district d JOIN job j ON j.district = d.number"
			" AND j.state IN ('waiting', 'running', 'cancelling') WHERE j.id > ?1 ORDER BY j.id LIMIT 1",
			BIND(value_int(after)));
		if (rows_next(rows)) {
			jobs->job = rows_int(rows, 0);
			jobs->district = (unsigned)rows_int(rows, 1);
		}
		enum store_code code = rows_end(rows);
		if (code != STORE_OK)
			return code;
	}
	return STORE_OK;
}

static enum store_code read_place(struct tx *tx, struct jobs *jobs, const struct job_record *record, struct job_work *work)
{
	struct rows *rows = db_query(tx->db, "SELECT user_id, place FROM job_place WHERE district = ?1 AND job = ?2",
	                             BIND(value_int(jobs->district), value_int(jobs->job)));
	*work = (struct job_work){ .app = jobs->app, .arena = &jobs->arena, .id = record->is.id, .progress = record->progress,
		                   .total = record->total, .final = !record->cancellable, .result = record->result };
	work->actor = (struct actor){ .district = jobs->district, .channel = "job" };
	memcpy(work->actor.name, record->made_by.ptr, record->made_by.len < NAME_BYTES_MAX ? record->made_by.len : NAME_BYTES_MAX);
	if (rows_next(rows)) {
		work->actor.user = rows_int(rows, 0);
		work->cursor = text_copy(&jobs->arena, rows_text(rows, 1));
	}
	return rows_end(rows);
}

static enum store_code keep_place(struct tx *tx, const struct job_record *was, const struct job_work *work, bool back, bool lasting)
{
	struct job_record now = *was;
	bool failed = back && says_why(work->result);
	now.progress = work->progress;
	now.total = work->total;
	now.cancellable = !work->final && !back && (!work->done || lasting);
	now.result = work->result;
	now.state = !work->done ? (back ? TEXT("cancelling") : TEXT("running"))
	            : failed ? TEXT("failed") : back ? TEXT("cancelled") : TEXT("done");
	now.finished_at = work->done ? tx->now_ms : MISSING;
	enum store_code code = db_exec(tx->db, "UPDATE job_place SET place = ?1 WHERE district = ?2 AND job = ?3",
		BIND(value_text(work->cursor), value_int(work->actor.district), value_int(work->id)), NULL);
	return code == STORE_OK ? save(tx, work->arena, &work->actor, was, &now) : code;
}

/* The job as it stands in the store now, whoever has gone on with it meanwhile. */
static enum store_code slice(struct tx *tx, void *arg)
{
	struct jobs *jobs = arg;
	struct job_record record;
	struct job_work work;
	json_t *input = NULL;
	bool found;
	jobs->failed = TEXT_NONE;
	jobs->grown = NULL;
	arena_reset(&jobs->arena);
	enum store_code code = read_job(tx->db, &jobs->arena, app_shape(jobs->app, TEXT("job")), jobs->district, jobs->job,
	                                NULL, &record, &found);
	if (code != STORE_OK || !found)
		return code;
	bool back = text_is(record.state, "cancelling");
	if (!back && !is_open(record.state))
		return STORE_OK;
	code = read_place(tx, jobs, &record, &work);
	if (code != STORE_OK)
		return code;
	const struct job_kind *kind = kind_find(jobs->app, record.kind);
	job_step *step = !kind ? NULL : back ? kind->undo : kind->step;
	if (step && json_read(record.input, BODY_DEPTH_MAX, &input) == JSON_FINE) {
		work.input = input;
		code = step(tx, &work);
		json_decref(input);
	} else if (back) {
		work.done = true; /* there is nothing to take back */
	} else {
		code = job_fail(&work, "这一版本的程序不认识此任务", "This version of the program does not know the job");
	}
	jobs->grown = work.grown;
	if (code == STORE_OK)
		return keep_place(tx, &record, &work, back, kind && kind->lasting);
	jobs->failed = code == STORE_REFUSED ? work.result : TEXT_NONE;
	return code;
}

/* It is taken back as if it had been cancelled, but says why. */
static enum store_code give_up(struct tx *tx, void *arg)
{
	struct jobs *jobs = arg;
	struct job_record was, now;
	struct actor actor = { .district = jobs->district, .name = "job", .channel = "job" };
	bool found;
	enum store_code code = read_job(tx->db, &jobs->arena, app_shape(jobs->app, TEXT("job")), jobs->district, jobs->job, NULL,
	                                &was, &found);
	if (code != STORE_OK || !found)
		return code;
	bool back = text_is(was.state, "cancelling");
	if (!back && !is_open(was.state))
		return STORE_OK;
	if (!back && !was.cancellable)
		return STORE_BUSY; /* it cannot be taken back: it is tried again */
	now = was;
	now.state = back ? TEXT("failed") : TEXT("cancelling");
	now.finished_at = back ? tx->now_ms : MISSING;
	now.cancellable = 0;
	now.result = jobs->failed.ptr ? jobs->failed : TEXT("{\"error\":\"数据冲突\",\"error_en\":\"The data contradict it\"}");
	return save(tx, &jobs->arena, &actor, &was, &now);
}

static void settle(struct store *store, const struct shape *shape)
{
	store_settle(store, shape->table.name);
	if (shape->table.tokens)
		store_settle(store, shape->table.tokens);
	for (size_t i = 0; i < shape->side_table_count; i++)
		store_settle(store, shape->side_tables[i].name);
}

/* False: there is nothing to do now, or it could not be done. */
static bool advance(struct jobs *jobs)
{
	struct store *store = jobs->app->store;
	if (!store_leads(store) || store_read(store, 0, find_next, jobs) != STORE_OK || jobs->job == 0)
		return false;
	enum store_code code = store_command(store, LANE_BULK, slice, jobs);
	if (code == STORE_REFUSED || code == STORE_DUPLICATE) {
		log_error("job %lld cannot be done and is taken back: %.*s", (long long)jobs->job, TEXT_ARG(jobs->failed));
		code = store_command(store, LANE_BULK, give_up, jobs);
	} else if (code == STORE_OK && jobs->grown) {
		settle(store, jobs->grown);
	}
	return code == STORE_OK;
}

static bool wait_for_news(struct jobs *jobs)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_MS / 1000;
	pthread_mutex_lock(&jobs->lock);
	while (!jobs->news && !jobs->stopping && pthread_cond_clockwait(&jobs->due, &jobs->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
		;
	jobs->news = false;
	bool goes_on = !jobs->stopping;
	pthread_mutex_unlock(&jobs->lock);
	return goes_on;
}

static bool is_stopping(struct jobs *jobs)
{
	pthread_mutex_lock(&jobs->lock);
	bool stopping = jobs->stopping;
	pthread_mutex_unlock(&jobs->lock);
	return stopping;
}

/* Jobs that another server was asked for are found by looking. */
static void *carry_on(void *arg)
{
	struct jobs *jobs = arg;
	do {
		while (!is_stopping(jobs) && advance(jobs))
			;
	} while (wait_for_news(jobs));
	return NULL;
}

/* ---- waiting for one ---- */

struct awaited {
	struct call *call;
	int64_t id;
	struct arena arena; /* of one look */
	bool over, last; /* after the last look nobody looks again, however far it is */
	int64_t done, total;
};

static enum store_code look_at(struct db *db, void *arg)
{
	struct awaited *awaited = arg;
	struct call *call = awaited->call;
	const struct shape *shape = app_shape(call->app, TEXT("job"));
	struct job_record record;
	bool found;
	arena_reset(&awaited->arena);
	call_again(call);
	enum store_code code = read_job(db, &awaited->arena, shape, call->actor.district, awaited->id, NULL, &record, &found);
	if (code != STORE_OK)
		return code;
	awaited->over = !found || (!is_open(record.state) && !text_is(record.state, "cancelling"));
	awaited->done = found ? record.progress : 0;
	awaited->total = found ? record.total : 0;
	if (found && (awaited->over || awaited->last))
		record_answer(call, shape, &record, awaited->over ? 200 : 202);
	return STORE_OK;
}

/* Where no server runs, the command line does it by itself, slice by slice, with what else there is to do; unless another process
 * leads the store, and does it. */
void job_await(struct call *call, int64_t id)
{
	struct app *app = call->app;
	struct awaited awaited = { .call = call, .id = id, .arena = arena_new(SLICE_BYTES) };
	struct jobs here = { .app = app, .arena = arena_new(SLICE_BYTES) };
	enum store_code code = STORE_OK;
	while (code == STORE_OK && !awaited.last) {
		bool moved = !app->jobs && advance(&here);
		jobs_wake(app->jobs);
		awaited.last = app->stopping || (awaited.over && !moved);
		code = store_read(app->store, 0, look_at, &awaited);
		call_moved(call, awaited.done, awaited.total);
		awaited.last = awaited.last || (awaited.over && !moved);
		if (!moved && !awaited.last)
			nanosleep(&(struct timespec){ .tv_nsec = AWAIT_MS * 1000 * 1000 }, NULL);
	}
	app_settle(call, code);
	arena_free(&awaited.arena);
	arena_free(&here.arena);
}

/* ---- starting and stopping ---- */

void jobs_start(struct app *app)
{
	struct jobs *jobs = calloc(1, sizeof *jobs);
	if (!jobs)
		abort();
	jobs->app = app;
	jobs->arena = arena_new(SLICE_BYTES);
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->due, NULL);
	if (pthread_create(&jobs->thread, NULL, carry_on, jobs) != 0)
		abort();
	app->jobs = jobs;
}

void jobs_stop(struct jobs *jobs)
{
	if (!jobs)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	pthread_cond_signal(&jobs->due);
	pthread_mutex_unlock(&jobs->lock);
	pthread_join(jobs->thread, NULL);
	pthread_cond_destroy(&jobs->due);
	pthread_mutex_destroy(&jobs->lock);
	arena_free(&jobs->arena);
	free(jobs);
}

void jobs_wake(struct jobs *jobs)
{
	if (!jobs)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->news = true;
	pthread_cond_signal(&jobs->due);
	pthread_mutex_unlock(&jobs->lock);
}

static const struct about cancel_about = { "cancel_job", "取消：任务", "cancel: job", .of = "job", .gives = BODY_RECORD,
	                                   .problems = PROBLEM_LIST(PROBLEM_WRONG_STATE) };
static const struct route routes[] = {
	{ METHOD_POST, "/api/v1/jobs/{id}/cancel", "job.cancel", ROUTE_COMMAND, .command = cancel, .about = &cancel_about },
};

static const struct grant grants[] = { { "job.cancel", "bureau street community provider operator administrator" } };

const struct module job_module = {
	.name = "job", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
	.routes = routes, .route_count = COUNT(routes),
	.grants = grants, .grant_count = COUNT(grants), .schema = &schema,
};
