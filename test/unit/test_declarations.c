/* SPDX-License-Identifier: Apache-2.0 */
/* test_declarations.c - each kind of mistake in what is declared is told, by file, resource and field, before it is laid out. */
#include "engine/check_declarations.h"
#include "engine/input.h"
#include "engine/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- a capability without a mistake, out of which each test makes one with ---- */

static const struct word kinds[] = { { "tall", "高" }, { "small", "矮" }, { 0 } };

#define THING(F) \
	F(text, name, "名称", MUST | SORT, .max = 50, .headers = "名字|品名") \
	F(word, kind, "类型", 0, .words = kinds) \
	F(area, area, "区划", MUST) \
	F(ref, other, "另一个", INDEX, .to = "thing") \
	F(integer, size, "大小", ZERO, .max = 10) \
	F(point, position, "位置", 0) \
	F(phone, phone, "电话", 0)

struct thing { struct record is; THING(FIELD_MEMBER) };
static const struct field thing_fields[] = { THING(FIELD_ROW) };
enum { NAME, KIND, AREA, OTHER, SIZE, POSITION, PHONE, FIELDS };

static struct field fields[FIELDS];
static struct field derived[2];
static struct resource thing;
static const char *orders[2];
static struct route route;
static struct about about;
static struct grant grant;
static struct module module;
static const struct module *modules[2];
static size_t module_count;

static void derive(const void *record, struct record_out *out)
{
	(void)record;
	(void)out;
}

static void task(struct call *call)
{
	(void)call;
}

static const struct resource *const resources[] = { &thing };
static const struct field out_fields[] = { { .type = FIELD_integer, .name = "count", .label = "个数", .flags = MUST } };

static int fresh(void **state)
{
	(void)state;
	memcpy(fields, thing_fields, sizeof fields);
	memset(derived, 0, sizeof derived);
	memset(orders, 0, sizeof orders);
	thing = (struct resource){ .name = "thing", .plural = "things", .label = "东西", .en = "thing", .fields = fields,
		                   .field_count = FIELDS, .size = sizeof(struct thing), .ties = { .area = "area" }, .orders = orders,
		                   .readers = "bureau street", .writers = "bureau", .derived = derived };
	about = (struct about){ "count_things", "数一数", "count things", .gives = BODY_MEMBERS, .out = { ROWS(out_fields) } };
	route = (struct route){ METHOD_GET, "/api/v1/count", "thing.count", ROUTE_TASK, .task = task, .about = &about };
	grant = (struct grant){ "thing.count", "bureau" };
	module = (struct module){ .name = "thing", .file = "src/care/thing.c", .resources = resources, .resource_count = 1,
		                  .routes = &route, .route_count = 1, .grants = &grant, .grant_count = 1 };
	modules[0] = modules[1] = &module;
	module_count = 1;
	return 0;
}

/* ---- what is told ---- */

static char told[8192];

static size_t check_now(void)
{
	struct arena arena = arena_new(1 << 20);
	struct buf out = buf_in(&arena, 1024, sizeof told - 1);
	size_t mistakes = check_declarations(modules, module_count, &out);
	memcpy(told, out.ptr, out.len);
	told[out.len] = 0;
	arena_free(&arena);
	return mistakes;
}

/* One line of what is told says this of this, and in this file. */
static void expect(const char *of, const char *what)
{
	char begin[256];
	bool found = false;
	size_t mistakes = check_now(), lines = 0;
	snprintf(begin, sizeof begin, "src/care/thing.c: %s: ", of);
	for (char *line = told, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		*end = 0;
		found = found || (strncmp(line, begin, strlen(begin)) == 0 && strstr(line, what));
		*end = '\n';
	}
	if (!found)
		fail_msg("not told of %s: %s\nbut: %s", of, what, told);
	assert_int_equal(lines, mistakes);
	fresh(NULL);
}

static void without_a_mistake_nothing_is_told(void **state)
{
	(void)state;
	assert_int_equal(check_now(), 0);
	assert_string_equal(told, "");
}

static void names(void **state)
{
	(void)state;
	fields[NAME].name = "Name";
	expect("thing.Name", "a name is");
	fields[NAME].name = "select";
	expect("thing.select", "a word of SQL");
	fields[NAME].name = "returning"; /* of SQLite and PostgreSQL */
	expect("thing.returning", "a word of SQL");
	fields[NAME].name = "analyse"; /* of PostgreSQL alone */
	expect("thing.analyse", "a word of SQL");
	fields[NAME].name = "autoincrement"; /* of SQLite alone */
	expect("thing.autoincrement", "a word of SQL");
	fields[NAME].name = "version";
	expect("thing.version", "every record has this");
	fields[SIZE].name = "kind";
	expect("thing.kind", "twice");
	fields[SIZE].name = "position_lat";
	expect("thing.position", "twice");
	fields[KIND].name = "phone_hash";
	expect("thing.phone", "twice");
	fields[NAME].label = "";
	expect("thing.name", "no label");
	fields[NAME].was = "kind";
	expect("thing.name", "is the name of a field");
	thing.name = "Thing";
	expect("Thing", "a name is");
	thing.name = "order";
	expect("order", "a word of SQL");
	thing.en = NULL;
	expect("thing", "no label in both languages");
}

static void columns_of_files(void **state)
{
	(void)state;
	fields[KIND].label = "品名";
	expect("thing.kind", "a column \"品名\" of a file could be this or name");
	fields[SIZE].headers = "规格|类型";
	expect("thing.size", "a column \"类型\" of a file could be this or kind");
}

static void words(void **state)
{
	static const struct word twice[] = { { "tall", "高" }, { "tall", "很高" }, { 0 } };
	static const struct word zh_twice[] = { { "tall", "高" }, { "high", "高" }, { 0 } };
	static const struct word capital[] = { { "Tall", "高" }, { 0 } };
	static const struct word silent[] = { { "tall", NULL }, { 0 } };
	(void)state;
	fields[KIND].words = NULL;
	expect("thing.kind", "no words");
	fields[KIND].words = twice;
	expect("thing.kind", "twice");
	fields[KIND].words = zh_twice;
	expect("thing.kind", "twice");
	fields[KIND].words = capital;
	expect("thing.kind", "other characters");
	fields[KIND].words = silent;
	expect("thing.kind", "no Chinese");
	fields[NAME].words = kinds;
	expect("thing.name", "have a dictionary");
}

static void limits_and_flags(void **state)
{
	(void)state;
	fields[SIZE].min = 11;
	expect("thing.size", "its least is more than its most");
	fields[NAME].max = -1;
	expect("thing.name", "the most characters");
	fields[KIND].max = 5;
	expect("thing.kind", "only numbers and texts have limits");
	fields[SIZE].scale = 2;
	expect("thing.size", "only a decimal has a scale");
	fields[SIZE].type = FIELD_decimal;
	expect("thing.size", "a scale of 1 to");
	fields[KIND].flags = SORT;
	expect("thing.kind", "MUST or ZERO");
	fields[PHONE].flags = SORT | MUST;
	expect("thing.phone", "it is sealed");
	fields[POSITION].flags = SORT | MUST;
	expect("thing.position", "no single value");
	fields[PHONE].flags = INDEX;
	expect("thing.phone", "an index does not help");
	fields[POSITION].flags = UNIQUE;
	expect("thing.position", "cannot be unique");
	fields[NAME].flags |= UNIQUE;
	expect("thing.name", "its index already");
	fields[NAME].flags |= INDEX;
	expect("thing.name", "its index already");
	fields[SIZE].flags = SEALED;
	expect("thing.size", "kept as text");
	fields[KIND].flags = ZERO;
	expect("thing.kind", "only a number is ZERO");
	fields[SIZE].flags = SEARCH;
	expect("thing.size", "only a text can be searched");
	fields[NAME].flags |= RAW;
	expect("thing.name", "can be RAW");
	fields[NAME].flags |= DETAIL;
	expect("thing.name", "sorted by is in them");
	fields[KIND].flags |= DETAIL;
	expect("thing.area", "stands last");
	fields[NAME].type = FIELD_object;
	expect("thing.name", "no fields of this type");
}

static void references_ties_and_orders(void **state)
{
	(void)state;
	fields[OTHER].to = NULL;
	expect("thing.other", "does not say to which");
	fields[OTHER].to = "nothing";
	expect("thing.other", "\"nothing\", which is no resource");
	fields[NAME].to = "thing";
	expect("thing.name", "only a ref and refs");
	fields[NAME].owner = "nobody";
	expect("thing.name", "\"nobody\" is no source");
	thing.ties.area = "nowhere";
	expect("thing.nowhere", "no such field");
	thing.ties.area = "name";
	expect("thing.name", "it must be an area");
	thing.ties.area = "id";
	expect("thing.id", "as a tie, area");
	thing.ties.organization = "other";
	expect("thing.other", "it must be a reference to that");
	thing.ties.family = "id";
	expect("thing.id", "as a tie, family");
	thing.ties.second_area = "area";
	thing.ties.area = NULL;
	expect("thing.area", "a second area without a first");
	orders[0] = "name nothing";
	expect("thing.nothing", "an order names it");
	orders[0] = "name phone";
	expect("thing.phone", "nothing can be ordered by it");
	orders[0] = "name";
	expect("thing", "two indexes thing_name");
}

static void rights(void **state)
{
	(void)state;
	thing.readers = "bureau mayor";
	expect("thing", "no role mayor");
	thing.readers = "bureau bureau";
	expect("thing", "twice");
	thing.readers = NULL;
	expect("thing", "nobody may read it");
	thing.writers = "community";
	expect("thing", "community may write it, but not read it");
	thing.readers = "bureau worker";
	expect("thing", "worker may read it, but nothing ties");
	thing.revealers = "bureau community";
	expect("thing", "community may reveal it, but not read it");
	thing.finders = "mayor";
	expect("thing", "no role mayor");
	thing.revealers = "bureau";
	thing.field_count = PHONE;
	expect("thing", "nothing in it is sealed");
	grant.roles = "mayor";
	expect("thing", "no role mayor");
	grant.roles = "";
	expect("thing", "at least one role");
	module.journalled = "visit";
	module.journalled_permission = "visit.read";
	expect("thing", "what the journal says of visit");
}

static void what_is_derived(void **state)
{
	(void)state;
	thing.derived_count = 1;
	derived[0] = (struct field){ .type = FIELD_integer, .name = "total", .label = "合计" };
	expect("thing", "come together");
	thing.derived_count = 1;
	thing.derive = derive;
	derived[0] = (struct field){ .type = FIELD_integer, .name = "size", .label = "合计" };
	expect("thing.size", "twice");
	thing.derived_count = 1;
	thing.derive = derive;
	derived[0] = (struct field){ .type = FIELD_integer, .name = "total" };
	expect("thing.total", "no label");
}

static void sizes(void **state)
{
	(void)state;
	thing.size += 8;
	expect("thing", "its record has");
	thing.field_count = 0;
	expect("thing", "no fields");
}

static void routes(void **state)
{
	static const struct field nameless[] = { { .type = FIELD_integer, .label = "个数" } };
	(void)state;
	route.about = NULL;
	expect("thing./api/v1/count", "does not say what it takes");
	route.permission = "thing.destroy";
	expect("thing./api/v1/count", "nobody has the permission thing.destroy");
	route.open = true;
	expect("thing./api/v1/count", "open to everybody");
	route.task = NULL;
	expect("thing./api/v1/count", "nothing answers it");
	route.path = "/api/v1/count/{name}";
	expect("thing./api/v1/count/{name}", "only {id} varies");
	about.id = NULL;
	expect("thing./api/v1/count", "no id");
	about.of = "nothing";
	expect("thing./api/v1/count", "\"nothing\", which is no resource");
	about.takes = BODY_CREATE;
	expect("thing./api/v1/count", "about no resource");
	about.takes = BODY_OBJECT;
	expect("thing./api/v1/count", "GET takes no body");
	about.out.count = 0;
	expect("thing./api/v1/count", "members are said where");
	about.out = (struct members){ .fields = ROWS(nameless) };
	expect("thing./api/v1/count", "no name or no label");
	about.gives = BODY_NONE;
	expect("thing./api/v1/count", "204 has no body");
	route.path = "/api/v1/things";
	expect("thing", "GET /api/v1/things is there twice");
	about.id = "list_thing";
	expect("thing", "have the same id");
}

static void modules_and_tables(void **state)
{
	static const char *const steps[] = { "CREATE TABLE thing (number INTEGER NOT NULL PRIMARY KEY) STRICT" };
	static const struct schema schema = { .owner = "thing", .steps = steps, .count = COUNT(steps) };
	(void)state;
	module_count = 2;
	expect("thing", "the module is there twice");
	module.schema = &schema;
	expect("thing", "another table of this name");
}

static enum store_code fire(struct tx *tx, struct call *call, const struct timer *timer)
{
	(void)tx;
	(void)call;
	(void)timer;
	return STORE_OK;
}

static enum store_code run(struct tx *tx, struct call *call, struct date day)
{
	(void)tx;
	(void)call;
	(void)day;
	return STORE_OK;
}

static void timers(void **state)
{
	(void)state;
	const struct timer_kind fine[] = { { "thing.late", "过期", "late", fire }, { "thing.lost", "丢失", "lost", fire } };
	static struct timer_kind kinds_of[2];
	static struct periodic periodic;
	const struct periodic daily = { "thing.count", "清点", "count", { EVERY_DAY, 0, 8, 0 }, MISSED_ONCE, run };
#define RENEW() do { \
		memcpy(kinds_of, fine, sizeof fine); \
		periodic = daily; \
		module.timers = kinds_of; \
		module.timer_count = COUNT(kinds_of); \
		module.periodics = &periodic; \
		module.periodic_count = 1; \
	} while (0)
	RENEW();
	assert_int_equal(check_now(), 0);
	static const char *const names_of[] = { "late", "thing.", ".late", "Thing.late", "thing.late.once", "thing late" };
	for (size_t i = 0; i < COUNT(names_of); i++) {
		char of[64];
		RENEW();
		kinds_of[1].name = names_of[i];
		snprintf(of, sizeof of, "thing.%s", names_of[i]);
		expect(of, "two names with a dot between");
	}
	RENEW();
	kinds_of[1].name = "thing.late";
	expect("thing.thing.late", "there twice");
	RENEW();
	periodic.name = "thing.lost";
	expect("thing.thing.lost", "there twice");
	RENEW();
	kinds_of[0].zh = "";
	expect("thing.thing.late", "in both languages");
	RENEW();
	kinds_of[0].fire = NULL;
	expect("thing.thing.late", "something that it does");
	RENEW();
	periodic.moment.on = 1;
	expect("thing.thing.count", "no such moment");
#undef RENEW
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_mistake_nothing_is_told, fresh),
		cmocka_unit_test_setup(names, fresh),
		cmocka_unit_test_setup(columns_of_files, fresh),
		cmocka_unit_test_setup(words, fresh),
		cmocka_unit_test_setup(limits_and_flags, fresh),
		cmocka_unit_test_setup(references_ties_and_orders, fresh),
		cmocka_unit_test_setup(rights, fresh),
		cmocka_unit_test_setup(what_is_derived, fresh),
		cmocka_unit_test_setup(sizes, fresh),
		cmocka_unit_test_setup(routes, fresh),
		cmocka_unit_test_setup(modules_and_tables, fresh),
		cmocka_unit_test_setup(timers, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
