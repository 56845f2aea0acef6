/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h - how far a command is, for who waits at a terminal: one line on stderr, written anew a few times a second. Where
 * stderr is no terminal, nothing is written. And what is said when somebody breaks it off. A process has one. */
#ifndef EDGE_PROGRESS_H
#define EDGE_PROGRESS_H

#include <stdint.h>

enum progress_stage {
	PROGRESS_QUIET,
	PROGRESS_SENDING, /* bytes */
	PROGRESS_CHECKING, /* rows */
	PROGRESS_WRITING, /* rows, into the store */
	PROGRESS_READING, /* rows, out of it */
	PROGRESS_RECEIVING /* bytes */
};

void progress_begin(void);
void progress_end(void); /* the line is gone */
enum progress_stage progress_stage(enum progress_stage stage); /* what it was */
void progress_moved(int64_t done, int64_t total); /* of the stage; total 0: not known */
/* What SIGINT says before the process ends of it, and the file that goes with it; NULL: nothing, none. Borrowed. */
void progress_interrupted(const char *text, const char *file);

#endif
