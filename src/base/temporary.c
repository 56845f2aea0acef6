/* SPDX-License-Identifier: Apache-2.0 */
/* temporary.c - files without a name, which are gone when they are closed. */
#include "base/temporary.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *temporary_directory(void)
{
	const char *directory = secure_getenv("TMPDIR");
	return directory && *directory ? directory : P_tmpdir;
}

int temporary_file(void)
{
	const char *directory = temporary_directory();
	char path[4096];
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	/* not every file system can make one without a name */
	if (fd < 0 && (size_t)snprintf(path, sizeof path, "%s/songhe-XXXXXX", directory) < sizeof path) {
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			unlink(path);
	}
	return fd;
}
