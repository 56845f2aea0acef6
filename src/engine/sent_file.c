/* SPDX-License-Identifier: Apache-2.0 */
/* sent_file.c - an answer that is made as a file first, and then sent. */
#include "engine/sent_file.h"

#include "base/log.h"
#include "base/temporary.h"
#include "base/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t bytes_max = INT64_C(2) << 30;

bool sent_file_open(struct sent_file *file)
{
	*file = (struct sent_file){ .fd = temporary_file() };
	if (file->fd < 0)
		log_error("a file cannot be made in %s: %s", temporary_directory(), strerror(errno));
	return file->fd >= 0;
}

static enum store_code refuse_size(struct call *call)
{
	return call_problem_detail(call, PROBLEM_TOO_LARGE, TEXT("内容过大，请缩小范围"), TEXT("Too much: narrow it down"));
}

enum store_code sent_file_write(struct sent_file *file, struct call *call, struct text bytes)
{
	if (file->bytes + (int64_t)bytes.len > bytes_max)
		return refuse_size(call);
	if (!disk_write(file->fd, bytes)) {
		log_error("a file cannot be written in %s: %s", temporary_directory(), strerror(errno));
		return STORE_FULL;
	}
	file->bytes += (int64_t)bytes.len;
	return STORE_OK;
}

enum store_code sent_file_measure(struct sent_file *file, struct call *call)
{
	struct stat is;
	if (fstat(file->fd, &is) != 0)
		return STORE_BROKEN;
	file->bytes = is.st_size;
	return file->bytes > bytes_max ? refuse_size(call) : STORE_OK;
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
