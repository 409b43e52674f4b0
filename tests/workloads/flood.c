/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flood.c serve WHERE            - accepts on WHERE (0: a free loopback port, or a UNIX path), closes what the other side closes
 * flood.c WHERE COUNT RATE KEPT  - on "go" makes COUNT connections at RATE a second (0: as fast as it can), keeps the first KEPT
 *                                  of them open, and says how many it made, how many failed, and in how many nanoseconds
 *
 * TCP connections end in a reset, so that neither side keeps ports in TIME_WAIT. Both take all the descriptors they may.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define CLOSED_TOGETHER 256

static socklen_t address_of(const char *where, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_un *un = (struct sockaddr_un *)out;

	memset(out, 0, sizeof(*out));
	if (*where == '/') {
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof(un->sun_path), "%s", where);
		return sizeof(*un);
	}
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = htons((uint16_t)atoi(where));
	return sizeof(*in);
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void all_descriptors(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* ---- serving ---- */

static void take_waiting(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = fd };

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
			exit(1);
	}
}

static int serve(const char *where)
{
	struct sockaddr_storage address;
	socklen_t length = address_of(where, &address);
	int listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[CLOSED_TOGETHER], wanted = { .events = EPOLLIN, .data.fd = listener };

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096) ||
	    getsockname(listener, (struct sockaddr *)&address, &length) || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted))
		return 1;
	workload_ready("\"port\": %d", address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port) : 0);
	while (!workload_over()) {
		int count = epoll_wait(epoll, events, CLOSED_TOGETHER, 20);
		char nothing[256];

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd == listener)
				take_waiting(epoll, listener);
			else if (read(events[i].data.fd, nothing, sizeof(nothing)) <= 0) /* reads the end, as servers do */
				close(events[i].data.fd);
		}
	}
	return 0;
}

/* ---- flooding ---- */

/* Returns the socket, or -errno. */
KEEP static int open_one(const struct sockaddr_storage *address, socklen_t length)
{
	static const struct linger reset = { .l_onoff = 1 };
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (const struct sockaddr *)address, length)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

static void keep_pace(uint64_t start, long made, long rate)
{
	uint64_t due = start + (uint64_t)made * 1000000000u / (uint64_t)rate, now = wall_ns();
	struct timespec pause = { .tv_nsec = 1000000 };

	if (due > now + 1000000)
		nanosleep(&pause, NULL);
}

KEEP static void flood(const char *where, long count, long rate, long kept)
{
	struct sockaddr_storage address;
	socklen_t length = address_of(where, &address);
	uint64_t start = wall_ns();
	long made = 0, failed = 0, no_descriptor = 0;

	while (made + failed + no_descriptor < count) {
		int fd;

		if (rate)
			keep_pace(start, made, rate);
		fd = open_one(&address, length);
		if (fd < 0) {
			*(fd == -EMFILE ? &no_descriptor : &failed) += 1;
			continue;
		}
		if (made++ >= kept)
			close(fd);
	}
	printf("done %ld %ld %ld %llu\n", made, failed, no_descriptor, (unsigned long long)(wall_ns() - start));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	all_descriptors();
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc != 5)
		return 2;
	workload_ready("\"function\": \"open_one\"");
	workload_wait_go();
	flood(argv[1], atol(argv[2]), atol(argv[3]), atol(argv[4]));
	while (!workload_over())
		usleep(20000);
	return 0;
}
