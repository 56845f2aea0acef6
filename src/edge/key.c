/* SPDX-License-Identifier: Apache-2.0 */
/* key.c - the key command: a new version of the store's keys, or another file to wrap them under. */
#include "edge/commands.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

struct change {
	struct app *app;
	struct actor actor;
	const struct key_file *to;
	int64_t version;
};

static enum store_code rotate(struct tx *tx, void *arg)
{
	struct change *change = arg;
	return keys_add_version(tx, change->app->keys, &change->actor, &change->version);
}

static enum store_code rewrap(struct tx *tx, void *arg)
{
	struct change *change = arg;
	return keys_rewrap(tx, change->app->keys, change->to, &change->actor);
}

static int exit_of(enum store_code code)
{
	if (code != STORE_OK && code != STORE_REFUSED)
		log_error("key: the store failed; nothing was changed, or all of it: look with `songhe verify`, then try again");
	return code == STORE_OK ? EXIT_FINE : code == STORE_REFUSED ? EXIT_REJECTED : EXIT_STORE;
}

static int rotate_keys(struct command_line *line, struct change *change)
{
	int code = exit_of(store_command(change->app->store, LANE_INTERACTIVE, rotate, change));
	if (code == EXIT_FINE)
		printf(line->json ? "{\"version\":%lld}\n" : "version %lld seals what is written from now on\n", (long long)change->version);
	return code;
}

static int rewrap_keys(struct command_line *line, struct change *change)
{
	struct key_file to;
	enum suite suite = keys_suite(change->app->keys);
	if (!key_file_make(line->new_key_file, suite) || key_file_read(line->new_key_file, &to) != KEY_FILE_FINE)
		return EXIT_REJECTED;
	if (to.key.suite != suite) {
		log_error("key: the new key file %s is for --suite %s, which the store is not", line->new_key_file, suite_name(to.key.suite));
		key_file_wipe(&to);
		return EXIT_REJECTED;
	}
	change->to = &to;
	int code = exit_of(store_command(change->app->store, LANE_INTERACTIVE, rewrap, change));
	if (code == EXIT_FINE)
		printf(line->json ? "{\"key\":\"%s\"}\n" : "the store opens with key %s from now on, and with no other\n", to.id);
	key_file_wipe(&to);
	return code;
}

int command_key(struct command_line *line)
{
	bool again = line->word_count == 1 && strcmp(line->words[0], "rewrap") == 0 && line->new_key_file;
	if (!again && (line->word_count != 1 || strcmp(line->words[0], "rotate") != 0)) {
		fprintf(stderr, "usage: songhe key rotate --store STORE [--key-file FILE]\n"
		                "       songhe key rewrap --new-key-file FILE --store STORE [--key-file FILE]\n");
		return EXIT_USAGE;
	}
	enum store_open_result result;
	struct store_options options = { .url = line->store, .clock = &line->clock };
	struct app *app = app_open(&options, &line->keys, line->modules, line->module_count, &result);
	if (!app)
		return command_exit_of(result, line->store);
	struct change change = { .app = app, .actor = actor_local(app->home_district, app->home_area) };
	int code = again ? rewrap_keys(line, &change) : rotate_keys(line, &change);
	app_close(app);
	return code;
}
