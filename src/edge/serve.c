/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - the serve command: runs until a signal, and hands its listening socket to its successor. */
#include "edge/commands.h"
#include "edge/http.h"
#include "edge/schema.h"
#include "edge/sender.h"

#include "base/log.h"
#include "engine/checkpoint.h"
#include "engine/job.h"
#include "engine/timer.h"
#include "engine/workdays.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 32, RESTART_TRIES = 1200, HOLIDAYS_BYTES_MAX = 1 << 20 };

static unsigned processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count < 1 ? 1 : count > 8 ? 8 : (unsigned)count;
}

/* Streams and keep-alive connections each need a descriptor. */
static void raise_limits(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max < 65536 ? files.rlim_max : 65536;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int inherited_socket(void)
{
	const char *value = getenv("SONGHE_LISTEN_FD");
	int64_t fd;
	if (!value || !text_to_int(text_of(value), 65535, &fd) || fcntl((int)fd, F_GETFD) < 0)
		return -1;
	unsetenv("SONGHE_LISTEN_FD");
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	return (int)fd;
}

/* The same command line, the newest program file, the same socket: whoever knocks meanwhile waits in its backlog. */
static void start_again(struct command_line *line, const char *program, int fd)
{
	char number[16];
	snprintf(number, sizeof number, "%d", fd);
	setenv("SONGHE_LISTEN_FD", number, 1);
	fcntl(fd, F_SETFD, 0);
	execv(program, line->argv);
	log_error("serve: cannot start %s again: %s", program, strerror(errno));
}

static bool wait_for_stop(struct http *http, const sigset_t *signals)
{
	for (;;) {
		int signal = 0;
		sigwait(signals, &signal);
		if (signal == SIGHUP)
			http_reload_tls(http);
		else
			return signal == SIGUSR2;
	}
}

static void say_ready(const struct command_line *line, const struct http *http)
{
	const char *scheme = line->tls_cert ? "https" : "http";
	const char *colon = strrchr(line->listen, ':');
	printf("%s://%.*s:%u\n", scheme, (int)(colon - line->listen), line->listen, http_port(http));
	fflush(stdout);
}

/* The years of another file than the program's own. */
static bool take_holidays(struct command_line *line)
{
	if (!line->holidays)
		return true;
	FILE *file = fopen(line->holidays, "re");
	char *bytes = arena_take_raw(&line->arena, HOLIDAYS_BYTES_MAX);
	size_t len = file ? fread(bytes, 1, HOLIDAYS_BYTES_MAX, file) : 0;
	bool whole = file && !ferror(file) && len < HOLIDAYS_BYTES_MAX;
	if (!whole)
		fprintf(stderr, "songhe serve: cannot read %s: %s\n", line->holidays, !file || ferror(file) ? strerror(errno) : "too large");
	if (file)
		fclose(file);
	int wrong = whole ? workdays_load((struct text){ bytes, len }) : 0;
	if (wrong)
		fprintf(stderr, "songhe serve: %s:%d: it is no such line as standards/holidays.txt has\n", line->holidays, wrong);
	return whole && wrong == 0;
}

/* Whom messages may be handed to, beside gateways in public. */
static bool take_gateways(const struct command_line *line, struct webhook_wish *wish)
{
	*wish = (struct webhook_wish){ .ca_file = line->gateway_ca };
	bool nets = address_nets_read(text_of(line->gateway_allow), &wish->nets);
	bool readable = !line->gateway_ca || access(line->gateway_ca, R_OK) == 0;
	if (!nets)
		fprintf(stderr, "songhe serve: --gateway-allow takes up to %d nets with commas between: 10.1.0.0/16,10.2.3.4/32:9443\n",
		        ADDRESS_NETS_MAX);
	if (!readable)
		fprintf(stderr, "songhe serve: cannot read %s: %s\n", line->gateway_ca, strerror(errno));
	return nets && readable;
}

int command_serve(struct command_line *line)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	char program[4096];
	ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
	program[len > 0 ? len : 0] = 0;
	int64_t threads = processors(), workers = 0;
	if ((line->threads && (!text_to_int(text_of(line->threads), THREADS_MAX, &threads) || threads < 1)) ||
	    (line->workers && (!text_to_int(text_of(line->workers), 60, &workers) || workers < 2)) || !line->tls_cert != !line->tls_key) {
		fprintf(stderr, "songhe serve: --threads 1..32, --workers 2..60, and --tls-cert goes with --tls-key\n");
		return EXIT_USAGE;
	}
	struct webhook_wish gateways;
	if (!take_holidays(line) || !take_gateways(line, &gateways))
		return EXIT_USAGE;
	enum store_open_result result;
	struct store_options options = { .url = line->store, .files = line->files, .clock = &line->clock, .workers = (unsigned)workers };
	int inherited = inherited_socket();
	struct app *app = app_open(&options, &line->keys, line->modules, line->module_count, &result);
	/* After a restart a command may have slipped in and hold the store for a moment; whoever knocks waits meanwhile. */
	for (int tries = 0; !app && result == STORE_HELD && inherited >= 0 && tries < RESTART_TRIES; tries++) {
		nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
		app = app_open(&options, &line->keys, line->modules, line->module_count, &result);
	}
	if (!app)
		return command_exit_of(result, line->store);
	schema_describe(app);
	struct checkpoint_wish signs = { .store = line->store, .key_file = line->sign_key_file, .file = line->checkpoints };
	if (!checkpoints_open(app, &signs)) {
		app_close(app);
		return EXIT_USAGE;
	}
	struct http *http = http_start(app, &(struct http_options){
		.listen = line->listen, .listen_fd = inherited, .tls_cert = line->tls_cert, .tls_key = line->tls_key,
		.behind_proxy = line->behind_proxy, .threads = (unsigned)threads,
		.control_path = store_socket_path(&line->arena, line->store) });
	if (!http) {
		app_close(app);
		return EXIT_USAGE;
	}
	jobs_start(app);
	timers_start(app);
	sender_start(app, &gateways);
	say_ready(line, http);
	bool again = wait_for_stop(http, &signals);
	int fd = http_stop(http, again);
	sender_stop(app);
	app_close(app);
	if (again) {
		start_again(line, program, fd);
		return EXIT_STORE;
	}
	return EXIT_FINE;
}
