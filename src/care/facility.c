/* SPDX-License-Identifier: Apache-2.0 */
/* facility.c - the ledger of facilities (row 97, D4): where, since when, whose, who answers for it, how many beds. */
#include "base/check.h"
#include "care/modules.h"
#include "engine/input.h"
#include "engine/journal.h"
#include "engine/listing.h"

#include <stddef.h>

static const char *const steps[] = {
	"CREATE TABLE facility (district INTEGER NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, ended_at INTEGER, name TEXT NOT NULL, kind TEXT NOT NULL,"
	" area INTEGER NOT NULL, address TEXT, lat REAL, lon REAL, built_on TEXT, use_years INTEGER NOT NULL,"
	" ownership TEXT, responsible_unit TEXT, manager TEXT, phone TEXT, size_m2 INTEGER NOT NULL, floors INTEGER NOT NULL,"
	" beds_nursing INTEGER NOT NULL, beds_general INTEGER NOT NULL, beds_dementia INTEGER NOT NULL,"
	" PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID",
	"CREATE INDEX facility_area ON facility (district, area, kind, id)",
	"CREATE INDEX facility_kind ON facility (district, kind, id, area)",
};
static const struct schema schema = { .owner = "facility", .steps = steps, .count = COUNT(steps), .id_table = "facility" };

static const struct word kinds[] = {
	{ "care_institution", "养老机构" }, { "street_center", "街道综合养老服务中心" }, { "day_care_center", "日间照料中心" },
	{ "community_station", "社区养老服务站" }, { "canteen", "社区食堂" }, { "meal_point", "助餐点" },
	{ "mutual_help_home", "互助幸福院" },
};
static const struct word ownerships[] = {
	{ "state", "国有" }, { "collective", "集体" }, { "private", "民营" }, { "leased", "租赁" },
};

struct facility {
	int64_t id, version, created_at, updated_at, ended_at;
	struct text name, kind;
	int64_t area;
	struct text address;
	double lat, lon;
	struct text built_on;
	int64_t use_years;
	struct text ownership, responsible_unit, manager, phone;
	int64_t size_m2, floors, beds_nursing, beds_general, beds_dementia;
};

#define COLUMNS \
	"id, version, created_at, updated_at, ended_at, name, kind, area, address, lat, lon, built_on, use_years, ownership," \
	" responsible_unit, manager, phone, size_m2, floors, beds_nursing, beds_general, beds_dementia"
static const struct column columns[] = {
	{ VALUE_INT, offsetof(struct facility, id) },
	{ VALUE_INT, offsetof(struct facility, version) },
	{ VALUE_INT, offsetof(struct facility, created_at) },
	{ VALUE_INT, offsetof(struct facility, updated_at) },
	{ VALUE_INT, offsetof(struct facility, ended_at) },
	{ VALUE_TEXT, offsetof(struct facility, name) },
	{ VALUE_TEXT, offsetof(struct facility, kind) },
	{ VALUE_INT, offsetof(struct facility, area) },
	{ VALUE_TEXT, offsetof(struct facility, address) },
	{ VALUE_REAL, offsetof(struct facility, lat) },
	{ VALUE_REAL, offsetof(struct facility, lon) },
	{ VALUE_TEXT, offsetof(struct facility, built_on) },
	{ VALUE_INT, offsetof(struct facility, use_years) },
	{ VALUE_TEXT, offsetof(struct facility, ownership) },
	{ VALUE_TEXT, offsetof(struct facility, responsible_unit) },
	{ VALUE_TEXT, offsetof(struct facility, manager) },
	{ VALUE_TEXT, offsetof(struct facility, phone) },
	{ VALUE_INT, offsetof(struct facility, size_m2) },
	{ VALUE_INT, offsetof(struct facility, floors) },
	{ VALUE_INT, offsetof(struct facility, beds_nursing) },
	{ VALUE_INT, offsetof(struct facility, beds_general) },
	{ VALUE_INT, offsetof(struct facility, beds_dementia) },
};

static void write_facility(const struct facility *f, struct record_out *out)
{
	record_id(out, TEXT("id"), f->id);
	record_int(out, TEXT("version"), f->version);
	record_text(out, TEXT("name"), f->name);
	record_text(out, TEXT("kind"), f->kind);
	record_id(out, TEXT("area"), f->area);
	record_text(out, TEXT("address"), f->address);
	record_point(out, TEXT("position"), f->lat, f->lon);
	record_text(out, TEXT("built_on"), f->built_on);
	record_int(out, TEXT("use_years"), f->use_years);
	record_text(out, TEXT("ownership"), f->ownership);
	record_text(out, TEXT("responsible_unit"), f->responsible_unit);
	record_text(out, TEXT("manager"), f->manager);
	record_phone(out, TEXT("phone"), f->phone);
	record_int(out, TEXT("size_m2"), f->size_m2);
	record_int(out, TEXT("floors"), f->floors);
	record_int(out, TEXT("beds_nursing"), f->beds_nursing);
	record_int(out, TEXT("beds_general"), f->beds_general);
	record_int(out, TEXT("beds_dementia"), f->beds_dementia);
	record_int(out, TEXT("beds"), f->beds_nursing + f->beds_general + f->beds_dementia);
	record_instant(out, TEXT("created_at"), f->created_at);
	record_instant(out, TEXT("updated_at"), f->updated_at);
	record_instant(out, TEXT("ended_at"), f->ended_at);
}

static void write_row(const struct rows *rows, struct record_out *out)
{
	struct facility facility;
	rows_read(rows, columns, COUNT(columns), NULL, &facility);
	write_facility(&facility, out);
}

static void answer(struct call *call, const struct facility *facility, int status)
{
	struct json_out json = call_json(call, status);
	struct record_out out = record_of(call, &json);
	json_begin_object(&json);
	write_facility(facility, &out);
	json_end_object(&json);
	call->version = facility->version;
}

static const struct list_field fields[] = {
	{ "id", "id", LIST_ID, true },
	{ "kind", "kind", LIST_TEXT, true },
	{ "area", "area", LIST_AREA, true },
	{ "name", "name", LIST_TEXT, false },
	{ "ownership", "ownership", LIST_TEXT, false },
	{ "beds_nursing", "beds_nursing", LIST_INT, false },
};

static const struct list_spec list = {
	.columns = COLUMNS,
	.from = "facility",
	.id_column = "id",
	.fields = fields,
	.field_count = COUNT(fields),
	.order = "id",
	.area_column = "area",
	.where = "ended_at IS NULL",
	.versioned = true,
};

static enum store_code list_facilities(struct db *db, void *call)
{
	return list_answer(call, db, &list, write_row);
}

static enum store_code find(struct db *db, struct call *call, struct facility *facility)
{
	struct query query;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT " COLUMNS " FROM facility WHERE district = ");
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(call->id));
	scope_condition(&query, &call->actor, "area", NULL);
	struct rows *rows = query_run(&query, db);
	bool found = rows_next(rows);
	if (found)
		rows_read(rows, columns, COUNT(columns), call->arena, facility);
	enum store_code code = rows_end(rows);
	return code != STORE_OK || found ? code : call_problem(call, PROBLEM_NOT_FOUND);
}

static enum store_code get(struct db *db, void *arg)
{
	struct call *call = arg;
	struct facility facility;
	enum store_code code = find(db, call, &facility);
	if (code == STORE_OK)
		answer(call, &facility, 200);
	return code;
}

static bool take_facility(struct input *in, struct tx *tx, struct facility *f)
{
	int64_t was = f->area;
	take_text(in, "name", MUST, 100, &f->name);
	take_word(in, "kind", MUST, kinds, COUNT(kinds), &f->kind);
	take_area(in, tx, "area", MUST, &f->area);
	take_text(in, "address", OPTIONAL, 200, &f->address);
	take_point(in, "position", OPTIONAL, &f->lat, &f->lon);
	take_date(in, "built_on", OPTIONAL, &f->built_on);
	take_int(in, "use_years", OPTIONAL, 0, 200, &f->use_years);
	take_word(in, "ownership", OPTIONAL, ownerships, COUNT(ownerships), &f->ownership);
	take_text(in, "responsible_unit", OPTIONAL, 100, &f->responsible_unit);
	take_text(in, "manager", OPTIONAL, 50, &f->manager);
	take_phone(in, "phone", OPTIONAL, &f->phone);
	take_int(in, "size_m2", OPTIONAL, 0, 1000000, &f->size_m2);
	take_int(in, "floors", OPTIONAL, 0, 100, &f->floors);
	take_int(in, "beds_nursing", OPTIONAL, 0, 10000, &f->beds_nursing);
	take_int(in, "beds_general", OPTIONAL, 0, 10000, &f->beds_general);
	take_int(in, "beds_dementia", OPTIONAL, 0, 10000, &f->beds_dementia);
	if (f->area && f->area != was && !actor_covers(&in->call->actor, f->area))
		input_wrong(in, "area", "out_of_scope", "不在您的管辖范围内", "Outside your area");
	return input_finish(in);
}

static enum store_code write_journal(struct tx *tx, struct call *call, const char *action, int64_t was_area,
                                     const struct facility *f, const struct input *in)
{
	return journal_write(tx, &call->actor, &(struct journal_line){
		.action = text_of(action),
		.resource = TEXT("facility"),
		.record = f->id,
		.version = f->version,
		.places = { .area = f->area, .was_area = was_area },
		.fields = in ? buf_done(&in->fields) : TEXT_NONE,
		.detail = in ? buf_done(&in->detail) : TEXT_NONE,
	});
}

static enum store_code insert(struct tx *tx, unsigned district, struct facility *f)
{
	f->id = id_next(store_ids(tx->store), district);
	f->version = 1;
	f->created_at = f->updated_at = tx->now_ms;
	return db_exec(tx->db, "INSERT INTO facility (district, " COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		" ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
		BIND(value_int(district), value_int(f->id), value_int(f->version), value_int(f->created_at),
		     value_int(f->updated_at), value_ref(f->ended_at), value_text(f->name), value_text(f->kind), value_int(f->area),
		     value_text(f->address), value_real(f->lat), value_real(f->lon), value_text(f->built_on),
		     value_int(f->use_years), value_text(f->ownership), value_text(f->responsible_unit), value_text(f->manager),
		     value_text(f->phone), value_int(f->size_m2), value_int(f->floors), value_int(f->beds_nursing),
		     value_int(f->beds_general), value_int(f->beds_dementia)), NULL);
}

static enum store_code update(struct tx *tx, unsigned district, struct facility *f)
{
	f->version++;
	f->updated_at = tx->now_ms;
	return db_exec(tx->db, "UPDATE facility SET version = ?3, updated_at = ?4, ended_at = ?5, name = ?6, kind = ?7,"
		" area = ?8, address = ?9, lat = ?10, lon = ?11, built_on = ?12, use_years = ?13, ownership = ?14,"
		" responsible_unit = ?15, manager = ?16, phone = ?17, size_m2 = ?18, floors = ?19, beds_nursing = ?20,"
		" beds_general = ?21, beds_dementia = ?22 WHERE district = ?1 AND id = ?2",
		BIND(value_int(district), value_int(f->id), value_int(f->version), value_int(f->updated_at),
		     value_ref(f->ended_at), value_text(f->name), value_text(f->kind), value_int(f->area), value_text(f->address),
		     value_real(f->lat), value_real(f->lon), value_text(f->built_on), value_int(f->use_years),
		     value_text(f->ownership), value_text(f->responsible_unit), value_text(f->manager), value_text(f->phone),
		     value_int(f->size_m2), value_int(f->floors), value_int(f->beds_nursing), value_int(f->beds_general),
		     value_int(f->beds_dementia)), NULL);
}

static enum store_code create_from(struct tx *tx, struct call *call, struct input *in, struct facility *facility)
{
	if (!take_facility(in, tx, facility))
		return db_code(tx->db) != STORE_OK ? db_code(tx->db) : STORE_REFUSED;
	enum store_code code = insert(tx, call->actor.district, facility);
	return code == STORE_OK ? write_journal(tx, call, "create", 0, facility, in) : code;
}

static enum store_code create(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct input in = { .object = call->body };
	struct facility facility = { 0 };
	input_start(&in, call, true);
	enum store_code code = create_from(tx, call, &in, &facility);
	if (code == STORE_OK) {
		answer(call, &facility, 201);
		call->location = text_printf(call->arena, "/api/v1/facilities/%lld", (long long)facility.id);
	}
	return code;
}

static enum store_code import_row(struct tx *tx, struct call *call, struct input *row)
{
	struct facility facility = { 0 };
	input_start(row, call, true);
	return create_from(tx, call, row, &facility);
}

static enum store_code find_to_change(struct tx *tx, struct call *call, struct facility *facility)
{
	if (!call->if_match.ptr)
		return call_problem(call, PROBLEM_IF_MATCH_NEEDED);
	enum store_code code = find(tx->db, call, facility);
	if (code == STORE_OK)
		code = call_match(call, facility->version);
	if (code == STORE_OK && facility->ended_at)
		return call_problem_detail(call, PROBLEM_NOT_FOUND, TEXT("记录已终止"), TEXT("The record has ended"));
	return code;
}

static enum store_code patch(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct facility facility;
	enum store_code code = find_to_change(tx, call, &facility);
	if (code != STORE_OK)
		return code;
	int64_t was_area = facility.area;
	struct input in = { .object = call->body };
	input_start(&in, call, false);
	if (!take_facility(&in, tx, &facility))
		return db_code(tx->db) != STORE_OK ? db_code(tx->db) : STORE_REFUSED;
	if (in.changed) {
		code = update(tx, call->actor.district, &facility);
		if (code == STORE_OK)
			code = write_journal(tx, call, "update", was_area, &facility, &in);
	}
	if (code == STORE_OK)
		answer(call, &facility, 200);
	return code;
}

static enum store_code end(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct facility facility;
	enum store_code code = find_to_change(tx, call, &facility);
	if (code != STORE_OK)
		return code;
	facility.ended_at = tx->now_ms;
	code = update(tx, call->actor.district, &facility);
	if (code == STORE_OK)
		code = write_journal(tx, call, "end", facility.area, &facility, NULL);
	if (code == STORE_OK)
		answer(call, &facility, 200);
	return code;
}

static const struct alias aliases[] = {
	{ "名称", "name" }, { "设施名称", "name" }, { "类型", "kind" }, { "区划代码", "area" }, { "地址", "address" },
	{ "建设地点", "address" }, { "位置", "position" }, { "建成日期", "built_on" }, { "使用年限", "use_years" },
	{ "产权归属", "ownership" }, { "责任单位", "responsible_unit" }, { "管理人员", "manager" }, { "联系电话", "phone" },
	{ "建筑面积", "size_m2" }, { "层数", "floors" }, { "护理型床位", "beds_nursing" }, { "普通床位", "beds_general" },
	{ "认知症床位", "beds_dementia" }, { "name", "name" }, { "kind", "kind" }, { "area", "area" }, { "address", "address" },
	{ "position", "position" }, { "built_on", "built_on" }, { "use_years", "use_years" }, { "ownership", "ownership" },
	{ "responsible_unit", "responsible_unit" }, { "manager", "manager" }, { "phone", "phone" }, { "size_m2", "size_m2" },
	{ "floors", "floors" }, { "beds_nursing", "beds_nursing" }, { "beds_general", "beds_general" },
	{ "beds_dementia", "beds_dementia" },
};
static const struct importer importer = { aliases, COUNT(aliases), import_row };

static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/facilities", MAY_READ_FACILITIES, ROUTE_READ, .read = list_facilities },
	{ METHOD_POST, "/api/v1/facilities", MAY_WRITE_FACILITIES, ROUTE_COMMAND, .command = create },
	{ METHOD_GET, "/api/v1/facilities/{id}", MAY_READ_FACILITIES, ROUTE_READ, .read = get },
	{ METHOD_PATCH, "/api/v1/facilities/{id}", MAY_WRITE_FACILITIES, ROUTE_COMMAND, .command = patch },
	{ METHOD_DELETE, "/api/v1/facilities/{id}", MAY_WRITE_FACILITIES, ROUTE_COMMAND, .command = end },
};

const struct module facility_module = {
	.name = "facility",
	.schema = &schema,
	.routes = routes,
	.route_count = COUNT(routes),
	.importer = &importer,
	.resource = "facility",
	.feed_permission = MAY_READ_FACILITIES,
};
