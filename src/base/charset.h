/* SPDX-License-Identifier: Apache-2.0 */
/* charset.h - what a file of text is written in: what Excel saves on a Chinese machine is seldom UTF-8. */
#ifndef BASE_CHARSET_H
#define BASE_CHARSET_H

#include "base/text.h"

enum charset { CHARSET_UTF8, CHARSET_GB18030, CHARSET_UTF16LE, CHARSET_UTF16BE };

/* By its byte order mark, else by which of UTF-8 and GB18030 its beginning is. A file in UTF-8 with some broken characters is
 * one in UTF-8 still. */
enum charset charset_guess(struct text source);
/* Writes it as UTF-8 into the file. What cannot be read becomes one byte 0xFF each, which is nowhere in UTF-8, so that whoever
 * reads on can name the row. False: it cannot be written; errno says why. */
bool charset_to_utf8(struct text source, enum charset charset, int fd);

#endif
