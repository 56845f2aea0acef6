/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - asking the server that holds the store. */
#include "edge/client.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 8 << 20 };

int client_address(const char *path, struct sockaddr_un *address)
{
	const char *slash = strrchr(path, '/');
	char folder[4096];
	size_t len = slash ? (size_t)(slash - path) : 0;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len >= sizeof folder)
		return -1;
	memcpy(folder, path, len);
	folder[len] = 0;
	int dir = open(slash ? (len ? folder : "/") : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int name = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", dir, slash ? slash + 1 : path);
	if (dir < 0 || name < (int)sizeof address->sun_path)
		return dir;
	close(dir);
	return -1;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address;
	int dir = client_address(path, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool fine = dir >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
	if (dir >= 0)
		close(dir);
	if (fine)
		return fd;
	close(fd);
	return -1;
}

static bool send_all(int fd, struct text bytes)
{
	for (size_t done = 0; done < bytes.len;) {
		ssize_t n = send(fd, bytes.ptr + done, bytes.len - done, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static struct text receive_all(int fd, struct arena *arena)
{
	struct buf in = buf_in(arena, 65536, ANSWER_MAX);
	char block[16384];
	for (;;) {
		ssize_t n = recv(fd, block, sizeof block, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return buf_done(&in);
		buf_add(&in, block, (size_t)n);
	}
}

static struct client_answer split_answer(struct text all)
{
	struct client_answer answer = { 0 };
	const char *end = all.len ? memmem(all.ptr, all.len, "\r\n\r\n", 4) : NULL;
	int64_t status = 0;
	if (all.len < 12 || !end || !text_to_int((struct text){ all.ptr + 9, 3 }, 999, &status))
		return answer;
	answer.status = (int)status;
	answer.body = (struct text){ end + 4, all.len - (size_t)(end + 4 - all.ptr) };
	return answer;
}

struct client_answer client_ask(struct arena *arena, const char *socket_path, const char *method, const char *path,
                                const char *content_type, struct text if_match, struct text body)
{
	int fd = connect_to(socket_path);
	if (fd < 0)
		return (struct client_answer){ 0 };
	struct text head = text_printf(arena,
		"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %s\r\n%s%.*s%sContent-Length: %zu\r\n\r\n",
		method, path, content_type, if_match.ptr ? "If-Match: " : "", TEXT_ARG(if_match), if_match.ptr ? "\r\n" : "",
		body.len);
	bool sent = send_all(fd, head) && send_all(fd, body);
	struct client_answer answer = split_answer(receive_all(fd, arena));
	answer.reached = true;
	if (!sent && !answer.status)
		log_error("the server broke off");
	close(fd);
	return answer;
}
