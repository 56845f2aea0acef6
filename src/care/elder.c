/* SPDX-License-Identifier: Apache-2.0 */
/* elder.c - the ledger of elders (rows 38 and 48, D1, D10): who they are, where they live, how to reach them. */
#include "base/check.h"
#include "care/modules.h"
#include "engine/input.h"
#include "engine/journal.h"
#include "engine/listing.h"

#include <stddef.h>
#include <string.h>

#define TABLE \
	" version INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, ended_at INTEGER," \
	" name TEXT NOT NULL, id_card TEXT, document_kind TEXT, document_number TEXT, sex TEXT NOT NULL," \
	" born_on TEXT NOT NULL, area INTEGER NOT NULL, hukou_area INTEGER, residence TEXT, address TEXT, phone TEXT," \
	" lat REAL, lon REAL, tags TEXT"
#define INDEXES \
	"CREATE UNIQUE INDEX elder_id_card ON elder (district, id_card) WHERE id_card IS NOT NULL AND ended_at IS NULL", \
	"CREATE INDEX elder_born_on ON elder (district, born_on, id, area, hukou_area, ended_at)", \
	"CREATE INDEX elder_area ON elder (district, area, born_on, id, hukou_area, ended_at)", \
	/* With the version in it, a page of a list is read from the index alone where its records were shown before. */ \
	"DROP INDEX elder_born_on", \
	"CREATE INDEX elder_born_on ON elder (district, born_on, id, area, hukou_area, ended_at, version)", \
	"DROP INDEX elder_area", \
	"CREATE INDEX elder_area ON elder (district, area, born_on, id, hukou_area, ended_at, version)"
/* An id carries its district, so on SQLite it is the key by itself: a look-up by rowid costs a third of one by two
 * columns. On PostgreSQL the key begins with the district, by which Citus shards. */
static const char *const steps[] = {
	"CREATE TABLE elder (district INTEGER NOT NULL, id INTEGER PRIMARY KEY," TABLE ") STRICT", INDEXES };
static const char *const postgres_steps[] = {
	"CREATE TABLE elder (district INTEGER NOT NULL, id INTEGER NOT NULL," TABLE ", PRIMARY KEY (district, id)) STRICT",
	INDEXES };
static const struct schema schema = {
	.owner = "elder", .steps = steps, .postgres_steps = postgres_steps, .count = COUNT(steps), .id_table = "elder" };

static const struct word sexes[] = { { "male", "男" }, { "female", "女" } };
static const struct word residences[] = {
	{ "registered", "户籍在住" }, { "separated", "人户分离" }, { "migrant", "外来常住" }, { "away", "外出" },
};
static const struct word documents[] = {
	{ "passport", "护照" }, { "hk_macao_permit", "港澳居民来往内地通行证" }, { "taiwan_permit", "台湾居民来往大陆通行证" },
	{ "foreign_permanent_permit", "外国人永久居留身份证" }, { "military", "军人证件" }, { "other", "其他证件" },
};
static const struct word tags[] = {
	{ "living_alone", "独居" }, { "empty_nest", "空巢" }, { "left_behind", "留守" }, { "disabled", "失能" },
	{ "semi_disabled", "半失能" }, { "dementia", "失智" }, { "oldest_old", "高龄" }, { "severe_illness", "重病" },
	{ "severe_disability", "重残" }, { "extreme_poverty", "特困" }, { "minimum_living_allowance", "低保" },
	{ "low_income", "低收入" }, { "childless_widowed", "孤寡" }, { "family_planning_special", "计划生育特殊家庭" },
	{ "veteran", "优抚" }, { "no_guardian", "无监护人" }, { "elder_with_disabled_child", "老残一体" },
};

struct elder {
	int64_t id, version, created_at, updated_at, ended_at;
	struct text name, id_card, document_kind, document_number, sex, born_on;
	int64_t area, hukou_area;
	struct text residence, address, phone;
	double lat, lon;
	struct text tags; /* JSON array of words */
};

/* In the order of `columns`. */
#define COLUMNS \
	"id, version, created_at, updated_at, ended_at, name, id_card, document_kind, document_number, sex, born_on," \
	" area, hukou_area, residence, address, phone, lat, lon, tags"
static const struct column columns[] = {
	{ VALUE_INT, offsetof(struct elder, id) },
	{ VALUE_INT, offsetof(struct elder, version) },
	{ VALUE_INT, offsetof(struct elder, created_at) },
	{ VALUE_INT, offsetof(struct elder, updated_at) },
	{ VALUE_INT, offsetof(struct elder, ended_at) },
	{ VALUE_TEXT, offsetof(struct elder, name) },
	{ VALUE_TEXT, offsetof(struct elder, id_card) },
	{ VALUE_TEXT, offsetof(struct elder, document_kind) },
	{ VALUE_TEXT, offsetof(struct elder, document_number) },
	{ VALUE_TEXT, offsetof(struct elder, sex) },
	{ VALUE_TEXT, offsetof(struct elder, born_on) },
	{ VALUE_INT, offsetof(struct elder, area) },
	{ VALUE_INT, offsetof(struct elder, hukou_area) },
	{ VALUE_TEXT, offsetof(struct elder, residence) },
	{ VALUE_TEXT, offsetof(struct elder, address) },
	{ VALUE_TEXT, offsetof(struct elder, phone) },
	{ VALUE_REAL, offsetof(struct elder, lat) },
	{ VALUE_REAL, offsetof(struct elder, lon) },
	{ VALUE_TEXT, offsetof(struct elder, tags) },
};

/* ---- out ---- */

static void write_elder(const struct elder *e, struct record_out *out)
{
	record_id(out, TEXT("id"), e->id);
	record_int(out, TEXT("version"), e->version);
	record_text(out, TEXT("name"), e->name);
	record_number(out, TEXT("id_card"), e->id_card);
	record_text(out, TEXT("document_kind"), e->document_kind);
	record_number(out, TEXT("document_number"), e->document_number);
	record_text(out, TEXT("sex"), e->sex);
	record_text(out, TEXT("born_on"), e->born_on);
	record_id(out, TEXT("area"), e->area);
	record_id(out, TEXT("hukou_area"), e->hukou_area);
	record_text(out, TEXT("residence"), e->residence);
	record_text(out, TEXT("address"), e->address);
	record_phone(out, TEXT("phone"), e->phone);
	record_point(out, TEXT("position"), e->lat, e->lon);
	record_raw(out, TEXT("tags"), e->tags.ptr ? e->tags : TEXT("[]"));
	record_raw(out, TEXT("flags"), e->id_card.ptr || e->document_number.ptr ? TEXT("[]") : TEXT("[\"no_identity_document\"]"));
	record_instant(out, TEXT("created_at"), e->created_at);
	record_instant(out, TEXT("updated_at"), e->updated_at);
	record_instant(out, TEXT("ended_at"), e->ended_at);
}

static void write_row(const struct rows *rows, struct record_out *out)
{
	struct elder elder;
	rows_read(rows, columns, COUNT(columns), NULL, &elder);
	write_elder(&elder, out);
}

static void answer(struct call *call, const struct elder *elder, int status)
{
	struct json_out json = call_json(call, status);
	struct record_out out = record_of(call, &json);
	json_begin_object(&json);
	write_elder(elder, &out);
	json_end_object(&json);
	call->version = elder->version;
}

/* ---- reading ---- */

static const struct list_field fields[] = {
	{ "id", "id", LIST_ID, true },
	{ "born_on", "born_on", LIST_DATE, true },
	{ "area", "area", LIST_AREA, false },
	{ "hukou_area", "hukou_area", LIST_AREA, false },
	{ "name", "name", LIST_TEXT, false },
	{ "sex", "sex", LIST_TEXT, false },
	{ "residence", "residence", LIST_TEXT, false },
};

static const struct list_spec list = {
	.columns = COLUMNS,
	.from = "elder",
	.id_column = "id",
	.fields = fields,
	.field_count = COUNT(fields),
	.order = "id",
	.area_column = "area",
	.second_area_column = "hukou_area",
	.where = "ended_at IS NULL",
	.versioned = true,
};

static enum store_code list_elders(struct db *db, void *call)
{
	return list_answer(call, db, &list, write_row);
}

/* The elder of the call's path, seen by either area; STORE_REFUSED with 404 answered when there is none. */
static enum store_code find(struct db *db, struct call *call, struct elder *elder)
{
	struct query query;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT " COLUMNS " FROM elder WHERE district = ");
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(call->id));
	scope_condition(&query, &call->actor, "area", "hukou_area");
	struct rows *rows = query_run(&query, db);
	bool found = rows_next(rows);
	if (found)
		rows_read(rows, columns, COUNT(columns), call->arena, elder);
	enum store_code code = rows_end(rows);
	return code != STORE_OK || found ? code : call_problem(call, PROBLEM_NOT_FOUND);
}

static enum store_code get(struct db *db, void *arg)
{
	struct call *call = arg;
	struct elder elder;
	enum store_code code = find(db, call, &elder);
	if (code == STORE_OK)
		answer(call, &elder, 200);
	return code;
}

/* ---- what may be written ---- */

static void check_against_card(struct input *in, const struct elder *e)
{
	struct id_card card;
	if (!e->id_card.ptr || id_card_read(e->id_card, true, &card) != ID_CARD_FINE)
		return;
	if (e->sex.ptr && text_is(e->sex, "male") != (card.sex == SEX_MALE))
		input_wrong(in, "sex", "contradicts_id_card", "性别与公民身份号码不一致", "The sex contradicts the identity number");
	if (e->born_on.ptr && !text_eq(e->born_on, date_text(in->call->arena, card.born_on)))
		input_wrong(in, "born_on", "contradicts_id_card", "出生日期与公民身份号码不一致",
		            "The birth date contradicts the identity number");
}

static void check_dates(struct input *in, struct tx *tx, const struct elder *e)
{
	struct date born, today = date_of_ms(tx->now_ms);
	if (!e->born_on.ptr || !date_read(e->born_on, &born))
		return;
	if (date_compare(born, today) > 0 || today.year - born.year > 130)
		input_wrong(in, "born_on", "out_of_range", "出生日期不合理", "The birth date cannot be right");
}

static bool take_elder(struct input *in, struct tx *tx, struct elder *e)
{
	int64_t was = e->area;
	take_text(in, "name", MUST, 50, &e->name);
	take_id_card(in, "id_card", OPTIONAL, &e->id_card);
	take_word(in, "document_kind", OPTIONAL, documents, COUNT(documents), &e->document_kind);
	take_text(in, "document_number", PROTECTED, 40, &e->document_number);
	take_word(in, "sex", MUST, sexes, COUNT(sexes), &e->sex);
	take_date(in, "born_on", MUST, &e->born_on);
	take_area(in, tx, "area", MUST, &e->area);
	take_area(in, tx, "hukou_area", OPTIONAL, &e->hukou_area);
	take_word(in, "residence", OPTIONAL, residences, COUNT(residences), &e->residence);
	take_text(in, "address", OPTIONAL, 200, &e->address);
	take_phone(in, "phone", OPTIONAL, &e->phone);
	take_point(in, "position", OPTIONAL, &e->lat, &e->lon);
	take_words(in, "tags", OPTIONAL, tags, COUNT(tags), &e->tags);
	check_against_card(in, e);
	check_dates(in, tx, e);
	if (e->area && e->area != was && !actor_covers(&in->call->actor, e->area))
		input_wrong(in, "area", "out_of_scope", "不在您的管辖范围内", "Outside your area");
	if (e->document_number.ptr && !e->document_kind.ptr)
		input_wrong(in, "document_kind", "required", "请选择证件类型", "Say which kind of document it is");
	return input_finish(in);
}

/* The same person twice; the index finds it, here is said who. Who registered them is told only to those who may see the
 * record. */
static enum store_code check_unique(struct tx *tx, struct call *call, const struct elder *e)
{
	int64_t id = 0, area = 0, hukou_area = 0;
	if (!e->id_card.ptr || !tx->again)
		return STORE_OK;
	struct rows *rows = db_query(tx->db, "SELECT id, area, hukou_area FROM elder"
		" WHERE district = ?1 AND id_card = ?2 AND ended_at IS NULL AND id <> ?3",
		BIND(value_int(call->actor.district), value_text(e->id_card), value_int(e->id)));
	if (rows_next(rows)) {
		id = rows_int(rows, 0);
		area = rows_int(rows, 1);
		hukou_area = rows_int(rows, 2);
	}
	enum store_code code = rows_end(rows);
	if (code != STORE_OK || id == 0)
		return code;
	if (!actor_covers(&call->actor, area) && !actor_covers(&call->actor, hukou_area))
		return call_problem(call, PROBLEM_REGISTERED_ELSEWHERE);
	return call_problem_detail(call, PROBLEM_DUPLICATE,
		text_printf(call->arena, "该公民身份号码已登记：记录 %lld", (long long)id),
		text_printf(call->arena, "The identity number is registered: record %lld", (long long)id));
}

static enum store_code write_journal(struct tx *tx, struct call *call, const char *action, const struct elder *before,
                                     const struct elder *e, const struct input *in)
{
	return journal_write(tx, &call->actor, &(struct journal_line){
		.action = text_of(action),
		.resource = TEXT("elder"),
		.record = e->id,
		.version = e->version,
		.places = { e->area, e->hukou_area, before ? before->area : 0, before ? before->hukou_area : 0 },
		.fields = in ? buf_done(&in->fields) : TEXT_NONE,
		.detail = in ? buf_done(&in->detail) : TEXT_NONE,
	});
}

static enum store_code insert(struct tx *tx, unsigned district, struct elder *e)
{
	e->id = id_next(store_ids(tx->store), district);
	e->version = 1;
	e->created_at = e->updated_at = tx->now_ms;
	return db_exec(tx->db, "INSERT INTO elder (district, " COLUMNS ")"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
		BIND(value_int(district), value_int(e->id), value_int(e->version), value_int(e->created_at),
		     value_int(e->updated_at), value_ref(e->ended_at), value_text(e->name), value_text(e->id_card),
		     value_text(e->document_kind), value_text(e->document_number), value_text(e->sex), value_text(e->born_on),
		     value_int(e->area), value_ref(e->hukou_area), value_text(e->residence), value_text(e->address),
		     value_text(e->phone), value_real(e->lat), value_real(e->lon), value_text(e->tags)), NULL);
}

static enum store_code update(struct tx *tx, unsigned district, struct elder *e)
{
	e->version++;
	e->updated_at = tx->now_ms;
	return db_exec(tx->db, "UPDATE elder SET version = ?3, updated_at = ?4, ended_at = ?5, name = ?6, id_card = ?7,"
		" document_kind = ?8, document_number = ?9, sex = ?10, born_on = ?11, area = ?12, hukou_area = ?13,"
		" residence = ?14, address = ?15, phone = ?16, lat = ?17, lon = ?18, tags = ?19 WHERE district = ?1 AND id = ?2",
		BIND(value_int(district), value_int(e->id), value_int(e->version), value_int(e->updated_at), value_ref(e->ended_at),
		     value_text(e->name), value_text(e->id_card), value_text(e->document_kind), value_text(e->document_number),
		     value_text(e->sex), value_text(e->born_on), value_int(e->area), value_ref(e->hukou_area),
		     value_text(e->residence), value_text(e->address), value_text(e->phone), value_real(e->lat),
		     value_real(e->lon), value_text(e->tags)), NULL);
}

/* ---- commands ---- */

static enum store_code create_from(struct tx *tx, struct call *call, struct input *in, struct elder *elder)
{
	if (!take_elder(in, tx, elder))
		return db_code(tx->db) != STORE_OK ? db_code(tx->db) : STORE_REFUSED;
	enum store_code code = check_unique(tx, call, elder);
	if (code == STORE_OK)
		code = insert(tx, call->actor.district, elder);
	if (code == STORE_OK)
		code = write_journal(tx, call, "create", NULL, elder, in);
	return code;
}

static enum store_code create(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct input in = { .object = call->body };
	struct elder elder = { 0 };
	input_start(&in, call, true);
	enum store_code code = create_from(tx, call, &in, &elder);
	if (code == STORE_OK) {
		answer(call, &elder, 201);
		call->location = text_printf(call->arena, "/api/v1/elders/%lld", (long long)elder.id);
	}
	return code;
}

static enum store_code import_row(struct tx *tx, struct call *call, struct input *row)
{
	struct elder elder = { 0 };
	input_start(row, call, true);
	return create_from(tx, call, row, &elder);
}

/* The elder of the path at the version that the caller has seen, and may change: they live in the actor's areas. */
static enum store_code find_to_change(struct tx *tx, struct call *call, struct elder *elder)
{
	if (!call->if_match.ptr)
		return call_problem(call, PROBLEM_IF_MATCH_NEEDED);
	enum store_code code = find(tx->db, call, elder);
	if (code != STORE_OK)
		return code;
	if (!actor_covers(&call->actor, elder->area))
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("此人由居住地管理，户籍地只能查看"),
			TEXT("Those who live elsewhere are kept by the area where they live"));
	code = call_match(call, elder->version);
	if (code == STORE_OK && elder->ended_at)
		return call_problem_detail(call, PROBLEM_NOT_FOUND, TEXT("记录已终止"), TEXT("The record has ended"));
	return code;
}

static enum store_code patch(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct elder before, elder;
	enum store_code code = find_to_change(tx, call, &before);
	if (code != STORE_OK)
		return code;
	struct input in = { .object = call->body };
	input_start(&in, call, false);
	elder = before;
	if (!take_elder(&in, tx, &elder))
		return db_code(tx->db) != STORE_OK ? db_code(tx->db) : STORE_REFUSED;
	if (in.changed) {
		code = check_unique(tx, call, &elder);
		if (code == STORE_OK)
			code = update(tx, call->actor.district, &elder);
		if (code == STORE_OK)
			code = write_journal(tx, call, "update", &before, &elder, &in);
	}
	if (code == STORE_OK)
		answer(call, &elder, 200);
	return code;
}

static enum store_code end(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct elder before, elder;
	enum store_code code = find_to_change(tx, call, &before);
	if (code != STORE_OK)
		return code;
	elder = before;
	elder.ended_at = tx->now_ms;
	code = update(tx, call->actor.district, &elder);
	if (code == STORE_OK)
		code = write_journal(tx, call, "end", &before, &elder, NULL);
	if (code == STORE_OK)
		answer(call, &elder, 200);
	return code;
}

/* ---- the capability ---- */

static const struct alias aliases[] = {
	{ "姓名", "name" }, { "老人姓名", "name" }, { "公民身份号码", "id_card" }, { "身份证号", "id_card" },
	{ "身份证号码", "id_card" }, { "证件类型", "document_kind" }, { "其他证件号码", "document_number" }, { "性别", "sex" },
	{ "出生日期", "born_on" }, { "居住地区划", "area" }, { "区划代码", "area" }, { "户籍地区划", "hukou_area" },
	{ "居住情况", "residence" }, { "住址", "address" }, { "地址", "address" }, { "联系电话", "phone" }, { "电话", "phone" },
	{ "位置", "position" }, { "标签", "tags" }, { "人员类别", "tags" },
	{ "name", "name" }, { "id_card", "id_card" }, { "document_kind", "document_kind" },
	{ "document_number", "document_number" }, { "sex", "sex" }, { "born_on", "born_on" }, { "area", "area" },
	{ "hukou_area", "hukou_area" }, { "residence", "residence" }, { "address", "address" }, { "phone", "phone" },
	{ "position", "position" }, { "tags", "tags" },
};
static const struct importer importer = { aliases, COUNT(aliases), import_row };

static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/elders", MAY_READ_ELDERS, ROUTE_READ, .read = list_elders },
	{ METHOD_POST, "/api/v1/elders", MAY_WRITE_ELDERS, ROUTE_COMMAND, .command = create },
	{ METHOD_GET, "/api/v1/elders/{id}", MAY_READ_ELDERS, ROUTE_READ, .read = get },
	{ METHOD_PATCH, "/api/v1/elders/{id}", MAY_WRITE_ELDERS, ROUTE_COMMAND, .command = patch },
	{ METHOD_DELETE, "/api/v1/elders/{id}", MAY_WRITE_ELDERS, ROUTE_COMMAND, .command = end },
};

const struct module elder_module = {
	.name = "elder",
	.schema = &schema,
	.routes = routes,
	.route_count = COUNT(routes),
	.importer = &importer,
	.resource = "elder",
	.feed_permission = MAY_READ_ELDERS,
};
