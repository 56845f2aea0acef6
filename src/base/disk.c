/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c - what every file needs that must be there whole. */
#include "base/disk.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool disk_write(int fd, struct text bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? ENOSPC : errno;
			return false;
		}
		bytes.ptr += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

bool disk_sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return synced;
}

bool disk_sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct arena arena = arena_new(8192);
	bool synced = disk_sync_directory(!slash ? "." : slash == path ? "/"
	                                  : text_z(&arena, (struct text){ path, (size_t)(slash - path) }));
	arena_free(&arena);
	return synced;
}
