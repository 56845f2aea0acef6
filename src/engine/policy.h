/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - what a district has decided about accounts and signing in. Each value has the day from which it holds; what nobody
 * has decided follows from the profile: `asvs` (OWASP ASVS 5) or `dengbao` (GB/T 22239-2019, level 3). */
#ifndef ENGINE_POLICY_H
#define ENGINE_POLICY_H

#include "engine/call.h"

enum policy_item {
	POLICY_PROFILE,
	POLICY_PASSWORD_DAYS, /* a password is changed after so many; 0: never */
	POLICY_PASSWORD_HISTORY, /* so many of the last may not be used again */
	POLICY_LOCK_MINUTES, /* after too many wrong tries */
	POLICY_SESSION_IDLE_MINUTES,
	POLICY_SESSION_HOURS,
	POLICY_SEPARATION, /* 三员分立: who keeps accounts grants no rights */
	POLICY_SECOND_FACTOR,
	POLICY_SECOND_FACTOR_ROLES, /* of whom it is required; bits by the order of `roles`, 0: of all */
	POLICY_ITEMS
};

enum { PROFILE_ASVS, PROFILE_DENGBAO };
enum { SECOND_FACTOR_OFF, SECOND_FACTOR_OPTIONAL, SECOND_FACTOR_REQUIRED };
enum { SESSION_HOURS_MAX = 24, PASSWORD_HISTORY_MAX = 10 };

struct policy {
	int64_t version;
	int64_t values[POLICY_ITEMS];
	bool decided[POLICY_ITEMS]; /* the others follow from the profile */
};

void policy_decide(struct policy *policy, enum policy_item item, int64_t value);
/* As it holds at the time. */
enum store_code policy_read(struct db *db, unsigned district, int64_t now_ms, struct policy *policy);
bool policy_requires_second_factor(const struct policy *policy, const struct role *role);
/* Writes what differs, from today on, with its journal line; gives it its version. */
enum store_code policy_save(struct tx *tx, const struct actor *by, const struct policy *was, struct policy *now);
bool policy_profile(struct text word, int64_t *profile);

enum store_code policy_get(struct db *db, void *call);
void policy_patch(struct call *call);

#endif
