/* SPDX-License-Identifier: Apache-2.0 */
/* file_store.c - files on disk, encrypted. */
#include "engine/file_store.h"

#include "base/log.h"
#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const file_types[] = { "image/jpeg", "image/png", "application/pdf", NULL };

enum { PIECE = 64 * 1024, PIECE_ARENA_MAX = 1 << 20, PATH_SIZE = 4096 };

struct file_place file_place(const struct keys *keys, const char *dir, unsigned district, int64_t id)
{
	struct file_place place = { .dir = dir, .district = district, .id = id };
	unsigned char hash[SEAL_HASH_BYTES];
	char number[24];
	snprintf(number, sizeof number, "%lld", (long long)id);
	keys_hash(keys, "file", district, text_of(number), hash);
	for (size_t i = 0; i < sizeof hash; i++)
		snprintf(place.name + 2 * i, 3, "%02x", hash[i]);
	return place;
}

static const char *path_of(char path[static PATH_SIZE], const struct file_place *place, const char *behind)
{
	snprintf(path, PATH_SIZE, "%s/%u/%.2s/%s%s", place->dir, place->district, place->name, place->name, behind);
	return path;
}

/* ---- pieces ---- */

static int64_t piece_count(int64_t bytes)
{
	return (bytes + PIECE - 1) / PIECE;
}

/* Which piece of how many it is, is sealed in with it. */
struct piece {
	struct seal_place place;
	char words[48];
};

static const struct seal_place *piece_place(struct piece *piece, const struct file_place *file, int64_t i, int64_t count)
{
	snprintf(piece->words, sizeof piece->words, "%lld/%lld", (long long)i, (long long)count);
	piece->place = (struct seal_place){ file->district, "file", piece->words, file->id };
	return &piece->place;
}

static bool write_pieces(int fd, const struct file_place *place, const struct keys *keys, struct text bytes)
{
	int64_t count = piece_count((int64_t)bytes.len);
	struct arena arena = arena_new(PIECE_ARENA_MAX);
	bool written = true;
	for (int64_t i = 0; i < count && written; i++, arena_reset(&arena)) {
		struct piece piece;
		struct text plain = { bytes.ptr + i * PIECE, i == count - 1 ? bytes.len - (size_t)i * PIECE : PIECE };
		written = disk_write(fd, keys_seal(keys, &arena, piece_place(&piece, place, i, count), plain));
	}
	int why = errno;
	arena_free(&arena);
	errno = why;
	return written;
}

/* ---- keeping ---- */

/* A directory is on disk when the one above it is; also one that somebody else has just made. */
static bool make_directory(const char *path)
{
	return (mkdir(path, 0700) == 0 || errno == EEXIST) && disk_sync_directory_of(path);
}

static bool make_directories(const struct file_place *place)
{
	char path[PATH_SIZE];
	bool made = make_directory(place->dir);
	snprintf(path, sizeof path, "%s/%u", place->dir, place->district);
	made = made && make_directory(path);
	snprintf(path, sizeof path, "%s/%u/%.2s", place->dir, place->district, place->name);
	return made && make_directory(path);
}

/* It takes its name when it is whole: what a crash leaves of it has another one, and is swept. */
enum store_code file_keep(const struct file_place *place, const struct keys *keys, struct text bytes, int64_t now_ms)
{
	char path[PATH_SIZE], draft[PATH_SIZE];
	const struct timespec at = { .tv_sec = now_ms / 1000 };
	int fd = -1;
	path_of(path, place, "");
	path_of(draft, place, ".part");
	bool kept = make_directories(place) && (fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0 &&
	            write_pieces(fd, place, keys, bytes) && futimens(fd, (struct timespec[]){ at, at }) == 0 && fsync(fd) == 0 &&
	            rename(draft, path) == 0 && disk_sync_directory_of(path);
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (kept)
		return STORE_OK;
	log_error("files: cannot keep %s: %s", path, strerror(why));
	if (fd >= 0) {
		unlink(draft);
		unlink(path);
	}
	return why == ENOSPC || why == EDQUOT ? STORE_FULL : STORE_BROKEN;
}

bool file_is_whole(const struct file_place *place, int64_t bytes)
{
	char path[PATH_SIZE];
	struct stat file;
	if (stat(path_of(path, place, ""), &file) != 0 || !S_ISREG(file.st_mode))
		return false;
	for (enum suite suite = SUITE_AES; suite <= SUITE_SM; suite++)
		if (file.st_size == bytes + piece_count(bytes) * (int64_t)keys_box_size(suite, 0))
			return true;
	return false;
}

/* ---- opening ---- */

struct opened {
	struct content is;
	struct file_place place;
	const struct keys *keys;
	int fd;
	int64_t count, piece; /* how many there are; which one is open, -1: none */
	size_t box_more; /* bytes that a box takes beside what is in it */
	struct arena arena;
	struct text plain;
};

static enum file_result open_piece(struct opened *file, int64_t i)
{
	struct piece piece;
	int64_t begin = i * PIECE;
	size_t len = (size_t)(i == file->count - 1 ? file->is.size - begin : PIECE) + file->box_more;
	file->piece = -1;
	arena_reset(&file->arena);
	char *box = arena_take_raw(&file->arena, len);
	ssize_t n = pread(file->fd, box, len, begin + i * (int64_t)file->box_more);
	struct text sealed = { box, len };
	if (n == (ssize_t)len &&
	    keys_unseal(file->keys, &file->arena, piece_place(&piece, &file->place, i, file->count), sealed, &file->plain)) {
		file->piece = i;
		return FILE_FINE;
	}
	return n == (ssize_t)len && !keys_know(file->keys, sealed) ? FILE_UNKNOWN_KEY : FILE_DAMAGED;
}

static ssize_t read_opened(struct content *content, int64_t at, char *to, size_t most)
{
	struct opened *file = (struct opened *)content;
	int64_t i = at / PIECE;
	size_t skip = (size_t)(at - i * PIECE);
	if (i != file->piece && open_piece(file, i) != FILE_FINE) {
		log_error("files: %s does not open any further", file->place.name);
		return -1;
	}
	size_t len = file->plain.len - skip < most ? file->plain.len - skip : most;
	memcpy(to, file->plain.ptr + skip, len);
	return (ssize_t)len;
}

static void close_opened(struct content *content)
{
	struct opened *file = (struct opened *)content;
	arena_free(&file->arena);
	close(file->fd);
	free(file);
}

enum file_result file_open(const struct file_place *place, const struct keys *keys, int64_t bytes, struct content **content)
{
	char path[PATH_SIZE];
	struct stat stat;
	int fd = open(path_of(path, place, ""), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat) != 0 || !file_is_whole(place, bytes)) {
		log_error("files: %s is missing or damaged", path);
		if (fd >= 0)
			close(fd);
		return FILE_DAMAGED;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
	struct opened *file = malloc(sizeof *file);
	if (!file)
		abort();
	*file = (struct opened){ { bytes, read_opened, close_opened }, *place, keys, fd, piece_count(bytes), -1, 0,
		                 arena_new(PIECE_ARENA_MAX), TEXT_NONE };
	file->box_more = (size_t)((stat.st_size - bytes) / file->count);
	enum file_result result = open_piece(file, 0);
	if (result == FILE_FINE) {
		*content = &file->is;
		return result;
	}
	if (result == FILE_DAMAGED)
		log_error("files: %s was altered", path);
	close_opened(&file->is);
	return result;
}

/* ---- sweeping ---- */

void file_sweep(const char *dir, unsigned district, unsigned part, int64_t now_ms, bool (*wanted)(void *arg, const char *name), void *arg)
{
	char path[PATH_SIZE];
	struct stat file;
	snprintf(path, sizeof path, "%s/%u/%02x", dir, district, part);
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		if (entry->d_name[0] == '.' || fstatat(dirfd(directory), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (S_ISREG(file.st_mode) && file.st_mtim.tv_sec * 1000 < now_ms - FILE_AGE_MS && !wanted(arg, entry->d_name))
			unlinkat(dirfd(directory), entry->d_name, 0);
	}
	if (directory)
		closedir(directory);
}
