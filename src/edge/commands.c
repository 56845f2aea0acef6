/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the program's commands. */
#include "edge/commands.h"

#include "base/crypto.h"
#include "base/log.h"
#include "edge/client.h"
#include "edge/progress.h"
#include "edge/schema.h"
#include "edge/setup.h"
#include "engine/checkpoint.h"
#include "engine/job.h"
#include "engine/password.h"
#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int command_exit_of(enum store_open_result result, const char *store)
{
	switch (result) {
	case STORE_OPENED:
		return EXIT_FINE;
	case STORE_HELD:
		fprintf(stderr, "songhe: another server holds %s\n", store);
		return EXIT_HELD;
	case STORE_MISSING:
		fprintf(stderr, "songhe: there is no store at %s; make one with `songhe init` or `songhe demo`\n", store);
		return EXIT_STORE;
	case STORE_TOO_NEW:
	case STORE_UNUSABLE:
		break;
	}
	return EXIT_STORE;
}

/* ---- one request, to the server that holds the store or carried out here ---- */

static struct text unescaped(struct arena *arena, const char *begin, const char *end)
{
	struct buf value = buf_in(arena, (size_t)(end - begin) + 1, (size_t)(end - begin) + 1);
	for (const char *at = begin; at < end; at++) {
		bool escape = *at == '%' && end - at > 2;
		buf_char(&value, escape ? (char)strtoul((const char[3]){ at[1], at[2], 0 }, NULL, 16) : *at);
		at += escape ? 2 : 0;
	}
	return buf_done(&value);
}

/* The parameters that a path of ours has. */
static void take_parameters(struct call *call, const char *path)
{
	const char *at = path + strcspn(path, "?");
	while (*at && call->pair_count < QUERY_PAIRS_MAX) {
		const char *name = at + 1, *end = name + strcspn(name, "&"), *equals = name + strcspn(name, "=&");
		if (*equals == '=')
			call->pairs[call->pair_count++] =
				(struct pair){ { name, (size_t)(equals - name) }, unescaped(call->arena, equals + 1, end) };
		at = end;
	}
}

/* An answer that would be sent piece by piece. */
static struct text content_of(struct call *call)
{
	struct content *content = call->content;
	if (!content)
		return buf_done(&call->out);
	char *bytes = arena_take_raw(call->arena, (size_t)content->size + 1);
	int64_t at = 0;
	for (ssize_t n = 1; at < content->size && n > 0; at += n > 0 ? n : 0)
		n = content->read(content, at, bytes + at, (size_t)(content->size - at));
	return (struct text){ bytes, (size_t)at };
}

/* The same into the file that the command has for it. */
static bool keep_content(struct content *content, int fd)
{
	char piece[64 * 1024];
	int64_t at = 0;
	while (at < content->size) {
		ssize_t n = content->read(content, at, piece, sizeof piece);
		if (n <= 0 || !disk_write(fd, (struct text){ piece, (size_t)n }))
			return false;
		at += n;
	}
	return true;
}

static struct client_answer answer_here(struct command_line *line, struct app *app, enum method method, const char *path,
                                        struct text if_match, struct text body)
{
	struct call call;
	bool known;
	call_start(&call, app, &line->arena);
	call.actor = actor_local(app->home_district, app->home_area);
	call.signed_in = true;
	call.if_match = if_match;
	call.raw = body;
	take_parameters(&call, path);
	call.raw_fd = line->body_fd;
	call.moved = progress_moved;
	call.route = app_route(app, method, (struct text){ path, strcspn(path, "?") }, &call.id, &known);
	if (!call.route)
		call_problem(&call, PROBLEM_NOT_FOUND);
	else if (call.route->upload == UPLOAD_NONE && body.len > 0 && json_read(body, BODY_DEPTH_MAX, &call.body) != JSON_FINE)
		call_problem(&call, PROBLEM_MALFORMED_JSON);
	else if (line->await)
		job_await(&call, line->await);
	else
		app_answer(app, &call);
	if (call.problem != PROBLEM_NONE)
		call_write_problem(&call);
	struct client_answer answer = { .status = call.status, .reached = true };
	if (call.content && line->out_fd >= 0)
		answer.kept = keep_content(call.content, line->out_fd);
	else
		answer.body = content_of(&call);
	call_end(&call);
	return answer;
}

enum { ASK_TRIES = 60 };

/* The exit code when the store cannot be had; otherwise 0 with the answer filled in. */
int command_ask(struct command_line *line, enum method method, const char *path, const char *type, struct text if_match,
               struct text body, struct client_answer *answer)
{
	static const char *const names[] = { "GET", "POST", "PATCH", "DELETE" };
	enum store_open_result result;
	struct store_options options = { .url = line->store, .clock = &line->clock };
	*answer = (struct client_answer){ .status = 0 };
	/* A server that is just starting or stopping holds the file without answering for a moment. */
	for (int tries = 0; tries < ASK_TRIES && !answer->reached; tries++) {
		struct app *app = app_open(&options, &line->keys, line->modules, line->module_count, &result);
		if (app) {
			*answer = answer_here(line, app, method, path, if_match, body);
			app_close(app);
			return EXIT_FINE;
		}
		if (result != STORE_HELD)
			return command_exit_of(result, line->store);
		*answer = client_ask(&line->arena, store_socket_path(&line->arena, line->store), names[method], path, type,
		                     if_match, body, line->out_fd);
		if (!answer->reached)
			nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
	}
	if (!answer->reached)
		log_error("the server that holds the store does not answer");
	return answer->status ? EXIT_FINE : EXIT_HELD;
}

struct text command_member(const struct client_answer *answer, struct arena *arena, const char *name)
{
	json_t *json;
	if (json_read(answer->body, BODY_DEPTH_MAX, &json) != JSON_FINE)
		return TEXT_NONE;
	const json_t *value = json_object_get(json, name);
	struct text found = json_is_integer(value) ? text_printf(arena, "%lld", (long long)json_integer_value(value))
	                                           : text_copy(arena, json_text_of(value));
	json_decref(json);
	return found;
}

int command_show(struct command_line *line, const struct client_answer *answer)
{
	bool fine = answer->status >= 200 && answer->status < 300;
	progress_end(); /* a line for itself */
	if (line->json || fine)
		printf("%.*s\n", TEXT_ARG(answer->body));
	else
		fprintf(stderr, "songhe: %.*s (%.*s)\n%.*s\n", TEXT_ARG(command_member(answer, &line->arena, "title_en")),
		        TEXT_ARG(command_member(answer, &line->arena, "title")), TEXT_ARG(answer->body));
	return fine ? EXIT_FINE : EXIT_REJECTED;
}

/* ---- user ---- */

static struct text read_password(struct command_line *line)
{
	char typed[400]; /* longer than a password may be, so that one too long is told */
	if (line->password)
		return text_of(line->password);
	if (!line->password_stdin || !fgets(typed, sizeof typed, stdin))
		return TEXT_NONE;
	typed[strcspn(typed, "\r\n")] = 0;
	return text_copy(&line->arena, text_of(typed));
}

static void put_list(struct json_out *json, struct text key, const char *list)
{
	json_key(json, key);
	json_begin_array(json);
	for (size_t len; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		json_put_text(json, (struct text){ list, len });
	}
	json_end_array(json);
}

static int add_user(struct command_line *line)
{
	struct buf body = buf_in(&line->arena, 512, 8192);
	struct json_out json = json_out(&body);
	struct client_answer answer;
	json_begin_object(&json);
	JSON_TEXT(&json, "user", text_of(line->words[1]));
	JSON_TEXT(&json, "name", text_of(line->name ? line->name : line->words[1]));
	JSON_TEXT(&json, "role", text_of(line->role));
	JSON_TEXT(&json, "password", read_password(line));
	if (line->area)
		put_list(&json, TEXT("areas"), line->area);
	if (line->organization)
		JSON_TEXT(&json, "organization", text_of(line->organization));
	if (line->person)
		JSON_TEXT(&json, "person", text_of(line->person));
	if (line->family)
		put_list(&json, TEXT("family"), line->family);
	json_end_object(&json);
	int code = command_ask(line, METHOD_POST, "/api/v1/users", "application/json", TEXT_NONE, buf_done(&body), &answer);
	return code == EXIT_FINE ? command_show(line, &answer) : code;
}

/* The path of the account with this name, and its version; NULL with the exit code when there is none. */
static const char *find_user(struct command_line *line, struct text *version, int *code)
{
	struct client_answer all;
	json_t *json = NULL;
	const char *query = text_printf(&line->arena, "/api/v1/users?user=%.*s",
	                                TEXT_ARG(text_percent(&line->arena, text_of(line->words[1])))).ptr;
	*code = command_ask(line, METHOD_GET, query, "application/json", TEXT_NONE, TEXT_NONE, &all);
	if (*code != EXIT_FINE)
		return NULL;
	*code = json_read(all.body, BODY_DEPTH_MAX, &json) == JSON_FINE ? EXIT_REJECTED : EXIT_STORE;
	const json_t *item = json_array_get(json_object_get(json, "items"), 0);
	const char *path = item ? text_printf(&line->arena, "/api/v1/users/%s", json_string_value(json_object_get(item, "id"))).ptr : NULL;
	*version = text_printf(&line->arena, "\"%lld\"", (long long)json_integer_value(json_object_get(item, "version")));
	json_decref(json);
	if (!path)
		fprintf(stderr, "songhe user: there is no user %s\n", line->words[1]);
	return path;
}

/* What is done to an account that is there, by the verb. */
static int change_user(struct command_line *line, const char *verb)
{
	struct client_answer answer;
	struct text version;
	int code;
	const char *path = find_user(line, &version, &code);
	if (!path)
		return code;
	struct buf body = buf_in(&line->arena, 512, 8192);
	struct json_out out = json_out(&body);
	enum method method = METHOD_PATCH;
	json_begin_object(&out);
	if (strcmp(verb, "disable") == 0)
		JSON_BOOL(&out, "disabled", true);
	if (strcmp(verb, "password") == 0)
		JSON_TEXT(&out, "password", read_password(line));
	json_end_object(&out);
	if (strcmp(verb, "unlock") == 0 || strcmp(verb, "forget-codes") == 0) {
		method = strcmp(verb, "unlock") == 0 ? METHOD_POST : METHOD_DELETE;
		path = text_printf(&line->arena, "%s/%s", path, method == METHOD_POST ? "unlock" : "totp").ptr;
	}
	code = command_ask(line, method, path, "application/json", version, buf_done(&body), &answer);
	return code == EXIT_FINE ? command_show(line, &answer) : code;
}

static int command_user(struct command_line *line)
{
	const char *verb = line->word_count > 0 ? line->words[0] : "";
	if (strcmp(verb, "list") == 0) {
		struct client_answer answer;
		int code = command_ask(line, METHOD_GET, "/api/v1/users", "application/json", TEXT_NONE, TEXT_NONE, &answer);
		return code == EXIT_FINE ? command_show(line, &answer) : code;
	}
	if (strcmp(verb, "add") == 0 && line->word_count == 2 && line->role)
		return add_user(line);
	static const char *const changes[] = { "password", "disable", "unlock", "forget-codes" };
	for (size_t i = 0; i < COUNT(changes) && line->word_count == 2; i++)
		if (strcmp(verb, changes[i]) == 0)
			return change_user(line, verb);
	fprintf(stderr, "usage: songhe user list --store STORE\n"
	                "       songhe user add USER --role ROLE [--area CODE,..] [--organization ID] [--person ID] [--family ID,..]"
	                " [--name NAME] --password-stdin --store STORE\n"
	                "       songhe user password USER --password-stdin --store STORE\n"
	                "       songhe user disable|unlock|forget-codes USER --store STORE\n");
	return EXIT_USAGE;
}

/* ---- init and demo ---- */

static int make_store(struct command_line *line, bool demo)
{
	struct demo_wish wish = { .pack = line->plan ? pack_find(text_of(line->plan)) : NULL };
	int64_t elders = 2000, seed = 1, profile = PROFILE_ASVS;
	bool known = !line->policy || (!demo && policy_profile(text_of(line->policy), &profile));
	if (!known || (line->elders && !text_to_int(text_of(line->elders), 4000000, &elders)) ||
	    (line->seed && !text_to_int(text_of(line->seed), INT64_MAX, &seed)) || !wish.pack) {
		fprintf(stderr, "usage: songhe %s\nplans:", demo ? "demo --store STORE --plan PLAN --elders N --seed S --password P"
		                                          : "init --store STORE --plan PLAN --password-stdin [--policy asvs|dengbao]");
		for (size_t i = 0; i < pack_count(); i++)
			fprintf(stderr, " %.*s", TEXT_ARG(pack_at(i)->name));
		fprintf(stderr, "\n");
		return EXIT_USAGE;
	}
	wish.elders = (uint64_t)elders;
	wish.seed = (uint64_t)seed;
	wish.password = read_password(line);
	struct policy policy = { .version = 1 };
	policy_decide(&policy, POLICY_PROFILE, profile);
	const struct password_fault *fault = password_fault(&policy, wish.password, TEXT("admin"));
	if (fault) {
		fprintf(stderr, "songhe: the password: %.*s (%.*s)\n", TEXT_ARG(fault->en), TEXT_ARG(fault->zh));
		return EXIT_USAGE;
	}
	enum store_open_result result;
	struct store_options options = { .url = line->store, .clock = &line->clock, .create = true };
	struct app *app = app_open(&options, &line->keys, line->modules, line->module_count, &result);
	if (!app)
		return command_exit_of(result, line->store);
	struct checkpoint_wish signs = { .store = line->store, .key_file = line->sign_key_file, .file = line->checkpoints };
	if (!checkpoints_open(app, &signs)) {
		app_close(app);
		return EXIT_USAGE;
	}
	enum store_code code = demo ? setup_demo(app, &wish) : setup_district(app, wish.pack, wish.password, false, profile);
	app_close(app);
	if (code == STORE_REFUSED)
		fprintf(stderr, "songhe: the store has this district already\n");
	else if (code == STORE_OK && line->json)
		printf("{\"district\":\"%.*s\",\"elders\":%lld}\n", TEXT_ARG(wish.pack->district), demo ? (long long)elders : 0);
	else if (code == STORE_OK)
		printf(demo ? "%.*s: %lld elders; accounts: admin bureau street1 community1 auditor\n"
		       : profile == PROFILE_DENGBAO ? "%.*s: accounts: admin security auditor; each changes the password first of all\n"
		       : "%.*s: account: admin\n", TEXT_ARG(wish.pack->district), (long long)elders);
	return code == STORE_OK ? EXIT_FINE : code == STORE_REFUSED ? EXIT_REJECTED : EXIT_STORE;
}

static int command_init(struct command_line *line)
{
	return make_store(line, false);
}

static int command_demo(struct command_line *line)
{
	return make_store(line, true);
}

/* ---- the command line ---- */

static const struct {
	const char *name, *help;
	int (*run)(struct command_line *line);
} commands[] = {
	{ "init", "make an empty store for a district: --plan PLAN --password-stdin [--policy asvs|dengbao]"
	          " [--suite aes|sm]", command_init },
	{ "demo", "make a store with an invented district: --plan PLAN --elders N --seed S --password P [--suite aes|sm]", command_demo },
	{ "serve", "serve a store: --listen ADDR:PORT [--tls-cert FILE --tls-key FILE | --behind-proxy ADDR] [--threads N]"
	           " [--workers N] [--checkpoints FILE] [--sign-key-file FILE] [--holidays FILE]"
	           " [--gateway-allow NET,NET] [--gateway-ca FILE]", command_serve },
	{ "import", "load a table: import elders|facilities|... FILE.csv|FILE.xlsx [--dry-run]", command_import },
	{ "export", "take a list away: export elders|facilities|... --out FILE.csv|FILE.xlsx [--filter JSON] [--fields NAME,..]"
	            " [--for TEXT], or export --all --as ndjson --out FILE", command_export },
	{ "job", "what is carried out behind an answer: job list | show NUMBER | cancel NUMBER, which takes it back", command_job },
	{ "user", "accounts: user list | add | password | disable | unlock | forget-codes", command_user },
	{ "key", "the store's keys: key rotate | rewrap --new-key-file FILE", command_key },
	{ "verify", "check the store, the journal's chain and its checkpoints: [--against FILE] [--key BASE64]", command_verify },
	{ "schema", "describe the program: --as json|openapi|matrix|docs|sql|citus, or --check what is declared", command_schema },
};

static int usage(FILE *out)
{
	fprintf(out, "usage: songhe COMMAND --store sqlite:PATH|postgresql://... [--key-file FILE] [--json]\n\n");
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\nexit: 0 fine, 1 something was refused, 2 usage, 3 no usable store, 4 another server holds it, 74 the disk failed\n");
	return out == stdout ? EXIT_FINE : EXIT_USAGE;
}

#ifdef SONGHE_TEST_CLOCK
/* Only in the test program: the time stands in a file of eight bytes, which the test writes. */
static bool share_clock(struct clock *clock, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	clock->shared = shared == MAP_FAILED ? NULL : shared;
	return clock->shared != NULL;
}
#endif

static bool read_options(struct command_line *line, int argc, char **argv, bool *help)
{
	enum { HELP = 1, JSON, STDIN_PASSWORD, CHECK, DRY_RUN, ALL, TEST_CLOCK };
	const struct {
		const char *name, **value;
	} values[] = {
		{ "store", &line->store }, { "listen", &line->listen }, { "tls-cert", &line->tls_cert }, { "tls-key", &line->tls_key },
		{ "behind-proxy", &line->behind_proxy }, { "plan", &line->plan }, { "password", &line->password },
		{ "role", &line->role }, { "area", &line->area }, { "name", &line->name }, { "threads", &line->threads },
		{ "workers", &line->workers }, { "elders", &line->elders }, { "seed", &line->seed },
		{ "key-file", &line->key_file }, { "suite", &line->suite }, { "new-key-file", &line->new_key_file },
		{ "sign-key-file", &line->sign_key_file }, { "checkpoints", &line->checkpoints }, { "against", &line->against },
		{ "key", &line->key }, { "organization", &line->organization }, { "person", &line->person },
		{ "family", &line->family }, { "policy", &line->policy }, { "files", &line->files },
		{ "as", &line->as }, { "database", &line->database }, { "map", &line->map }, { "sheet", &line->sheet },
		{ "event", &line->event },
		{ "source", &line->source }, { "annotated", &line->annotated }, { "out", &line->out },
		{ "filter", &line->filter }, { "fields", &line->fields }, { "for", &line->purpose },
		{ "holidays", &line->holidays }, { "gateway-allow", &line->gateway_allow }, { "gateway-ca", &line->gateway_ca },
	};
	struct option options[COUNT(values) + 8] = { { "help", no_argument, NULL, HELP }, { "json", no_argument, NULL, JSON },
		                                     { "password-stdin", no_argument, NULL, STDIN_PASSWORD },
		                                     { "check", no_argument, NULL, CHECK },
		                                     { "dry-run", no_argument, NULL, DRY_RUN }, { "all", no_argument, NULL, ALL } };
	size_t count = 6;
#ifdef SONGHE_TEST_CLOCK
	options[count++] = (struct option){ "test-clock", required_argument, NULL, TEST_CLOCK };
#endif
	for (size_t i = 0; i < COUNT(values); i++)
		options[count++] = (struct option){ values[i].name, required_argument, NULL, 100 + (int)i };
	for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (found >= 100)
			*values[found - 100].value = optarg;
		else if (found == HELP)
			*help = true;
		else if (found == JSON)
			line->json = true;
		else if (found == STDIN_PASSWORD)
			line->password_stdin = true;
		else if (found == CHECK)
			line->check = true;
		else if (found == DRY_RUN)
			line->dry_run = true;
		else if (found == ALL)
			line->all = true;
#ifdef SONGHE_TEST_CLOCK
		else if (found == TEST_CLOCK && share_clock(&line->clock, optarg))
			continue;
#endif
		else
			return false;
	}
	for (int i = optind; i < argc && line->word_count < COUNT(line->words); i++)
		line->words[line->word_count++] = argv[i];
	return true;
}

/* What the command line does not say, the environment may. NULL: neither. */
static const char *said(const char *option, const char *variable)
{
	const char *value = option ? option : getenv(variable);
	return value && *value ? value : NULL;
}

static bool take_places(struct command_line *line)
{
	const char *file = said(line->key_file, "SONGHE_KEY_FILE");
	line->files = said(line->files, "SONGHE_FILES");
	line->keys = (struct keys_wish){ .file = file, .suite_said = line->suite != NULL };
	return !line->suite || suite_find(text_of(line->suite), &line->keys.suite);
}

int commands_run(int argc, char **argv, const struct module *const *modules, size_t count)
{
	struct command_line line = { .modules = modules, .module_count = count, .arena = arena_new(256 << 20), .argv = argv,
		                     .body_fd = -1, .out_fd = -1 };
	bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
	umask(0077); /* a store is for the account it runs under alone */
	line.listen = "127.0.0.1:8080";
	if (argc < 2 || help)
		return usage(help ? stdout : stderr);
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (!read_options(&line, argc - 1, argv + 1, &help) || !take_places(&line))
			return usage(stderr);
		if (help) {
			printf("songhe %s: %s\n", commands[i].name, commands[i].help);
			return EXIT_FINE;
		}
		if (!line.store && commands[i].run != command_schema) {
			fprintf(stderr, "songhe %s: say which store: --store sqlite:PATH or --store postgresql://...\n", argv[1]);
			return EXIT_USAGE;
		}
		int code = commands[i].run(&line);
		arena_free(&line.arena);
		return code;
	}
	return usage(stderr);
}
