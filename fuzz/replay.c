/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c - gives every file of the named directories to a fuzz target, where there is no fuzzer to link with. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	/* exactly as long as the input, so that a sanitizer sees a read behind its end */
	uint8_t *data = malloc(size > 0 ? size : 1);
	bool fine = file && data && fread(data, 1, size, file) == size;
	if (fine)
		LLVMFuzzerTestOneInput(data, size);
	else
		perror(path);
	free(data);
	if (file)
		fclose(file);
	return fine;
}

/* How many files were replayed, or -1. Sorted, so that every run is the same. */
static int replay_directory(const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort), replayed = 0;
	if (count < 0) {
		perror(directory);
		return -1;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];
		struct stat info;
		int len = snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
		free(entries[i]);
		if (replayed < 0 || len < 0 || (size_t)len >= sizeof path || stat(path, &info) != 0)
			replayed = -1;
		else if (S_ISREG(info.st_mode))
			replayed = replay_file(path, (size_t)info.st_size) ? replayed + 1 : -1;
	}
	free(entries);
	return replayed;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		int replayed = replay_directory(argv[i]);
		if (replayed < 0)
			return 1;
		total += replayed;
	}
	const char *name = strrchr(argv[0], '/');
	printf("%s: %d inputs replayed\n", name ? name + 1 : argv[0], total);
	return total > 0 ? 0 : 1;
}
