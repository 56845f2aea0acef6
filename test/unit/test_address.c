/* SPDX-License-Identifier: Apache-2.0 */
/* test_address.c - which addresses may be called, and which nets can be named. */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct address_nets none;

static const struct {
	const char *text;
	enum address_kind kind;
} vectors[] = {
	{ "8.8.8.8", ADDRESS_PUBLIC }, { "1.1.1.1", ADDRESS_PUBLIC }, { "11.0.0.0", ADDRESS_PUBLIC }, { "9.255.255.255", ADDRESS_PUBLIC },
	{ "100.63.255.255", ADDRESS_PUBLIC }, { "100.128.0.0", ADDRESS_PUBLIC }, { "126.255.255.255", ADDRESS_PUBLIC },
	{ "128.0.0.1", ADDRESS_PUBLIC }, { "169.253.255.255", ADDRESS_PUBLIC }, { "169.255.0.0", ADDRESS_PUBLIC },
	{ "172.15.255.255", ADDRESS_PUBLIC }, { "172.32.0.0", ADDRESS_PUBLIC }, { "192.167.255.255", ADDRESS_PUBLIC },
	{ "192.169.0.0", ADDRESS_PUBLIC }, { "198.17.255.255", ADDRESS_PUBLIC }, { "198.20.0.0", ADDRESS_PUBLIC },
	{ "223.255.255.255", ADDRESS_PUBLIC }, { "202.96.128.86", ADDRESS_PUBLIC }, { "192.0.1.0", ADDRESS_PUBLIC },
	{ "127.0.0.1", ADDRESS_LOOPBACK }, { "127.255.255.255", ADDRESS_LOOPBACK }, { "::1", ADDRESS_LOOPBACK },
	{ "10.0.0.0", ADDRESS_PRIVATE }, { "10.255.255.255", ADDRESS_PRIVATE }, { "172.16.0.0", ADDRESS_PRIVATE },
	{ "172.31.255.255", ADDRESS_PRIVATE }, { "192.168.0.1", ADDRESS_PRIVATE }, { "192.168.255.255", ADDRESS_PRIVATE },
	{ "100.64.0.0", ADDRESS_PRIVATE }, { "100.127.255.255", ADDRESS_PRIVATE }, { "fc00::1", ADDRESS_PRIVATE },
	{ "fdff:ffff::1", ADDRESS_PRIVATE },
	{ "0.0.0.0", ADDRESS_NEVER }, { "0.1.2.3", ADDRESS_NEVER }, { "169.254.169.254", ADDRESS_NEVER }, { "169.254.0.1", ADDRESS_NEVER },
	{ "100.100.100.200", ADDRESS_NEVER }, { "168.63.129.16", ADDRESS_NEVER }, { "192.0.0.192", ADDRESS_NEVER },
	{ "192.0.2.1", ADDRESS_NEVER }, { "198.51.100.7", ADDRESS_NEVER }, { "203.0.113.9", ADDRESS_NEVER }, { "198.18.0.1", ADDRESS_NEVER },
	{ "198.19.255.255", ADDRESS_NEVER }, { "192.88.99.1", ADDRESS_NEVER }, { "224.0.0.1", ADDRESS_NEVER },
	{ "239.255.255.255", ADDRESS_NEVER }, { "240.0.0.1", ADDRESS_NEVER }, { "255.255.255.255", ADDRESS_NEVER },
	{ "2400:3200::1", ADDRESS_PUBLIC }, { "2606:4700::1111", ADDRESS_PUBLIC }, { "2001:200::1", ADDRESS_PUBLIC },
	{ "::", ADDRESS_NEVER }, { "fe80::1", ADDRESS_NEVER }, { "febf::1", ADDRESS_NEVER }, { "fec0::1", ADDRESS_NEVER },
	{ "ff02::1", ADDRESS_NEVER }, { "64:ff9b::a00:1", ADDRESS_NEVER }, { "64:ff9b:1::1", ADDRESS_NEVER }, { "100::1", ADDRESS_NEVER },
	{ "2001:db8::1", ADDRESS_NEVER }, { "2001::1", ADDRESS_NEVER }, { "2001:10::1", ADDRESS_NEVER }, { "2002:a00:1::1", ADDRESS_NEVER },
	{ "3fff::1", ADDRESS_NEVER }, { "4000::1", ADDRESS_NEVER }, { "fd00:ec2::254", ADDRESS_NEVER }, { "fd20:ce::254", ADDRESS_NEVER },
	{ "::7f00:1", ADDRESS_NEVER }, { "::ffff:0:7f00:1", ADDRESS_NEVER }, { "::ffff:10.0.0.1", ADDRESS_PRIVATE },
	{ "::ffff:127.0.0.1", ADDRESS_LOOPBACK },
};

static struct address read_one(const char *text)
{
	struct address address;
	assert_true(address_read(text_of(text), &address));
	return address;
}

static void addresses_are_of_a_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct address address = read_one(vectors[i].text);
		if (address_kind(&address) != vectors[i].kind)
			fail_msg("%s is of the kind %d", vectors[i].text, (int)address_kind(&address));
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const wrong[] = { "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "0x7f.1", "2130706433", "256.1.1.1", "1.2.3.4 ",
		"localhost", "::1%lo", "[::1]", ":::", "1::2::3",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000" };
	struct address address;
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(address_read(text_of(wrong[i]), &address));
	assert_false(address_read(TEXT_NONE, &address));
	assert_false(address_read((struct text){ "1.2.3.4\0x", 9 }, &address));
}

static void only_public_ones_are_called_at_two_ports(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct address address = read_one(vectors[i].text);
		assert_int_equal(address_may_call(&address, 443, &none), vectors[i].kind == ADDRESS_PUBLIC);
		assert_int_equal(address_may_call(&address, 8443, &none), vectors[i].kind == ADDRESS_PUBLIC);
		assert_false(address_may_call(&address, 80, &none));
		assert_false(address_may_call(&address, 22, &none));
		assert_false(address_may_call(&address, 0, &none));
	}
}

static bool may(const char *nets, const char *text, unsigned port)
{
	struct address_nets read;
	struct address address = read_one(text);
	assert_true(address_nets_read(text_of(nets), &read));
	return address_may_call(&address, port, &read);
}

static void nets_that_are_named_are_called(void **state)
{
	(void)state;
	assert_true(may("10.1.0.0/16", "10.1.255.255", 443));
	assert_true(may("10.1.0.0/16", "10.1.0.0", 8443));
	assert_false(may("10.1.0.0/16", "10.1.0.1", 80));
	assert_false(may("10.1.0.0/16", "10.2.0.0", 443));
	assert_false(may("10.1.0.0/16", "10.0.255.255", 443));
	assert_true(may("127.0.0.1/32:9443", "127.0.0.1", 9443));
	assert_false(may("127.0.0.1/32:9443", "127.0.0.1", 443));
	assert_false(may("127.0.0.1/32:9443", "127.0.0.2", 9443));
	assert_true(may("10.1.0.0/16,fd00:1::/32:9000", "fd00:1:2::3", 9000));
	assert_false(may("10.1.0.0/16,fd00:1::/32:9000", "fd00:2::3", 9000));
	assert_true(may("8.8.8.0/24:9000", "8.8.8.8", 9000));
	assert_true(may("10.0.0.0/9", "10.127.0.1", 443));
	assert_false(may("10.0.0.0/9", "10.128.0.1", 443));
	/* never, whoever names it */
	assert_false(may("0.0.0.0/0,::/0", "169.254.169.254", 443));
	assert_false(may("100.64.0.0/10", "100.100.100.200", 443));
	assert_false(may("fd00::/8", "fd00:ec2::254", 443));
	assert_false(may("224.0.0.0/4", "224.0.0.1", 443));
	assert_true(may("100.64.0.0/10", "100.100.100.201", 443));
}

static void what_is_no_net_is_refused(void **state)
{
	static const char *const wrong[] = { "10.1.0.0", "10.1.0.0/", "10.1.0.0/33", "10.1.0.1/16", "10.1.0.0/16:", "10.1.0.0/16:0",
		"10.1.0.0/16:65536", "10.1.0.0/16:x", "10.1.0.0/-1", "/16", "host/16", "fd00::/129", "fd00::1/8", "10.1.0.0/16:443:1",
		"10.1.0.0/16 ", ",10.1.0.0/16", "10.1.0.0/16,,10.2.0.0/16" };
	struct address_nets nets;
	char many[(ADDRESS_NETS_MAX + 1) * 16];
	size_t len = 0;
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (address_nets_read(text_of(wrong[i]), &nets))
			fail_msg("%s was read", wrong[i]);
	for (size_t i = 0; i < ADDRESS_NETS_MAX; i++, len += sizeof "10.1.0.0/16," - 1)
		memcpy(many + len, "10.1.0.0/16,", sizeof "10.1.0.0/16,");
	assert_true(address_nets_read((struct text){ many, len - 1 }, &nets));
	assert_int_equal(nets.count, ADDRESS_NETS_MAX);
	memcpy(many + len, "10.1.0.0/16", sizeof "10.1.0.0/16");
	assert_false(address_nets_read(text_of(many), &nets));
	assert_true(address_nets_read(TEXT_NONE, &nets));
	assert_int_equal(nets.count, 0);
}

static bool connects(const char *text, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_may_connect((struct sockaddr *)&in, sizeof in, &none);
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return address_may_connect((struct sockaddr *)&in6, sizeof in6, &none);
}

static void sockets_are_looked_at(void **state)
{
	struct sockaddr other = { .sa_family = AF_UNIX };
	(void)state;
	assert_true(connects("8.8.8.8", 443));
	assert_false(connects("8.8.8.8", 80));
	assert_false(connects("127.0.0.1", 443));
	assert_true(connects("2400:3200::1", 8443));
	assert_false(connects("::1", 443));
	assert_false(connects("::ffff:8.8.8.8", 443));
	assert_false(connects("::ffff:127.0.0.1", 443));
	assert_false(address_may_connect(&other, sizeof other, &none));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_of_a_kind),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(only_public_ones_are_called_at_two_ports),
		cmocka_unit_test(nets_that_are_named_are_called),
		cmocka_unit_test(what_is_no_net_is_refused),
		cmocka_unit_test(sockets_are_looked_at),
	};
	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
