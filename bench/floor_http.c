/* SPDX-License-Identifier: Apache-2.0 */
/* floor_http.c - a bare libmicrohttpd "hello", with the flags of the product: what no handler can beat. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static struct MHD_Response *hello;

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *upload, size_t *upload_size, void **state)
{
	(void)arg, (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
	/* An answer at the first call, before the request was read to its end, would close the connection. */
	if (!*state) {
		*state = hello;
		return MHD_YES;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, hello);
}

static long read_number(const char *source, long max)
{
	char *end;
	long value = strtol(source, &end, 10);
	return end == source || *end || value < 0 || value > max ? -1 : value;
}

/* floor_http PORT THREADS: prints "ready PORT", ends at SIGTERM or SIGINT. */
int main(int argc, char **argv)
{
	long port = argc == 3 ? read_number(argv[1], 65535) : -1, threads = argc == 3 ? read_number(argv[2], 64) : -1;
	if (port < 0 || threads < 1) {
		fputs("floor_http PORT THREADS (port 0: any free one)\n", stderr);
		return 2;
	}
	sigset_t end;
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	sigprocmask(SIG_BLOCK, &end, NULL);
	static char body[] = "hello";
	hello = MHD_create_response_from_buffer(sizeof(body) - 1, body, MHD_RESPMEM_PERSISTENT);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	struct MHD_OptionItem pool[] = {
		{ MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	if (threads == 1) /* a pool of one is refused */
		pool[0].option = MHD_OPTION_END;
	struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, (uint16_t)port,
		NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, 4096U,
		MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
	if (!hello || !daemon) {
		fputs("floor_http: cannot start\n", stderr);
		return 1;
	}
	printf("ready %u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	fflush(stdout);
	int number;
	sigwait(&end, &number);
	MHD_stop_daemon(daemon);
	MHD_destroy_response(hello);
	return 0;
}
