/* SPDX-License-Identifier: BSD-2-Clause */
/* uring.c WHERE COUNT ASYNC [silent] - on "go" makes COUNT connections to WHERE (a loopback port or a UNIX path) one after the other,
 * through io_uring alone: connect, send 14 bytes, receive the answer, close; or nothing but connect and close. ASYNC 1: by the
 * kernel's workers. */
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "workload.h"

static struct io_uring ring;
static unsigned sqe_flags;

/* The result of one operation. */
static int run(struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;
	int result;

	io_uring_sqe_set_flags(sqe, sqe_flags);
	if (io_uring_submit_and_wait(&ring, 1) < 0 || io_uring_wait_cqe(&ring, &cqe))
		exit(1);
	result = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return result;
}

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

KEEP static int dial(const char *where)
{
	struct sockaddr_storage address;
	socklen_t length = address_of(where, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	io_uring_prep_connect(sqe, fd, (struct sockaddr *)&address, length);
	if (fd < 0 || run(sqe))
		exit(1);
	return fd;
}

KEEP static void talk(int fd, int silent)
{
	static const char word[] = "hello, there\r\n";
	char answer[64];
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (silent) {
		io_uring_prep_close(sqe, fd);
		if (run(sqe))
			exit(1);
		return;
	}
	io_uring_prep_send(sqe, fd, word, sizeof(word) - 1, 0);
	if (run(sqe) != (int)sizeof(word) - 1)
		exit(1);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_recv(sqe, fd, answer, sizeof(answer), 0);
	if (run(sqe) <= 0)
		exit(1);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_close(sqe, fd);
	if (run(sqe))
		exit(1);
}

int main(int argc, char **argv)
{
	long count;

	if (argc != 4 && argc != 5)
		return 2;
	count = atol(argv[2]);
	sqe_flags = atoi(argv[3]) ? IOSQE_ASYNC : 0;
	if (io_uring_queue_init(8, &ring, 0)) {
		workload_ready("\"unable\": \"io_uring is not permitted here\"");
		return 0;
	}
	workload_ready("\"function\": \"dial\"");
	workload_wait_go();
	for (long i = 0; i < count; i++)
		talk(dial(argv[1]), argc == 5);
	printf("done\n");
	fflush(stdout);
	while (!workload_over())
		usleep(20000);
	workload_answer("\"made\": %ld", count);
	return 0;
}
