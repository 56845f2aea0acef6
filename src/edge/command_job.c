/* SPDX-License-Identifier: Apache-2.0 */
/* command_job.c - songhe job: what is carried out behind an answer, and taking it back. */
#include "edge/commands.h"

#include "edge/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 200 };

static bool is_over(struct text state)
{
	return !text_is(state, "waiting") && !text_is(state, "running") && !text_is(state, "cancelling");
}

static int64_t number_of(struct command_line *line, const struct client_answer *answer, const char *name)
{
	int64_t number = 0;
	text_to_int(command_member(answer, &line->arena, name), INT64_MAX, &number);
	return number;
}

int command_await(struct command_line *line, struct text id, struct client_answer *answer)
{
	const char *path = text_printf(&line->arena, "/api/v1/jobs/%.*s", TEXT_ARG(id)).ptr;
	text_to_int(id, INT64_MAX, &line->await);
	int code = EXIT_FINE;
	for (;;) {
		code = command_ask(line, METHOD_GET, path, "application/json", TEXT_NONE, TEXT_NONE, answer);
		if (code != EXIT_FINE || answer->status != 200 || is_over(command_member(answer, &line->arena, "state")))
			break;
		progress_moved(number_of(line, answer, "progress"), number_of(line, answer, "total"));
		nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000 * 1000 }, NULL);
	}
	line->await = 0;
	return code;
}

static int cancel(struct command_line *line, struct text id)
{
	struct client_answer answer;
	const char *path = text_printf(&line->arena, "/api/v1/jobs/%.*s/cancel", TEXT_ARG(id)).ptr;
	int code = command_ask(line, METHOD_POST, path, "application/json", TEXT_NONE, TEXT("{}"), &answer);
	if (code != EXIT_FINE)
		return code;
	if (answer.status != 200)
		return command_show(line, &answer);
	progress_interrupted("songhe job: it is taken back all the same, where the store is served\n", NULL);
	code = command_await(line, id, &answer);
	return code == EXIT_FINE ? command_show(line, &answer) : code;
}

int command_job(struct command_line *line)
{
	const char *verb = line->word_count > 0 ? line->words[0] : "";
	struct text id = line->word_count == 2 ? text_of(line->words[1]) : TEXT_NONE;
	int64_t number;
	bool named = text_to_int(id, INT64_MAX, &number);
	if (line->word_count == 1 ? strcmp(verb, "list") != 0 : !named || (strcmp(verb, "show") != 0 && strcmp(verb, "cancel") != 0)) {
		fprintf(stderr, "usage: songhe job list --store STORE\n       songhe job show|cancel NUMBER --store STORE\n");
		return EXIT_USAGE;
	}
	if (strcmp(verb, "cancel") == 0)
		return cancel(line, id);
	struct client_answer answer;
	const char *path = named ? text_printf(&line->arena, "/api/v1/jobs/%.*s", TEXT_ARG(id)).ptr : "/api/v1/jobs";
	int code = command_ask(line, METHOD_GET, path, "application/json", TEXT_NONE, TEXT_NONE, &answer);
	return code == EXIT_FINE ? command_show(line, &answer) : code;
}
