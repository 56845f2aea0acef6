/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - length-carrying text, and the one growing buffer. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* Bytes owned by somebody else. ptr == NULL means "missing" (SQL NULL), which is not the same as empty. */
struct text {
	const char *ptr;
	size_t len;
};

#define TEXT(literal) ((struct text){ "" literal, sizeof(literal) - 1 })
#define TEXT_OF(literal) { "" literal, sizeof(literal) - 1 } /* in a static initializer */
#define TEXT_NONE ((struct text){ NULL, 0 })
#define TEXT_ARG(t) (int)(t).len, (t).ptr ? (t).ptr : ""
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct text text_of(const char *zero_terminated); /* borrows; NULL gives TEXT_NONE */
bool text_eq(struct text a, struct text b); /* missing equals only missing */
bool text_is(struct text a, const char *literal);
bool text_starts(struct text a, struct text prefix);
int text_compare(struct text a, struct text b); /* by their bytes, as both databases order text; neither is missing */
struct text text_cut(struct text a, size_t max); /* its first `max` bytes, never half a character of UTF-8 */
struct text text_trim(struct text a); /* ASCII blanks and U+3000 at both ends */
struct text text_copy(struct arena *arena, struct text a); /* also zero-terminated behind its length */
const char *text_z(struct arena *arena, struct text a); /* zero-terminated copy */
struct text text_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct text text_percent(struct arena *arena, struct text a); /* as it stands in a URI (RFC 3986 2.1) */
/* What stands before the next `end`; both are taken off the rest. All of the rest where there is no other `end`. */
struct text text_part(struct text *rest, char end);
/* The next of words with blanks between, which is taken off the rest; empty behind the last. */
struct text text_word(struct text *rest);
bool text_lists(const char *list, struct text name); /* whether it is one of the names, which stand with blanks between; NULL: of none */
/* How many bytes the character takes with which the text begins, and which it is (`point` may be NULL). 0: the text is empty, or
 * begins with U+0000, or with what is not UTF-8. */
size_t text_point(struct text a, uint32_t *point);
/* Number of code points, or SIZE_MAX when the bytes are not UTF-8 (RFC 3629) or contain U+0000. */
size_t text_utf8_length(struct text a);
/* A decimal integer without sign, blanks or leading plus, in [0, max]. */
bool text_to_int(struct text a, int64_t max, int64_t *out);
enum { DECIMAL_MAX = 20 };
/* Writes a number's digits, at most DECIMAL_MAX of them; their end. */
char *text_decimal(char *out, int64_t value);

/* A buffer that grows inside an arena up to `max` bytes; beyond, it only remembers that it overflowed. */
struct buf {
	struct arena *arena;
	char *ptr;
	size_t len, cap, max;
	bool overflow;
};

struct buf buf_in(struct arena *arena, size_t first, size_t max);
char *buf_grow(struct buf *b, size_t more); /* buf_room where there is none yet */
/* Room for `len` bytes to be written by the caller, who then adds what it wrote to b->len; NULL when over the limit. */
static inline char *buf_room(struct buf *b, size_t len)
{
	return b->cap - b->len >= len && !b->overflow ? b->ptr + b->len : buf_grow(b, len);
}
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_text(struct buf *b, struct text t);
void buf_char(struct buf *b, char c);
void buf_int(struct buf *b, int64_t value);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct text buf_done(const struct buf *b); /* what was written so far */

#endif
