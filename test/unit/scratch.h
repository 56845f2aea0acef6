/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - a directory of the test's own, gone with all that is in it when the test ends. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static char scratch[64];

static inline bool scratch_make(void)
{
	snprintf(scratch, sizeof scratch, "/tmp/songhe-test-XXXXXX");
	return mkdtemp(scratch) != NULL;
}

/* Of a store: the one that the test was given, else a file in the directory. */
static inline void scratch_url(char *url, size_t size)
{
	const char *given = getenv("SONGHE_TEST_STORE");
	snprintf(url, size, given ? "%s" : "sqlite:%s/test.db", given ? given : scratch);
}

static inline int scratch_remove_one(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
	(void)stat;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline int scratch_remove(void)
{
	return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
