/* SPDX-License-Identifier: BSD-2-Clause */
/* sockdiag.h - one question to the kernel about sockets of our own network namespace, over netlink (sock_diag(7)), as ss asks it. */
#ifndef CONNPROF_PROCESS_SOCKDIAG_H
#define CONNPROF_PROCESS_SOCKDIAG_H

#include <linux/netlink.h>
#include <stddef.h>

/* body (borrowed): the request behind its netlink head, of a dump. take is given each answer, borrowed for the call, with its length
 * checked to be at least `least` bytes behind the head; negative ends the dump. 0 or a negative errno: -EOPNOTSUPP where the kernel
 * does not answer such questions. */
int sockdiag_dump(const void *body, size_t size, size_t least, int (*take)(void *context, const struct nlmsghdr *head), void *context);

#endif
