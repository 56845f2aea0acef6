/* SPDX-License-Identifier: Apache-2.0 */
/* fail_fsync.c - a disk that fails on demand, for LD_PRELOAD.
 *
 * SONGHE_DISK_FAULT names a file. While it exists, its one line says what fails and how: "CALL ERROR SUFFIX", where CALL
 * is `sync` or `write`, ERROR is `EIO` or `ENOSPC`, and SUFFIX is how the name of the file ends, for example `-wal`. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { NAME_BYTES = 4096 };

typedef int sync_fn(int fd);
typedef ssize_t pwrite_fn(int fd, const void *bytes, size_t len, off_t at);

static bool name_ends_with(int fd, const char *suffix)
{
	char link[64], name[NAME_BYTES];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, name, sizeof name);
	size_t want = strlen(suffix);
	return len > 0 && (size_t)len >= want && memcmp(name + len - want, suffix, want) == 0;
}

/* True with errno set when this call on this file is to fail. */
static bool fails(int fd, const char *call)
{
	const char *trigger = getenv("SONGHE_DISK_FAULT");
	char line[128] = "", *rest = line;
	int file = trigger ? open(trigger, O_RDONLY | O_CLOEXEC) : -1;
	if (file < 0)
		return false;
	ssize_t len = read(file, line, sizeof line - 1);
	close(file);
	line[len > 0 ? len : 0] = 0;
	const char *what = strsep(&rest, " \n"), *how = strsep(&rest, " \n"), *where = strsep(&rest, " \n");
	if (!what || !how || !where || strcmp(what, call) != 0 || !name_ends_with(fd, where))
		return false;
	errno = strcmp(how, "ENOSPC") == 0 ? ENOSPC : EIO;
	return true;
}

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found)
		abort();
	return found;
}

static int sync_or_fail(int fd, const char *name)
{
	int before = errno;
	if (fails(fd, "sync"))
		return -1;
	errno = before;
	sync_fn *real;
	*(void **)(void *)&real = next(name);
	return real(fd);
}

int fsync(int fd)
{
	return sync_or_fail(fd, "fsync");
}

int fdatasync(int fd)
{
	return sync_or_fail(fd, "fdatasync");
}

static ssize_t write_or_fail(int fd, const void *bytes, size_t len, off_t at)
{
	int before = errno;
	if (fails(fd, "write"))
		return -1;
	errno = before;
	pwrite_fn *real;
	*(void **)(void *)&real = next("pwrite");
	return real(fd, bytes, len, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	return write_or_fail(fd, bytes, len, at);
}

/* off_t has 64 bits here. */
ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
	return write_or_fail(fd, bytes, len, at);
}
