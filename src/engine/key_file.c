/* SPDX-License-Identifier: Apache-2.0 */
/* key_file.c - reading and making the key file. */
#include "engine/key_file.h"

#include "base/arena.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_WORDS "songhe-key 1 "

enum { FILE_MAX = 512 };

/* ---- its text ---- */

static void id_of(const struct seal_key *key, char id[static KEY_ID_CHARS + 1])
{
	unsigned char hash[SEAL_HASH_BYTES];
	seal_hash(key, &TEXT("songhe key id"), 1, hash);
	for (size_t i = 0; i < KEY_ID_CHARS / 2; i++)
		snprintf(id + 2 * i, 3, "%02x", hash[i]);
}

/* What stands behind `word` on the next line; *rest goes on behind it. Missing when that is not how it begins. */
static struct text line_after(struct text *rest, const char *word)
{
	struct text start = text_of(word);
	const char *end = memchr(rest->ptr, '\n', rest->len);
	struct text line = { rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
	if (!text_starts(line, start))
		return TEXT_NONE;
	rest->ptr += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return (struct text){ line.ptr + start.len, line.len - start.len };
}

static bool key_of(struct text encoded, enum suite suite, struct seal_key *key)
{
	struct arena arena = arena_new(4096);
	struct text bytes = TEXT_NONE;
	bool fine = base64url_read(&arena, encoded, &bytes) && bytes.len == SEAL_KEY_BYTES;
	if (fine)
		seal_key_set(key, suite, (const unsigned char *)bytes.ptr);
	if (bytes.ptr)
		OPENSSL_cleanse((char *)bytes.ptr, bytes.len);
	arena_free(&arena);
	return fine;
}

static bool parse(struct text text, struct key_file *file)
{
	enum suite suite;
	if (!suite_find(line_after(&text, FIRST_WORDS), &suite))
		return false;
	struct text id = line_after(&text, "id "), key = line_after(&text, "key ");
	if (!id.ptr || !key.ptr || text.len > 0 || !key_of(key, suite, &file->key))
		return false;
	id_of(&file->key, file->id);
	return text_is(id, file->id);
}

/* ---- reading ---- */

static enum key_file_result check_owner(int fd, const char *path)
{
	struct stat now;
	if (fstat(fd, &now) != 0 || !S_ISREG(now.st_mode)) {
		log_error("key: %s is no ordinary file", path);
		return KEY_FILE_BAD;
	}
	if (now.st_mode & 077) {
		log_error("key: others may read the key file %s; say: chmod 600 %s", path, path);
		return KEY_FILE_EXPOSED;
	}
	if (now.st_uid != geteuid() && geteuid() != 0) { /* root reads and writes everything anyway */
		log_error("key: the key file %s belongs to another account; chown it to the one that runs this program", path);
		return KEY_FILE_EXPOSED;
	}
	return KEY_FILE_FINE;
}

static enum key_file_result read_open(int fd, const char *path, struct key_file *file)
{
	char bytes[FILE_MAX];
	ssize_t len = read(fd, bytes, sizeof bytes);
	bool fine = len > 0 && len < FILE_MAX && parse((struct text){ bytes, (size_t)len }, file);
	OPENSSL_cleanse(bytes, sizeof bytes);
	if (!fine) {
		log_error("key: %s is no key file of this program, or is damaged; put it back from its copy", path);
		key_file_wipe(file);
	}
	return fine ? KEY_FILE_FINE : KEY_FILE_BAD;
}

enum key_file_result key_file_read(const char *path, struct key_file *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would keep us waiting */
	if (fd < 0 && errno == ENOENT)
		return KEY_FILE_NONE;
	if (fd < 0) {
		log_error("key: cannot read the key file %s: %s", path, strerror(errno));
		return KEY_FILE_BAD;
	}
	enum key_file_result result = check_owner(fd, path);
	if (result == KEY_FILE_FINE)
		result = read_open(fd, path, file);
	close(fd);
	return result;
}

void key_file_wipe(struct key_file *file)
{
	OPENSSL_cleanse(file, sizeof *file);
}

/* ---- making ---- */

static bool write_new_key(int fd, enum suite suite)
{
	unsigned char bytes[SEAL_KEY_BYTES];
	char id[KEY_ID_CHARS + 1], text[FILE_MAX];
	struct seal_key key;
	struct arena arena = arena_new(4096);
	random_bytes(bytes, sizeof bytes);
	seal_key_set(&key, suite, bytes);
	id_of(&key, id);
	struct text encoded = base64url(&arena, (struct text){ (const char *)bytes, sizeof bytes });
	int len = snprintf(text, sizeof text, FIRST_WORDS "%s\nid %s\nkey %.*s\n", suite_name(suite), id, TEXT_ARG(encoded));
	bool written = disk_write(fd, (struct text){ text, (size_t)len }) && fsync(fd) == 0;
	OPENSSL_cleanse((char *)encoded.ptr, encoded.len);
	OPENSSL_cleanse(text, sizeof text);
	OPENSSL_cleanse(bytes, sizeof bytes);
	seal_key_wipe(&key);
	arena_free(&arena);
	return written;
}

/* It takes its name only when it is whole, and never that of another: a crash leaves no half key, and of two that begin at
 * once, one key wins. */
bool key_file_make(const char *path, enum suite suite)
{
	struct arena arena = arena_new(1 << 16);
	char *draft = (char *)text_printf(&arena, "%s.XXXXXX", path).ptr;
	int fd = mkostemp(draft, O_CLOEXEC); /* 0600 */
	bool made = fd >= 0 && write_new_key(fd, suite) && (link(draft, path) == 0 || errno == EEXIST);
	int why = errno;
	if (fd >= 0) {
		unlink(draft);
		close(fd);
	}
	if (made && !disk_sync_directory_of(path)) {
		why = errno;
		made = false;
	}
	if (!made)
		log_error("key: cannot make the key file %s: %s", path, strerror(why));
	arena_free(&arena);
	return made;
}
