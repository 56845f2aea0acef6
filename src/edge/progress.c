/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c - how far a command is. */
#include "edge/progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 200, LINE_MAX_BYTES = 100 };

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t due;
	bool shown, ending;
	_Atomic enum progress_stage stage;
	_Atomic int64_t done, total, since_ms; /* of the stage */
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER, .due = PTHREAD_COND_INITIALIZER };

static _Atomic(const char *) interrupted_text, interrupted_file;

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the line ---- */

static void put_bytes(char *line, const char *verb, int64_t done, int64_t total)
{
	const double mega = 1024 * 1024;
	if (total > 0)
		snprintf(line, LINE_MAX_BYTES, "%s %.1f of %.1f MB", verb, (double)done / mega, (double)total / mega);
	else
		snprintf(line, LINE_MAX_BYTES, "%s %.1f MB", verb, (double)done / mega);
}

/* Where another process does it, only the time is known. */
static void put_rows(char *line, const char *verb, int64_t done, int64_t total, int64_t since_ms)
{
	if (total > 0)
		snprintf(line, LINE_MAX_BYTES, "%s %lld of %lld rows", verb, (long long)done, (long long)total);
	else if (done > 0)
		snprintf(line, LINE_MAX_BYTES, "%s %lld rows", verb, (long long)done);
	else
		snprintf(line, LINE_MAX_BYTES, "%s rows, %lld s", verb, (long long)((now_ms() - since_ms) / 1000));
}

static void put_line(char *line)
{
	int64_t done = progress.done, total = progress.total;
	switch (progress.stage) {
	case PROGRESS_QUIET:
		*line = 0;
		break;
	case PROGRESS_SENDING:
		put_bytes(line, "sending", done, total);
		break;
	case PROGRESS_CHECKING:
		put_rows(line, "checking", done, total, progress.since_ms);
		break;
	case PROGRESS_WRITING:
		put_rows(line, "writing", done, total, progress.since_ms);
		break;
	case PROGRESS_READING:
		put_rows(line, "reading", done, total, progress.since_ms);
		break;
	case PROGRESS_RECEIVING:
		put_bytes(line, "receiving", done, total);
		break;
	}
}

static void *show(void *nothing)
{
	char line[LINE_MAX_BYTES] = "", was[LINE_MAX_BYTES] = "";
	(void)nothing;
	pthread_mutex_lock(&progress.lock);
	while (!progress.ending) {
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TICK_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_clockwait(&progress.due, &progress.lock, CLOCK_MONOTONIC, &until);
		put_line(line);
		if (!progress.ending && strcmp(line, was) != 0)
			fprintf(stderr, "\r%s\033[K", line);
		memcpy(was, line, sizeof was);
	}
	pthread_mutex_unlock(&progress.lock);
	if (*was)
		fprintf(stderr, "\r\033[K");
	return NULL;
}

void progress_begin(void)
{
	progress.ending = false;
	progress.shown = isatty(STDERR_FILENO) && pthread_create(&progress.thread, NULL, show, NULL) == 0;
}

void progress_end(void)
{
	if (!progress.shown)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.ending = true;
	pthread_cond_signal(&progress.due);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(progress.thread, NULL);
	progress.shown = false;
}

enum progress_stage progress_stage(enum progress_stage stage)
{
	enum progress_stage was = progress.stage;
	if (was == stage)
		return was;
	progress.done = 0;
	progress.total = 0;
	progress.since_ms = now_ms();
	progress.stage = stage;
	return was;
}

void progress_moved(int64_t done, int64_t total)
{
	progress.done = done;
	progress.total = total;
}

/* ---- broken off ---- */

/* Only what a signal handler may do. */
static void say(int number)
{
	const char *text = interrupted_text, *file = interrupted_file;
	if (text) {
		ssize_t first = write(STDERR_FILENO, "\n", 1), rest = write(STDERR_FILENO, text, strlen(text));
		(void)first;
		(void)rest;
	}
	if (file)
		unlink(file);
	signal(number, SIG_DFL);
	raise(number);
}

void progress_interrupted(const char *text, const char *file)
{
	struct sigaction action = { .sa_handler = say, .sa_flags = SA_RESTART };
	struct sigaction was;
	interrupted_text = text;
	interrupted_file = file;
	if (sigaction(SIGINT, NULL, &was) == 0 && was.sa_handler != SIG_IGN)
		sigaction(SIGINT, &action, NULL);
}
