/* SPDX-License-Identifier: Apache-2.0 */
/* deputy.h - what follows from somebody's act is done in their name, but not within their bounds: a death in one street closes
 * what another has asked for. */
#ifndef ENGINE_DEPUTY_H
#define ENGINE_DEPUTY_H

#include "engine/call.h"

/* The call of one who may do everything in the district. It asks nothing and answers nobody. */
struct call deputy_for(const struct call *call);
/* What they did is noted in the call; what they could not do is its answer. */
void deputy_done(struct call *call, const struct call *deputy);

#endif
