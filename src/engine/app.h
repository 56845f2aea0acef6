/* SPDX-License-Identifier: Apache-2.0 */
/* app.h - what lives as long as the process: the store, the capabilities, the sessions, the feed. */
#ifndef ENGINE_APP_H
#define ENGINE_APP_H

#include "engine/about.h"
#include "engine/call.h"
#include "engine/resource.h"

struct guesses;
struct sessions;
struct shown;
struct feed;
struct job_kind;
struct jobs;
struct periodic;
struct timer_kind;
struct timers;
struct sender;
struct keys;
struct keys_wish;
struct checkpoints;

enum route_kind {
	ROUTE_READ, /* `read` with a reader */
	ROUTE_COMMAND, /* `command` in a transaction */
	ROUTE_TASK, /* `task` on a thread that may wait; it reads and commands by itself */
	ROUTE_STREAM /* an event stream; answered by edge/ */
};

/* What a body is that is not JSON: kept in a file while it comes. */
enum upload {
	UPLOAD_NONE,
	UPLOAD_TABLE, /* CSV text or an XLSX workbook, up to IMPORT_BYTES_MAX */
	UPLOAD_FILE /* a picture or a PDF up to FILE_BYTES_MAX (file_store.h) */
};

struct route {
	enum method method;
	const char *path; /* {id} stands for one record number */
	const char *permission; /* NULL: being signed in is enough */
	enum route_kind kind;
	read_fn *read; /* arg is the struct call */
	command_fn *command; /* arg is the struct call */
	void (*task)(struct call *call);
	bool open; /* answers those who are not signed in */
	bool in_person; /* not with a token */
	unsigned before; /* duties (1 << DUTY_PASSWORD ...) that do not keep from it */
	enum upload upload;
	bool bulk; /* slow: it never keeps all threads from what people wait for */
	unsigned body_max; /* of the JSON, in bytes; 0: BODY_BYTES_MAX */
	const struct job_kind *job; /* the kind of job that it asks for */
	const struct about *about;
	/* set by the app: */
	const struct shape *shape; /* whose records it is about */
	const struct operation *operation; /* as which it was declared */
	const struct move *move; /* that it makes */
	unsigned permission_number;
	struct text before_id, behind_id; /* of its path; the second is missing where it has no {id} */
};

/* What can be done with the records of every resource: a route behind the resource's path. */
struct operation {
	enum method method;
	const char *path; /* "", "/{id}", "/import" ... */
	enum right right; /* that it needs */
	enum route_kind kind;
	read_fn *read;
	command_fn *command;
	void (*task)(struct call *call);
	enum upload upload;
	bool bulk; /* slow: it never keeps all threads from what people wait for */
	const char *zh, *en; /* what it does */
	bool (*has)(const struct shape *shape); /* whether a resource has it; NULL: every one has */
	const struct about *about;
};

/* One capability. */
struct module {
	const char *name;
	const char *file; /* __FILE__: where to look for what is wrong in it */
	const struct resource *const *resources;
	size_t resource_count;
	const struct route *routes; /* beside those that every resource has */
	size_t route_count;
	const struct grant *grants; /* of the permissions that these routes ask for */
	size_t grant_count;
	const struct operation *operations; /* more of those that every resource has */
	size_t operation_count;
	const struct reaction *reactions; /* by which its records follow others */
	size_t reaction_count;
	const struct schema *schema; /* tables that are no resources */
	const struct job_kind *jobs; /* each with a route of its own (engine/job.h) */
	size_t job_count;
	const struct timer_kind *timers; /* what can be due for a record (engine/timer.h) */
	size_t timer_count;
	const struct periodic *periodics; /* what is done again and again in each district */
	size_t periodic_count;
	const char *journalled; /* a name in journal lines beside the resources', and the permission to see such lines in the feed */
	const char *journalled_permission;
};

struct app {
	struct store *store;
	const struct module *const *modules;
	size_t module_count;
	struct arena arena; /* of what is laid out at the start */
	struct access access;
	struct shape **shapes;
	size_t shape_count;
	struct route *routes;
	size_t route_count;
	struct text openapi; /* the description of the API; a server has it */
	struct sessions *sessions;
	struct guesses *guesses;
	struct shown *shown;
	struct feed *feed;
	const char *files; /* the directory of files; NULL: there is none */
	struct keys *keys; /* a store that is only read (verify) is opened without any */
	struct checkpoints *_Atomic checkpoints; /* NULL: none are written */
	struct jobs *_Atomic jobs; /* NULL: none are carried out here */
	struct timers *_Atomic timers; /* NULL: none are fired here */
	struct sender *_Atomic sender; /* of edge/; NULL: no messages are sent from here */
	bool demo; /* a demonstration store: ID cards of no real area are fine */
	bool secure_cookie; /* behind TLS */
	unsigned home_district; /* for whom the operator of this machine acts: the store's only district, or the one named */
	int64_t home_area;
	struct job tending;
	_Atomic bool tends;
	_Atomic bool stopping; /* who does long work ends it where it may be cut */
};

/* Opens the store with the schema of all modules, its keys, sessions and feed. NULL with a reason in *result. */
struct app *app_open(const struct store_options *options, const struct keys_wish *wish, const struct module *const *modules,
                     size_t count, enum store_open_result *result);
void app_close(struct app *app);

/* The app as far as declarations go, without a store: to be described. */
struct app *app_declared(const struct module *const *modules, size_t count);
void app_forget(struct app *app);
void app_tables(struct app *app, struct store_options *options); /* says which tables its store has */

/* The route for a path; NULL with *known_path telling whether another method exists there. */
const struct route *app_route(const struct app *app, enum method method, struct text path, int64_t *id, bool *known_path);
const struct shape *app_shape(const struct app *app, struct text resource); /* NULL: there is none */
/* The permission to see journal lines about it. */
unsigned app_feed_permission(const struct app *app, struct text resource);

/* Once a minute, on the pool: a checkpoint is written, old sessions and old idempotency keys end. */
void app_tend(struct app *app);
/* Whether the whole district is the actor's. */
bool app_covers_all(const struct app *app, const struct actor *actor);
/* Whether the actor may use the call's route; the answer stands in the call when not. */
bool app_allows(struct call *call);
/* The same, after a look for the session in the store where it is not in memory; that may wait. */
bool app_admits(struct app *app, struct call *call);
/* Carries a call out on this thread, waiting for what it needs; not on a network loop. */
void app_answer(struct app *app, struct call *call);
/* The steps of it, for those who must not wait. */
enum store_code app_run_read(struct db *db, void *call);
enum store_code app_run_command(struct tx *tx, void *call);
/* Turns a store's refusal into the call's answer, where the call has none yet. */
void app_settle(struct call *call, enum store_code code);

#endif
