/* SPDX-License-Identifier: BSD-2-Clause */
/* unixdiag.c - one dump request over netlink (linux/unix_diag.h), its answers taken apart with their lengths checked. */
#include "process/unixdiag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"

#define ENDS_MAX (1u << 20)
#define STATE_ESTABLISHED 1 /* TCP_ESTABLISHED, which UNIX sockets use too */
#define ANSWER_SECONDS 2

struct ends {
	struct unix_end *items;
	size_t count, capacity;
};

static int ask(int fd)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req body;
	} request = {
		.head = {.nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.body = {.sdiag_family = AF_UNIX, .udiag_states = 1u << STATE_ESTABLISHED,
			 .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER},
	};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -errno;
	return send(fd, &request, sizeof(request), 0) == sizeof(request) ? 0 : -errno;
}

static int take(struct ends *ends, const struct nlmsghdr *head)
{
	const struct unix_diag_msg *message = NLMSG_DATA(head);
	struct unix_end end = {0};
	int left;

	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return -EPROTO;
	if (message->udiag_type != SOCK_STREAM)
		return 0;
	end.inode = message->udiag_ino;
	left = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(*message)));
	for (const struct rtattr *attribute = (const struct rtattr *)(message + 1); RTA_OK(attribute, left);
	     attribute = RTA_NEXT(attribute, left)) {
		size_t length = RTA_PAYLOAD(attribute);

		if (attribute->rta_type == UNIX_DIAG_PEER && length >= sizeof(end.peer)) {
			memcpy(&end.peer, RTA_DATA(attribute), sizeof(end.peer));
		} else if (attribute->rta_type == UNIX_DIAG_NAME && length <= sizeof(end.name.path)) {
			end.name.length = (uint32_t)length;
			memcpy(end.name.path, RTA_DATA(attribute), length);
		}
	}
	if (array_reserve(&ends->items, &ends->capacity, ends->count + 1, sizeof(*ends->items), ENDS_MAX))
		return -ENOMEM;
	ends->items[ends->count++] = end;
	return 0;
}

/* 1: that was the last message. */
static int take_all(struct ends *ends, const void *bytes, size_t size)
{
	int code = 0;

	for (const struct nlmsghdr *head = bytes; !code && NLMSG_OK(head, size); head = NLMSG_NEXT(head, size)) {
		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		code = head->nlmsg_type == NLMSG_ERROR ? -EOPNOTSUPP : take(ends, head);
	}
	return code;
}

static int by_inode(const void *a, const void *b)
{
	const struct unix_end *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

int unixdiag_load(struct unix_end **out)
{
	_Alignas(struct nlmsghdr) char bytes[32768];
	struct ends ends = {0};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int code = fd < 0 ? -errno : ask(fd);

	while (!code) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		code = got < 0 ? -errno : got ? take_all(&ends, bytes, (size_t)got) : -EPROTO;
	}
	if (fd >= 0)
		close(fd);
	if (code < 0) {
		free(ends.items);
		return code;
	}
	if (ends.count)
		qsort(ends.items, ends.count, sizeof(*ends.items), by_inode);
	*out = ends.items;
	return (int)ends.count;
}

const struct unix_end *unixdiag_find(const struct unix_end *ends, size_t count, uint32_t inode)
{
	const struct unix_end wanted = {.inode = inode};

	return count ? bsearch(&wanted, ends, count, sizeof(*ends), by_inode) : NULL;
}
