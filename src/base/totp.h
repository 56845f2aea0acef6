/* SPDX-License-Identifier: Apache-2.0 */
/* totp.h - one-time codes by time (RFC 6238): HMAC-SHA-1, steps of 30 seconds, six digits, as every authenticator knows them. */
#ifndef BASE_TOTP_H
#define BASE_TOTP_H

#include "base/text.h"

enum { TOTP_SECRET_BYTES = 20, TOTP_STEP_MS = 30000, TOTP_DIGITS = 6 };

/* The code of one step; `digits` up to 9. */
uint32_t totp_code(struct text secret, int64_t step, unsigned digits);
/* The step that the code belongs to: the one of now, the one before or the one after, and behind `used`, so that no code counts
 * twice. 0: none. */
int64_t totp_find(struct text secret, struct text code, int64_t now_ms, int64_t used);

/* RFC 4648 6, without padding: what people type into their telephone. Read in either case, blanks and padding passed over. */
struct text base32(struct arena *arena, struct text bytes);
bool base32_read(struct arena *arena, struct text encoded, struct text *bytes);

#endif
