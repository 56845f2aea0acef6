/* SPDX-License-Identifier: Apache-2.0 */
/* import_file.h - the table that somebody has sent, as it is given back: with one more column in front, which says what is wrong. */
#ifndef EDGE_IMPORT_FILE_H
#define EDGE_IMPORT_FILE_H

#include "engine/app.h"

struct import_file;

struct import_file *import_file_new(void); /* NULL: logged */
/* A row with what is said of it. */
enum store_code import_file_row(struct import_file *file, struct call *call, const struct text *cells, size_t count, struct text said);
void import_file_answer(struct import_file *file, struct call *call, const char *label);
void import_file_close(struct import_file *file); /* NULL is fine */

#endif
