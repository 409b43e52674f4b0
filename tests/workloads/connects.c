/* SPDX-License-Identifier: BSD-2-Clause */
/* connects.c FAMILY PORT OPENED FAILED KEPT CHILDREN - on "go", this process and each of CHILDREN forked ones connect to
 * loopback PORT (FAMILY 4 or 6) OPENED times, KEPT of them without closing, and FAILED times to a port where nobody listens
 * (PORT given as 0 makes all of them fail). Prints the totals it really made. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

struct plan { int family, port; long opened, failed, kept, children; };
struct done { long opened, failed, closed; };

static socklen_t address_of(const struct plan *plan, int port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (plan->family == 6) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

		v6->sin6_family = AF_INET6;
		v6->sin6_addr = in6addr_loopback;
		v6->sin6_port = htons((uint16_t)port);
		return sizeof(*v6);
	}
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	v4->sin_family = AF_INET;
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	v4->sin_port = htons((uint16_t)port);
	return sizeof(*v4);
}

/* Returns the socket, or -errno. */
KEEP static int open_one(const struct plan *plan, int port)
{
	struct sockaddr_storage address;
	socklen_t length = address_of(plan, port, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, length)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

/* A port on which nobody listens: bound, never listened to, so connecting is refused. */
static int refused_port(const struct plan *plan, int *holder)
{
	struct sockaddr_storage address;
	socklen_t length = address_of(plan, 0, &address);

	*holder = socket(address.ss_family, SOCK_STREAM, 0);
	if (*holder < 0 || bind(*holder, (struct sockaddr *)&address, length) ||
	    getsockname(*holder, (struct sockaddr *)&address, &length))
		exit(1);
	return ntohs(plan->family == 6 ? ((struct sockaddr_in6 *)&address)->sin6_port
				       : ((struct sockaddr_in *)&address)->sin_port);
}

KEEP static struct done open_all(const struct plan *plan)
{
	struct done done = { 0, 0, 0 };
	int holder, refused = refused_port(plan, &holder);

	for (long i = 0; i < plan->opened; i++) {
		int fd = open_one(plan, plan->port);

		if (fd < 0)
			exit(1);
		done.opened++;
		if (i >= plan->kept) {
			close(fd);
			done.closed++;
		}
	}
	for (long i = 0; i < plan->failed; i++)
		done.failed += open_one(plan, refused) < 0;
	close(holder);
	return done;
}

int main(int argc, char **argv)
{
	struct plan plan;
	struct done done;

	if (argc != 7)
		return 2;
	plan = (struct plan){ atoi(argv[1]), atoi(argv[2]), atol(argv[3]), atol(argv[4]), atol(argv[5]), atol(argv[6]) };
	workload_ready("\"function\": \"open_one\", \"caller\": \"open_all\"");
	workload_wait_go();
	for (long i = 0; i < plan.children; i++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (child == 0) {
			done = open_all(&plan);
			_exit(done.opened == plan.opened && done.failed == plan.failed ? 0 : 1);
		}
	}
	done = open_all(&plan);
	for (long i = 0; i < plan.children; i++) {
		int status;

		if (wait(&status) < 0 || status)
			return 1;
	}
	printf("done\n");
	fflush(stdout);
	while (!workload_over())
		usleep(20000);
	workload_answer("\"opened\": %ld, \"failed\": %ld, \"closed\": %ld, \"children\": %ld",
			done.opened * (1 + plan.children), done.failed * (1 + plan.children),
			done.closed * (1 + plan.children), plan.children);
	return 0;
}
