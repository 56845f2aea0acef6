/* SPDX-License-Identifier: Apache-2.0 */
/* command_export.c - songhe export: a list, or everything, as a file. */
#include "edge/commands.h"

#include "edge/progress.h"

#include <stdio.h>
#include <string.h>

static const struct resource *resource_of(const struct command_line *line, const char *plural)
{
	for (size_t m = 0; m < line->module_count; m++)
		for (size_t i = 0; i < line->modules[m]->resource_count; i++) {
			const struct resource *resource = line->modules[m]->resources[i];
			if (resource_roles(resource, RIGHT_EXPORT) && strcmp(resource->plural, plural) == 0)
				return resource;
		}
	return NULL;
}

/* As the name of the file says, where nothing else does. */
static const char *form_of(const struct command_line *line)
{
	const char *dot = strrchr(line->out, '.');
	return line->as ? line->as : dot ? dot + 1 : "csv";
}

static const char *path_of(struct command_line *line, const struct resource *resource)
{
	const struct {
		const char *name, *value;
	} all[] = { { "ended", line->all ? "true" : NULL }, { "filter", line->filter }, { "fields", line->fields },
		    { "for", line->purpose } };
	const char *path = text_printf(&line->arena, "/api/v1/%s/export?as=%s", resource->plural, form_of(line)).ptr;
	for (size_t i = 0; i < COUNT(all); i++) {
		if (!all[i].value)
			continue;
		struct text value = text_percent(&line->arena, text_of(all[i].value));
		path = text_printf(&line->arena, "%s&%s=%.*s", path, all[i].name, TEXT_ARG(value)).ptr;
	}
	return path;
}

static int export_one(struct command_line *line, const void *resource)
{
	struct client_answer answer;
	progress_stage(PROGRESS_READING);
	int code = command_ask(line, METHOD_POST, path_of(line, resource), "application/json", TEXT_NONE, TEXT("{}"), &answer);
	if (code != EXIT_FINE)
		return code;
	if (answer.status != 200)
		return command_show(line, &answer);
	return answer.kept ? EXIT_FINE : EXIT_DISK;
}

static int export_all(struct command_line *line, const void *nothing)
{
	int code = EXIT_FINE;
	(void)nothing;
	for (size_t m = 0; m < line->module_count && code == EXIT_FINE; m++)
		for (size_t i = 0; i < line->modules[m]->resource_count && code == EXIT_FINE; i++)
			if (resource_roles(line->modules[m]->resources[i], RIGHT_EXPORT))
				code = export_one(line, line->modules[m]->resources[i]);
	return code;
}

int command_export(struct command_line *line)
{
	const struct resource *resource = line->word_count == 1 && !line->all ? resource_of(line, line->words[0]) : NULL;
	bool everything = line->all && line->word_count == 0 && line->as && strcmp(line->as, "ndjson") == 0 && !line->filter && !line->fields;
	if (!line->out || (!resource && !everything)) {
		fprintf(stderr, "usage: songhe export elders|facilities|... --store STORE --out FILE.csv|FILE.xlsx|FILE.ndjson\n"
			"  [--as csv|xlsx|ndjson] [--filter JSON] [--fields NAME,..] [--for TEXT]\n"
			"       songhe export --all --as ndjson --store STORE --out FILE [--for TEXT]\n");
		return EXIT_USAGE;
	}
	int64_t bytes;
	int code = command_keep(line, "export", line->out, line->all ? export_all : export_one, resource, &bytes);
	if (code == EXIT_FINE)
		printf(line->json ? "{\"bytes\":%lld}\n" : "%lld bytes\n", (long long)bytes);
	return code;
}
