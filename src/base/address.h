/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - which network addresses the program may call when somebody has typed in the name of a host: none inside of its own
 * network, unless the operator of the machine has named them. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "base/text.h"

struct sockaddr;

/* IPv4 stands as ::ffff:a.b.c.d. */
struct address {
	unsigned char bytes[16];
};

enum address_kind {
	ADDRESS_PUBLIC,
	ADDRESS_LOOPBACK,
	ADDRESS_PRIVATE, /* RFC 1918, unique local, and what carriers share (RFC 6598) */
	ADDRESS_NEVER /* link-local, multicast, unspecified, reserved, for documents; where clouds tell machines their secrets */
};

enum address_kind address_kind(const struct address *address);
bool address_read(struct text text, struct address *address); /* "10.1.2.3", "fd00::1" */

/* A net that may be called, and at which port; 0: at those that any host may be called at. */
struct address_net {
	struct address address;
	unsigned bits, port;
};

enum { ADDRESS_NETS_MAX = 32 };

/* "10.1.0.0/16", "10.1.2.3/32:9443", "fd00::/8:9443". False: it is none, or bits are set behind its length. */
bool address_net_read(struct text text, struct address_net *net);

struct address_nets {
	struct address_net nets[ADDRESS_NETS_MAX];
	size_t count;
};

/* Such nets with commas between; empty, or missing: none. */
bool address_nets_read(struct text text, struct address_nets *nets);
/* Whether it may be called: a public address at port 443 or 8443, or what a net names. What is ADDRESS_NEVER is never. */
bool address_may_call(const struct address *address, unsigned port, const struct address_nets *nets);
/* The same for where a socket is about to connect. An IPv4 address in the clothes of IPv6 is refused. */
bool address_may_connect(const struct sockaddr *to, size_t len, const struct address_nets *nets);

#endif
