/* SPDX-License-Identifier: BSD-2-Clause */
/* test_endpoint.c - ends of connections as text and back, names of UNIX sockets as the kernel keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "model/endpoint.h"

static void test_endpoints_are_read_back_as_written(void **state)
{
	static const char *const good[] = {"127.0.0.1:6379", "[::1]:0", "[2001:db8::1]:65535", "?", "/run/redis.sock", "@abstract",
					   "unix:run/redis.sock", "unix:127.0.0.1:6379", "unix:?", "/a \"quoted\" path:80"};
	static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:70000", "[::1:3", "[]:1", ":1", "x:1", "[::1]1"};
	struct strings *strings = strings_new();
	struct endpoint endpoint;
	char out[ENDPOINT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(endpoint_parse(good[i], strings, &endpoint), 0);
		assert_string_equal(endpoint_text(&endpoint, strings, out), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(endpoint_parse(bad[i], strings, &endpoint), -EINVAL);
	strings_free(strings);
}

static void test_a_path_too_long_for_a_socket_is_refused(void **state)
{
	struct strings *strings = strings_new();
	char path[ENDPOINT_TEXT + 1];
	struct endpoint endpoint;

	(void)state;
	memset(path, '/', sizeof(path));
	path[ENDPOINT_TEXT] = '\0';
	assert_int_equal(endpoint_parse(path, strings, &endpoint), -EINVAL);
	strings_free(strings);
}

static void test_names_of_unix_sockets_are_made_text(void **state)
{
	struct strings *strings = strings_new();
	char longest[108];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_string_equal(strings_get(strings, endpoint_unix_name("/run/a\0left over", 17, strings)), "/run/a");
	assert_string_equal(strings_get(strings, endpoint_unix_name("/run/b", 6, strings)), "/run/b");
	assert_string_equal(strings_get(strings, endpoint_unix_name("\0name", 5, strings)), "@name");
	assert_string_equal(strings_get(strings, endpoint_unix_name("\0a\033[2J", 6, strings)), "@a?[2J");
	assert_int_equal(strlen(strings_get(strings, endpoint_unix_name(longest, 4000000000u, strings))), 108);
	assert_int_equal(endpoint_unix_name("", 0, strings), 0);
	strings_free(strings);
}

static void test_one_form_for_comparing(void **state)
{
	struct endpoint mapped = {.family = AF_INET6, .port = 80, .address = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
	struct endpoint four = {.family = AF_INET, .port = 80, .address = {127, 0, 0, 1}};
	struct endpoint local = {.family = AF_UNIX, .name = 7, .address = {1, 2, 3}}, plain;

	(void)state;
	plain = endpoint_plain(&mapped);
	assert_memory_equal(&plain, &four, sizeof(four));
	plain = endpoint_plain(&local);
	assert_int_equal(plain.name, 7);
	assert_int_equal(plain.address[0], 0); /* an inode tells sockets apart, not peers */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoints_are_read_back_as_written),
		cmocka_unit_test(test_a_path_too_long_for_a_socket_is_refused),
		cmocka_unit_test(test_names_of_unix_sockets_are_made_text),
		cmocka_unit_test(test_one_form_for_comparing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
