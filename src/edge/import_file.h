/* SPDX-License-Identifier: Apache-2.0 */
/* import_file.h - the table that somebody has sent, as it is given back: as what it came, every row where it was, with one more
 * column, which says what is wrong. */
#ifndef EDGE_IMPORT_FILE_H
#define EDGE_IMPORT_FILE_H

#include "edge/import_columns.h"

struct import_file;

/* `label`: what the records are called. `sheet`: the name of the sheet that was read; NULL: it is text. NULL: logged. */
struct import_file *import_file_new(const char *label, const char *sheet);
void import_file_columns(struct import_file *file, const struct import_columns *columns); /* before any row */
enum store_code import_file_header(struct import_file *file, struct call *call, const struct text *cells, size_t count);
/* A row with what is said of it. */
enum store_code import_file_row(struct import_file *file, struct call *call, const struct text *cells, size_t count, struct text said);
/* So many rows with nothing in them. */
enum store_code import_file_skip(struct import_file *file, struct call *call, unsigned count);
void import_file_answer(struct import_file *file, struct call *call);
void import_file_close(struct import_file *file); /* NULL is fine */

#endif
