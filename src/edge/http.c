/* SPDX-License-Identifier: Apache-2.0 */
/* http.c - the server's sockets and connections. */
#include "edge/http.h"

#include "base/log.h"
#include "edge/client.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, CONNECTION_BYTES = 65536, BACKLOG = 1024, DRAIN_MS = 30000, IDLE_GRACE_MS = 400, UNFINISHED_MS = 2000 };

/* ---- addresses ---- */

static bool split_address(const char *listen, char host[64], char port[8])
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : 0;
	if (!colon || len == 0 || len >= 64 || strlen(colon + 1) >= 8)
		return false;
	bool bracketed = listen[0] == '[' && listen[len - 1] == ']';
	memcpy(host, listen + bracketed, len - 2 * (size_t)bracketed);
	host[len - 2 * (size_t)bracketed] = 0;
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	int64_t number; /* getaddrinfo would fold a larger one into 16 bits */
	return text_to_int(text_of(port), 65535, &number);
}

/* Every address as IPv6, so that there is one comparison. */
static bool to_in6(const struct sockaddr *address, struct in6_addr *out)
{
	if (address->sa_family == AF_INET6) {
		*out = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
		return true;
	}
	if (address->sa_family != AF_INET)
		return false;
	*out = (struct in6_addr){ .s6_addr = { [10] = 0xFF, [11] = 0xFF } };
	memcpy(&out->s6_addr[12], &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	return true;
}

static bool read_in6(const char *name, struct in6_addr *out)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *found;
	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	bool fine = to_in6(found->ai_addr, out);
	freeaddrinfo(found);
	return fine;
}

static bool is_loopback(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static int listen_on(const struct http_options *options)
{
	char host[64], port[8];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;
	if (!split_address(options->listen, host, port) || getaddrinfo(host, port, &hints, &found) != 0) {
		log_error("serve: --listen takes ADDRESS:PORT, for example 127.0.0.1:8080");
		return -1;
	}
	struct in6_addr address;
	bool open_to_others = !to_in6(found->ai_addr, &address) || !is_loopback(&address);
	int fd = -1;
	if (open_to_others && !options->tls_cert && !options->behind_proxy) {
		log_error("serve: %s is reachable from outside: give --tls-cert and --tls-key, or --behind-proxy ADDRESS", host);
	} else {
		fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		int on = 1;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		if (bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
			log_error("serve: cannot listen on %s: %s", options->listen, strerror(errno));
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

static int listen_control(const char *path)
{
	struct sockaddr_un address;
	int dir = client_address(path, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path);
	mode_t before = umask(0177);
	bool fine = dir >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 16) == 0;
	umask(before);
	if (dir >= 0)
		close(dir);
	if (fine)
		return fd;
	log_error("serve: cannot open the command socket %s: %s", path, strerror(errno));
	close(fd);
	return -1;
}

/* ---- connections ---- */

static enum MHD_Result may_connect(void *cls, const struct sockaddr *address, socklen_t len)
{
	const struct face *face = ((struct loop *)cls)->face;
	struct in6_addr from;
	(void)len;
	if (face->local || !face->http->options.behind_proxy)
		return MHD_YES;
	return to_in6(address, &from) && memcmp(&from, &face->http->proxy, sizeof from) == 0 ? MHD_YES : MHD_NO;
}

/* Commands come from whoever may read the store's file: root, or the account the server runs under. */
static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static void peer_start(struct face *face, struct MHD_Connection *connection, void **socket_context)
{
	struct http *http = face->http;
	struct peer *peer = calloc(1, sizeof *peer);
	if (!peer)
		abort();
	peer->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	peer->idle_since_ms = clock_steady_ms();
	peer->deadline_ms = peer->idle_since_ms + HEADER_MS;
	if (face->local && !is_trusted(peer->fd))
		shutdown(peer->fd, SHUT_RDWR);
	pthread_mutex_lock(&http->peers_lock);
	peer->next = http->peers;
	peer->link = &http->peers;
	if (peer->next)
		peer->next->link = &peer->next;
	http->peers = peer;
	pthread_mutex_unlock(&http->peers_lock);
	*socket_context = peer;
}

static void peer_end(struct http *http, void **socket_context)
{
	struct peer *peer = *socket_context;
	pthread_mutex_lock(&http->peers_lock);
	*peer->link = peer->next;
	if (peer->next)
		peer->next->link = peer->link;
	pthread_mutex_unlock(&http->peers_lock);
	exchange_free(peer->spare);
	free(peer);
	*socket_context = NULL;
}

/* The first that libmicrohttpd tells of a request: its line is there. From now on its headers have their time. */
static void *request_begins(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct peer *peer = exchange_peer(connection);
	(void)cls;
	(void)target;
	if (peer) {
		peer->moved_ms = clock_steady_ms();
		peer->idle_since_ms = 0;
		peer->deadline_ms = peer->moved_ms + HEADER_MS;
	}
	return NULL;
}

static void connection_changed(void *cls, struct MHD_Connection *connection, void **socket_context,
                               enum MHD_ConnectionNotificationCode what)
{
	struct loop *loop = cls;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		loop->connections++;
		peer_start(loop->face, connection, socket_context);
	} else if (*socket_context) {
		loop->connections--;
		peer_end(loop->face->http, socket_context);
	}
}

/* While draining: a body that goes on arriving and an answer that is being read have their time; who stands still does not
 * hold a restart up. */
static bool stands_still(const struct http *http, struct peer *peer, int64_t now)
{
	int unread = 0;
	if (ioctl(peer->fd, SIOCOUTQ, &unread) == 0 && unread != peer->unread) {
		peer->unread = unread;
		peer->moved_ms = now;
	}
	int64_t moved = peer->moved_ms, since = http->draining_since_ms;
	return now - (moved > since ? moved : since) > UNFINISHED_MS;
}

/* Cuts those who take too long; while draining, also those who have been idle for a moment. */
static void sweep(struct http *http)
{
	int64_t now = clock_steady_ms();
	pthread_mutex_lock(&http->peers_lock);
	for (struct peer *peer = http->peers; peer; peer = peer->next) {
		int64_t idle_since = peer->idle_since_ms;
		bool idle = http->draining && idle_since && now - idle_since > IDLE_GRACE_MS;
		bool stuck = http->draining && !peer->working && stands_still(http, peer, now);
		if (idle || stuck || now > peer->deadline_ms)
			shutdown(peer->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&http->peers_lock);
}

static void *keep_sweeping(void *arg)
{
	struct http *http = arg;
	for (unsigned tick = 0; !http->stopping; tick++) {
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 }, NULL);
		if (http->draining || tick % 10 == 0)
			sweep(http);
	}
	return NULL;
}

/* ---- starting and stopping ---- */

/* A Unix socket has no options of TCP, which it says of every answer. */
static bool is_noise(const char *format)
{
	return strstr(format, "Setting %s option to") || strstr(format, "Failed to push the data from buffers");
}

static void log_mhd(void *cls, const char *format, va_list args)
{
	const struct face *face = cls;
	char line[512];
	if (face->local && is_noise(format))
		return;
	vsnprintf(line, sizeof line, format, args);
	log_warn("http: %s", line);
}

static _Thread_local struct loop *own_loop;

static void wake(struct loop *loop)
{
	if (!atomic_exchange(&loop->woken, true))
		eventfd_write(loop->wake_fd, 1);
}

static struct loop *emptiest(struct face *face)
{
	struct loop *found = &face->loops[0];
	for (unsigned i = 1; i < face->loop_count; i++)
		if (face->loops[i].connections < found->connections)
			found = &face->loops[i];
	return found;
}

/* Left to whoever is first, one loop takes all connections that come at once, and the other processors idle. So only the
 * emptiest loops listen. */
static void take_connections(struct loop *loop)
{
	struct face *face = loop->face;
	do {
		struct sockaddr_storage address;
		socklen_t len = sizeof address;
		int fd = accept4(face->listen_fd, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
			log_error("http: no connection can be taken: %s", strerror(errno));
			nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL); /* until others have ended */
		}
		if (fd < 0)
			return;
		MHD_add_connection(loop->daemon, fd, (struct sockaddr *)&address, len);
	} while (loop->connections <= emptiest(face)->connections);
	wake(emptiest(face));
}

static void wait_for_events(struct loop *loop, struct pollfd fds[static 4])
{
	MHD_UNSIGNED_LONG_LONG timeout;
	bool writes = false;
	int wait_ms = MHD_get_timeout(loop->daemon, &timeout) != MHD_YES || timeout > 1000 ? 1000 : (int)timeout;
	fds[2].fd = loop->pipe ? store_pipe_fd(loop->pipe, &writes) : -1;
	fds[2].events = (short)(POLLIN | (writes ? POLLOUT : 0));
	loop->listens = loop->face->open && loop->connections <= emptiest(loop->face)->connections;
	fds[3].fd = loop->listens ? loop->face->listen_fd : -1;
	if (poll(fds, 4, loop->again ? 0 : wait_ms) < 0) {
		if (errno != EINTR) {
			log_error("http: poll: %s", strerror(errno));
			abort();
		}
		fds[0].revents = fds[1].revents = fds[2].revents = fds[3].revents = 0;
	}
}

/* libmicrohttpd 0.9.75's own threads wait for ever, with answers unwritten, when exactly 128 connections are ready at
 * once (after a full batch of events MHD_epoll waits again before it handles any). MHD_run never waits, so the waiting
 * is done here. */
static void *run_loop(void *arg)
{
	struct loop *loop = own_loop = arg;
	int epoll_fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	struct pollfd fds[4] = { { .fd = epoll_fd, .events = POLLIN }, { .fd = loop->wake_fd, .events = POLLIN },
		                 [3] = { .events = POLLIN } };
	while (!loop->stopping) {
		wait_for_events(loop, fds);
		eventfd_t ignored;
		if (fds[1].revents & POLLIN && eventfd_read(loop->wake_fd, &ignored) == 0)
			loop->woken = false; /* before the look at what was resumed: a later one wakes again */
		loop->again = false;
		if (fds[3].revents & POLLIN)
			take_connections(loop);
		if (loop->pipe) /* before MHD_run, which then sends the answers to what was read */
			store_pipe_turn(loop->pipe, fds[2].revents != 0);
		MHD_run(loop->daemon);
		if (loop->pipe) /* what it asked for goes out at once */
			store_pipe_turn(loop->pipe, false);
	}
	store_pipe_close(loop->pipe);
	return NULL;
}

void loop_resume(struct loop *loop, struct MHD_Connection *connection)
{
	MHD_resume_connection(connection);
	if (loop == own_loop)
		loop->again = true;
	else
		wake(loop);
}

/* As libmicrohttpd does it, but U+0000 stays escaped, so that it cannot cut an address or a value short. */
static size_t unescape(void *cls, struct MHD_Connection *connection, char *text)
{
	char *out = text;
	(void)cls;
	(void)connection;
	for (const char *in = text; *in; in++) {
		unsigned value = 0;
		bool escape = in[0] == '%';
		for (int i = 1; i <= 2 && escape; i++) {
			static const char digits[] = "0123456789abcdef";
			const char *digit = in[i] ? strchr(digits, tolower((unsigned char)in[i])) : NULL;
			escape = digit != NULL;
			value = value << 4 | (unsigned)(digit ? digit - digits : 0);
		}
		if (escape && value != 0) {
			*out++ = (char)value;
			in += 2;
		} else {
			*out++ = *in;
		}
	}
	*out = 0;
	return (size_t)(out - text);
}

static bool start_loop(struct face *face, struct loop *loop, struct tls *tls)
{
	unsigned flags = MHD_USE_NO_LISTEN_SOCKET | MHD_USE_EPOLL | MHD_USE_TURBO | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
	                 MHD_USE_ERROR_LOG;
	struct MHD_OptionItem with_tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, tls_callback() },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)"NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3" },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem plain[] = { { MHD_OPTION_END, 0, NULL } };
	loop->face = face;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->pipe = face->local ? NULL : store_pipe_open(face->http->app->store);
	loop->daemon = MHD_start_daemon(
		flags | (tls ? MHD_USE_TLS : 0), 0, may_connect, loop, exchange_handle, loop,
		MHD_OPTION_EXTERNAL_LOGGER, log_mhd, face, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_URI_LOG_CALLBACK, request_begins, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, loop, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, loop,
		MHD_OPTION_ARRAY, tls ? with_tls : plain, MHD_OPTION_END);
	return loop->daemon != NULL;
}

static bool start_face(struct face *face, int fd, unsigned threads, struct tls *tls)
{
	face->listen_fd = fd;
	for (; face->loop_count < threads; face->loop_count++)
		if (!start_loop(face, &face->loops[face->loop_count], tls))
			return false;
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&face->loops[i].thread, NULL, run_loop, &face->loops[i]) != 0)
			return false;
	face->open = true;
	wake(&face->loops[0]);
	return true;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10 * 1000 * 1000 }, NULL);
}

/* When it returns, no loop takes a connection any more: those that come wait in the socket for the next process. */
static void quiesce(struct face *face)
{
	face->open = false;
	for (unsigned i = 0; i < face->loop_count; i++) {
		wake(&face->loops[i]);
		while (face->loops[i].listens)
			nap();
	}
}

static void end_loops(struct face *face)
{
	for (unsigned i = 0; i < face->loop_count; i++) {
		face->loops[i].stopping = true;
		wake(&face->loops[i]);
		pthread_join(face->loops[i].thread, NULL);
	}
}

static void close_face(struct face *face)
{
	for (unsigned i = 0; i < face->loop_count; i++) {
		MHD_stop_daemon(face->loops[i].daemon);
		close(face->loops[i].wake_fd);
	}
}

static void http_free(struct http *http)
{
	tls_close(http->tls);
	pthread_mutex_destroy(&http->peers_lock);
	free(http);
}

struct http *http_start(struct app *app, const struct http_options *options)
{
	struct http *http = calloc(1, sizeof *http);
	if (!http)
		abort();
	http->app = app;
	http->options = *options;
	http->network = (struct face){ .http = http };
	http->control = (struct face){ .http = http, .local = true };
	pthread_mutex_init(&http->peers_lock, NULL);
	app->secure_cookie = options->tls_cert || options->behind_proxy;
	bool fine = !options->behind_proxy || read_in6(options->behind_proxy, &http->proxy);
	if (!fine)
		log_error("serve: --behind-proxy takes the proxy's numeric address");
	if (fine && options->tls_cert) {
		http->tls = tls_open(options->tls_cert, options->tls_key);
		tls_current(http->tls);
		fine = http->tls != NULL;
	}
	http->listen_fd = !fine ? -1 : options->listen_fd >= 0 ? options->listen_fd : listen_on(options);
	fine = fine && http->listen_fd >= 0 && start_face(&http->network, http->listen_fd, options->threads, http->tls);
	if (fine && options->control_path) {
		http->control_fd = listen_control(options->control_path);
		fine = http->control_fd >= 0 && start_face(&http->control, http->control_fd, 1, NULL);
	}
	if (fine && pthread_create(&http->sweeper, NULL, keep_sweeping, http) == 0)
		return http;
	log_error("serve: the server cannot start");
	http_free(http);
	return NULL;
}

static bool anybody_left(struct http *http)
{
	pthread_mutex_lock(&http->peers_lock);
	bool left = http->peers != NULL;
	pthread_mutex_unlock(&http->peers_lock);
	return left;
}

/* What is with the store is waited for beyond all limits, with a moment for the answer: it will be carried out anyway. */
static void drain(struct http *http)
{
	http->app->stopping = true;
	http->draining_since_ms = clock_steady_ms();
	http->draining = true;
	int64_t until = http->draining_since_ms + DRAIN_MS;
	while (anybody_left(http)) {
		int64_t now = clock_steady_ms();
		if (http->working > 0 && until < now + UNFINISHED_MS)
			until = now + UNFINISHED_MS;
		if (now > until)
			return;
		feed_drop_all(http->app->feed); /* each time: a stream may have begun a moment ago */
		nap();
	}
}

/* libmicrohttpd ends the process rather than stop beneath a suspended connection. Without loops none is suspended any more. */
static void wake_all(struct http *http)
{
	feed_drop_all(http->app->feed);
	while (http->working > 0)
		nap();
}

int http_stop(struct http *http, bool keep_socket)
{
	quiesce(&http->network);
	quiesce(&http->control);
	drain(http);
	http->stopping = true;
	pthread_join(http->sweeper, NULL);
	end_loops(&http->network);
	end_loops(&http->control);
	wake_all(http);
	close_face(&http->network);
	close_face(&http->control);
	if (http->options.control_path) {
		close(http->control_fd);
		unlink(http->options.control_path);
	}
	int fd = http->listen_fd;
	if (!keep_socket) {
		close(fd);
		fd = -1;
	}
	http_free(http);
	return fd;
}

void http_reload_tls(struct http *http)
{
	if (http->tls && tls_reload(http->tls))
		log_info("serve: the certificate files were read again");
}

unsigned http_port(const struct http *http)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	if (getsockname(http->listen_fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
	                                           : ((struct sockaddr_in *)(void *)&address)->sin_port);
}
