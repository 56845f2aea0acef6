/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the program's commands. */
#ifndef EDGE_COMMANDS_H
#define EDGE_COMMANDS_H

#include "edge/client.h"
#include "engine/app.h"
#include "engine/keys.h"

/* Numbers that scripts rely on. */
enum exit_code {
	EXIT_FINE = 0,
	EXIT_REJECTED = 1, /* the command was understood, but something in it was refused */
	EXIT_USAGE = 2,
	EXIT_STORE = 3, /* the store is missing or cannot be used */
	EXIT_HELD = 4, /* another server holds the store */
	EXIT_DISK = 74
};

struct command_line {
	const struct module *const *modules;
	size_t module_count;
	struct clock clock;
	struct arena arena;
	const char *store, *listen, *tls_cert, *tls_key, *behind_proxy, *plan, *password, *role, *area, *name, *threads,
		*workers, *elders, *seed, *key_file, *suite, *new_key_file, *sign_key_file, *checkpoints, *against, *key,
		*organization, *person, *family, *policy, *files, *map, *sheet, *event, *source, *annotated, *out, *filter, *fields, *purpose,
		*holidays, *gateway_allow, *gateway_ca;
	struct keys_wish keys; /* what `key_file` and `suite` say */
	const char *as, *database; /* of the schema */
	bool json, password_stdin, check, dry_run, all;
	int body_fd; /* the file that a request's body is; -1: none */
	int64_t await; /* the job that is waited for, where a request is carried out here; 0: none */
	int out_fd; /* the file that an answer goes into where it is a file; -1: none */
	const char *words[4]; /* what stands behind the command's name */
	size_t word_count;
	char **argv; /* as the program was started, for a restart */
};

int commands_run(int argc, char **argv, const struct module *const *modules, size_t count);
int command_serve(struct command_line *line); /* serve.c */
int command_key(struct command_line *line); /* key.c */
int command_verify(struct command_line *line); /* verify.c */
int command_import(struct command_line *line); /* command_import.c */
int command_export(struct command_line *line); /* command_export.c */
int command_job(struct command_line *line); /* command_job.c */
int command_exit_of(enum store_open_result result, const char *store);

/* One request, to the server that holds the store or carried out here. The exit code when the store cannot be had; otherwise 0 with
 * the answer filled in. */
int command_ask(struct command_line *line, enum method method, const char *path, const char *type, struct text if_match,
                struct text body, struct client_answer *answer);
struct text command_member(const struct client_answer *answer, struct arena *arena, const char *name); /* of a JSON answer */
/* What `ask` brings (EXIT_DISK: it could not be kept) becomes the file of this path, which has its name when all of it is there: until
 * then what was there before is. What cannot be written is told. */
int command_keep(struct command_line *line, const char *command, const char *path, int (*ask)(struct command_line *line, const void *arg),
                 const void *arg, int64_t *bytes); /* command_file.c */
/* Waits for a job's end, here or where the store is held. As command_ask; the answer is the job. */
int command_await(struct command_line *line, struct text id, struct client_answer *answer); /* command_job.c */
int command_show(struct command_line *line, const struct client_answer *answer); /* as it is, or why it was refused */

#endif
