/* SPDX-License-Identifier: Apache-2.0 */
/* disk.h - what every file needs that must be there whole. */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include "base/text.h"

bool disk_write(int fd, struct text bytes); /* all of them; false: errno says why */
bool disk_sync_directory(const char *path);
/* The same of the directory in which this file lies: a new name is on disk when its directory is. */
bool disk_sync_directory_of(const char *path);

#endif
