/* SPDX-License-Identifier: BSD-2-Clause */
/* dialler.c PORT - for each number on stdin connects that many times to loopback PORT, exchanges one small Redis command and
 * closes; then says how long it took: connections, CPU ns, wall ns. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

KEEP static int dial_once(int port)
{
	static const char ping[] = "*1\r\n$4\r\nPING\r\n";
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char answer[16];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int ok = fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
		 send(fd, ping, sizeof(ping) - 1, MSG_NOSIGNAL) > 0 && recv(fd, answer, sizeof(answer), 0) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

int main(int argc, char **argv)
{
	char line[32];
	int port = argc > 1 ? atoi(argv[1]) : 0;

	workload_ready("\"function\": \"dial_once\"");
	while (fgets(line, sizeof(line), stdin)) {
		long count = strtol(line, NULL, 10), done = 0;
		uint64_t cpu = workload_cpu_ns(), wall = wall_ns();

		while (done < count && dial_once(port))
			done++;
		printf("%ld %llu %llu\n", done, (unsigned long long)(workload_cpu_ns() - cpu),
		       (unsigned long long)(wall_ns() - wall));
		fflush(stdout);
	}
	workload_answer("\"port\": %d", port);
	return 0;
}
