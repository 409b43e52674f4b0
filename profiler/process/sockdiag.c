/* SPDX-License-Identifier: BSD-2-Clause */
#include "process/sockdiag.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ANSWER_SECONDS 2

static int ask(int fd, const void *body, size_t size)
{
	struct nlmsghdr head = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(size), .nlmsg_type = SOCK_DIAG_BY_FAMILY,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP};
	struct iovec parts[] = {{&head, sizeof(head)}, {(void *)body, size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -errno;
	return sendmsg(fd, &message, 0) == (ssize_t)(sizeof(head) + size) ? 0 : -errno;
}

struct taker {
	size_t least;
	int (*take)(void *context, const struct nlmsghdr *head);
	void *context;
};

/* 1: that was the last message. */
static int take_all(const struct taker *taker, const void *bytes, int size)
{
	int code = 0;

	for (const struct nlmsghdr *head = bytes; !code && NLMSG_OK(head, size); head = NLMSG_NEXT(head, size)) {
		if (head->nlmsg_type == NLMSG_ERROR)
			return -EOPNOTSUPP;
		if (head->nlmsg_type == NLMSG_DONE) { /* with an error where the kernel has no answers for this family */
			if (head->nlmsg_len >= NLMSG_LENGTH(sizeof(code)))
				memcpy(&code, NLMSG_DATA(head), sizeof(code));
			return code < 0 ? -EOPNOTSUPP : 1;
		}
		code = head->nlmsg_len < NLMSG_LENGTH(taker->least) ? -EPROTO : taker->take(taker->context, head);
	}
	return code;
}

int sockdiag_dump(const void *body, size_t size, size_t least, int (*take)(void *context, const struct nlmsghdr *head), void *context)
{
	_Alignas(struct nlmsghdr) char bytes[32768];
	const struct taker taker = {least, take, context};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int code = fd < 0 ? -EOPNOTSUPP : ask(fd, body, size);

	while (!code) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		code = got < 0 ? -errno : got ? take_all(&taker, bytes, (int)got) : -EPROTO;
	}
	if (fd >= 0)
		close(fd);
	return code < 0 ? code : 0;
}
