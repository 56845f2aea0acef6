/* SPDX-License-Identifier: Apache-2.0 */
/* setup.h - making a new store: a district with its areas and accounts; and the demo district. */
#ifndef EDGE_SETUP_H
#define EDGE_SETUP_H

#include "engine/app.h"
#include "engine/pack.h"

/* The district of a pack, its area tree and an administrator; in the profile dengbao (engine/policy.h) also the security
 * administrator and the auditor. STORE_REFUSED when the store has that district. */
enum store_code setup_district(struct app *app, const struct pack *pack, struct text password, bool demo, int64_t profile);

/* Accounts bureau street1 community1 auditor. */
enum store_code setup_demo_accounts(struct app *app, const struct pack *pack, struct text password);

struct demo_wish {
	const struct pack *pack;
	uint64_t elders, seed;
	struct text password; /* of all accounts */
};
/* (setup_demo.c) The district with its accounts, the pack's organizations, facilities and staff, and so many elders in their homes. */
enum store_code setup_demo(struct app *app, const struct demo_wish *wish);

#endif
