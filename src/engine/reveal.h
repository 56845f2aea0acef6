/* SPDX-License-Identifier: Apache-2.0 */
/* reveal.h - sealed fields of one record in clear, for a reason, behind a line of the journal. */
#ifndef ENGINE_REVEAL_H
#define ENGINE_REVEAL_H

#include "engine/app.h"

extern const struct module reveal_module; /* POST /{id}/reveal of every resource that seals something */

#endif
