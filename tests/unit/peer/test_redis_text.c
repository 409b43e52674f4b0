/* SPDX-License-Identifier: BSD-2-Clause */
/* test_redis_text.c - URLs, INFO and CLIENT LIST, from bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "peer/redis.h"
#include "peer/redis_url.h"

static const char info[] = "# Server\r\nredis_version:7.0.15\r\nrun_id:0123abcd\r\ntcp_port:6379\r\n\r\n"
			   "# Stats\r\ntotal_connections_received:4812\r\nrejected_connections:0\r\n"
			   "huge:18446744073709551616\r\nnegative:-5\r\nword:12x\r\nlast:7";

static void info_numbers_are_found_by_their_whole_name(void **state)
{
	uint64_t number = 99;

	(void)state;
	assert_int_equal(redis_info_number(info, sizeof(info) - 1, "total_connections_received", &number), 0);
	assert_int_equal(number, 4812);
	assert_int_equal(redis_info_number(info, sizeof(info) - 1, "rejected_connections", &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(redis_info_number(info, sizeof(info) - 1, "last", &number), 0);
	assert_int_equal(number, 7);
	assert_int_equal(redis_info_number(info, sizeof(info) - 1, "connections_received", &number), -ENOENT);
	assert_int_equal(redis_info_number(info, sizeof(info) - 1, "total_connections", &number), -ENOENT);
	assert_int_equal(number, 7);
}

static void info_values_that_are_no_numbers_are_absent(void **state)
{
	static const char *const names[] = {"huge", "negative", "word", "redis_version", "# Server"};
	uint64_t number = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(redis_info_number(info, sizeof(info) - 1, names[i], &number), -ENOENT);
	assert_int_equal(redis_info_number("", 0, "last", &number), -ENOENT);
	assert_int_equal(number, 99);
}

static void info_text_is_made_printable(void **state)
{
	static const char hostile[] = "run_id:\033[31mred\r\n";
	char text[32];

	(void)state;
	assert_int_equal(redis_info_text(hostile, sizeof(hostile) - 1, "run_id", text, sizeof(text)), 0);
	assert_string_equal(text, "?[31mred");
	assert_int_equal(redis_info_text(info, sizeof(info) - 1, "run_id", text, sizeof(text)), 0);
	assert_string_equal(text, "0123abcd");
}

struct seen {
	struct endpoint addresses[8];
	char libraries[8][48];
	size_t count;
};

static void remember(void *context, const struct endpoint *address, const char *library)
{
	struct seen *seen = context;

	assert_true(seen->count < 8);
	seen->addresses[seen->count] = *address;
	snprintf(seen->libraries[seen->count++], sizeof(seen->libraries[0]), "%s", library);
}

static void client_list_gives_addresses_and_libraries(void **state)
{
	static const char list[] =
		"id=3 addr=127.0.0.1:50312 laddr=127.0.0.1:6379 fd=8 name=addr=9.9.9.9:9 age=3 lib-name=redis-py lib-ver=5.0.1\n"
		"id=4 addr=[2001:db8::7]:41000 laddr=[::1]:6379 fd=9 name= age=1 lib-name= lib-ver=\n"
		"id=5 addr=/run/redis.sock:0 laddr=/run/redis.sock:0 fd=10 name=\n"
		"id=6 addr=300.0.0.1:5 fd=1\n"
		"id=7 addr=127.0.0.1:70000 fd=1\n"
		"not a client\n"
		"id=8 laddr=127.0.0.1:6379 addr=127.0.0.1:50313 fd=8";
	struct seen seen = {0};
	struct in_addr loopback = {htonl(INADDR_LOOPBACK)};

	(void)state;
	assert_int_equal(redis_client_list(list, sizeof(list) - 1, remember, &seen), 6);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.addresses[0].family, AF_INET);
	assert_int_equal(seen.addresses[0].port, 50312);
	assert_memory_equal(seen.addresses[0].address, &loopback, 4);
	assert_string_equal(seen.libraries[0], "redis-py");
	assert_int_equal(seen.addresses[1].family, AF_INET6);
	assert_int_equal(seen.addresses[1].port, 41000);
	assert_int_equal(seen.addresses[1].address[15], 7);
	assert_int_equal(seen.addresses[2].family, AF_UNIX);
	assert_int_equal(seen.addresses[2].port, 0);
	assert_int_equal(seen.addresses[3].port, 50313);
}

static void urls_of_every_form_are_read(void **state)
{
	struct redis_url url;
	const char *why;

	(void)state;
	assert_int_equal(redis_url_parse("redis://cache.internal", &url, &why), 0);
	assert_string_equal(url.host, "cache.internal");
	assert_int_equal(url.port, 6379);
	assert_false(url.has_password);
	assert_int_equal(redis_url_parse("redis://shop:p%40ss:w%2Frd@[::1]:7000/3?x=1", &url, &why), 0);
	assert_string_equal(url.host, "::1");
	assert_int_equal(url.port, 7000);
	assert_string_equal(url.user, "shop");
	assert_string_equal(url.password, "p@ss:w/rd");
	assert_string_equal(url.shown, "redis://[::1]:7000");
	assert_int_equal(redis_url_parse("redis://:secret@127.0.0.1:6380/", &url, &why), 0);
	assert_string_equal(url.user, "");
	assert_true(url.has_password);
	assert_string_equal(url.shown, "redis://127.0.0.1:6380");
	assert_int_equal(redis_url_parse("unix:///run/redis.sock", &url, &why), 0);
	assert_string_equal(url.path, "/run/redis.sock");
	assert_string_equal(url.host, "");
	assert_false(url.has_password);
	assert_int_equal(redis_url_parse("unix://shop:p%40ss@/run/redis.sock", &url, &why), 0);
	assert_string_equal(url.user, "shop");
	assert_string_equal(url.password, "p@ss");
	assert_string_equal(url.path, "/run/redis.sock");
	assert_string_equal(url.shown, "unix:///run/redis.sock");
}

static void urls_that_cannot_work_are_refused_with_the_reason(void **state)
{
	static const char *const bad[] = {
		"", "127.0.0.1:6379", "http://127.0.0.1", "rediss://127.0.0.1", "redis://", "redis://:6379", "redis://h:0",
		"redis://h:65536", "redis://h:12345678", "redis://h:", "redis://[::1", "redis://[::1]x:5", "redis://h/x",
		"redis://user@h", "redis://user:@h", "redis://:%zz@h", "redis://:%00@h", "redis://:%4@h", "unix://",
		"unix://shop:secret@run/redis.sock", "unix://:secret@%2Frun%2Fredis.sock", "unix://:se#cret@/run/redis.sock",
		"unix://:se@/cret@run/x",
	};
	struct redis_url url = {.port = 4};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(redis_url_parse(bad[i], &url, &why), -EINVAL);
		assert_non_null(why);
	}
	assert_int_equal(url.port, 4);
}

static void an_unreadable_url_is_a_usage_error_that_does_not_repeat_it(void **state)
{
	struct connprof_server_view *view = NULL;
	struct connprof_error error;

	(void)state;
	assert_int_equal(connprof_server_view_begin("redis://:topsecret@h:x", &view, &error), -EINVAL);
	assert_null(view);
	assert_int_equal(error.status, CONNPROF_USAGE);
	assert_null(strstr(error.text, "topsecret"));
	assert_non_null(strstr(error.text, "the port is not a number"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_numbers_are_found_by_their_whole_name),
		cmocka_unit_test(info_values_that_are_no_numbers_are_absent),
		cmocka_unit_test(info_text_is_made_printable),
		cmocka_unit_test(client_list_gives_addresses_and_libraries),
		cmocka_unit_test(urls_of_every_form_are_read),
		cmocka_unit_test(urls_that_cannot_work_are_refused_with_the_reason),
		cmocka_unit_test(an_unreadable_url_is_a_usage_error_that_does_not_repeat_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
