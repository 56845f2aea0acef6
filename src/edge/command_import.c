/* SPDX-License-Identifier: Apache-2.0 */
/* command_import.c - songhe import: a file of records, looked at or loaded. */
#include "edge/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ERRORS_SHOWN = 20 };

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

static void print_errors(const struct client_answer *answer)
{
	json_t *json, *one;
	size_t i;
	if (json_read(answer->body, BODY_DEPTH_MAX, &json) != JSON_FINE)
		return;
	json_array_foreach(json_object_get(json, "errors"), i, one) {
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
	json_decref(json);
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
	int code = send_table(line, table, &answer);
	if (code != EXIT_FINE)
		return code;
	struct text rejected = command_member(&answer, &line->arena, "rejected");
	if (line->json) {
		printf("%.*s\n", TEXT_ARG(answer.body));
	} else {
		static const char *const names[] = { "rows", "accepted", "rejected", "created", "changed", "same", "claimed",
			                             "ended", "returned", "followed" };
		for (size_t i = 0; i < COUNT(names); i++)
			printf("%s%.*s %s", i ? ", " : "", TEXT_ARG(command_member(&answer, &line->arena, names[i])), names[i]);
		printf("%s\n", line->dry_run ? " (nothing was written)" : "");
		print_errors(&answer);
	}
	return text_is(rejected, "0") ? EXIT_FINE : EXIT_REJECTED;
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
