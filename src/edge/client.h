/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - a command handed to the server that holds the store, through the Unix socket beside it. */
#ifndef EDGE_CLIENT_H
#define EDGE_CLIENT_H

#include "base/arena.h"
#include "base/text.h"

struct client_answer {
	int status; /* of HTTP; 0: nobody answered (logged) */
	struct text body;
};

struct client_answer client_ask(struct arena *arena, const char *socket_path, const char *method, const char *path,
                                const char *content_type, struct text if_match, struct text body);

#endif
