/* SPDX-License-Identifier: Apache-2.0 */
/* command_import.c - songhe import: a file of records, looked at or loaded. */
#include "edge/commands.h"

#include "edge/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALWAYS_TOLD = 7 /* counts; the others where there are some */, ERRORS_SHOWN = 20 };

/* Where the records of this name are imported; NULL: there are no such, or nobody writes them. */
static const char *path_of(struct command_line *line, const char *plural)
{
	for (size_t m = 0; m < line->module_count; m++)
		for (size_t i = 0; i < line->modules[m]->resource_count; i++) {
			const struct resource *resource = line->modules[m]->resources[i];
			if (resource->writers && strcmp(resource->plural, plural) == 0)
				return text_printf(&line->arena, "/api/v1/%s/import", plural).ptr;
		}
	return NULL;
}

static const char *with_parameters(struct command_line *line, const char *path)
{
	const struct {
		const char *name, *value;
	} all[] = { { "dry_run", line->dry_run && !line->annotated ? "true" : NULL },
		    { "wait", line->dry_run || line->annotated ? NULL : "false" }, /* its batch is waited for, and told of */
		    { "area", line->area }, { "map", line->map }, { "sheet", line->sheet }, { "source", line->source },
		    { "event", line->event } };
	char sign = '?';
	if (line->annotated)
		path = text_printf(&line->arena, "%s/check", path).ptr;
	for (size_t i = 0; i < COUNT(all); i++) {
		if (!all[i].value)
			continue;
		struct text value = text_percent(&line->arena, text_of(all[i].value));
		path = text_printf(&line->arena, "%s%c%s=%.*s", path, sign, all[i].name, TEXT_ARG(value)).ptr;
		sign = '&';
	}
	return path;
}

static const char *const counts[] = { "rows", "accepted", "rejected", "created", "changed", "same", "claimed", "ended",
	                             "returned", "followed" };

static void print_errors(const json_t *answer)
{
	json_t *one;
	size_t i;
	json_array_foreach(json_object_get(answer, "errors"), i, one) {
		if (i == ERRORS_SHOWN) {
			printf("... and more: --annotated FILE has all of them in the table, --json has the first 1,000\n");
			break;
		}
		const char *column = json_string_value(json_object_get(one, "column"));
		const char *value = json_string_value(json_object_get(one, "value"));
		printf("row %lld%s%s: %s%s%s%s (%s)\n", (long long)json_integer_value(json_object_get(one, "line")), column ? ", " : "",
		       column ? column : "", value ? "\"" : "", value ? value : "", value ? "\" " : "",
		       json_string_value(json_object_get(one, "message")), json_string_value(json_object_get(one, "code")));
	}
}

static void print_answer(const struct command_line *line, const json_t *answer)
{
	if (line->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		printf("\n");
		return;
	}
	for (size_t i = 0; i < COUNT(counts); i++) {
		long long count = json_integer_value(json_object_get(answer, counts[i]));
		if (i < ALWAYS_TOLD || count > 0)
			printf("%s%lld %s", i ? ", " : "", count, counts[i]);
	}
	printf("%s\n", line->dry_run ? " (nothing was written)" : "");
	print_errors(answer);
}

/* ---- the batch ---- */

/* The answer told what was found when the table was looked at; what has become of it stands in the job. */
static void take_over(json_t *answer, const json_t *job)
{
	const json_t *result = json_object_get(job, "result");
	json_t *errors = json_object_get(answer, "errors"), *one;
	size_t k;
	for (size_t i = 0; i < COUNT(counts); i++)
		if (json_object_get(result, counts[i]))
			json_object_set(answer, counts[i], json_object_get(result, counts[i]));
	json_array_foreach(json_object_get(result, "errors"), k, one) {
		json_object_set(one, "message_en", json_object_get(one, "message"));
		json_array_append(errors, one);
	}
	json_object_set(answer, "state", json_object_get(job, "state"));
}

/* The exit code. Broken off, the batch goes on: what was half of it would be worse. */
static int await_batch(struct command_line *line, json_t *answer)
{
	struct text id = json_text_of(json_object_get(answer, "job"));
	struct client_answer job;
	json_t *json;
	if (!id.ptr)
		return EXIT_FINE;
	progress_interrupted(text_printf(&line->arena, "songhe import: the batch goes on, now or when the store is served again; to take it"
		" back: songhe job cancel %.*s\n", TEXT_ARG(id)).ptr, NULL);
	progress_stage(PROGRESS_WRITING);
	int code = command_await(line, id, &job);
	progress_end();
	if (code != EXIT_FINE)
		fprintf(stderr, "songhe import: the batch goes on; songhe job show %.*s tells how far it is\n", TEXT_ARG(id));
	if (code != EXIT_FINE || job.status != 200 || json_read(job.body, BODY_DEPTH_MAX, &json) != JSON_FINE)
		return code == EXIT_FINE ? command_show(line, &job) : code;
	take_over(answer, json);
	if (!text_is(json_text_of(json_object_get(json, "state")), "done")) {
		const char *why = json_string_value(json_object_get(json_object_get(json, "result"), "error_en"));
		fprintf(stderr, "songhe import: the batch was taken back: %s\n", why ? why : "it was cancelled");
		code = EXIT_REJECTED;
	}
	json_decref(json);
	return code;
}

/* A table that is sent. */
struct sending {
	const char *path;
	struct text bytes;
	bool packed; /* a workbook */
};

static int send_table(struct command_line *line, const struct sending *table, struct client_answer *answer)
{
	const char *type = table->packed ? XLSX_TYPE : "text/csv";
	progress_stage(PROGRESS_CHECKING);
	int code = command_ask(line, METHOD_POST, with_parameters(line, table->path), type, TEXT_NONE, table->bytes, answer);
	return code == EXIT_FINE && answer->status != 200 && answer->status != 202 ? command_show(line, answer) : code;
}

static int check_table(struct command_line *line, const void *table)
{
	struct client_answer answer;
	int code = send_table(line, table, &answer);
	return code == EXIT_FINE && !answer.kept ? EXIT_DISK : code;
}

/* The table comes back as what it was sent, whatever its file is called. */
static int write_annotated(struct command_line *line, const struct sending *table)
{
	const char *suffix = table->packed ? ".xlsx" : ".csv", *dot = strrchr(line->annotated, '.');
	int64_t bytes;
	int code = command_keep(line, "import", line->annotated, check_table, table, &bytes);
	if (code == EXIT_FINE && (!dot || strcasecmp(dot, suffix) != 0))
		fprintf(stderr, "songhe import: the table was a %s, and so is %s\n", suffix, line->annotated);
	return code;
}

static int import_table(struct command_line *line, const struct sending *table)
{
	struct client_answer answer;
	json_t *json;
	progress_begin();
	progress_interrupted(line->dry_run ? NULL : "songhe import: broken off; a server that has all of the table already goes on with it:"
		" songhe job list shows its batch\n", NULL);
	int code = send_table(line, table, &answer);
	bool read = code == EXIT_FINE && json_read(answer.body, BODY_DEPTH_MAX, &json) == JSON_FINE;
	if (read)
		code = await_batch(line, json);
	progress_interrupted(NULL, NULL);
	progress_end();
	if (!read)
		return code == EXIT_FINE ? EXIT_STORE : code;
	print_answer(line, json);
	if (code == EXIT_FINE && json_integer_value(json_object_get(json, "rejected")) > 0)
		code = EXIT_REJECTED;
	json_decref(json);
	return code;
}

int command_import(struct command_line *line)
{
	const char *path = line->word_count == 2 ? path_of(line, line->words[0]) : NULL;
	if (!path) {
		fprintf(stderr, "usage: songhe import elders|facilities|... FILE.csv|FILE.xlsx --store STORE [--dry-run] [--json]\n"
			"  [--annotated FILE] [--area NUMBER] [--map '{\"header\":\"field\"}'] [--sheet NAME] [--source WORD]\n"
			"  [--event died|moved_out|...|returned]\n");
		return EXIT_USAGE;
	}
	int fd = open(line->words[1], O_RDONLY | O_CLOEXEC);
	struct stat file;
	if (fd < 0 || fstat(fd, &file) != 0 || file.st_size == 0 || file.st_size > IMPORT_BYTES_MAX) {
		fprintf(stderr, "songhe import: cannot read %s: %s\n", line->words[1], fd < 0 ? strerror(errno) : "empty, or over 512 MB");
		if (fd >= 0)
			close(fd);
		return EXIT_USAGE;
	}
	char *bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	int code = EXIT_DISK;
	line->body_fd = fd;
	if (bytes != MAP_FAILED) {
		struct sending table = { path, { bytes, (size_t)file.st_size }, false };
		table.packed = text_starts(table.bytes, TEXT("PK"));
		code = line->annotated ? write_annotated(line, &table) : import_table(line, &table);
		munmap(bytes, (size_t)file.st_size);
	}
	close(fd);
	return code;
}
