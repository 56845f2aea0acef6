/* SPDX-License-Identifier: Apache-2.0 */
/* sent_file.h - an answer that is made as a file first, without a name in the directory of temporary files, and then sent. */
#ifndef ENGINE_SENT_FILE_H
#define ENGINE_SENT_FILE_H

#include "engine/app.h"

struct sent_file {
	int fd;
	int64_t bytes;
};

bool sent_file_open(struct sent_file *file); /* false: logged */
/* STORE_REFUSED: it would be too large to send; STORE_FULL: there is no room, logged. */
enum store_code sent_file_write(struct sent_file *file, struct call *call, struct text bytes);
/* Counts what somebody else has written into it; as sent_file_write. */
enum store_code sent_file_measure(struct sent_file *file, struct call *call);
/* The file is the call's answer, and the call's to close. */
void sent_file_answer(struct sent_file *file, struct call *call, const char *type, struct text name);
void sent_file_close(struct sent_file *file); /* one that is not sent */

#endif
