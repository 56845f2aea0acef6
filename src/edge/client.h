/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - a command handed to the server that holds the store, through the Unix socket beside it. */
#ifndef EDGE_CLIENT_H
#define EDGE_CLIENT_H

#include "base/arena.h"
#include "base/text.h"

#include <sys/un.h>

struct client_answer {
	int status; /* of HTTP; 0: nobody answered */
	bool reached; /* somebody was there: the request may have been carried out */
	struct text body;
	bool kept; /* instead of `body`: all of it lies in the file that was there for it */
};

/* The address of a Unix socket by way of its folder's descriptor, as its own path may only be 107 bytes long. The
 * descriptor, to be closed after bind or connect; -1: no such folder, or a name too long. */
int client_address(const char *path, struct sockaddr_un *address);
/* `to_fd`: the body of a 200 goes into this file, as it comes; -1: into the answer. */
struct client_answer client_ask(struct arena *arena, const char *socket_path, const char *method, const char *path,
                                const char *content_type, struct text if_match, struct text body, int to_fd);

#endif
