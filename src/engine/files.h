/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - fields of the type `file`: a picture or a paper is sent first, and belongs to a record when a write of the record
 * names it. What nobody has named within a day goes again. Every look at one is a line of the journal. */
#ifndef ENGINE_FILES_H
#define ENGINE_FILES_H

#include "engine/app.h"
#include "engine/input.h"

extern const struct module file_module;

/* A file of this number becomes the record's: of `field` of in->shape, sent by the actor and no other record's, or this one's
 * already. Its value, {"id","type","bytes"} in the call's arena; missing: there is no such file, or db_code says what failed. */
struct text file_attach(struct input *in, struct tx *tx, const struct field *field, int64_t id);
/* Once a minute: rows that nobody has named within a day end, and files without a row in one directory of many. May wait. */
void files_tend(struct app *app);

struct file_count {
	int64_t district, id; /* of the last one that was looked at */
	int64_t files, missing;
	int64_t first_missing; /* the number of one; 0: none */
};
/* Whether the files of records are on disk in the right size; some each time, until `files` stays. Needs no key; without a directory
 * (NULL) they are only counted. */
enum store_code files_check(struct db *db, const char *dir, struct file_count *count);

#endif
