/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.c PORT PATH - for each line "KIND BATCHES ROUNDS" on stdin: how many nanoseconds one operation takes, the least and the
 * median over the batches.
 *
 * getppid, file (a byte into /dev/null), tcp and unix (a send and its receive, through a connection of our own: half of it is
 * told), tcpconnect and unixconnect (connect to PORT and PATH, and close).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define BATCHES_MAX 1000

static int null_file, tcp_pair[2], unix_pair[2];
static struct sockaddr_in tcp_server = { .sin_family = AF_INET };
static struct sockaddr_un unix_server = { .sun_family = AF_UNIX };

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void one_getppid(void)
{
	syscall(SYS_getppid);
}

static void one_file(void)
{
	if (write(null_file, "x", 1) != 1)
		fail("write");
}

static void one_exchange(const int *pair)
{
	static char word[64];

	if (send(pair[0], word, sizeof(word), 0) != sizeof(word) || recv(pair[1], word, sizeof(word), MSG_WAITALL) != sizeof(word))
		fail("exchange");
}

static void one_tcp(void)
{
	one_exchange(tcp_pair);
}

static void one_unix(void)
{
	one_exchange(unix_pair);
}

KEEP static void dial(int family, const void *address, socklen_t length)
{
	static const struct linger reset = { .l_onoff = 1 };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (fd < 0 || connect(fd, address, length))
		fail("connect");
	close(fd);
}

static void one_tcpconnect(void)
{
	dial(AF_INET, &tcp_server, sizeof(tcp_server));
}

static void one_unixconnect(void)
{
	dial(AF_UNIX, &unix_server, sizeof(unix_server));
}

static const struct {
	const char *name;
	void (*once)(void);
	unsigned calls; /* of those asked about, in one */
} kinds[] = {
	{ "getppid", one_getppid, 1 }, { "file", one_file, 1 }, { "tcp", one_tcp, 2 }, { "unix", one_unix, 2 },
	{ "tcpconnect", one_tcpconnect, 1 }, { "unixconnect", one_unixconnect, 1 },
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, long batches, long rounds)
{
	static double taken[BATCHES_MAX];
	size_t kind = 0;

	while (kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind].name, name))
		kind++;
	if (kind == sizeof(kinds) / sizeof(kinds[0]) || batches < 1 || batches > BATCHES_MAX || rounds < 1)
		exit(2);
	for (long batch = 0; batch < batches; batch++) {
		uint64_t start = wall_ns();

		for (long i = 0; i < rounds; i++)
			kinds[kind].once();
		taken[batch] = (double)(wall_ns() - start) / (double)rounds / kinds[kind].calls;
	}
	qsort(taken, (size_t)batches, sizeof(*taken), by_value);
	printf("%.1f %.1f\n", taken[0], taken[batches / 2]);
	fflush(stdout);
}

static void make_tcp_pair(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length))
		fail("listen");
	tcp_pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(tcp_pair[0], (struct sockaddr *)&address, length))
		fail("connect");
	tcp_pair[1] = accept(listener, NULL, NULL);
	setsockopt(tcp_pair[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
}

int main(int argc, char **argv)
{
	char line[64], name[32];
	long batches, rounds;

	if (argc != 3)
		return 2;
	tcp_server.sin_port = htons((uint16_t)atoi(argv[1]));
	tcp_server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(unix_server.sun_path, sizeof(unix_server.sun_path), "%s", argv[2]);
	null_file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	make_tcp_pair();
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair))
		fail("socketpair");
	workload_ready("\"function\": \"dial\"");
	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%31s %ld %ld", name, &batches, &rounds) == 3)
		measure(name, batches, rounds);
	return 0;
}
