/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - asking the server that holds the store. */
#include "edge/client.h"

#include "base/log.h"
#include "base/disk.h"
#include "edge/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 8 << 20, SEND_BYTES = 1 << 20 };

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
	bool large = bytes.len > SEND_BYTES;
	enum progress_stage stage = large ? progress_stage(PROGRESS_SENDING) : PROGRESS_QUIET;
	size_t done = 0;
	while (done < bytes.len) {
		size_t left = bytes.len - done;
		ssize_t n = send(fd, bytes.ptr + done, left < SEND_BYTES ? left : SEND_BYTES, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
		if (large)
			progress_moved((int64_t)done, (int64_t)bytes.len);
	}
	if (large)
		progress_stage(stage);
	return done == bytes.len;
}

static ssize_t receive(int fd, char *to, size_t most)
{
	ssize_t n;
	do
		n = recv(fd, to, most, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* What came while the headers were read is there already. */
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

/* As the headers say; -1: they do not. */
static int64_t length_of(struct text all)
{
	static const char name[] = "\r\nContent-Length: ";
	const char *at = memmem(all.ptr, all.len, name, sizeof name - 1), *end;
	int64_t length;
	if (!at)
		return -1;
	at += sizeof name - 1;
	end = memchr(at, '\r', (size_t)(all.ptr + all.len - at));
	return end && text_to_int((struct text){ at, (size_t)(end - at) }, INT64_MAX, &length) ? length : -1;
}

/* The rest of an answer whose beginning is `all`, into a file. */
static void keep_rest(int fd, struct text all, struct client_answer *answer, int to_fd)
{
	char block[64 * 1024];
	struct text piece = answer->body;
	int64_t all_of_it = length_of(all), left = all_of_it;
	bool fine = left >= 0;
	progress_stage(PROGRESS_RECEIVING);
	while (fine && left > 0) {
		progress_moved(all_of_it - left, all_of_it);
		if (piece.len == 0) {
			ssize_t n = receive(fd, block, sizeof block);
			if (n <= 0) {
				log_error("the server broke off");
				answer->status = 0;
				return;
			}
			piece = (struct text){ block, (size_t)n };
		}
		fine = (int64_t)piece.len <= left && disk_write(to_fd, piece);
		left -= (int64_t)piece.len;
		piece.len = 0;
	}
	answer->kept = fine;
	answer->body = TEXT_NONE;
}

static struct client_answer receive_answer(int fd, struct arena *arena, int to_fd)
{
	struct buf in = buf_in(arena, 65536, ANSWER_MAX);
	struct client_answer answer = { 0 };
	char block[16384];
	for (;;) {
		ssize_t n = receive(fd, block, sizeof block);
		if (n <= 0)
			return split_answer(buf_done(&in));
		buf_add(&in, block, (size_t)n);
		answer = to_fd >= 0 ? split_answer(buf_done(&in)) : answer;
		if (answer.status == 200) {
			keep_rest(fd, buf_done(&in), &answer, to_fd);
			return answer;
		}
	}
}

struct client_answer client_ask(struct arena *arena, const char *socket_path, const char *method, const char *path,
                                const char *content_type, struct text if_match, struct text body, int to_fd)
{
	int fd = connect_to(socket_path);
	if (fd < 0)
		return (struct client_answer){ 0 };
	struct text head = text_printf(arena,
		"%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %s\r\n%s%.*s%sContent-Length: %zu\r\n\r\n",
		method, path, content_type, if_match.ptr ? "If-Match: " : "", TEXT_ARG(if_match), if_match.ptr ? "\r\n" : "",
		body.len);
	bool sent = send_all(fd, head) && send_all(fd, body);
	struct client_answer answer = receive_answer(fd, arena, to_fd);
	answer.reached = true;
	if (!sent && !answer.status)
		log_error("the server broke off");
	close(fd);
	return answer;
}
