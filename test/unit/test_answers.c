/* SPDX-License-Identifier: Apache-2.0 */
/* test_answers.c - a field of answers: taken by the version of the day, kept sealed, shown to who asks with a reason, never imported.
 * Runs on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...), or on a file of its own. */
#include "care/modules.h"
#include "engine/call.h"
#include "engine/check_declarations.h"
#include "engine/describe.h"
#include "engine/export.h"
#include "engine/job.h"
#include "engine/keys.h"
#include "engine/questionnaire.h"
#include "engine/reveal.h"
#include "engine/session.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a capability with such a field ---- */

#define LOOK(F) \
	F(text, name, "名称", MUST, .max = 50) \
	F(answers, script, "探访记录", HEALTH, .questionnaire = "welfare_visit")

struct look { struct record is; LOOK(FIELD_MEMBER) };
static const struct field fields[] = { LOOK(FIELD_ROW) };
static const struct resource look = { .name = "look", .plural = "looks", .label = "看望", .en = "look", .fields = fields,
	                              .field_count = COUNT(fields), .size = sizeof(struct look), .readers = "bureau",
	                              .writers = "bureau", .revealers = "bureau" };
static const struct resource *const resources[] = { &look };
static const struct module look_module = { .name = "look", .file = __FILE__, .resources = resources, .resource_count = 1 };
static const struct module *const modules[] = { &account_module, &job_module, &area_module, &look_module, &reveal_module, &export_module };

#define FEBRUARY_2026 INT64_C(1769932800000)

static volatile int64_t now_ms = FEBRUARY_2026;
static const struct clock test_clock = { .shared = &now_ms };
static struct app *app;
static struct arena arena;
static struct call call;

enum { DISTRICT = 370 };

static enum store_code add_district(struct tx *tx, void *arg)
{
	(void)arg;
	return db_exec(tx->db, "INSERT INTO district (number, name, plan, area) VALUES (?1, '某区', 'none', 370000000000000)",
	               BIND(value_int(DISTRICT)), NULL);
}

static int setup(void **state)
{
	(void)state;
	char url[256], seal_file[128];
	enum store_open_result result;
	arena = arena_new((size_t)64 << 20);
	if (!scratch_make())
		return -1;
	scratch_url(url, sizeof url);
	snprintf(seal_file, sizeof seal_file, "%s/seal", scratch);
	const struct keys_wish keys = { .file = seal_file };
	app = app_open(&(struct store_options){ .url = url, .clock = &test_clock, .create = true }, &keys, modules, COUNT(modules), &result);
	return app && store_command(app->store, LANE_BULK, add_district, NULL) == STORE_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	app_close(app);
	arena_free(&arena);
	return scratch_remove();
}

/* ---- asking ---- */

/* The answer is what is returned, to be freed. */
static json_t *ask(enum method method, const char *path, const char *body, int status)
{
	bool known;
	json_t *answer = NULL;
	call_start(&call, app, &arena);
	call.route = app_route(app, method, text_of(path), &call.id, &known);
	assert_non_null(call.route);
	call.actor = actor_local(DISTRICT, INT64_C(370000000000000));
	call.signed_in = true;
	call.if_match = method == METHOD_PATCH ? TEXT("*") : TEXT_NONE;
	if (body)
		assert_int_equal(json_read(text_of(body), 16, &call.body), JSON_FINE);
	app_answer(app, &call);
	if (call.problem)
		call_write_problem(&call);
	json_t *gone = call.body;
	assert_int_equal(json_read(buf_done(&call.out), 16, &answer), JSON_FINE);
	if (call.status != status)
		fail_msg("%s %s: %d %.*s", path, body, call.status, TEXT_ARG(buf_done(&call.out)));
	json_decref(gone);
	call.body = NULL;
	return answer;
}

static bool is_wrong(const char *body, const char *pointer, const char *code)
{
	json_t *answer = ask(METHOD_POST, "/api/v1/looks", body, 422);
	const json_t *error = json_array_get(json_object_get(answer, "errors"), 0);
	bool fits = text_is(json_text_of(json_object_get(error, "pointer")), pointer) &&
	            text_is(json_text_of(json_object_get(error, "code")), code);
	if (!fits)
		print_message("%.*s\n", TEXT_ARG(buf_done(&call.out)));
	json_decref(answer);
	return fits;
}

static const char *path_of(const json_t *record, const char *behind)
{
	return text_printf(&arena, "/api/v1/looks/%s%s", json_string_value(json_object_get(record, "id")), behind).ptr;
}

#define NOBODY "{\"reached\":\"not_reached\",\"away\":\"hospital\"}"
#define KEPT "{\"questionnaire\":\"welfare_visit\",\"version\":1,\"answers\":" NOBODY "}"

static void shows(const json_t *record, const char *as)
{
	json_t *clear = ask(METHOD_POST, path_of(record, "/reveal"), "{\"fields\":[\"script\"],\"reason\":\"回访核对\"}", 200), *wanted;
	assert_int_equal(json_read(text_of(as), 8, &wanted), JSON_FINE);
	assert_true(json_equal(json_object_get(clear, "script"), wanted));
	json_decref(wanted);
	json_decref(clear);
}

/* ---- tests ---- */

static void mistakes_in_it_are_told(void **state)
{
	(void)state;
	static struct field wrong[COUNT(fields)];
	struct resource bad = look;
	const struct resource *const of_bad[] = { &bad };
	const struct module bad_module = { .name = "look", .file = "look.c", .resources = of_bad, .resource_count = 1 };
	const struct module *const fine[] = { &look_module }, *const one[] = { &bad_module };
	const struct module *const two[] = { &look_module, &questionnaire_module };
	struct buf told = buf_in(&arena, 256, 65536);
	assert_int_equal(check_declarations(fine, 1, &told), 0);
	bad.fields = wrong;
	memcpy(wrong, fields, sizeof fields);
	wrong[1].flags = OPTIONAL;
	assert_int_equal(check_declarations(one, 1, &told), 1);
	wrong[1].flags = HEALTH;
	wrong[1].questionnaire = "nonsense";
	assert_int_equal(check_declarations(one, 1, &told), 1);
	wrong[1].questionnaire = NULL;
	assert_int_equal(check_declarations(one, 1, &told), 1);
	wrong[0].questionnaire = wrong[1].questionnaire = "welfare_visit";
	assert_int_equal(check_declarations(one, 1, &told), 1);
	/* there are no elders here, whose words the needs would be */
	told.len = 0;
	assert_true(check_declarations(two, 2, &told) > 5);
	assert_non_null(strstr(text_z(&arena, buf_done(&told)), "questionnaires/welfare_visit.txt: version 1: elder.needs has no word "));
}

static void answers_are_kept_sealed_and_shown_for_a_reason(void **state)
{
	(void)state;
	json_t *made = ask(METHOD_POST, "/api/v1/looks", "{\"name\":\"甲\",\"script\":" NOBODY "}", 201);
	assert_string_equal(json_string_value(json_object_get(made, "script")), "***");
	shows(made, KEPT);
	/* the same again, as it is kept and the other way round, changes nothing */
	json_decref(ask(METHOD_PATCH, path_of(made, ""), "{\"script\":" KEPT "}", 200));
	json_t *same = ask(METHOD_PATCH, path_of(made, ""), "{\"script\":{\"away\":\"住院，已向家属核实\",\"reached\":\"not_reached\"}}", 200);
	assert_int_equal(json_integer_value(json_object_get(same, "version")), 1);
	json_t *other = ask(METHOD_PATCH, path_of(made, ""), "{\"script\":{\"away\":\"unknown\",\"reached\":\"not_reached\"}}", 200);
	assert_int_equal(json_integer_value(json_object_get(other, "version")), 2);
	json_t *cleared = ask(METHOD_PATCH, path_of(made, ""), "{\"script\":null}", 200);
	assert_true(json_is_null(json_object_get(cleared, "script")));
	shows(made, "null");
	json_decref(cleared);
	json_decref(other);
	json_decref(same);
	json_decref(made);
}

static void what_is_wrong_is_said_by_item(void **state)
{
	(void)state;
	assert_true(is_wrong("{\"name\":\"乙\",\"script\":{\"reached\":\"not_reached\"}}", "/script/away", "required"));
	assert_true(is_wrong("{\"name\":\"乙\",\"script\":{\"reached\":\"not_reached\",\"away\":\"hospital\",\"fell\":true}}", "/script/fell",
	                     "not_asked"));
	assert_true(is_wrong("{\"name\":\"乙\",\"script\":\"***\"}", "/script", "wrong_type"));
	assert_true(is_wrong("{\"name\":\"乙\",\"script\":{\"questionnaire\":\"welfare_visit\",\"version\":1,\"answers\":{}}}",
	                     "/script/answers/reached", "required"));
	assert_true(is_wrong("{\"name\":\"乙\",\"script\":{\"questionnaire\":\"care_needs\",\"version\":1,\"answers\":{}}}",
	                     "/script/questionnaire", "unknown_word"));
	assert_true(is_wrong("{\"name\":\"乙\",\"script\":{\"questionnaire\":\"welfare_visit\",\"version\":9,\"answers\":{}}}",
	                     "/script/version", "unknown_version"));
	assert_true(is_wrong("{\"name\":\"乙\",\"script\":{\"questionnaire\":\"welfare_visit\",\"version\":1,\"by\":1,\"answers\":{}}}",
	                     "/script", "unknown_field"));
	assert_true(is_wrong("{\"name\":\"乙\",\"script\":{\"questionnaire\":\"welfare_visit\",\"version\":1,\"answers\":[]}}",
	                     "/script/answers", "wrong_type"));
}

static void before_the_first_version_nothing_is_taken(void **state)
{
	(void)state;
	now_ms = FEBRUARY_2026 - INT64_C(60) * 86400000;
	assert_true(is_wrong("{\"name\":\"丙\",\"script\":" NOBODY "}", "/script", "unknown_version"));
	assert_true(is_wrong("{\"name\":\"丙\",\"script\":" KEPT "}", "/script/version", "unknown_version"));
	now_ms = FEBRUARY_2026;
}

/* All of the list as a file. */
static const char *exported(const char *as)
{
	static char bytes[16384];
	const struct pair asked[] = { { TEXT("as"), text_of(as) }, { TEXT("clear"), TEXT("true") }, { TEXT("for"), TEXT("回访核对") } };
	bool known;
	call_start(&call, app, &arena);
	call.route = app_route(app, METHOD_POST, TEXT("/api/v1/looks/export"), &call.id, &known);
	assert_non_null(call.route);
	call.actor = actor_local(DISTRICT, INT64_C(370000000000000));
	call.signed_in = true;
	memcpy(call.pairs, asked, sizeof asked);
	call.pair_count = COUNT(asked);
	app_answer(app, &call);
	assert_non_null(call.content);
	ssize_t len = call.content->read(call.content, 0, bytes, sizeof bytes - 1);
	assert_true(len > 0);
	bytes[len] = 0;
	call_end(&call);
	return bytes;
}

static void in_clear_they_are_json(void **state)
{
	(void)state;
	json_decref(ask(METHOD_POST, "/api/v1/looks", "{\"name\":\"丁\",\"script\":" NOBODY "}", 201));
	assert_non_null(strstr(exported("ndjson"), "\"script\":" KEPT));
	assert_non_null(strstr(exported("csv"), "\"{\"\"questionnaire\"\":\"\"welfare_visit\"\",\"\"version\"\":1,"));
}

static void a_file_has_no_column_for_them(void **state)
{
	(void)state;
	const struct shape *shape = app_shape(app, TEXT("look"));
	assert_null(shape_header(shape, TEXT("script")));
	assert_null(shape_header(shape, TEXT("探访记录")));
	assert_non_null(shape_header(shape, TEXT("名称")));
}

static void it_is_described(void **state)
{
	(void)state;
	struct buf out = buf_in(&arena, 1 << 16, DESCRIPTION_BYTES_MAX);
	describe_openapi(app, &out);
	char *all = (char *)(uintptr_t)text_z(&arena, buf_done(&out));
	assert_non_null(strstr(all, "\"x-questionnaire\":\"welfare_visit\""));
	out.len = 0;
	describe_json(app, &out);
	all = (char *)(uintptr_t)text_z(&arena, buf_done(&out));
	assert_non_null(strstr(all, "\"questionnaire\":\"welfare_visit\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_in_it_are_told),
		cmocka_unit_test(answers_are_kept_sealed_and_shown_for_a_reason),
		cmocka_unit_test(what_is_wrong_is_said_by_item),
		cmocka_unit_test(before_the_first_version_nothing_is_taken),
		cmocka_unit_test(in_clear_they_are_json),
		cmocka_unit_test(a_file_has_no_column_for_them),
		cmocka_unit_test(it_is_described),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
