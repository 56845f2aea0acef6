/* SPDX-License-Identifier: Apache-2.0 */
/* temporary.h - files without a name, which are gone when they are closed. */
#ifndef BASE_TEMPORARY_H
#define BASE_TEMPORARY_H

const char *temporary_directory(void); /* what TMPDIR says, else /tmp */
int temporary_file(void); /* to be read and written; -1: errno says why */

#endif
