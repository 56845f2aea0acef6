/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - the program describes itself: as a command, and over the API. */
#ifndef EDGE_SCHEMA_H
#define EDGE_SCHEMA_H

#include "edge/commands.h"

extern const struct module schema_module; /* GET /api/v1/openapi.json */

void schema_describe(struct app *app); /* before a server serves: what that route answers */
int command_schema(struct command_line *line); /* needs no store */

#endif
