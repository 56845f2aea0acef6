/* SPDX-License-Identifier: Apache-2.0 */
/* sent_file.c - an answer that is made as a file first, and then sent. */
#include "engine/sent_file.h"

#include "base/log.h"
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t bytes_max = INT64_C(2) << 30;

bool sent_file_open(struct sent_file *file)
{
	*file = (struct sent_file){ .fd = open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };
	if (file->fd < 0)
		log_error("a file cannot be made in %s: %s", P_tmpdir, strerror(errno));
	return file->fd >= 0;
}

enum store_code sent_file_write(struct sent_file *file, struct call *call, struct text bytes)
{
	if (file->bytes + (int64_t)bytes.len > bytes_max)
		return call_problem_detail(call, PROBLEM_TOO_LARGE, TEXT("内容过大，请缩小范围"), TEXT("Too much: narrow it down"));
	if (!disk_write(file->fd, bytes)) {
		log_error("a file cannot be written in %s: %s", P_tmpdir, strerror(errno));
		return STORE_FULL;
	}
	file->bytes += (int64_t)bytes.len;
	return STORE_OK;
}

struct content_of_file {
	struct content is;
	int fd;
};

static ssize_t read_piece(struct content *content, int64_t at, char *to, size_t most)
{
	return pread(((struct content_of_file *)content)->fd, to, most, at);
}

static void close_content(struct content *content)
{
	close(((struct content_of_file *)content)->fd);
	free(content);
}

void sent_file_answer(struct sent_file *file, struct call *call, const char *type, struct text name)
{
	struct content_of_file *content = malloc(sizeof *content);
	if (!content)
		abort();
	*content = (struct content_of_file){ { file->bytes, read_piece, close_content }, file->fd };
	file->fd = -1;
	call->content = &content->is;
	call->status = 200;
	call->content_type = type;
	call->file_name = name;
}

void sent_file_close(struct sent_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}
