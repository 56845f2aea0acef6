/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.h - one call of a web hook, signed as Standard Webhooks says, to no address that the program may not call. */
#ifndef EDGE_WEBHOOK_H
#define EDGE_WEBHOOK_H

#include "base/address.h"
#include "base/arena.h"

#include <curl/curl.h>

/* What the operator of the machine said. */
struct webhook_wish {
	struct address_nets nets; /* that may be called beside public addresses */
	const char *ca_file; /* certificates of authorities to be trusted beside the system's; NULL: none */
};

struct webhook {
	CURL *easy; /* to be performed, alone or among others */
	struct curl_slist *headers;
	const struct webhook_wish *wish;
	bool refused; /* an address was not to be called */
	bool full; /* the answer was longer than is read */
	size_t got;
};

enum { WEBHOOK_SECONDS = 15 };

/* What is called, its key, and what it is told, under which number and at what time. The body is copied. False: there is no memory. */
bool webhook_begin(struct webhook *hook, const struct webhook_wish *wish, struct arena *arena, struct text url, struct text key,
                   struct text id, int64_t at_ms, struct text body);

struct webhook_answer {
	long status; /* 0: none came */
	int64_t retry_after_s;
	const char *error; /* NULL: it was taken */
};

/* What came of it, and frees it. */
struct webhook_answer webhook_end(struct webhook *hook, struct arena *arena, CURLcode code);

#endif
