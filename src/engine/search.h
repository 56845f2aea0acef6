/* SPDX-License-Identifier: Apache-2.0 */
/* search.h - records found by what somebody types, or by the number on a card or a telephone's display. */
#ifndef ENGINE_SEARCH_H
#define ENGINE_SEARCH_H

#include "engine/app.h"

extern const struct module search_module; /* POST /search of every resource that has something to be found by */

#endif
