/* SPDX-License-Identifier: BSD-2-Clause */
/* test_redis_server.c - the server's view of a real redis-server, started here on a free port of loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer/redis.h"

#define PASSWORD "pa:ss@w0rd"
#define PASSWORD_IN_URL "pa:ss%40w0rd"
#define OPENED 13

struct server {
	pid_t pid;
	uint16_t port;
	char path[64];               /* of its UNIX socket */
	char url[128], bare[128];
};

static int open_client(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static int open_unix_client(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void run_server(uint16_t port, const char *path)
{
	char digits[8];
	int null = open("/dev/null", O_RDWR);

	snprintf(digits, sizeof(digits), "%u", port);
	dup2(null, 1);
	dup2(null, 2);
	execlp("redis-server", "redis-server", "--port", digits, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
	       "--requirepass", PASSWORD, "--unixsocket", path, (char *)NULL);
	_exit(127);
}

static void start(struct server *server)
{
	int fd = -1;

	server->pid = fork();
	assert_true(server->pid >= 0);
	if (server->pid == 0)
		run_server(server->port, server->path);
	for (int i = 0; i < 200 && fd < 0; i++) {
		usleep(20000);
		fd = open_client(server->port);
	}
	if (fd < 0)
		fail_msg("redis-server did not start (is the package redis-server installed?)");
	close(fd);
}

static void stop(struct server *server)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, SIGTERM);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

static int set_up(void **state)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -1;
	*state = server;
	server->port = free_port();
	snprintf(server->path, sizeof(server->path), "/tmp/connprof-redis-%d.sock", getpid());
	snprintf(server->url, sizeof(server->url), "redis://:%s@127.0.0.1:%u", PASSWORD_IN_URL,
		 server->port);
	snprintf(server->bare, sizeof(server->bare), "redis://127.0.0.1:%u", server->port);
	start(server);
	return 0;
}

static int tear_down(void **state)
{
	struct server *server = *state;

	stop(server);
	unlink(server->path);
	free(server);
	return 0;
}

static struct connprof_recording *recording_with(uint16_t port, uint64_t connects, uint64_t failed)
{
	struct connprof_recording *recording = recording_new();

	assert_non_null(recording);
	recording->sites = calloc(2, sizeof(*recording->sites));
	assert_non_null(recording->sites);
	recording->site_count = recording->site_capacity = 2;
	for (int i = 0; i < 2; i++) {
		struct endpoint peer = {.family = AF_INET, .port = (uint16_t)(port + i), .address = {127, 0, 0, 1}};

		recording->sites[i].peer = peer; /* the second one is another server's */
		recording->sites[i].connects = connects;
		recording->sites[i].failed_connects = failed;
	}
	return recording;
}

/* OPENED clients connect and close between begin and end; `seen` of them were traced. */
static struct connprof_recording *compare(const struct server *server, uint64_t connects, uint64_t failed)
{
	struct connprof_recording *recording = recording_with(server->port, connects, failed);
	struct connprof_server_view *view = NULL;
	struct connprof_error error = {0};

	if (connprof_server_view_begin(server->url, &view, &error))
		fail_msg("%s", error.text);
	for (int i = 0; i < OPENED; i++) {
		char byte;
		int fd = open_client(server->port);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, "PING\r\n", 6), 6); /* its answer shows that the server has accepted it */
		assert_int_equal(read(fd, &byte, 1), 1);
		close(fd);
	}
	if (connprof_server_view_end(view, recording, &error))
		fail_msg("%s", error.text);
	connprof_server_view_free(view);
	return recording;
}

static const char *note_of(const struct connprof_recording *recording)
{
	return strings_get(recording->strings, recording->server.note);
}

static void server_and_trace_agree_on_the_connections_opened(void **state)
{
	struct server *server = *state;
	struct connprof_recording *recording = compare(server, OPENED, 2); /* those that failed are none of them */

	assert_true(recording->server.asked);
	assert_int_equal(recording->server.connections_received, OPENED);
	assert_int_equal(recording->server.connections_seen, OPENED);
	assert_string_equal(note_of(recording), "");
	assert_string_equal(strings_get(recording->strings, recording->server.address), server->bare);
	connprof_recording_free(recording);
}

static void connections_of_others_are_explained(void **state)
{
	struct connprof_recording *recording = compare(*state, OPENED - 5, 0);

	assert_int_equal(recording->server.connections_seen, OPENED - 5);
	assert_non_null(strstr(note_of(recording), "accepted 13 connections, 5 more"));
	assert_non_null(strstr(note_of(recording), "other clients"));
	connprof_recording_free(recording);
}

static void fewer_on_the_server_than_traced_is_called_a_fault_or_a_proxy(void **state)
{
	struct connprof_recording *recording = compare(*state, OPENED + 4, 0);

	assert_non_null(strstr(note_of(recording), "4 fewer"));
	assert_non_null(strstr(note_of(recording), "proxy"));
	connprof_recording_free(recording);
}

static void clients_are_matched_by_their_local_address_and_port(void **state)
{
	struct server *server = *state;
	struct connprof_recording *recording = recording_with(server->port, 0, 0);
	struct connprof_server_view *view = NULL;
	int ours = open_client(server->port), other = open_client(server->port);
	struct sockaddr_in local;
	socklen_t size = sizeof(local);

	assert_int_equal(getsockname(ours, (struct sockaddr *)&local, &size), 0);
	recording->open_ends = calloc(1, sizeof(*recording->open_ends));
	assert_non_null(recording->open_ends);
	recording->open_end_count = 1;
	recording->open_ends[0].family = AF_INET;
	recording->open_ends[0].port = ntohs(local.sin_port);
	memcpy(recording->open_ends[0].address, &local.sin_addr, 4);
	assert_int_equal(connprof_server_view_begin(server->url, &view, NULL), 0);
	assert_int_equal(connprof_server_view_end(view, recording, NULL), 0);
	assert_true(recording->server.clients_listed >= 2); /* closed ones of the tests before may linger; ours is not in it */
	assert_int_equal(recording->server.clients_matched, 1);
	close(ours);
	close(other);
	connprof_server_view_free(view);
	connprof_recording_free(recording);
}

/* Answers show that the server has accepted it. */
static void speak(int fd)
{
	char byte;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "PING\r\n", 6), 6);
	assert_int_equal(read(fd, &byte, 1), 1);
}

/* `held` UNIX clients stay open and OPENED - held close again; the target is said to have opened `seen` and to hold `open` of them. */
static struct connprof_recording *compare_unix(const struct server *server, const char *url, int held, uint64_t seen, size_t open)
{
	struct connprof_recording *recording = recording_with(server->port, 0, 0);
	struct endpoint peer = {.family = AF_UNIX, .name = strings_add(recording->strings, server->path)};
	struct connprof_server_view *view = NULL;
	struct connprof_error error = {0};
	int fds[OPENED];

	recording->sites[1].peer = peer;
	recording->sites[1].connects = seen;
	recording->open_ends = calloc(OPENED, sizeof(*recording->open_ends));
	assert_non_null(recording->open_ends);
	for (recording->open_end_count = 0; recording->open_end_count < open; recording->open_end_count++)
		recording->open_ends[recording->open_end_count] = peer;
	if (connprof_server_view_begin(url, &view, &error))
		fail_msg("%s", error.text);
	for (int i = 0; i < OPENED; i++)
		speak(fds[i] = open_unix_client(server->path));
	for (int i = held; i < OPENED; i++)
		close(fds[i]);
	usleep(100000); /* the server has noticed */
	if (connprof_server_view_end(view, recording, &error))
		fail_msg("%s", error.text);
	for (int i = 0; i < held; i++)
		close(fds[i]);
	connprof_server_view_free(view);
	return recording;
}

static void connections_over_the_unix_socket_count(void **state)
{
	struct server *server = *state;
	struct connprof_recording *recording = compare_unix(server, server->url, 3, OPENED, 3);

	assert_int_equal(recording->server.connections_received, OPENED);
	assert_int_equal(recording->server.connections_seen, OPENED);
	assert_int_equal(recording->server.unix_listed, 3);
	assert_int_equal(recording->server.unix_open, 3);
	assert_true(recording->server.clients_matched >= 3);
	assert_string_equal(note_of(recording), "");
	connprof_recording_free(recording);
}

static void a_server_asked_over_its_unix_socket_subtracts_that(void **state)
{
	struct server *server = *state;
	struct connprof_recording *recording;
	char url[160];

	snprintf(url, sizeof(url), "unix://:%s@%s", PASSWORD_IN_URL, server->path);
	recording = compare_unix(server, url, 2, OPENED, 2);
	assert_int_equal(recording->server.connections_received, OPENED);
	assert_int_equal(recording->server.connections_seen, OPENED);
	assert_int_equal(recording->server.unix_listed, 2);
	assert_string_equal(note_of(recording), "");
	connprof_recording_free(recording);
}

static void unix_clients_of_others_are_explained(void **state)
{
	struct server *server = *state;
	struct connprof_recording *recording = compare_unix(server, server->url, 5, OPENED - 4, 2);

	assert_int_equal(recording->server.unix_listed, 5);
	assert_int_equal(recording->server.unix_open, 2);
	assert_non_null(strstr(note_of(recording), "4 more than the target"));
	assert_non_null(strstr(note_of(recording), "lists 5 clients, and the target has 2 connections open there"));
	assert_non_null(strstr(note_of(recording), "of other processes"));
	connprof_recording_free(recording);
	recording = compare_unix(server, server->url, 1, OPENED, 4);
	assert_non_null(strstr(note_of(recording), "lists 1 clients, and the target has 4"));
	assert_non_null(strstr(note_of(recording), "closed some"));
	connprof_recording_free(recording);
}

static void a_missing_or_wrong_password_is_said_without_the_password(void **state)
{
	struct server *server = *state;
	struct connprof_server_view *view = NULL;
	struct connprof_error error;
	char url[128];

	assert_true(connprof_server_view_begin(server->bare, &view, &error) < 0);
	assert_int_equal(error.status, CONNPROF_CANNOT_OBSERVE);
	assert_non_null(strstr(error.text, "NOAUTH"));
	snprintf(url, sizeof(url), "redis://:hunter2@127.0.0.1:%u", server->port);
	assert_true(connprof_server_view_begin(url, &view, &error) < 0);
	assert_int_equal(error.status, CONNPROF_CANNOT_OBSERVE);
	assert_non_null(strstr(error.text, "WRONGPASS"));
	assert_null(strstr(error.text, "hunter2"));
	assert_null(view);
}

static void a_server_restarted_in_the_window_is_not_compared(void **state)
{
	struct server *server = *state;
	struct connprof_recording *recording = recording_with(server->port, 3, 0);
	struct connprof_server_view *view = NULL;
	struct connprof_error error = {0};

	assert_int_equal(connprof_server_view_begin(server->url, &view, &error), 0);
	stop(server);
	start(server);
	if (connprof_server_view_end(view, recording, &error))
		fail_msg("%s", error.text);
	assert_true(recording->server.connections_received == UNKNOWN_COUNT);
	assert_non_null(strstr(note_of(recording), "restarted"));
	connprof_server_view_free(view);
	connprof_recording_free(recording);
}

static void a_server_that_is_gone_is_said_with_what_to_do(void **state)
{
	struct connprof_server_view *view = NULL;
	struct connprof_error error;
	char url[64], expected[96];
	uint16_t port = free_port();

	(void)state;
	snprintf(url, sizeof(url), "redis://:hunter2@127.0.0.1:%u", port);
	snprintf(expected, sizeof(expected), "cannot ask redis://127.0.0.1:%u: Connection refused (is it running?", port);
	assert_true(connprof_server_view_begin(url, &view, &error) < 0);
	assert_int_equal(error.status, CONNPROF_CANNOT_OBSERVE);
	assert_memory_equal(error.text, expected, strlen(expected));
	assert_null(strstr(error.text, "hunter2"));
	assert_null(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_and_trace_agree_on_the_connections_opened),
		cmocka_unit_test(connections_of_others_are_explained),
		cmocka_unit_test(fewer_on_the_server_than_traced_is_called_a_fault_or_a_proxy),
		cmocka_unit_test(clients_are_matched_by_their_local_address_and_port),
		cmocka_unit_test(connections_over_the_unix_socket_count),
		cmocka_unit_test(a_server_asked_over_its_unix_socket_subtracts_that),
		cmocka_unit_test(unix_clients_of_others_are_explained),
		cmocka_unit_test(a_missing_or_wrong_password_is_said_without_the_password),
		cmocka_unit_test(a_server_restarted_in_the_window_is_not_compared),
		cmocka_unit_test(a_server_that_is_gone_is_said_with_what_to_do),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
