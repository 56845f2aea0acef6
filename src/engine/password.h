/* SPDX-License-Identifier: Apache-2.0 */
/* password.h - what a password must be, as the policy has it. */
#ifndef ENGINE_PASSWORD_H
#define ENGINE_PASSWORD_H

#include "engine/policy.h"

enum { PASSWORD_BYTES_MAX = 256 };

struct password_fault {
	const char *code;
	struct text zh, en;
};

/* NULL: it may be chosen, as far as can be told without those of before. */
const struct password_fault *password_fault(const struct policy *policy, struct text password, struct text user);

/* Those of before, as far as the policy asks for them. */
struct old_passwords {
	struct text hashes[PASSWORD_HISTORY_MAX + 1]; /* the one of now first */
	size_t count;
};
enum store_code password_history(struct db *db, struct arena *arena, const struct policy *policy, int64_t account,
                                 struct text current, struct old_passwords *old);
/* Whether it is one of them; takes as long as so many sign-ins. */
bool password_was_used(const struct old_passwords *old, struct text password);
extern const struct password_fault password_used_before;
/* Keeps the hash that is being replaced. */
enum store_code password_retire(struct tx *tx, const struct policy *policy, int64_t account, struct text hash);

#endif
