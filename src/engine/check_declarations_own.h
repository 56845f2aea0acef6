/* SPDX-License-Identifier: Apache-2.0 */
/* check_declarations_own.h - what the checks of declarations share; seen only by check_declarations.c and check_flows.c. */
#ifndef ENGINE_CHECK_DECLARATIONS_OWN_H
#define ENGINE_CHECK_DECLARATIONS_OWN_H

#include "engine/check_declarations.h"

struct check {
	struct buf *out;
	const struct module *const *modules;
	size_t count, mistakes;
	const struct module *module; /* that is being looked at */
	const char *name; /* of the resource, or of the module where it is about none */
};

void check_wrong(struct check *check, const char *field, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool check_is_name(const char *name);
bool check_same(const char *a, const char *b); /* two names that are there */
bool check_is_blank(const char *text);
const struct resource *check_find_resource(const struct check *check, const char *name);
void check_roles(struct check *check, const char *what, const char *list);

void check_flow(struct check *check, const struct resource *resource);
void check_reaction(struct check *check, const struct reaction *reaction);

#endif
