/* SPDX-License-Identifier: Apache-2.0 */
/* check_declarations.h - what is wrong with what capabilities declare, told before anything is laid out. */
#ifndef ENGINE_CHECK_DECLARATIONS_H
#define ENGINE_CHECK_DECLARATIONS_H

#include "engine/app.h"

/* Writes a line for each mistake, `FILE: RESOURCE.FIELD: what is wrong`; how many there are. Without any, the app can be laid
 * out (app_declared). */
size_t check_declarations(const struct module *const *modules, size_t count, struct buf *out);

#endif
