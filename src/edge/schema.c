/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - the program describes itself: as a command, and over the API. */
#include "edge/schema.h"

#include "engine/check_declarations.h"
#include "engine/describe.h"

#include <stdio.h>
#include <string.h>

/* ---- over the API ---- */

/* It holds no data: whoever wants to write a client may have it. */
static void openapi(struct call *call)
{
	call_json(call, 200);
	buf_text(&call->out, call->app->openapi);
}

void schema_describe(struct app *app)
{
	struct buf out = buf_in(&app->arena, 1 << 18, DESCRIPTION_BYTES_MAX);
	describe_openapi(app, &out);
	app->openapi = buf_done(&out);
}

static const struct about openapi_about = { "get_openapi", "本接口的描述", "this description", .gives = BODY_OBJECT };
static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/openapi.json", NULL, ROUTE_TASK, .task = openapi, .open = true, .about = &openapi_about },
};

const struct module schema_module = { .name = "schema", .file = __FILE__, .routes = routes, .route_count = COUNT(routes) };

/* ---- as a command ---- */

static void write_sql(struct app *app, struct buf *out)
{
	buf_text(out, TEXT("-- SQLite\n"));
	describe_sql(app, out, false, false);
	buf_text(out, TEXT("\n-- PostgreSQL\n"));
	describe_sql(app, out, true, false);
}

static void write_sqlite(struct app *app, struct buf *out)
{
	describe_sql(app, out, false, false);
}

static void write_postgres(struct app *app, struct buf *out)
{
	describe_sql(app, out, true, false);
}

static void write_citus(struct app *app, struct buf *out)
{
	describe_sql(app, out, true, true);
}

typedef void write_fn(struct app *app, struct buf *out);

static write_fn *writer_of(const struct command_line *line)
{
	static const struct {
		const char *as, *database;
		write_fn *write;
	} forms[] = {
		{ "json", NULL, describe_json }, { "openapi", NULL, describe_openapi }, { "matrix", NULL, describe_matrix },
		{ "docs", NULL, describe_docs }, { "citus", NULL, write_citus }, { "sql", NULL, write_sql },
		{ "sql", "sqlite", write_sqlite }, { "sql", "postgres", write_postgres },
	};
	for (size_t i = 0; line->as && i < COUNT(forms); i++)
		if (strcmp(line->as, forms[i].as) == 0 && text_eq(text_of(line->database), text_of(forms[i].database)))
			return forms[i].write;
	return NULL;
}

int command_schema(struct command_line *line)
{
	struct buf out = buf_in(&line->arena, 1 << 16, DESCRIPTION_BYTES_MAX);
	write_fn *write = writer_of(line);
	if ((!write && !line->check) || (line->as && line->check)) {
		fprintf(stderr, "usage: songhe schema --as json|openapi|matrix|docs|citus\n"
		                "       songhe schema --as sql [--database sqlite|postgres]\n"
		                "       songhe schema --check\n");
		return EXIT_USAGE;
	}
	size_t mistakes = check_declarations(line->modules, line->module_count, &out);
	if (mistakes > 0) {
		fwrite(out.ptr, 1, out.len, stderr);
		fprintf(stderr, "songhe schema: %zu mistakes in what is declared\n", mistakes);
		return EXIT_REJECTED;
	}
	if (line->check)
		return EXIT_FINE;
	struct app *app = app_declared(line->modules, line->module_count);
	write(app, &out);
	size_t written = out.overflow ? 0 : fwrite(out.ptr, 1, out.len, stdout);
	app_forget(app);
	return written == out.len && fflush(stdout) == 0 ? EXIT_FINE : EXIT_DISK;
}
