/* SPDX-License-Identifier: Apache-2.0 */
/* call.h - one request while it is being answered, wherever it came from. */
#ifndef ENGINE_CALL_H
#define ENGINE_CALL_H

#include "engine/access.h"
#include "engine/problem.h"

struct app;
struct input;
struct route;

#define XLSX_TYPE "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

enum method { METHOD_GET, METHOD_POST, METHOD_PATCH, METHOD_DELETE, METHOD_OTHER };

enum {
	BODY_BYTES_MAX = 1 << 20,
	IMPORT_BYTES_MAX = 512 << 20,
	BODY_DEPTH_MAX = 32,
	ANSWER_BYTES_MAX = 4 << 20,
	CALL_ARENA_MAX = 64 << 20,
	QUERY_PAIRS_MAX = 16,
	WRONG_MAX = 50
};

struct pair {
	struct text name, value;
};

/* An answer that would take much memory: it is read piece by piece while it is sent, by one thread, without waiting for more
 * than a disk. */
struct content {
	int64_t size;
	ssize_t (*read)(struct content *content, int64_t at, char *to, size_t most); /* at least one byte; -1: it cannot be read */
	void (*close)(struct content *content);
};

/* A record that changed because another did. */
struct follower {
	const char *resource, *action;
	int64_t id;
};

/* One wrong field. */
struct wrong {
	struct text pointer; /* RFC 6901 */
	const char *code;
	struct text zh, en;
};

struct call {
	struct app *app;
	struct arena *arena;
	const struct route *route;
	struct actor actor;
	bool signed_in;
	/* what was asked */
	int64_t id; /* of {id} in the path */
	struct pair pairs[QUERY_PAIRS_MAX]; /* of the query string */
	size_t pair_count;
	struct text raw; /* the body as it came */
	int raw_fd; /* the file in which it lies; -1: in none */
	json_t *body; /* an object, for those routes that take JSON; freed with the call */
	struct text if_match, idempotency_key, session_token, last_event_id;
	bool bearer; /* the token is one for programs, and came in the Authorization header */
	struct text agent, address; /* what asks, and from where; only where a session may begin */
	int64_t journal_head; /* the newest position that a stream may be asked to go on from */
	/* what is answered */
	int status;
	enum problem problem;
	struct text detail_zh, detail_en;
	struct wrong *wrongs;
	size_t wrong_count;
	struct buf out;
	struct content *content; /* instead of `out`; closed with the call, or by who sends it, who then takes it away from here */
	struct text file_name; /* under which the peer may keep the answer */
	int64_t version; /* ETag; 0: none */
	struct text location, set_cookie;
	const char *content_type;
	unsigned retry_after_s;
	bool replayed;
	struct follower *followed;
	size_t followed_count;
	unsigned depth; /* of what follows from what follows */
	struct text claimed; /* JSON array: fields that are their owner's, and were kept as claims */
	void (*moved)(int64_t done, int64_t total); /* who waits for it in this process is told how far it is; NULL: nobody */
};

void call_start(struct call *call, struct app *app, struct arena *arena);
void call_end(struct call *call); /* frees the body; the arena is the caller's */
/* Forgets the answer, so that a command may be run again. */
void call_again(struct call *call);
void call_moved(const struct call *call, int64_t done, int64_t total); /* rows; total 0: not known */
struct text call_param(const struct call *call, const char *name); /* of the query string */
/* The same where it is true or false; false: it is neither, which is answered. */
bool call_flag(struct call *call, const char *name, bool *flag);
struct json_out call_json(struct call *call, int status); /* begins a JSON answer */
/* Answers with a problem; returns STORE_REFUSED so that a command may return it. */
enum store_code call_problem(struct call *call, enum problem problem);
enum store_code call_problem_detail(struct call *call, enum problem problem, struct text zh, struct text en);
/* Adds one wrong field and makes the answer PROBLEM_INVALID. */
void call_wrong(struct call *call, struct text pointer, const char *code, struct text zh, struct text en);
/* Writes the problem document; done once, by whoever sends the answer. */
void call_write_problem(struct call *call);
/* Whether If-Match (RFC 9110 13.1.1: tags in a list, or *) names the current version; 428 or 412 is answered when not. */
enum store_code call_match(struct call *call, int64_t current);

#endif
