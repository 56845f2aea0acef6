/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - which network addresses the program may call. */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { V4_BITS = 96, TEXT_MAX = 64, PORT_MAX = 65535 };

/* ---- kinds ---- */

struct range {
	unsigned char prefix[16];
	unsigned bits;
	enum address_kind kind;
};

#define V4(a, b, c, d, bits, kind) { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, V4_BITS + (bits), kind }
#define V6(a, b, c, d, bits, kind) { { (a) >> 8, (a) & 255, (b) >> 8, (b) & 255, (c) >> 8, (c) & 255, (d) >> 8, (d) & 255 }, bits, kind }

/* The registries of special addresses (RFC 6890, as of 2024). The first that fits counts: where clouds tell machines about
 * themselves stands before the range around it. */
static const struct range ranges[] = {
	V4(100, 100, 100, 200, 32, ADDRESS_NEVER), /* Alibaba Cloud */
	V4(168, 63, 129, 16, 32, ADDRESS_NEVER), /* Azure */
	V6(0xfd00, 0x0ec2, 0, 0, 64, ADDRESS_NEVER), /* AWS */
	V6(0xfd20, 0x00ce, 0, 0, 64, ADDRESS_NEVER), /* Google Cloud */
	V4(0, 0, 0, 0, 8, ADDRESS_NEVER),
	V4(10, 0, 0, 0, 8, ADDRESS_PRIVATE),
	V4(100, 64, 0, 0, 10, ADDRESS_PRIVATE),
	V4(127, 0, 0, 0, 8, ADDRESS_LOOPBACK),
	V4(169, 254, 0, 0, 16, ADDRESS_NEVER),
	V4(172, 16, 0, 0, 12, ADDRESS_PRIVATE),
	V4(192, 0, 0, 0, 24, ADDRESS_NEVER),
	V4(192, 0, 2, 0, 24, ADDRESS_NEVER),
	V4(192, 88, 99, 0, 24, ADDRESS_NEVER),
	V4(192, 168, 0, 0, 16, ADDRESS_PRIVATE),
	V4(198, 18, 0, 0, 15, ADDRESS_NEVER),
	V4(198, 51, 100, 0, 24, ADDRESS_NEVER),
	V4(203, 0, 113, 0, 24, ADDRESS_NEVER),
	V4(224, 0, 0, 0, 3, ADDRESS_NEVER), /* multicast and reserved */
	V4(0, 0, 0, 0, 0, ADDRESS_PUBLIC),
	{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, 128, ADDRESS_LOOPBACK },
	V6(0xfc00, 0, 0, 0, 7, ADDRESS_PRIVATE),
	V6(0x2001, 0, 0, 0, 23, ADDRESS_NEVER), /* Teredo and others that lead elsewhere */
	V6(0x2001, 0x0db8, 0, 0, 32, ADDRESS_NEVER),
	V6(0x2002, 0, 0, 0, 16, ADDRESS_NEVER), /* 6to4: any IPv4 address may be inside */
	V6(0x3fff, 0, 0, 0, 20, ADDRESS_NEVER),
	V6(0x2000, 0, 0, 0, 3, ADDRESS_PUBLIC),
};

static bool is_within_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

enum address_kind address_kind(const struct address *address)
{
	for (size_t i = 0; i < COUNT(ranges); i++)
		if (is_within_bits(address->bytes, ranges[i].prefix, ranges[i].bits))
			return ranges[i].kind;
	return ADDRESS_NEVER;
}

/* ---- reading ---- */

static void take_v4(struct address *address, const void *four)
{
	*address = (struct address){ { [10] = 0xff, [11] = 0xff } };
	memcpy(address->bytes + 12, four, 4);
}

bool address_read(struct text text, struct address *address)
{
	char z[TEXT_MAX];
	unsigned char four[4];
	if (!text.ptr || text.len >= sizeof z || memchr(text.ptr, 0, text.len))
		return false;
	memcpy(z, text.ptr, text.len);
	z[text.len] = 0;
	if (inet_pton(AF_INET6, z, address->bytes) == 1)
		return true;
	if (inet_pton(AF_INET, z, four) != 1)
		return false;
	take_v4(address, four);
	return true;
}

bool address_net_read(struct text text, struct address_net *net)
{
	struct text rest = text, address = text_part(&rest, '/');
	struct text bits = text_part(&rest, ':');
	bool has_port = text.ptr && text.len > 0 && bits.ptr && bits.ptr + bits.len < text.ptr + text.len, v4;
	int64_t length, port = 0;
	if (!address_read(address, &net->address))
		return false;
	v4 = !memchr(address.ptr, ':', address.len);
	if (!text_to_int(bits, v4 ? 32 : 128, &length) || (has_port && (!text_to_int(rest, PORT_MAX, &port) || port == 0)))
		return false;
	net->bits = (unsigned)length + (v4 ? V4_BITS : 0);
	net->port = (unsigned)port;
	for (unsigned i = net->bits; i < 128; i++)
		if (net->address.bytes[i / 8] >> (7 - i % 8) & 1)
			return false;
	return true;
}

bool address_nets_read(struct text text, struct address_nets *nets)
{
	nets->count = 0;
	for (struct text rest = text; rest.len > 0; nets->count++)
		if (nets->count == ADDRESS_NETS_MAX || !address_net_read(text_part(&rest, ','), &nets->nets[nets->count]))
			return false;
	return true;
}

/* ---- judging ---- */

static bool is_usual_port(unsigned port)
{
	return port == 443 || port == 8443;
}

bool address_may_call(const struct address *address, unsigned port, const struct address_nets *nets)
{
	enum address_kind kind = address_kind(address);
	if (kind == ADDRESS_NEVER)
		return false;
	if (kind == ADDRESS_PUBLIC && is_usual_port(port))
		return true;
	for (size_t i = 0; i < nets->count; i++) {
		const struct address_net *net = &nets->nets[i];
		if (is_within_bits(address->bytes, net->address.bytes, net->bits) && (net->port ? net->port == port : is_usual_port(port)))
			return true;
	}
	return false;
}

bool address_may_connect(const struct sockaddr *to, size_t len, const struct address_nets *nets)
{
	struct address address;
	unsigned port;
	if (to->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;
		memcpy(&in, to, sizeof in);
		take_v4(&address, &in.sin_addr);
		port = ntohs(in.sin_port);
	} else if (to->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in6;
		memcpy(&in6, to, sizeof in6);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			return false;
		memcpy(address.bytes, &in6.sin6_addr, sizeof address.bytes);
		port = ntohs(in6.sin6_port);
	} else {
		return false;
	}
	return address_may_call(&address, port, nets);
}
