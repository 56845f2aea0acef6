/* SPDX-License-Identifier: Apache-2.0 */
/* setup_demo.c - making the store of a demo district. */
#include "base/log.h"
#include "edge/demo_data.h"
#include "edge/setup.h"
#include "engine/import_row.h"
#include "engine/policy.h"

#include <assert.h>

/* Nobody else is at a store that is being made, so that slices may be longer than those of an import beside people at work. */
enum { SLICE = 400 };

struct making {
	struct app *app;
	struct demo demo;
	struct actor actor;
	struct arena arena; /* of one record and those that are made with it */
	const struct shape *organization, *facility, *staff, *household, *elder;
	int64_t *organizations; /* the ids of those that are there */
};

/* The next records of a kind. */
struct slice {
	struct making *making;
	enum store_code (*add)(struct making *making, struct tx *tx, size_t index);
	size_t first, count;
};

/* The demo goes through the same door as everybody's files: what is invented is checked like what is real. */
static enum store_code add(struct making *making, struct tx *tx, const struct shape *shape, const struct demo_row *row, int64_t *id)
{
	struct call call;
	struct import_row import = { .invented = true };
	call_start(&call, making->app, &making->arena);
	call.actor = making->actor;
	struct input in = { .cells = row->cells, .cell_count = row->count };
	enum store_code code = import_row_take(tx, &call, shape, &in, &import);
	*id = import.id;
	if (code == STORE_REFUSED)
		log_error("demo: a %s was refused: %.*s %s", shape->resource->name,
		          TEXT_ARG(call.wrong_count ? call.wrongs[0].pointer : TEXT("")),
		          call.wrong_count ? call.wrongs[0].code : problem_rows[call.problem].code);
	return code;
}

static enum store_code add_organization(struct making *making, struct tx *tx, size_t index)
{
	struct demo_row row;
	demo_organization(&making->demo, index, &making->arena, &row);
	return add(making, tx, making->organization, &row, &making->organizations[index]);
}

static void put_organization(struct making *making, struct demo_row *row, int64_t index)
{
	if (index != DEMO_NO_ORGANIZATION)
		demo_number(row, "organization", making->organizations[index]);
}

static enum store_code add_facility(struct making *making, struct tx *tx, size_t index)
{
	struct demo_row row;
	int64_t id;
	put_organization(making, &row, demo_facility(&making->demo, index, &making->arena, &row));
	return add(making, tx, making->facility, &row, &id);
}

static enum store_code add_worker(struct making *making, struct tx *tx, size_t index)
{
	struct demo_row row;
	int64_t id;
	put_organization(making, &row, demo_staff(&making->demo, index, &making->arena, &row));
	return add(making, tx, making->staff, &row, &id);
}

static enum store_code add_home(struct making *making, struct tx *tx, size_t index)
{
	struct demo_home *home = arena_take_raw(&making->arena, sizeof *home);
	enum store_code code = STORE_OK;
	int64_t household = 0, id;
	demo_home(&making->demo, index, &making->arena, home);
	if (home->has_household)
		code = add(making, tx, making->household, &home->household, &household);
	for (size_t i = 0; i < home->elder_count && code == STORE_OK; i++) {
		if (household)
			demo_number(&home->elders[i], "household", household);
		code = add(making, tx, making->elder, &home->elders[i], &id);
	}
	return code;
}

static enum store_code add_slice(struct tx *tx, void *arg)
{
	struct slice *s = arg;
	enum store_code code = STORE_OK;
	for (size_t i = 0; i < s->count && code == STORE_OK; i++) {
		arena_reset(&s->making->arena);
		code = s->add(s->making, tx, s->first + i);
	}
	return code;
}

static enum store_code add_all(struct making *making, enum store_code (*one)(struct making *, struct tx *, size_t), size_t total)
{
	struct slice s = { .making = making, .add = one };
	enum store_code code = STORE_OK;
	for (; s.first < total && code == STORE_OK; s.first += s.count) {
		s.count = total - s.first < SLICE ? total - s.first : SLICE;
		code = store_command(making->app->store, LANE_BULK, add_slice, &s);
	}
	return code;
}

enum store_code setup_demo(struct app *app, const struct demo_wish *wish)
{
	struct arena plan = arena_new((size_t)256 << 20);
	struct date today = date_of_ms(clock_now_ms(store_clock(app->store)));
	enum store_code code = setup_district(app, wish->pack, wish->password, true, PROFILE_ASVS);
	if (code == STORE_OK)
		code = setup_demo_accounts(app, wish->pack, wish->password);
	struct making making = { .app = app, .arena = arena_new(16 << 20), .actor = actor_local(wish->pack->number, wish->pack->code),
		                 .organization = app_shape(app, TEXT("organization")), .facility = app_shape(app, TEXT("facility")),
		                 .staff = app_shape(app, TEXT("staff")), .household = app_shape(app, TEXT("household")),
		                 .elder = app_shape(app, TEXT("elder")) };
	making.demo = demo_open(wish->pack, wish->elders, wish->seed, today, &plan);
	making.organizations = arena_take(&plan, (making.demo.organization_count + 1) * sizeof *making.organizations);
	if (code == STORE_OK)
		code = add_all(&making, add_organization, making.demo.organization_count);
	if (code == STORE_OK)
		code = add_all(&making, add_facility, demo_facility_count(&making.demo));
	if (code == STORE_OK)
		code = add_all(&making, add_worker, demo_staff_count(&making.demo));
	if (code == STORE_OK)
		code = add_all(&making, add_home, making.demo.home_count);
	arena_free(&making.arena);
	arena_free(&plan);
	return code;
}
