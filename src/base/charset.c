/* SPDX-License-Identifier: Apache-2.0 */
/* charset.c - UTF-8 from what Excel saves. */
#include "base/charset.h"

#include <errno.h>
#include <iconv.h>
#include <unistd.h>

/* A ledger that has nothing but ASCII for so long may be taken for either. */
enum { GUESS_BYTES = 16 << 20, PIECE_BYTES = 64 * 1024 };

/* How many bytes a character of UTF-8 takes here; 0: it is none. */
static size_t utf8_at(const unsigned char *at, size_t left)
{
	size_t len = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : at[0] < 0xF5 ? 4 : 0;
	if (len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

enum charset charset_guess(struct text source)
{
	const unsigned char *bytes = (const unsigned char *)source.ptr;
	size_t len = source.len < GUESS_BYTES ? source.len : GUESS_BYTES, whole = 0, broken = 0;
	if (text_starts(source, TEXT("\xEF\xBB\xBF")))
		return CHARSET_UTF8;
	if (text_starts(source, TEXT("\xFF\xFE")))
		return CHARSET_UTF16LE;
	if (text_starts(source, TEXT("\xFE\xFF")))
		return CHARSET_UTF16BE;
	for (size_t at = 0; at < len;) {
		size_t one = utf8_at(bytes + at, source.len - at);
		whole += one > 1;
		broken += one == 0;
		at += one ? one : 1;
	}
	return broken <= whole ? CHARSET_UTF8 : CHARSET_GB18030; /* by chance, one in five characters of the second is one of the first */
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, bytes, len);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		bytes += written;
		len -= (size_t)written;
	}
	return true;
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
		if (!write_all(fd, piece, (size_t)(out - piece)))
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
