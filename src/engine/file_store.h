/* SPDX-License-Identifier: Apache-2.0 */
/* file_store.h - files on disk, encrypted: the pictures and papers of fields of the type `file`.
 *
 * DIR/DISTRICT/xx/NAME: the name is the keyed hash of the file's number, xx its first two characters, so that a directory tells
 * nothing and no name is written twice. A file is a row of sealed pieces of 64 KiB. Each opens only as that piece of that many of
 * that file: none can be missing, in another place, or another file's. */
#ifndef ENGINE_FILE_STORE_H
#define ENGINE_FILE_STORE_H

#include "engine/call.h"
#include "engine/keys.h"

enum { FILE_BYTES_MAX = 10 << 20, FILE_NAME_CHARS = 2 * SEAL_HASH_BYTES, FILE_AGE_MS = 24 * 60 * 60 * 1000 };

extern const char *const file_types[]; /* media types that are taken; NULL is behind the last */

/* One file. `name` is NUL-terminated. */
struct file_place {
	const char *dir;
	unsigned district;
	int64_t id;
	char name[FILE_NAME_CHARS + 1];
};

struct file_place file_place(const struct keys *keys, const char *dir, unsigned district, int64_t id);
/* On disk with its name when this returns STORE_OK; its time is now_ms. Else nothing is left of it, and it was logged:
 * STORE_FULL, STORE_BROKEN. */
enum store_code file_keep(const struct file_place *place, const struct keys *keys, struct text bytes, int64_t now_ms);
/* Whether it is on disk in the size that so many bytes take, by either suite. Needs no key. */
bool file_is_whole(const struct file_place *place, int64_t bytes);

enum file_result { FILE_FINE, FILE_UNKNOWN_KEY, FILE_DAMAGED };
/* Its content, to be sent; the first piece has been opened. What is damaged is logged. */
enum file_result file_open(const struct file_place *place, const struct keys *keys, int64_t bytes, struct content **content);

/* Asks about each file of one of the 256 directories of a district, by its name, whether it is still `wanted`, when it is older than
 * FILE_AGE_MS; who says no loses it. */
void file_sweep(const char *dir, unsigned district, unsigned part, int64_t now_ms, bool (*wanted)(void *arg, const char *name), void *arg);

#endif
