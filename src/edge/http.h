/* SPDX-License-Identifier: Apache-2.0 */
/* http.h - the server: sockets and connections (http.c), one request (exchange.c) and its headers (request.c), event streams
 * (events.c), TLS (tls.c). */
#ifndef EDGE_HTTP_H
#define EDGE_HTTP_H

#include "engine/app.h"
#include "engine/feed.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>

extern const struct module import_module, page_module;

struct http;

struct http_options {
	const char *listen; /* ADDR:PORT */
	int listen_fd; /* handed over by the process before; -1: make one */
	const char *tls_cert, *tls_key; /* PEM files; NULL: plain */
	const char *behind_proxy; /* only this address may connect; NULL: anybody, which needs loopback or TLS */
	unsigned threads;
	const char *control_path; /* Unix socket for commands, or NULL */
};

/* NULL: logged. */
struct http *http_start(struct app *app, const struct http_options *options);
/* Stops accepting, answers what is under way with Connection: close, ends streams and imports, then stops. With `keep_socket` the
 * listening socket stays open for the next process (its number is returned), else -1. */
int http_stop(struct http *http, bool keep_socket);
void http_reload_tls(struct http *http);
unsigned http_port(const struct http *http);

/* ---- inside ---- */

struct exchange; /* one request */
struct loop; /* one thread of the server */

/* One connection. `deadline_ms` (steady): when it is cut because its peer takes too long. */
struct peer {
	int fd;
	_Atomic int64_t deadline_ms;
	_Atomic int64_t idle_since_ms; /* 0: a request is under way */
	_Atomic int64_t moved_ms; /* when it last went on: the line of a request, a piece of a body, the beginning of an answer */
	int unread; /* bytes of an answer, when last looked at */
	_Atomic bool working; /* its request is with the store: the answer will come */
	struct exchange *spare; /* of the last request, with its memory, for the next one */
	struct peer *next, **link;
};

struct tls;

enum { LOOPS_MAX = 32 };

/* One of the server's two sides: the network, or the command socket. */
struct face;

/* One thread that serves a share of a face's connections. libmicrohttpd does not wake a loop that is not its own when a
 * connection is resumed: that is done here, once for many. */
struct loop {
	struct face *face;
	struct MHD_Daemon *daemon;
	struct pipe *pipe; /* for reads that would block; NULL: none would */
	pthread_t thread;
	int wake_fd; /* an eventfd */
	_Atomic bool woken, stopping;
	_Atomic bool listens; /* it takes new connections, now */
	_Atomic unsigned connections;
	bool again; /* this thread itself let a connection go on */
};

struct face {
	struct http *http;
	struct loop loops[LOOPS_MAX];
	unsigned loop_count;
	int listen_fd;
	_Atomic bool open; /* to new connections */
	bool local;
};

/* Lets a suspended connection of this loop go on; from any thread. */
void loop_resume(struct loop *loop, struct MHD_Connection *connection);

struct http {
	struct app *app;
	struct http_options options;
	struct face network, control;
	int listen_fd, control_fd;
	struct tls *tls;
	struct in6_addr proxy;
	pthread_mutex_t peers_lock;
	struct peer *peers;
	_Atomic unsigned working; /* connections suspended for the store */
	_Atomic bool draining, stopping;
	_Atomic int64_t draining_since_ms;
	pthread_t sweeper;
	_Atomic uint64_t answered[6]; /* by first digit of the status */
};

enum { HEADER_MS = 30000, BODY_MS = 60000, UPLOAD_MS = 600000, IDLE_KEEP_MS = 75000, ANSWER_MS = 120000, STALL_MS = 60000 };

/* A header's value; missing when it is not there. */
struct text request_header(struct MHD_Connection *connection, const char *name);
bool request_word_is(struct text a, const char *word); /* in letters of either case */
/* A browser tells that another site than `host` caused the request. */
bool request_is_from_elsewhere(struct MHD_Connection *connection, struct text host);
/* The token of an Authorization header; false: there is none of that kind. */
bool request_bearer(struct MHD_Connection *connection, struct text *token);
struct text request_agent(struct MHD_Connection *connection, struct arena *arena); /* what it calls itself, cut; may be missing */
/* Of the peer, or what the proxy says of its own; missing on the command socket. */
struct text request_address(struct MHD_Connection *connection, struct arena *arena, bool behind_proxy);
void request_check_type(struct MHD_Connection *connection, struct call *call); /* a type that does not fit the route is answered */
/* `method` is where the request begins in libmicrohttpd's memory. */
bool request_framing_is_clear(struct MHD_Connection *connection, const char *method);

enum MHD_Result exchange_handle(void *loop, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **request);
void exchange_completed(void *loop, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode how);
void exchange_free(struct exchange *exchange); /* NULL is fine */
struct peer *exchange_peer(struct MHD_Connection *connection);

/* A response that follows the feed from the position behind `after` (-1: from now on). */
struct MHD_Response *events_response(struct loop *loop, struct MHD_Connection *connection, const struct actor *actor,
                                     struct text session, int64_t after);

struct tls *tls_open(const char *cert, const char *key);
bool tls_reload(struct tls *tls);
void tls_close(struct tls *tls);
/* Options for the daemon: the callback finds the newest certificate for each handshake. */
void *tls_callback(void);
void tls_current(struct tls *tls);

#endif
