/* SPDX-License-Identifier: Apache-2.0 */
/* exchange.c - one request: from its headers over its body to its answer. */
#include "edge/http.h"

#include "base/log.h"
#include "engine/file_store.h"
#include "engine/session.h"
#include "base/disk.h"
#include "base/temporary.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

enum { INLINE_READ_MS = 5, URL_MAX = 2048, DRAIN_BYTES_MAX = 16 << 20 };

/* Asking who sends this comes before the body, for some; then known, and the body is read. */
enum stage { READING, ASKING, KNOWN, WORKING, READY };

struct exchange {
	struct loop *loop;
	struct MHD_Connection *connection;
	struct arena arena;
	struct call call;
	struct command command;
	struct piped piped;
	struct job job;
	enum stage stage;
	const char *allow; /* for 405 */
	struct text host; /* whom the peer asked for */
	bool head; /* HEAD: a GET whose body is not sent */
	bool last; /* the connection ends behind this answer */
	bool expects; /* the peer sends its body when it is told to */
	bool discard; /* the answer is known: the body is read and dropped */
	struct buf body;
	size_t body_max;
	int spool; /* a large body goes to an unnamed file; -1: none */
	size_t spooled;
	void *mapped;
};

struct peer *exchange_peer(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void set_deadline(struct exchange *ex, int64_t in_ms)
{
	struct peer *peer = exchange_peer(ex->connection);
	if (!peer)
		return;
	peer->moved_ms = clock_steady_ms();
	peer->deadline_ms = in_ms ? peer->moved_ms + in_ms : INT64_MAX;
}

/* ---- the beginning ---- */

static const char *const method_names[] = { "GET", "POST", "PATCH", "DELETE" };

static enum method method_of(const char *name)
{
	for (size_t i = 0; i < COUNT(method_names); i++)
		if (strcmp(name, method_names[i]) == 0)
			return (enum method)i;
	return strcmp(name, "HEAD") == 0 ? METHOD_GET : METHOD_OTHER;
}

static enum MHD_Result take_pair(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
                                 size_t value_len)
{
	struct call *call = &((struct exchange *)cls)->call;
	(void)kind;
	struct text text = { value ? value : "", value ? value_len : 0 };
	if (call->pair_count == QUERY_PAIRS_MAX || text_utf8_length(text) == SIZE_MAX) {
		call_problem(call, PROBLEM_BAD_REQUEST);
		return MHD_NO;
	}
	call->pairs[call->pair_count++] = (struct pair){ { name, name_len }, text };
	return MHD_YES;
}

/* The path of a target. In absolute form, as a proxy writes it, the host is the one in the target (RFC 9112, 3.2.2). */
static const char *path_of(struct exchange *ex, const char *url)
{
	size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
	ex->host = request_header(ex->connection, "Host");
	if (scheme == 0)
		return url;
	ex->host = (struct text){ url + scheme, strcspn(url + scheme, "/") };
	if (ex->host.len == 0 || memchr(ex->host.ptr, '@', ex->host.len))
		call_problem(&ex->call, PROBLEM_BAD_REQUEST);
	return url[scheme + ex->host.len] ? url + scheme + ex->host.len : "/";
}

static void find_route(struct exchange *ex, const char *url, const char *method_name)
{
	struct call *call = &ex->call;
	enum method method = method_of(method_name);
	bool known;
	if (strlen(url) > URL_MAX) {
		call_problem(call, PROBLEM_URI_TOO_LONG);
		return;
	}
	ex->head = strcmp(method_name, "HEAD") == 0;
	url = path_of(ex, url);
	call->route = app_route(call->app, method, text_of(url), &call->id, &known);
	if (call->route)
		return;
	call_problem(call, known ? PROBLEM_METHOD_NOT_ALLOWED : PROBLEM_NOT_FOUND);
	struct buf allow = buf_in(&ex->arena, 64, 64);
	for (enum method other = METHOD_GET; known && other < METHOD_OTHER; other++) {
		int64_t id;
		bool ignored;
		if (!app_route(call->app, other, text_of(url), &id, &ignored))
			continue;
		buf_text(&allow, allow.len ? TEXT(", ") : TEXT(""));
		buf_text(&allow, other == METHOD_GET ? TEXT("GET, HEAD") : text_of(method_names[other]));
	}
	ex->allow = known ? text_z(&ex->arena, buf_done(&allow)) : NULL;
}

static void find_actor(struct exchange *ex)
{
	struct call *call = &ex->call;
	if (ex->loop->face->local) {
		call->actor = actor_local(call->app->home_district, call->app->home_area);
		call->signed_in = true;
		return;
	}
	const char *name = call->app->secure_cookie ? "__Host-songhe" : "songhe";
	call->bearer = request_bearer(ex->connection, &call->session_token);
	if (!call->bearer)
		call->session_token = text_of(MHD_lookup_connection_value(ex->connection, MHD_COOKIE_KIND, name));
	bool known = session_known(call->app, call);
	if (call->route->open ? call->route->method == METHOD_POST : call->bearer && !known) {
		call->agent = request_agent(ex->connection, &ex->arena);
		call->address = request_address(ex->connection, &ex->arena, ex->loop->face->http->options.behind_proxy != NULL);
	}
}

static void check_body_headers(struct exchange *ex)
{
	static const size_t body_most[] = { [UPLOAD_NONE] = BODY_BYTES_MAX, [UPLOAD_TABLE] = IMPORT_BYTES_MAX,
		                            [UPLOAD_FILE] = FILE_BYTES_MAX };
	struct call *call = &ex->call;
	struct text length = request_header(ex->connection, "Content-Length");
	int64_t bytes = 0;
	bool chunked = request_header(ex->connection, "Transfer-Encoding").ptr != NULL;
	const struct route *route = call->route;
	ex->body_max = !route ? BODY_BYTES_MAX : route->body_max ? route->body_max : body_most[route->upload];
	if (length.ptr && !text_to_int(length, INT64_MAX, &bytes))
		call_problem(call, PROBLEM_BAD_REQUEST);
	else if (bytes > (int64_t)ex->body_max) {
		call_problem(call, PROBLEM_TOO_LARGE);
		ex->last = bytes > DRAIN_BYTES_MAX;
	}
	else if (route && (bytes > 0 || chunked) && route->method != METHOD_GET)
		request_check_type(ex->connection, call);
}

static void begin(struct exchange *ex, const char *url, const char *method)
{
	struct call *call = &ex->call;
	find_route(ex, url, method);
	if (!request_framing_is_clear(ex->connection, method)) {
		call_problem(call, PROBLEM_BAD_REQUEST);
		ex->last = true;
	}
	MHD_get_connection_values_n(ex->connection, MHD_GET_ARGUMENT_KIND, take_pair, ex);
	if (call->problem == PROBLEM_NONE)
		check_body_headers(ex);
	/* What comes with a token in its header was not made by a browser on somebody's behalf. */
	if (call->problem == PROBLEM_NONE && call->route->method != METHOD_GET && !ex->loop->face->local &&
	    !request_bearer(ex->connection, &(struct text){ 0 }) && request_is_from_elsewhere(ex->connection, ex->host))
		call_problem(call, PROBLEM_CROSS_SITE);
	if (call->problem == PROBLEM_NONE) {
		find_actor(ex);
		call->if_match = request_header(ex->connection, "If-Match");
		call->idempotency_key = request_header(ex->connection, "Idempotency-Key");
		call->last_event_id = request_header(ex->connection, "Last-Event-ID");
	}
	ex->expects = request_word_is(request_header(ex->connection, "Expect"), "100-continue");
}

/* ---- the body ---- */

static bool spool(struct exchange *ex, const char *bytes, size_t len)
{
	if (ex->spool < 0)
		ex->spool = temporary_file();
	if (ex->spool < 0)
		return false;
	if (!disk_write(ex->spool, (struct text){ bytes, len }))
		return false;
	ex->spooled += len;
	return true;
}

static void take_body(struct exchange *ex, const char *bytes, size_t len)
{
	struct call *call = &ex->call;
	struct peer *peer = exchange_peer(ex->connection);
	if (peer)
		peer->moved_ms = clock_steady_ms();
	size_t have = call->route && call->route->upload ? ex->spooled : ex->body.len;
	if (ex->discard)
		return;
	if (len > ex->body_max - have) {
		call_problem(call, PROBLEM_TOO_LARGE);
		ex->discard = true;
	} else if (call->route->upload) {
		if (!spool(ex, bytes, len)) {
			log_error("upload: cannot keep it in %s: %s", temporary_directory(), strerror(errno));
			call_problem(call, PROBLEM_STORAGE_FULL);
			ex->discard = true;
		}
	} else {
		if (!ex->body.ptr)
			ex->body = buf_in(&ex->arena, 1024, ex->body_max);
		buf_add(&ex->body, bytes, len);
	}
}

/* Only for somebody who may use the route: reading JSON costs far more than refusing it. */
static bool parse_body(struct exchange *ex)
{
	struct call *call = &ex->call;
	if (call->route->upload) {
		if (ex->spooled > 0) {
			ex->mapped = mmap(NULL, ex->spooled, PROT_READ, MAP_PRIVATE, ex->spool, 0);
			if (ex->mapped == MAP_FAILED) {
				ex->mapped = NULL;
				call_problem(call, PROBLEM_INTERNAL);
				return false;
			}
		}
		call->raw = (struct text){ ex->mapped ? ex->mapped : "", ex->spooled };
		call->raw_fd = ex->spool;
		return true;
	}
	call->raw = ex->body.ptr ? buf_done(&ex->body) : TEXT("");
	if (call->route->method == METHOD_GET)
		return true;
	call->body = call->raw.len == 0 ? json_object() : NULL;
	enum json_wrong wrong = call->body ? JSON_FINE : json_read(call->raw, BODY_DEPTH_MAX, &call->body);
	if (wrong == JSON_FINE && json_is_object(call->body))
		return true;
	static const struct {
		enum problem problem;
		const char *zh, *en;
	} words[] = {
		[JSON_FINE] = { PROBLEM_MALFORMED_JSON, "内容应是一个对象", "An object is expected" },
		[JSON_MALFORMED] = { PROBLEM_MALFORMED_JSON, NULL, NULL },
		[JSON_TOO_DEEP] = { PROBLEM_MALFORMED_JSON, "嵌套过深", "Nested too deeply" },
		[JSON_TOO_MANY] = { PROBLEM_TOO_LARGE, "内容中的值太多", "Too many values" },
	};
	call_problem_detail(call, words[wrong].problem, text_of(words[wrong].zh), text_of(words[wrong].en));
	return false;
}

/* ---- the work ---- */

static void ready(struct exchange *ex)
{
	struct http *http = ex->loop->face->http;
	struct peer *peer = exchange_peer(ex->connection);
	if (peer)
		peer->working = false;
	__atomic_store_n(&ex->stage, ex->stage == ASKING ? KNOWN : READY, __ATOMIC_RELEASE);
	loop_resume(ex->loop, ex->connection);
	http->working--; /* the last of all: the server may stop now, and the exchange be gone */
}

static void command_done(struct command *command, enum store_code code)
{
	struct exchange *ex = (struct exchange *)(void *)((char *)command - offsetof(struct exchange, command));
	app_settle(&ex->call, code);
	ready(ex);
}

static void run_job(struct job *job)
{
	struct exchange *ex = (struct exchange *)(void *)((char *)job - offsetof(struct exchange, job));
	if (app_admits(ex->call.app, &ex->call) && parse_body(ex))
		app_answer(ex->call.app, &ex->call);
	ready(ex);
}

static void run_asking(struct job *job)
{
	struct exchange *ex = (struct exchange *)(void *)((char *)job - offsetof(struct exchange, job));
	app_admits(ex->call.app, &ex->call);
	ready(ex);
}

static void suspend(struct exchange *ex, enum stage stage)
{
	struct peer *peer = exchange_peer(ex->connection);
	if (peer)
		peer->working = true;
	set_deadline(ex, 0);
	ex->loop->face->http->working++;
	ex->stage = stage;
	MHD_suspend_connection(ex->connection);
}

/* The connection is suspended. */
static void submit(struct exchange *ex, struct job job)
{
	ex->job = job;
	if (!pool_submit(store_pool(ex->call.app->store), &ex->job)) {
		app_settle(&ex->call, STORE_BUSY);
		ready(ex);
	}
}

static void run_on_pool(struct exchange *ex)
{
	submit(ex, (struct job){ .run = run_job, .lane = ex->call.route->bulk ? LANE_BULK : LANE_INTERACTIVE });
}

/* A large upload is not taken from somebody who may not send it, and nobody is told to go on for nothing. True: the
 * connection sleeps until that is known. */
static bool ask_first(struct exchange *ex)
{
	struct call *call = &ex->call;
	if (call->problem != PROBLEM_NONE || (!call->route->upload && !ex->expects))
		return false;
	if (call->signed_in || !call->session_token.ptr || store_reads_inline(call->app->store)) {
		app_admits(call->app, call);
		return false;
	}
	suspend(ex, ASKING);
	submit(ex, (struct job){ .run = run_asking, .lane = LANE_INTERACTIVE });
	return true;
}

static void read_done(struct piped *piped, enum store_code code)
{
	struct exchange *ex = (struct exchange *)(void *)((char *)piped - offsetof(struct exchange, piped));
	if (code == STORE_BUDGET) {
		call_again(&ex->call);
		run_on_pool(ex);
		return;
	}
	app_settle(&ex->call, code);
	ready(ex);
}

/* Reads without waiting: on this loop's own connection within a small budget (SQLite), or through its pipe. False: it
 * takes more than that. *waits: the connection sleeps. */
static bool read_here(struct exchange *ex, bool *waits)
{
	struct call *call = &ex->call;
	enum store_code code;
	*waits = false;
	if (ex->loop->pipe) {
		ex->piped = (struct piped){ .run = app_run_read, .arg = call, .done = read_done };
		code = store_pipe_read(ex->loop->pipe, &ex->piped, waits);
	} else {
		code = store_read(call->app->store, INLINE_READ_MS, app_run_read, call);
	}
	if (*waits)
		suspend(ex, WORKING);
	else if (code == STORE_BUDGET)
		call_again(call);
	else
		app_settle(call, code);
	return *waits || code != STORE_BUDGET;
}

/* False: the answer is there. True: the connection sleeps until then, and may be awake already on another thread. */
static bool dispatch(struct exchange *ex)
{
	struct call *call = &ex->call;
	struct store *store = call->app->store;
	bool inline_reads = store_reads_inline(store), waits;
	if (!call->signed_in && !call->route->open && call->session_token.ptr) {
		if (!inline_reads) {
			suspend(ex, WORKING);
			run_on_pool(ex);
			return true;
		}
		session_load(call->app, call);
	}
	if (!app_allows(call))
		return false;
	if (call->route->kind == ROUTE_COMMAND && inline_reads) {
		if (!parse_body(ex))
			return false;
		ex->command = (struct command){ .run = app_run_command, .arg = call, .done = command_done,
			                        .job.lane = LANE_INTERACTIVE };
		suspend(ex, WORKING);
		store_submit(store, &ex->command);
		return true;
	}
	if (call->route->kind == ROUTE_READ && (inline_reads || ex->loop->pipe) && read_here(ex, &waits))
		return waits;
	suspend(ex, WORKING);
	run_on_pool(ex);
	return true;
}

/* ---- the answer ---- */

enum { CONTENT_PIECE = 64 * 1024 };

/* Content while it is sent, with the connection that goes on as long as it is read. */
struct sending {
	struct content *content;
	struct MHD_Connection *connection;
};

static ssize_t read_content(void *cls, uint64_t at, char *to, size_t most)
{
	struct sending *sending = cls;
	struct peer *peer = exchange_peer(sending->connection);
	ssize_t n = sending->content->read(sending->content, (int64_t)at, to, most);
	if (peer)
		peer->deadline_ms = clock_steady_ms() + ANSWER_MS;
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void close_content(void *cls)
{
	struct sending *sending = cls;
	sending->content->close(sending->content);
	free(sending);
}

static struct MHD_Response *content_response(struct exchange *ex)
{
	struct sending *sending = malloc(sizeof *sending);
	if (!sending)
		return NULL;
	*sending = (struct sending){ ex->call.content, ex->connection };
	struct MHD_Response *response = MHD_create_response_from_callback((uint64_t)ex->call.content->size, CONTENT_PIECE, read_content,
	                                                                  sending, close_content);
	if (response)
		ex->call.content = NULL;
	else
		free(sending);
	return response;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	MHD_add_response_header(response, name, value);
}

/* RFC 8187, 3.2.1. */
static struct text percent_encoded(struct arena *arena, struct text text)
{
	struct buf out = buf_in(arena, 3 * text.len + 1, 3 * text.len + 1);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
			buf_char(&out, (char)c);
		else
			buf_printf(&out, "%%%02X", c);
	}
	return buf_done(&out);
}

/* RFC 6266: with a plain name for those who do not read the other one. */
static const char *disposition(struct arena *arena, struct text name)
{
	const char *dot = memrchr(name.ptr, '.', name.len);
	struct text end = dot ? (struct text){ dot, name.len - (size_t)(dot - name.ptr) } : TEXT("");
	return text_printf(arena, "attachment; filename=\"songhe%.*s\"; filename*=UTF-8''%.*s", TEXT_ARG(end),
	                   TEXT_ARG(percent_encoded(arena, name))).ptr;
}

static void add_headers(struct exchange *ex, struct MHD_Response *response)
{
	struct call *call = &ex->call;
	struct arena *arena = &ex->arena;
	if (call->status != 204)
		add_header(response, "Content-Type", call->content_type);
	add_header(response, "Cache-Control", "no-store");
	add_header(response, "X-Content-Type-Options", "nosniff");
	add_header(response, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
	if (call->app->secure_cookie)
		add_header(response, "Strict-Transport-Security", "max-age=31536000");
	if (call->version)
		add_header(response, "ETag", text_printf(arena, "\"%lld\"", (long long)call->version).ptr);
	if (call->location.ptr)
		add_header(response, "Location", text_z(arena, call->location));
	if (call->set_cookie.ptr)
		add_header(response, "Set-Cookie", text_z(arena, call->set_cookie));
	if (call->file_name.ptr)
		add_header(response, "Content-Disposition", disposition(arena, call->file_name));
	if (call->replayed)
		add_header(response, "Idempotency-Replayed", "true");
	if (call->retry_after_s && (call->status == 429 || call->status == 503))
		add_header(response, "Retry-After", text_printf(arena, "%u", call->retry_after_s).ptr);
	if (ex->allow)
		add_header(response, "Allow", ex->allow);
	if (ex->loop->face->http->draining || ex->last)
		add_header(response, "Connection", "close");
}

static struct MHD_Response *event_response(struct exchange *ex)
{
	struct call *call = &ex->call;
	int64_t after = -1;
	call->status = 200;
	call->content_type = "text/event-stream";
	if (ex->head)
		return MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);
	if (call->last_event_id.ptr && !text_to_int(call->last_event_id, call->journal_head, &after))
		after = -1; /* a position that does not exist is of another store */
	return events_response(ex->loop, ex->connection, &call->actor, call->session_token, after);
}

static struct MHD_Response *response_of(struct exchange *ex)
{
	struct call *call = &ex->call;
	if (call->problem == PROBLEM_NONE && call->content)
		return content_response(ex);
	if (call->problem == PROBLEM_NONE && call->status == 0)
		call_problem(call, PROBLEM_INTERNAL);
	if (call->out.overflow)
		call_problem(call, PROBLEM_TOO_SLOW);
	if (call->problem != PROBLEM_NONE)
		call_write_problem(call);
	bool empty = call->status == 204 || !call->out.ptr;
	return MHD_create_response_from_buffer(empty ? 0 : call->out.len, empty ? "" : call->out.ptr, MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_answer(struct exchange *ex)
{
	struct call *call = &ex->call;
	bool events = call->problem == PROBLEM_NONE && call->status == 0 && call->route->kind == ROUTE_STREAM;
	struct MHD_Response *response = events ? event_response(ex) : response_of(ex);
	if (!response)
		return MHD_NO;
	if (!events || ex->head)
		set_deadline(ex, ANSWER_MS); /* an answer that nobody reads does not keep its connection */
	add_headers(ex, response);
	enum MHD_Result result = MHD_queue_response(ex->connection, (unsigned)call->status, response);
	MHD_destroy_response(response);
	ex->loop->face->http->answered[call->status / 100 % 6]++;
	return result;
}

static struct exchange *exchange_new(struct loop *loop, struct MHD_Connection *connection)
{
	struct peer *peer = exchange_peer(connection);
	struct exchange *ex = peer ? peer->spare : NULL;
	struct arena arena = arena_new(CALL_ARENA_MAX);
	if (ex) {
		peer->spare = NULL;
		arena = ex->arena;
	} else if (!(ex = malloc(sizeof *ex))) {
		return NULL;
	}
	*ex = (struct exchange){ .loop = loop, .connection = connection, .spool = -1, .arena = arena };
	call_start(&ex->call, loop->face->http->app, &ex->arena);
	return ex;
}

void exchange_free(struct exchange *ex)
{
	if (ex)
		arena_free(&ex->arena);
	free(ex);
}

/* The headers are settled. What is far too large, of unclear length, or has not been sent yet is not read: the answer goes out
 * and the connection ends. */
static enum MHD_Result go_on(struct exchange *ex)
{
	ex->stage = READING;
	ex->discard = ex->call.problem != PROBLEM_NONE;
	ex->last = ex->last || (ex->discard && ex->expects);
	set_deadline(ex, ex->body_max > BODY_BYTES_MAX ? UPLOAD_MS : BODY_MS);
	return ex->last ? send_answer(ex) : MHD_YES;
}

enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **request)
{
	struct exchange *ex = *request;
	(void)version;
	if (!ex) {
		*request = ex = exchange_new(cls, connection);
		if (!ex)
			return MHD_NO;
		begin(ex, url, method);
		/* Asleep, it may be known already; libmicrohttpd comes back when it wakes up, and not earlier. */
		return ask_first(ex) ? MHD_YES : go_on(ex);
	}
	enum stage stage = __atomic_load_n(&ex->stage, __ATOMIC_ACQUIRE);
	if (stage == KNOWN)
		return go_on(ex);
	if (*upload_size > 0) {
		take_body(ex, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (stage == READING && !ex->discard && dispatch(ex))
		return MHD_YES;
	return send_answer(ex);
}

void exchange_completed(void *cls, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode how)
{
	struct exchange *ex = *request;
	struct peer *peer = exchange_peer(connection);
	(void)cls;
	(void)how;
	if (peer) {
		peer->idle_since_ms = clock_steady_ms();
		peer->deadline_ms = peer->idle_since_ms + IDLE_KEEP_MS;
	}
	if (!ex)
		return;
	call_end(&ex->call);
	if (ex->mapped)
		munmap(ex->mapped, ex->spooled);
	if (ex->spool >= 0)
		close(ex->spool);
	*request = NULL;
	if (peer && !peer->spare) {
		arena_reset(&ex->arena);
		peer->spare = ex;
	} else {
		exchange_free(ex);
	}
}
