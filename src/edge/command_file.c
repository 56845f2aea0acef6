/* SPDX-License-Identifier: Apache-2.0 */
/* command_file.c - an answer that a command keeps as a file. */
#include "edge/commands.h"

#include "edge/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int command_keep(struct command_line *line, const char *command, const char *path, int (*ask)(struct command_line *line, const void *arg),
                 const void *arg, int64_t *bytes)
{
	struct stat is = { .st_size = 0 };
	const char *part = text_printf(&line->arena, "%s.part", path).ptr;
	line->out_fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (line->out_fd < 0) {
		fprintf(stderr, "songhe %s: cannot write %s: %s\n", command, part, strerror(errno));
		return EXIT_DISK;
	}
	progress_begin();
	progress_interrupted(NULL, part);
	int code = ask(line, arg);
	progress_end();
	bool kept = code == EXIT_FINE && fsync(line->out_fd) == 0 && fstat(line->out_fd, &is) == 0 && rename(part, path) == 0;
	if (code == EXIT_DISK || (code == EXIT_FINE && !kept)) {
		fprintf(stderr, "songhe %s: cannot write %s: %s\n", command, path, strerror(errno));
		code = EXIT_DISK;
	}
	if (!kept)
		unlink(part);
	progress_interrupted(NULL, NULL);
	close(line->out_fd);
	line->out_fd = -1;
	*bytes = is.st_size;
	return code;
}
