/* SPDX-License-Identifier: Apache-2.0 */
/* charset.c - UTF-8 from what Excel saves. */
#include "base/charset.h"

#include "base/csv.h"
#include "base/disk.h"

#include <errno.h>
#include <iconv.h>

/* A ledger that has nothing but ASCII for so long may be taken for either. */
enum { GUESS_BYTES = 16 << 20, PIECE_BYTES = 64 * 1024 };

enum charset charset_guess(struct text source)
{
	size_t len = source.len < GUESS_BYTES ? source.len : GUESS_BYTES, whole = 0, broken = 0;
	if (text_starts(source, CSV_MARK))
		return CHARSET_UTF8;
	if (text_starts(source, TEXT("\xFF\xFE")))
		return CHARSET_UTF16LE;
	if (text_starts(source, TEXT("\xFE\xFF")))
		return CHARSET_UTF16BE;
	for (size_t at = 0; at < len;) {
		size_t one = text_point((struct text){ source.ptr + at, source.len - at }, NULL);
		whole += one > 1;
		broken += one == 0;
		at += one ? one : 1;
	}
	return broken <= whole ? CHARSET_UTF8 : CHARSET_GB18030; /* by chance, one in five characters of the second is one of the first */
}

static bool convert(iconv_t to_utf8, struct text source, int fd)
{
	char piece[PIECE_BYTES], *in = (char *)(uintptr_t)source.ptr;
	size_t left = source.len;
	while (left > 0) {
		char *out = piece;
		size_t room = sizeof piece - 1;
		bool stuck = iconv(to_utf8, &in, &left, &out, &room) == (size_t)-1 && errno != E2BIG;
		if (stuck) {
			*out++ = (char)0xFF;
			in++;
			left--;
		}
		if (!disk_write(fd, (struct text){ piece, (size_t)(out - piece) }))
			return false;
	}
	return true;
}

bool charset_to_utf8(struct text source, enum charset charset, int fd)
{
	static const char *const names[] = { [CHARSET_UTF8] = "UTF-8", [CHARSET_GB18030] = "GB18030", [CHARSET_UTF16LE] = "UTF-16LE",
		                             [CHARSET_UTF16BE] = "UTF-16BE" };
	iconv_t to_utf8 = iconv_open("UTF-8", names[charset]);
	if (to_utf8 == (iconv_t)-1)
		return false;
	bool fine = convert(to_utf8, source, fd);
	iconv_close(to_utf8);
	return fine;
}
