/* SPDX-License-Identifier: Apache-2.0 */
/* second_factor.h - one-time codes beside the password: set up by each for themselves, asked for at sign-in. */
#ifndef ENGINE_SECOND_FACTOR_H
#define ENGINE_SECOND_FACTOR_H

#include "engine/account.h"

struct second_factor {
	struct text secret;
	bool confirmed; /* a code was given once: from then on it is asked for */
	int64_t used; /* the step of the last code that counted */
};

/* Not confirmed, without a secret, when there is none. */
enum store_code second_factor_read(struct db *db, const struct app *app, struct arena *arena, int64_t account,
                                   struct second_factor *factor);
int64_t second_factor_step(const struct second_factor *factor, struct text code, int64_t now_ms); /* 0: it is wrong */
/* STORE_REFUSED: the code, or a later one, has counted meanwhile. */
enum store_code second_factor_use(struct tx *tx, int64_t account, int64_t step);
/* Forgets it, where there is one; *had tells. The account gets a new version. */
enum store_code second_factor_forget(struct tx *tx, const struct actor *by, struct account *account, bool *had);

/* The routes under /me/totp. */
void second_factor_begin(struct call *call);
void second_factor_confirm(struct call *call);
void second_factor_end(struct call *call);

#endif
