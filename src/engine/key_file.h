/* SPDX-License-Identifier: Apache-2.0 */
/* key_file.h - the one key that is not in the store: a file of three lines, under which the store's keys are wrapped.
 *
 *	songhe-key 1 aes            what it is, its format, its suite
 *	id 5d1f…                    16 digits, made from the key: they show a slip of the pen, and which key it is
 *	key Kq0V…                   256 random bits in base64url */
#ifndef ENGINE_KEY_FILE_H
#define ENGINE_KEY_FILE_H

#include "base/seal.h"

enum { KEY_ID_CHARS = 16 };

struct key_file {
	char id[KEY_ID_CHARS + 1]; /* no secret */
	struct seal_key key;
};

/* All but KEY_FILE_NONE are logged, with what to do; never what stands in the file. */
enum key_file_result {
	KEY_FILE_FINE,
	KEY_FILE_NONE, /* there is no such file */
	KEY_FILE_EXPOSED, /* others may read it, or it is somebody else's */
	KEY_FILE_BAD /* it cannot be read, or is no key file */
};
enum key_file_result key_file_read(const char *path, struct key_file *file);
void key_file_wipe(struct key_file *file);
/* Makes a file with a new key, on disk when it returns. One that is there already is left alone, which is fine too.
 * False: logged. */
bool key_file_make(const char *path, enum suite suite);

#endif
