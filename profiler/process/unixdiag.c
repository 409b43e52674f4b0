/* SPDX-License-Identifier: BSD-2-Clause */
/* unixdiag.c - one dump request (linux/unix_diag.h), its answers taken apart with their lengths checked. */
#include "process/unixdiag.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "process/sockdiag.h"

#define ENDS_MAX (1u << 20)
#define STATE_ESTABLISHED 1 /* TCP_ESTABLISHED, which UNIX sockets use too */

struct ends {
	struct unix_end *items;
	size_t count, capacity;
};

static int take(void *context, const struct nlmsghdr *head)
{
	struct ends *ends = context;
	const struct unix_diag_msg *message = NLMSG_DATA(head);
	struct unix_end end = {0};
	int left;

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

static int by_inode(const void *a, const void *b)
{
	const struct unix_end *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

int unixdiag_load(struct unix_end **out)
{
	static const struct unix_diag_req request = {
		.sdiag_family = AF_UNIX, .udiag_states = 1u << STATE_ESTABLISHED, .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER,
	};
	struct ends ends = {0};
	int code = sockdiag_dump(&request, sizeof(request), sizeof(struct unix_diag_msg), take, &ends);

	if (code) {
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
