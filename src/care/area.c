/* SPDX-License-Identifier: Apache-2.0 */
/* area.c - the tree of areas: province, city, district, street, community, estate and grid cell (rows 7 and 118 of the function
 * list), and the official codes that each has had. */
#include "care/modules.h"
#include "engine/input.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/record.h"
#include "engine/territory.h"

static const struct word levels[] = {
	{ "province", "省" }, { "city", "市" }, { "district", "区县" }, { "street", "街道" }, { "community", "社区" },
	{ "estate", "小区" }, { "grid", "网格" }, { 0 },
};
static const struct word reasons[] = {
	{ "merged", "并入" }, { "moved", "划转" }, { "cancelled", "变更撤回" }, { "abolished", "撤销" }, { "mistake", "登记错误" }, { 0 },
};

/* An area's number is its key: at first the statistical code padded to 15 digits, afterwards stable. */
static const struct field key = { .type = FIELD_area, .name = "number", .label = "区划编号", .flags = KEPT | MUST };

/* The code is the one that holds now, or held when the area ended; those before stand in area_code. */
#define AREA(F) \
	F(text, name, "名称", MUST, .headers = "区划名称") \
	F(word, level, "级别", MUST | FIXED, .words = levels) \
	F(area, parent, "上级区划", INDEX | FIXED, .headers = "上级区划代码") \
	F(text, code, "统计用区划代码", 0, .max = 17, .en = "statistical code") \
	F(date, code_date, "代码日期", 0, .en = "day since which the code holds") \
	F(text, code_document, "代码文号", KEPT, .en = "document of the code") \
	F(area, successor, "现区划", KEPT | INDEX, .en = "area where its records belong now") \
	F(text, end_document, "撤销文号", KEPT)

struct area { struct record is; AREA(FIELD_MEMBER) };
static const struct field fields[] = { AREA(FIELD_ROW) };

/* ---- making and ending ---- */

static bool find_series(struct tx *tx, unsigned district, const struct area *a, struct series *series)
{
	struct rows *rows = db_query(tx->db, "SELECT level FROM area WHERE district = ?1 AND id = ?2",
	                             BIND(value_int(district), value_int(a->parent)));
	bool fine = rows_next(rows) && series_under(a->level, rows_text(rows, 0), a->parent, series);
	rows_end(rows);
	return fine;
}

/* Districts and what is above them come with the pack. */
static void check(struct input *in, struct tx *tx, const void *record)
{
	const struct area *a = record;
	struct series series;
	unsigned district = in->call->actor.district;
	if (!in->create) {
		if (territory_held(tx->db, district, a->is.id))
			call_problem(in->call, PROBLEM_JOB_UNDER_WAY);
		return;
	}
	if (in->call->problem != PROBLEM_NONE)
		return;
	if (!a->parent)
		input_wrong(in, "parent", "required", "必填", "This field is required");
	else if (!find_series(tx, district, a, &series))
		input_wrong(in, "parent", "wrong_level", "街道属于区县，社区属于街道，小区和网格属于社区",
		            "A street is part of a district, a community of a street, an estate or grid cell of a community");
}

static enum store_code number(struct tx *tx, struct call *call, void *record)
{
	struct area *a = record;
	struct series series;
	if (territory_held(tx->db, call->actor.district, a->parent))
		return call_problem(call, PROBLEM_JOB_UNDER_WAY);
	if (!find_series(tx, call->actor.district, a, &series))
		return db_code(tx->db);
	enum store_code code = territory_next(tx, call->actor.district, &series, &a->is.id);
	if (code == STORE_OK && a->is.id == 0)
		call_wrong(call, TEXT("/parent"), "full", TEXT("该上级的编号已用完"), TEXT("All numbers under this area are taken"));
	else if (code == STORE_OK && !actor_covers(&call->actor, a->is.id))
		call_wrong(call, TEXT("/parent"), "out_of_scope", TEXT("不在您的管辖范围内"), TEXT("Outside your area"));
	return code == STORE_OK && call->problem != PROBLEM_NONE ? STORE_REFUSED : code;
}

static enum store_code ending(struct tx *tx, struct call *call, const void *record)
{
	int64_t area = ((const struct record *)record)->id;
	if (territory_held(tx->db, call->actor.district, area))
		return call_problem(call, PROBLEM_JOB_UNDER_WAY);
	return territory_vacant(tx, call, area);
}

static const struct resource area = {
	.name = "area", .plural = "areas", .label = "区划", .en = "area",
	.key = &key,
	.fields = fields, .field_count = COUNT(fields), .size = sizeof(struct area),
	.ties = { .area = "number" },
	.readers = "bureau street community auditor administrator security operator", .writers = "bureau",
	.check = check, .number = number, .ending = ending, .end_reasons = reasons,
	.problems = PROBLEM_LIST(PROBLEM_JOB_UNDER_WAY, PROBLEM_AREA_IN_USE),
};
static const struct resource *const resources[] = { &area };

/* ---- the codes that it has had ---- */

static void put_code(struct json_out *json, struct text code, struct text from, struct text to, struct text document)
{
	json_begin_object(json);
	JSON_TEXT(json, "code", code);
	JSON_TEXT(json, "from_on", from);
	JSON_TEXT(json, "to_on", to);
	JSON_TEXT(json, "document", document);
	json_end_object(json);
}

/* In one statement, so that no code is missed that is just being replaced. */
static enum store_code codes(struct db *db, void *arg)
{
	struct call *call = arg;
	bool found = false;
	if (!actor_covers(&call->actor, call->id))
		return call_problem(call, PROBLEM_NOT_FOUND);
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	struct rows *rows = db_query(db, "SELECT code, from_on, to_on, document FROM area_code WHERE district = ?1 AND area = ?2"
		" UNION ALL SELECT code, code_date, CASE WHEN code IS NULL THEN '' ELSE ended_on END, code_document FROM area"
		" WHERE district = ?1 AND id = ?2 ORDER BY 3 NULLS LAST", BIND(value_int(call->actor.district), value_int(call->id)));
	for (; rows_next(rows); found = true)
		if (!rows_is_null(rows, 0))
			put_code(&json, rows_text(rows, 0), rows_text(rows, 1), rows_text(rows, 2), rows_text(rows, 3));
	json_end_array(&json);
	JSON_TEXT(&json, "next", TEXT_NONE);
	json_end_object(&json);
	enum store_code code = rows_end(rows);
	return code != STORE_OK || found ? code : call_problem(call, PROBLEM_NOT_FOUND);
}

/* ---- re-coding ---- */

enum { RECODE_ROWS = 50 };

static const struct field recode_fields[] = {
	{ .type = FIELD_text, .name = "code", .label = "新代码", .flags = MUST, .max = 12 },
	{ .type = FIELD_text, .name = "document", .label = "批准文号", .flags = MUST },
	{ .type = FIELD_date, .name = "from_on", .label = "生效日期", .flags = MUST },
};

/* How many digits of a code say an area of this level; 0: it has none. */
static size_t digits_of(struct text level)
{
	static const size_t digits[] = { 2, 4, 6, 9, 12 };
	for (size_t i = 0; i < COUNT(digits); i++)
		if (text_is(level, levels[i].word))
			return digits[i];
	return 0;
}

static bool is_code(struct text code, size_t digits)
{
	int64_t number, unit = 1;
	for (size_t i = digits; i < 15; i++)
		unit *= 10;
	return digits > 0 && area_read(code, &number) && number % unit == 0 && area_last(number) == number + unit - 1;
}

struct recoding {
	struct text code, document, from;
	struct text was; /* the digits that codes below it begin with; empty: it had no code */
};

static void check_recoding(struct call *call, struct tx *tx, const struct recoding *r, const struct area *a)
{
	struct text today = date_text(call->arena, date_of_ms(tx->now_ms));
	if (r->code.ptr && !is_code(r->code, digits_of(a->level)))
		call_wrong(call, TEXT("/code"), "bad_code", TEXT("不是该级别的统计用区划代码"), TEXT("Not a statistical code of its level"));
	else if (r->code.ptr && a->code.ptr && text_starts(a->code, r->code))
		call_wrong(call, TEXT("/code"), "duplicate", TEXT("与现代码相同"), TEXT("It has this code already"));
	if (r->from.ptr && (text_compare(r->from, today) > 0 || (a->code_date.ptr && text_compare(r->from, a->code_date) <= 0)))
		call_wrong(call, TEXT("/from_on"), "out_of_range", TEXT("应晚于现代码的日期，且不晚于今天"),
		           TEXT("Later than the day of the code that it has, and not in the future"));
}

static enum store_code find_area(struct tx *tx, struct call *call, struct area *a)
{
	struct rows *rows = db_query(tx->db, "SELECT level, code, code_date FROM area WHERE district = ?1 AND id = ?2"
		" AND ended_at IS NULL", BIND(value_int(call->actor.district), value_int(call->id)));
	bool found = rows_next(rows);
	if (found)
		*a = (struct area){ .level = text_copy(call->arena, rows_text(rows, 0)), .code = text_copy(call->arena, rows_text(rows, 1)),
			            .code_date = text_copy(call->arena, rows_text(rows, 2)) };
	enum store_code code = rows_end(rows);
	if (code != STORE_OK || (found && actor_covers(&call->actor, call->id)))
		return code;
	return call_problem(call, PROBLEM_NOT_FOUND);
}

static enum store_code take_recode(struct tx *tx, struct call *call, struct job_work *work, struct json_out *out)
{
	struct area a;
	struct recoding r = { .code = TEXT_NONE };
	struct input in = { .object = call->body };
	unsigned district = call->actor.district;
	enum store_code code = find_area(tx, call, &a);
	if (code != STORE_OK)
		return code;
	input_start(&in, call, true);
	take_field(&in, tx, &recode_fields[0], &r.code);
	take_field(&in, tx, &recode_fields[1], &r.document);
	take_field(&in, tx, &recode_fields[2], &r.from);
	check_recoding(call, tx, &r, &a);
	if (!input_finish(&in))
		return STORE_REFUSED;
	if (territory_held(tx->db, district, call->id))
		return call_problem(call, PROBLEM_JOB_UNDER_WAY);
	struct text was = a.code.ptr ? text_cut(a.code, digits_of(a.level)) : TEXT("");
	JSON_ID(out, "area", call->id);
	JSON_TEXT(out, "code", text_printf(call->arena, "%.*s%.*s", TEXT_ARG(r.code), 12 - (int)r.code.len, "000000000000"));
	JSON_TEXT(out, "document", r.document);
	JSON_TEXT(out, "from_on", r.from);
	JSON_TEXT(out, "was", was);
	work->total = 1 + db_int(tx->db, 0, "SELECT count(*) FROM area WHERE district = ?1 AND id > ?2 AND id <= ?3 AND ended_at IS NULL"
		" AND code IS NOT NULL", BIND(value_int(district), value_int(call->id), value_int(area_last(call->id))));
	return territory_hold(tx, district, call->id, work->id);
}

static struct text member(const struct job_work *work, const char *name)
{
	return text_copy(work->arena, json_text_of(json_object_get(work->input, name)));
}

static void put_pair(struct json_out *json, struct text key_name, struct text was, struct text now)
{
	json_key(json, key_name);
	json_begin_array(json);
	json_put_text(json, was);
	json_put_text(json, now);
	json_end_array(json);
}

static enum store_code recode_one(struct tx *tx, struct job_work *work, const struct recoding *r, const struct area *a, struct text now)
{
	unsigned district = work->actor.district;
	struct buf detail = buf_in(work->arena, 256, 4096);
	struct json_out json = json_out(&detail);
	enum store_code code = STORE_OK;
	json_begin_object(&json);
	put_pair(&json, TEXT("code"), a->code, now);
	put_pair(&json, TEXT("code_date"), a->code_date, r->from);
	put_pair(&json, TEXT("code_document"), a->code_document, r->document);
	json_end_object(&json);
	if (a->code.ptr)
		code = db_exec(tx->db, "INSERT INTO area_code (district, area, code, from_on, to_on, document)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			BIND(value_int(district), value_int(a->is.id), value_text(a->code), value_text(a->code_date), value_text(r->from),
			     value_text(a->code_document)), NULL);
	if (code == STORE_OK)
		code = db_exec(tx->db, "UPDATE area SET code = ?1, code_date = ?2, code_document = ?3, version = ?4, updated_at = ?5"
			" WHERE district = ?6 AND id = ?7", BIND(value_text(now), value_text(r->from), value_text(r->document),
			value_int(a->is.version + 1), value_int(tx->now_ms), value_int(district), value_int(a->is.id)), NULL);
	work->progress++;
	return code != STORE_OK ? code : journal_write(tx, &work->actor, &(struct journal_line){ .action = TEXT("recode"),
		.resource = TEXT("area"), .record = a->is.id, .version = a->is.version + 1,
		.places = { .area = a->is.id, .was_area = a->is.id }, .fields = TEXT("code,code_date,code_document"),
		.detail = buf_done(&detail) });
}

static enum store_code release(struct tx *tx, struct job_work *work)
{
	work->done = true;
	return territory_release(tx, work->actor.district, work->id);
}

/* The area, and all below it whose codes begin with the digits of its old one: only these digits change. */
static enum store_code recode(struct tx *tx, struct job_work *work)
{
	struct recoding r = { member(work, "code"), member(work, "document"), member(work, "from_on"), member(work, "was") };
	struct area areas[RECODE_ROWS];
	size_t count = 0;
	int64_t root = 0, after = 0;
	text_to_int(member(work, "area"), INT64_MAX, &root);
	if (work->cursor.ptr)
		text_to_int(work->cursor, INT64_MAX, &after);
	/* The digit behind nine is a colon. */
	struct text end = text_printf(work->arena, "%.*s:", TEXT_ARG(r.was));
	struct rows *rows = db_query(tx->db, "SELECT id, version, code, code_date, code_document FROM area WHERE district = ?1"
		" AND id BETWEEN ?2 AND ?3 AND id > ?4 AND ended_at IS NULL AND (id = ?2 OR (code >= ?5 AND code < ?6))"
		" ORDER BY id LIMIT ?7",
		BIND(value_int(work->actor.district), value_int(root), value_int(area_last(root)), value_int(after), value_text(r.was),
		     value_text(r.was.len ? end : TEXT("")), value_int(RECODE_ROWS)));
	for (; rows_next(rows); count++)
		areas[count] = (struct area){ .is = { .id = rows_int(rows, 0), .version = rows_int(rows, 1) },
			                      .code = text_copy(work->arena, rows_text(rows, 2)),
			                      .code_date = text_copy(work->arena, rows_text(rows, 3)),
			                      .code_document = text_copy(work->arena, rows_text(rows, 4)) };
	enum store_code code = rows_end(rows);
	for (size_t i = 0; i < count && code == STORE_OK; i++) {
		struct text now = r.code, old = areas[i].code;
		if (areas[i].is.id != root)
			now = text_printf(work->arena, "%.*s%.*s", (int)r.was.len, r.code.ptr, (int)(old.len - r.was.len),
			                  old.ptr + r.was.len);
		code = recode_one(tx, work, &r, &areas[i], now);
		work->cursor = text_printf(work->arena, "%lld", (long long)areas[i].is.id);
	}
	work->final = true;
	if (code != STORE_OK || count == RECODE_ROWS)
		return code;
	work->total = work->progress;
	work->result = text_printf(work->arena, "{\"changed\":%lld}", (long long)work->progress);
	return release(tx, work);
}

static const struct about recode_about = { "recode_area", "变更代码：区划", "re-code: area", .takes = BODY_MEMBERS,
	                                   .in = { ROWS(recode_fields) }, JOB_ANSWER };
static const struct job_kind jobs[] = {
	{ "area_recode", "/api/v1/areas/{id}/recode", "area.write", "区划代码变更", "re-coding an area", take_recode, recode, release,
	  &recode_about, false },
};

static const char *const steps[] = {
	/* The tenants. Its GB/T 2260 code is an attribute: districts are re-coded, their number stays. */
	"CREATE TABLE district (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, plan TEXT NOT NULL,"
	" area INTEGER NOT NULL, lat REAL, lon REAL) STRICT",
	"CREATE TABLE area_code (district INTEGER NOT NULL, area INTEGER NOT NULL, code TEXT NOT NULL, from_on TEXT,"
	" to_on TEXT NOT NULL, document TEXT, PRIMARY KEY (district, area, to_on)) STRICT, WITHOUT ROWID",
};
static const struct schema schema = { .owner = "area", .steps = steps, .count = COUNT(steps) };

static const struct field next[] = { { .type = FIELD_text, .name = "next", .label = "下一页" } };
static const struct field code_fields[] = {
	{ .type = FIELD_text, .name = "code", .label = "代码", .flags = MUST },
	{ .type = FIELD_date, .name = "from_on", .label = "生效日期" },
	{ .type = FIELD_date, .name = "to_on", .label = "失效日期" },
	{ .type = FIELD_text, .name = "document", .label = "文号" },
};
static const struct about codes_about = { "list_area_code", "历次代码：区划", "codes: area", .gives = BODY_MEMBERS,
	                                  .out = { ROWS(next), .list = "items", ROWS(code_fields) }, .tie = "area" };
static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/areas/{id}/codes", "area.read", ROUTE_READ, .read = codes, .about = &codes_about },
};
/* Named here so that the route above finds it; the resource's readers get it. */
static const struct grant grants[] = { { "area.read", "bureau" } };

const struct module area_module = {
	.name = "area", .file = __FILE__, .resources = resources, .resource_count = COUNT(resources),
	.routes = routes, .route_count = COUNT(routes), .grants = grants, .grant_count = COUNT(grants),
	.jobs = jobs, .job_count = COUNT(jobs), .schema = &schema,
};
