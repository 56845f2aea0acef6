/* SPDX-License-Identifier: Apache-2.0 */
/* test_filter.c - the condition language: what is read and what is refused, its limits, its SQL, its reasons.
 * That database and memory agree is for test_filter_store.c. Filters are written here with ' for ". */
#include "engine/filter.h"
#include "engine/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct word sexes[] = { { "male", "男" }, { "female", "女" }, { NULL, NULL } };
static const struct word marks[] = { { "low_income", "低保" }, { "disabled", "失能" }, { NULL, NULL } };
static const struct word kinds[] = { { "home", "养老院" }, { "canteen", "助餐点" }, { NULL, NULL } };

#define ELDER(F) \
	F(text, name, "姓名", MUST, .en = "name") \
	F(id_card, id_card, "身份证号", OPTIONAL) \
	F(phone, phone, "电话", OPTIONAL) \
	F(text, illness, "病史", HEALTH) \
	F(text, secret, "备注", SEALED) \
	F(word, sex, "性别", OPTIONAL, .words = sexes) \
	F(words, needs, "需求", OPTIONAL, .words = marks) \
	F(tags, tags, "标签", OPTIONAL, .words = marks, .en = "tags") \
	F(integer, beds, "床位", OPTIONAL) \
	F(money, income, "月收入", OPTIONAL, .en = "monthly income") \
	F(decimal, weight, "体重", OPTIONAL, .scale = 2) \
	F(boolean, alone, "独居", OPTIONAL, .en = "lives alone") \
	F(date, born_on, "出生日期", OPTIONAL, .en = "birth date") \
	F(instant, seen_at, "最近见面", OPTIONAL) \
	F(ref, organization, "机构", OPTIONAL, .to = "organization") \
	F(ref, nowhere, "别处", OPTIONAL, .to = "nothing") \
	F(refs, helpers, "帮手", OPTIONAL, .to = "elder") \
	F(point, position, "位置", OPTIONAL) \
	F(area, area, "区划", OPTIONAL) \
	F(uscc, code, "信用代码", OPTIONAL)
struct elder {
	struct record is;
	ELDER(FIELD_MEMBER)
};
static const struct field elder_fields[] = { ELDER(FIELD_ROW) };

#define ORGANIZATION(F) \
	F(word, kind, "类型", MUST, .words = kinds, .en = "kind") \
	F(text, note, "内情", SEALED) \
	F(ref, owner, "主办", OPTIONAL, .to = "organization") \
	F(date, opened_on, "开业日期", OPTIONAL)
struct organization {
	struct record is;
	ORGANIZATION(FIELD_MEMBER)
};
static const struct field organization_fields[] = { ORGANIZATION(FIELD_ROW) };

static const struct resource elder_resource = {
	.name = "elder", .plural = "elders", .label = "老人", .en = "elder", .fields = elder_fields, .field_count = COUNT(elder_fields),
	.size = sizeof(struct elder), .readers = "", .writers = "" };
static const struct resource organization_resource = {
	.name = "organization", .plural = "organizations", .label = "机构", .en = "organization", .fields = organization_fields,
	.field_count = COUNT(organization_fields), .size = sizeof(struct organization), .readers = "", .writers = "" };

static struct arena arena;
static const struct shape *elder_shape, *organization_shape;
static struct elder elder;
static struct organization organization;

static const struct shape *find_shape(const char *resource, void *arg)
{
	(void)arg;
	return strcmp(resource, "elder") == 0 ? elder_shape : strcmp(resource, "organization") == 0 ? organization_shape : NULL;
}

static void keep_in_scope(struct query *query, const struct shape *shape, void *arg)
{
	(void)shape;
	(void)arg;
	query_sql(query, " AND area = ");
	query_value(query, value_int(370613000000000));
}

static const void *fetch(const struct shape *shape, int64_t id, void *arg)
{
	(void)arg;
	return shape == organization_shape && id == 77 ? &organization : NULL;
}

static const struct filter_world world = {
	.today = { 2026, 2, 28 }, .district = 7, .shape = find_shape, .scope = keep_in_scope, .fetch = fetch };

static int setup(void **state)
{
	(void)state;
	static struct access access;
	memset(&access, 0, sizeof access);
	arena = arena_new((size_t)64 << 20);
	elder_shape = shape_new(&arena, &access, &elder_resource);
	organization_shape = shape_new(&arena, &access, &organization_resource);
	record_blank(elder_shape, &elder);
	record_blank(organization_shape, &organization);
	elder = (struct elder){
		.is = { 9007199254740993, 3, INT64_C(1700000000000), INT64_C(1772208000000), MISSING },
		.name = TEXT("张三丰"), .sex = TEXT("male"), .needs = TEXT("[\"disabled\"]"), .beds = MISSING, .income = 123456, .weight = 6050,
		.alone = 1, .born_on = TEXT("1944-02-29"), .seen_at = INT64_C(1772208000000), .organization = 77,
		.tags = TEXT("[{\"word\":\"low_income\",\"source\":null,\"from\":\"2020-01-01\",\"to\":\"2026-03-01\"},"
		             "{\"word\":\"disabled\",\"source\":null,\"from\":null,\"to\":\"2026-02-28\"}]"),
		.helpers = TEXT("[\"12\",\"345\"]"), .area = 370613001002000, .code = TEXT_NONE };
	organization.is = (struct record){ .id = 77, .version = 1, .created_at = 1, .updated_at = 1, .ended_at = MISSING };
	organization.kind = TEXT("home");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* JSON with ' for " */
static json_t *json_of(const char *quoted)
{
	char *text = strdup(quoted);
	json_error_t error;
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
	if (!json)
		fail_msg("%s: %s", quoted, error.text);
	free(text);
	return json;
}

/* The source is gone when the filter is used: nothing of it may be borrowed. */
static struct filter *read_json(json_t *source, struct filter_fault *fault)
{
	struct filter *filter = filter_read(&arena, elder_shape, source, &world, fault);
	json_decref(source);
	return filter;
}

static struct filter *read_filter(const char *quoted)
{
	struct filter_fault fault;
	struct filter *filter = read_json(json_of(quoted), &fault);
	if (!filter)
		fail_msg("%s: %s at %.*s", quoted, fault.code, TEXT_ARG(fault.pointer));
	return filter;
}

/* ---- what holds ---- */

static const char *const true_of_the_elder[] = {
	"{'==':[{'var':'name'},'张三丰']}", "{'starts':[{'var':'name'},'张']}", "{'starts':[{'var':'name'},'']}",
	"{'>':[{'var':'name'},'弓']}", "{'in':[{'var':'sex'},['female','male']]}", "{'in':['disabled',{'var':'needs'}]}",
	"{'!':{'in':['low_income',{'var':'needs'}]}}",
	/* a tag is valid from its first day on, and no longer on its last */
	"{'in':['low_income',{'var':'tags'}]}", "{'!':{'in':['disabled',{'var':'tags'}]}}",
	/* what is missing: false, and its negation true */
	"{'!':{'==':[{'var':'beds'},0]}}", "{'!=':[{'var':'beds'},0]}", "{'!':{'<':[{'var':'beds'},5]}}", "{'!':{'>=':[{'var':'beds'},5]}}",
	"{'missing':{'var':'beds'}}", "{'missing':[{'var':'code'}]}", "{'missing':{'var':'ended_at'}}", "{'!':{'missing':{'var':'sex'}}}",
	"{'!':{'starts':[{'var':'code'},'']}}", "{'!':{'in':[{'var':'beds'},[1,2]]}}",
	/* numbers exactly */
	"{'==':[{'var':'income'},123456]}", "{'==':[{'var':'weight'},60.5]}", "{'==':[{'var':'weight'},60.50]}",
	"{'>':[{'var':'weight'},60]}",
	"{'<':[{'var':'weight'},60.51]}", "{'<':[{'var':'weight'},6.051e1]}", "{'>':[{'var':'weight'},-0.01]}",
	"{'==':[{'var':'alone'},true]}",
	"{'!=':[{'var':'alone'},false]}",
	/* days; today is 28 February 2026, on which who was born on 29 February 1944 becomes 82 */
	"{'==':[{'var':'born_on'},'1944-02-29']}", "{'<':[{'var':'born_on'},{'today':-29949}]}",
	"{'==':[{'var':'born_on'},{'today':-29950}]}",
	"{'==':[{'age':{'var':'born_on'}},82]}", "{'>=':[{'age':{'var':'born_on'}},82]}", "{'<':[{'age':{'var':'born_on'}},83]}",
	"{'!=':[{'age':{'var':'born_on'}},81]}", "{'!=':[{'age':{'var':'organization.opened_on'}},0]}",
	/* instants; 1772208000000 is the beginning of the day, in China */
	"{'==':[{'var':'seen_at'},{'today':0}]}", "{'==':[{'var':'seen_at'},'2026-02-27T16:00:00Z']}",
	"{'==':[{'var':'seen_at'},'2026-02-28T00:00:00.000+08:00']}", "{'<':[{'var':'seen_at'},{'today':1}]}",
	"{'>':[{'var':'seen_at'},{'today':-1}]}", "{'==':[{'var':'updated_at'},{'today':0}]}",
	/* places and references */
	"{'within':[{'var':'area'},'370613001']}", "{'within':[{'var':'area'},'370613001002000']}",
	"{'!':{'within':[{'var':'area'},'370613002']}}",
	"{'==':[{'var':'area'},'370613001002']}", "{'==':[{'var':'id'},'9007199254740993']}", "{'>':[{'var':'id'},'9007199254740992']}",
	"{'==':[{'var':'organization'},'77']}", "{'in':['345',{'var':'helpers'}]}", "{'!':{'in':['34',{'var':'helpers'}]}}",
	"{'==':[{'var':'organization.kind'},'home']}", "{'missing':{'var':'organization.owner'}}", "{'==':[{'var':'organization.id'},'77']}",
	/* put together */
	"{'!':[{'!':{'==':[{'var':'sex'},'male']}}]}", "{'!':{'!':{'!':{'==':[{'var':'sex'},'female']}}}}",
	"{'and':[{'==':[{'var':'sex'},'male']}]}",
	"{'or':[{'==':[{'var':'sex'},'female']},{'==':[{'var':'alone'},true]}]}",
	"{'!':{'and':[{'==':[{'var':'sex'},'male']},{'==':[{'var':'alone'},false]}]}}",
};

static void conditions_hold_of_a_record(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(true_of_the_elder); i++) {
		struct filter *filter = read_filter(true_of_the_elder[i]);
		if (!filter_check(filter, &elder, &world, NULL))
			fail_msg("%s does not hold", true_of_the_elder[i]);
		struct filter *negated = read_filter(text_printf(&arena, "{'!':%s}", true_of_the_elder[i]).ptr);
		if (filter_check(negated, &elder, &world, NULL))
			fail_msg("the negation of %s holds", true_of_the_elder[i]);
	}
}

static void a_record_out_of_sight_is_missing(void **state)
{
	(void)state;
	elder.organization = 78;
	assert_false(filter_check(read_filter("{'==':[{'var':'organization.kind'},'home']}"), &elder, &world, NULL));
	assert_true(filter_check(read_filter("{'!=':[{'var':'organization.kind'},'home']}"), &elder, &world, NULL));
	assert_true(filter_check(read_filter("{'missing':{'var':'organization.kind'}}"), &elder, &world, NULL));
	assert_false(filter_check(read_filter("{'missing':{'var':'organization'}}"), &elder, &world, NULL));
}

/* A filter is kept; the day goes on. */
static void today_is_the_day_of_the_question(void **state)
{
	(void)state;
	struct filter_world before = world;
	before.today = (struct date){ 2026, 2, 27 };
	struct filter *filter = read_filter("{'>=':[{'age':{'var':'born_on'}},82]}");
	assert_true(filter_check(filter, &elder, &world, NULL));
	assert_false(filter_check(filter, &elder, &before, NULL));
}

/* ---- what is refused ---- */

static const struct {
	const char *filter, *code, *pointer;
} refused[] = {
	{ "5", "not_a_condition", "" },
	{ "null", "not_a_condition", "" },
	{ "[]", "not_a_condition", "" },
	{ "{}", "not_a_condition", "" },
	{ "{'==':[{'var':'sex'},'male'],'!=':[{'var':'sex'},'male']}", "not_a_condition", "" },
	{ "{'and':[{'==':[{'var':'sex'},'male']},true]}", "not_a_condition", "/and/1" },
	{ "{'xor':[]}", "unknown_operator", "" },
	{ "{'!':[{'+':[1,2]}]}", "unknown_operator", "/!/0" },
	{ "{'and':[]}", "bad_arguments", "/and" },
	{ "{'or':{}}", "bad_arguments", "/or" },
	{ "{'!':[]}", "bad_arguments", "/!" },
	{ "{'!':[{'==':[{'var':'sex'},'male']},{'==':[{'var':'sex'},'male']}]}", "bad_arguments", "/!" },
	{ "{'==':[]}", "bad_arguments", "/==" },
	{ "{'==':[{'var':'sex'},'male','x']}", "bad_arguments", "/==" },
	{ "{'==':['male',{'var':'sex'}]}", "bad_arguments", "/==/0" },
	{ "{'==':[{'var':'sex','x':1},'male']}", "bad_arguments", "/==/0" },
	{ "{'==':[{'var':['sex']},'male']}", "bad_arguments", "/==/0" },
	{ "{'in':[{'var':'sex'},[]]}", "bad_arguments", "/in/1" },
	{ "{'in':[{'var':'sex'},'male']}", "bad_arguments", "/in/1" },
	{ "{'missing':'sex'}", "bad_arguments", "/missing" },
	{ "{'missing':{'age':{'var':'born_on'}}}", "bad_arguments", "/missing" },
	{ "{'==':[{'var':'nothing'},1]}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':''},1]}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'district'},1]}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'sex; --'},'male']}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'nowhere.kind'},'home']}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'sex.kind'},'home']}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'id.kind'},'home']}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'helpers.sex'},'male']}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'organization.'},'home']}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'.kind'},'home']}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'organization.owner.kind'},'home']}", "unknown_field", "/==/0/var" },
	{ "{'==':[{'var':'id_card'},'370613194403080012']}", "protected_field", "/==/0/var" },
	{ "{'missing':{'var':'phone'}}", "protected_field", "/missing/var" },
	{ "{'missing':[{'var':'illness'}]}", "protected_field", "/missing/0/var" },
	{ "{'starts':[{'var':'secret'},'a']}", "protected_field", "/starts/0/var" },
	{ "{'==':[{'var':'organization.note'},'a']}", "protected_field", "/==/0/var" },
	{ "{'missing':{'var':'position'}}", "not_filterable", "/missing/var" },
	{ "{'<':[{'var':'sex'},'male']}", "wrong_operator", "/<" },
	{ "{'<':[{'var':'alone'},true]}", "wrong_operator", "/<" },
	{ "{'in':[{'var':'alone'},[true]]}", "wrong_operator", "/in" },
	{ "{'<':[{'var':'area'},'370613']}", "wrong_operator", "/<" },
	{ "{'within':[{'var':'name'},'370613']}", "wrong_operator", "/within" },
	{ "{'starts':[{'var':'born_on'},'19']}", "wrong_operator", "/starts" },
	{ "{'==':[{'var':'tags'},'disabled']}", "wrong_operator", "/==" },
	{ "{'in':['male',{'var':'sex'}]}", "wrong_operator", "/in" },
	{ "{'in':[{'age':{'var':'born_on'}},[60]]}", "wrong_operator", "/in" },
	{ "{'in':[{'var':'tags'},['disabled']]}", "wrong_operator", "/in" },
	{ "{'==':[{'age':{'var':'seen_at'}},60]}", "wrong_operator", "/==/0" },
	{ "{'==':[{'var':'name'},5]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'name'},null]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'sex'},true]}", "wrong_type", "/==/1" },
	{ "{'in':[{'var':'sex'},['male',null]]}", "wrong_type", "/in/1/1" },
	{ "{'==':[{'var':'beds'},'5']}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'beds'},5.0]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'income'},1.5]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'weight'},'60']}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'alone'},1]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'born_on'},19440229]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'born_on'},{'today':0.5}]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'born_on'},{'today':1,'x':1}]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'born_on'},{'var':'seen_at'}]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'name'},{'today':1}]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'seen_at'},1772208000000]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'id'},5]}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'area'},370613]}", "wrong_type", "/==/1" },
	{ "{'==':[{'age':{'var':'born_on'}},'60']}", "wrong_type", "/==/1" },
	{ "{'==':[{'var':'sex'},'男']}", "unknown_word", "/==/1" },
	{ "{'==':[{'var':'sex'},'']}", "unknown_word", "/==/1" },
	{ "{'in':['%',{'var':'needs'}]}", "unknown_word", "/in/0" },
	{ "{'==':[{'var':'born_on'},'1943-02-29']}", "bad_date", "/==/1" },
	{ "{'==':[{'var':'seen_at'},'2026-02-28']}", "bad_instant", "/==/1" },
	{ "{'==':[{'var':'seen_at'},'2026-02-28T00:00:00']}", "bad_instant", "/==/1" },
	{ "{'within':[{'var':'area'},'3706130']}", "bad_area", "/within/1" },
	{ "{'==':[{'var':'id'},'-1']}", "bad_id", "/==/1" },
	{ "{'==':[{'var':'organization'},'007']}", "bad_id", "/==/1" },
	{ "{'in':['\\u0027]',{'var':'helpers'}]}", "bad_id", "/in/0" },
	{ "{'==':[{'var':'weight'},60.505]}", "too_precise", "/==/1" },
	{ "{'==':[{'var':'weight'},1e300]}", "too_precise", "/==/1" },
	{ "{'==':[{'var':'weight'},92233720368547759]}", "too_precise", "/==/1" },
	{ "{'==':[{'var':'weight'},0.30000000000000004]}", "too_precise", "/==/1" },
	{ "{'<':[{'var':'born_on'},{'today':40001}]}", "out_of_range", "/</1" },
	{ "{'<':[{'age':{'var':'born_on'}},151]}", "out_of_range", "/</1" },
	{ "{'<':[{'age':{'var':'born_on'}},-1]}", "out_of_range", "/</1" },
};

static void assert_refused(json_t *source, const char *shown, const char *code, const char *pointer)
{
	struct filter_fault fault;
	if (read_json(source, &fault))
		fail_msg("%s was read", shown);
	if (strcmp(fault.code, code) != 0 || (pointer && !text_is(fault.pointer, pointer)))
		fail_msg("%s: %s at '%.*s', not %s at '%s'", shown, fault.code, TEXT_ARG(fault.pointer), code, pointer ? pointer : "?");
	assert_true(fault.zh.len > 0 && fault.en.len > 0);
}

static void what_is_no_filter_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_refused(json_of(refused[i].filter), refused[i].filter, refused[i].code, refused[i].pointer);
	assert_refused(json_pack("{s:[{s:s},o]}", "==", "var", "name", json_stringn("a\0b", 3)), "U+0000", "bad_characters", "/==/1");
	assert_refused(NULL, "nothing", "not_a_condition", "");
}

/* ---- limits ---- */

static json_t *a_leaf(void)
{
	return json_of("{'==':[{'var':'sex'},'male']}");
}

static json_t *nested(const char *op, size_t levels, bool listed)
{
	json_t *filter = a_leaf();
	for (; levels > 0; levels--)
		filter = listed ? json_pack("{s:[o]}", op, filter) : json_pack("{s:o}", op, filter);
	return filter;
}

static json_t *wide(const char *op, size_t count)
{
	json_t *list = json_array();
	for (; count > 0; count--)
		json_array_append_new(list, a_leaf());
	return json_pack("{s:o}", op, list);
}

static json_t *long_list(size_t count)
{
	json_t *list = json_array();
	for (; count > 0; count--)
		json_array_append_new(list, json_string("5"));
	return json_pack("{s:[{s:s},o]}", "in", "var", "id", list);
}

static void filters_have_limits(void **state)
{
	(void)state;
	struct filter_fault fault;
	static const char *const nesting[] = { "and", "or", "!" };
	for (size_t i = 0; i < COUNT(nesting); i++) {
		assert_non_null(read_json(nested(nesting[i], FILTER_DEPTH_MAX - 1, true), &fault));
		assert_refused(nested(nesting[i], FILTER_DEPTH_MAX, true), "33 levels", "too_deep", NULL);
		assert_refused(nested(nesting[i], 1000, i == 2), "1,001 levels", i == 2 ? "too_deep" : "bad_arguments", NULL);
	}
	assert_non_null(read_json(json_pack("{s:[o,o]}", "and", wide("or", 100), wide("and", 60)), &fault));
	assert_refused(json_pack("{s:[o,o]}", "and", wide("or", 100), wide("and", 61)), "161 values", "too_many_values",
	               "/and/1/and/60/==/1");
	assert_refused(wide("and", 201), "201 conditions", "too_many_conditions", "/and");
	assert_non_null(read_json(long_list(160), &fault));
	assert_refused(long_list(161), "161 values", "too_many_values", "/in/1");
	json_t *missing = json_array();
	for (size_t i = 0; i < FILTER_LEAVES_MAX; i++)
		json_array_append_new(missing, json_of("{'missing':{'var':'beds'}}"));
	assert_non_null(read_json(json_pack("{s:O}", "and", missing), &fault));
	assert_refused(json_pack("{s:[{s:o},o]}", "or", "and", missing, a_leaf()), "201 conditions", "too_many_conditions", "/or/1/==");
	char *text = malloc(5000);
	memset(text, 'a', 5000);
	assert_refused(json_pack("{s:[{s:s},o]}", "==", "var", "name", json_stringn(text, 5000)), "5,000 bytes", "too_long", "/==/1");
	assert_non_null(read_json(json_pack("{s:[{s:s},o]}", "==", "var", "name", json_stringn(text, 4096)), &fault));
	free(text);
}

static int64_t own_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void what_is_far_too_much_is_refused_at_once(void **state)
{
	(void)state;
	struct filter_fault fault;
	json_t *const sources[] = { nested("and", 1000, true), nested("!", 1000, false), wide("and", 100000), long_list(100000) };
	for (size_t i = 0; i < COUNT(sources); i++) {
		size_t before = arena.total;
		int64_t began = own_us();
		assert_null(filter_read(&arena, elder_shape, sources[i], &world, &fault));
		assert_true(own_us() - began < 10000);
		assert_true(arena.total - before < 100000);
		json_decref(sources[i]);
	}
}

static void what_no_statement_can_hold_is_told(void **state)
{
	(void)state;
	struct query query;
	json_t *list = json_array(), *tag = json_of("{'in':['disabled',{'var':'tags'}]}");
	struct filter_fault fault;
	for (size_t i = 0; i < 60; i++)
		json_array_append(list, tag);
	json_decref(tag);
	struct filter *filter = read_json(json_pack("{s:o}", "or", list), &fault);
	assert_non_null(filter);
	query_start(&query, &arena);
	assert_false(filter_sql(&query, filter, &world));
}

/* ---- SQL ---- */

static const struct {
	const char *filter, *sql;
} statements[] = {
	{ "{'==':[{'var':'sex'},'male']}", "(sex = ?1)" },
	{ "{'!=':[{'var':'sex'},'male']}", "((sex = ?1) IS NOT TRUE)" },
	{ "{'!':{'==':[{'var':'sex'},'male']}}", "((sex = ?1) IS NOT TRUE)" },
	{ "{'!':{'!':{'==':[{'var':'sex'},'male']}}}", "(sex = ?1)" },
	{ "{'in':[{'var':'sex'},['male','female']]}", "(sex IN (?1, ?2))" },
	{ "{'within':[{'var':'area'},'370613']}", "(area BETWEEN ?1 AND ?2)" },
	{ "{'starts':[{'var':'name'},'张']}", "((name >= ?1 AND name < ?2))" },
	{ "{'starts':[{'var':'name'},'']}", "((name >= ?1))" },
	{ "{'missing':{'var':'sex'}}", "(sex IS NULL)" },
	{ "{'missing':{'var':'needs'}}", "((needs IS NULL OR needs = '[]'))" },
	{ "{'in':['disabled',{'var':'needs'}]}", "(needs <> replace(needs, ?1, ''))" },
	{ "{'>=':[{'age':{'var':'born_on'}},80]}", "(born_on <= ?1)" },
	{ "{'<':[{'age':{'var':'born_on'}},80]}", "(born_on > ?1)" },
	{ "{'!=':[{'age':{'var':'born_on'}},80]}", "(((born_on > ?1 AND born_on <= ?2)) IS NOT TRUE)" },
	{ "{'in':['disabled',{'var':'tags'}]}",
	  "(EXISTS (SELECT 1 FROM elder_tags t WHERE t.district = elder.district AND t.id = elder.id AND t.word = ?1"
	  " AND (t.from_on IS NULL OR t.from_on <= ?2) AND (t.to_on IS NULL OR t.to_on > ?3)))" },
	{ "{'==':[{'var':'organization.kind'},'home']}",
	  "(organization IN (SELECT id FROM organization WHERE district = ?1 AND area = ?2 AND kind = ?3))" },
	{ "{'missing':{'var':'organization.kind'}}",
	  "((organization IN (SELECT id FROM organization WHERE district = ?1 AND area = ?2 AND kind IS NOT NULL)) IS NOT TRUE)" },
	/* the deepest part in front */
	{ "{'and':[{'==':[{'var':'sex'},'male']},{'!':{'or':[{'==':[{'var':'beds'},1]},{'missing':{'var':'code'}}]}}]}",
	  "(((beds = ?1 OR code IS NULL) IS NOT TRUE AND sex = ?2))" },
};

static void filters_become_bound_sql(void **state)
{
	(void)state;
	struct query query;
	for (size_t i = 0; i < COUNT(statements); i++) {
		query_start(&query, &arena);
		assert_true(filter_sql(&query, read_filter(statements[i].filter), &world));
		assert_string_equal(query_done(&query), statements[i].sql);
	}
}

static void ages_become_birth_dates(void **state)
{
	(void)state;
	struct query query;
	query_start(&query, &arena);
	assert_true(filter_sql(&query, read_filter("{'==':[{'age':{'var':'born_on'}},82]}"), &world));
	assert_true(text_is(query.values[0].text, "1943-02-28") && text_is(query.values[1].text, "1944-02-29"));
}

/* ---- reasons ---- */

static void reasons_tell_what_was_found(void **state)
{
	(void)state;
	struct filter_reasons reasons = { .arena = &arena };
	static const struct {
		const char *wanted, *there, *zh, *en;
		bool held, negated;
	} expected[] = {
		{ "80", "82", "出生日期（周岁）：要求不小于80岁，实际为82岁，符合", "age by birth date: wanted at least 80, found 82: met", true, false },
		{ "100000", "123456", "月收入：要求小于1000.00元，实际为1234.56元，不符合",
		  "monthly income: wanted less than 1000.00 yuan, found 1234.56 yuan: not met", false, false },
		{ "disabled", "low_income", "标签：要求并非含有失能，实际为低保，符合", "tags: wanted not with disabled, found low_income: met", false, true },
		{ "true", "true", "独居：要求为是，实际为是，符合", "lives alone: wanted equal to true, found true: met", true, false },
		{ "1950-01-01", "1944-02-29", "出生日期：要求早于1950-01-01，实际为1944-02-29，符合",
		  "birth date: wanted before 1950-01-01, found 1944-02-29: met", true, false },
		{ "home", "home", "机构的类型：要求为养老院，实际为养老院，符合", "organization's kind: wanted equal to home, found home: met", true, false },
		{ "", NULL, "床位：要求无，实际无，符合", "beds: wanted nothing, found nothing: met", true, false },
		{ "12.50", "60.50", "体重：要求大于12.50，实际为60.50，符合", "weight: wanted more than 12.50, found 60.50: met", true, false },
		{ "12", "12, 345", "帮手：要求含有12，实际为12、345，符合", "helpers: wanted with 12, found 12, 345: met", true, false },
		{ "2026-02-28T00:00:00.000+08:00", "2026-02-28T00:00:00.000+08:00",
		  "最近见面：要求不早于2026-02-28T00:00:00.000+08:00，实际为2026-02-28T00:00:00.000+08:00，符合",
		  "seen at: wanted not before 2026-02-28T00:00:00.000+08:00, found 2026-02-28T00:00:00.000+08:00: met", true, false },
	};
	struct filter *filter = read_filter(
		"{'and':[{'>=':[{'age':{'var':'born_on'}},80]},"
		"{'or':[{'<':[{'var':'income'},100000]},{'!':{'in':['disabled',{'var':'tags'}]}},{'==':[{'var':'alone'},true]}]},"
		"{'<':[{'var':'born_on'},'1950-01-01']},{'==':[{'var':'organization.kind'},'home']},{'missing':{'var':'beds'}},"
		"{'>':[{'var':'weight'},12.5]},{'in':['12',{'var':'helpers'}]},{'>=':[{'var':'seen_at'},{'today':0}]}]}");
	assert_true(filter_check(filter, &elder, &world, &reasons));
	assert_int_equal(reasons.count, COUNT(expected));
	for (size_t at = 0; at < reasons.count; at++) {
		const struct filter_reason *reason = &reasons.items[at];
		if (!text_is(reason->zh, expected[at].zh) || !text_is(reason->en, expected[at].en))
			fail_msg("%.*s | %.*s", TEXT_ARG(reason->zh), TEXT_ARG(reason->en));
		assert_true(text_is(reason->wanted, expected[at].wanted));
		assert_true(expected[at].there ? text_is(reason->there, expected[at].there) : !reason->there.ptr);
		assert_int_equal(reason->held, expected[at].held);
		assert_int_equal(reason->negated, expected[at].negated);
	}
	assert_string_equal(reasons.items[0].operator, ">=");
	assert_true(reasons.items[0].age && !reasons.items[0].through);
	assert_string_equal(reasons.items[5].through->name, "organization");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(conditions_hold_of_a_record, setup, teardown),
		cmocka_unit_test_setup_teardown(a_record_out_of_sight_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(today_is_the_day_of_the_question, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_filter_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(filters_have_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_far_too_much_is_refused_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_no_statement_can_hold_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(filters_become_bound_sql, setup, teardown),
		cmocka_unit_test_setup_teardown(ages_become_birth_dates, setup, teardown),
		cmocka_unit_test_setup_teardown(reasons_tell_what_was_found, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
