/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockets.c - the sockets a process holds: its descriptors' inodes looked up in its network namespace's tables.
 *
 * Those of /proc list every connection that ended in the last minute too, tens of thousands where a service reuses none, and take the kernel
 * 5 us a line. So in our own namespace it is asked over netlink, which leaves those out.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "process/process.h"
#include "process/procfs.h"
#include "process/sockdiag.h"

#define SOCKETS_MAX (1u << 20)

struct inodes {
	uint64_t *items;
	size_t count, capacity;
};

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int load_inodes(pid_t pid, struct inodes *inodes)
{
	struct dirent *entry;
	char path[64];
	DIR *dir;
	int code = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (!dir)
		return procfs_error(errno);
	while (!code && (entry = readdir(dir))) {
		char target[64];
		uint64_t inode;
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
			continue;
		code = array_reserve(&inodes->items, &inodes->capacity, inodes->count + 1, sizeof(*inodes->items), SOCKETS_MAX);
		if (!code)
			inodes->items[inodes->count++] = inode;
	}
	closedir(dir);
	return code;
}

/* "0100007F:1F90": each 32-bit word of the address is printed as a host-order number, the port as a number. */
static int parse_endpoint(const char *text, struct endpoint *out)
{
	size_t digits = strspn(text, "0123456789ABCDEFabcdef"), words = digits / 8;
	unsigned int word, port;

	memset(out, 0, sizeof(*out));
	if ((digits != 8 && digits != 32) || text[digits] != ':' || sscanf(text + digits + 1, "%4x", &port) != 1)
		return -EPROTO;
	for (size_t i = 0; i < words; i++) {
		if (sscanf(text + 8 * i, "%8x", &word) != 1)
			return -EPROTO;
		memcpy(out->address + 4 * i, &word, sizeof(word));
	}
	out->port = (uint16_t)port;
	out->family = words == 1 ? AF_INET : AF_INET6;
	return 0;
}

/*   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 31337 1 … */
static int parse_socket(const char *line, struct process_socket *out)
{
	char local[48], peer[48];
	unsigned int state;

	memset(out, 0, sizeof(*out));
	if (sscanf(line, " %*u: %47s %47s %x %*s %*s %*s %*s %*s %" SCNu64, local, peer, &state, &out->inode) != 4)
		return -EPROTO;
	out->state = (int)state;
	return parse_endpoint(local, &out->local) || parse_endpoint(peer, &out->peer) ? -EPROTO : 0;
}

/* 0000000000000000: 00000003 00000000 00000000 0001 03 31337 /run/redis.sock */
#define UNIX_LISTENS 0x10000 /* __SO_ACCEPTCON, include/uapi/linux/net.h */
#define UNIX_CONNECTED 3     /* SS_CONNECTED */

static int parse_unix_socket(const char *line, struct process_socket *out)
{
	unsigned int flags, type, state;

	memset(out, 0, sizeof(*out));
	if (sscanf(line, "%*x: %*x %*x %x %x %x %" SCNu64, &flags, &type, &state, &out->inode) != 4 || type != SOCK_STREAM ||
	    (!(flags & UNIX_LISTENS) && state != UNIX_CONNECTED))
		return -EPROTO;
	out->state = flags & UNIX_LISTENS ? TCP_LISTEN : TCP_ESTABLISHED;
	out->local.family = out->peer.family = AF_UNIX;
	memcpy(out->local.address, &out->inode, sizeof(out->inode));
	return 0;
}

static int sockets_add(struct socket_table *sockets, const struct process_socket *socket)
{
	int code = array_reserve(&sockets->items, &sockets->capacity, sockets->count + 1, sizeof(*sockets->items), SOCKETS_MAX);

	if (!code)
		sockets->items[sockets->count++] = *socket;
	return code;
}

static bool holds(const struct inodes *inodes, uint64_t inode)
{
	return bsearch(&inode, inodes->items, inodes->count, sizeof(*inodes->items), by_value) != NULL;
}

/* inodes NULL: all that the table holds. */
static int load_table(pid_t pid, const char *name, int (*parse)(const char *line, struct process_socket *out),
		      const struct inodes *inodes, struct socket_table *sockets)
{
	char path[64], line[512];
	FILE *file;
	int code = 0;

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, name);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT && inodes ? 0 : procfs_error(errno); /* a kernel without IPv6 has no tcp6 */
	while (!code && fgets(line, sizeof(line), file)) {
		struct process_socket socket;

		if (!parse(line, &socket) && (!inodes || holds(inodes, socket.inode)))
			code = sockets_add(sockets, &socket);
	}
	fclose(file);
	return code;
}

static void endpoint_fill(struct endpoint *out, uint8_t family, const __be32 address[4], __be16 port)
{
	memcpy(out->address, address, family == AF_INET ? 4 : 16);
	out->family = family;
	out->port = ntohs(port);
}

static int take(void *context, const struct nlmsghdr *head)
{
	const struct inet_diag_msg *message = NLMSG_DATA(head);
	struct process_socket socket = {.inode = message->idiag_inode, .state = message->idiag_state};

	if (!socket.inode || (message->idiag_family != AF_INET && message->idiag_family != AF_INET6))
		return 0;
	endpoint_fill(&socket.local, message->idiag_family, message->id.idiag_src, message->id.idiag_sport);
	endpoint_fill(&socket.peer, message->idiag_family, message->id.idiag_dst, message->id.idiag_dport);
	return sockets_add(context, &socket);
}

/* Of those that /proc lists. */
#define LISTED_STATES (1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT | \
		       1u << TCP_LAST_ACK | 1u << TCP_LISTEN | 1u << TCP_CLOSING)

/* TCP sockets that have a descriptor: neither those of ended connections nor of such as wait to be accepted. */
static int ask_for_tcp(uint8_t family, struct socket_table *table)
{
	const struct inet_diag_req_v2 request = {
		.sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = LISTED_STATES,
	};

	return sockdiag_dump(&request, sizeof(request), sizeof(struct inet_diag_msg), take, table);
}

static int by_inode(const void *a, const void *b)
{
	const struct process_socket *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static int table_look(struct socket_table *table)
{
	if (table->looked)
		return table->code;
	table->looked = true;
	table->code = ask_for_tcp(AF_INET, table);
	if (!table->code)
		table->code = ask_for_tcp(AF_INET6, table);
	if (table->count)
		qsort(table->items, table->count, sizeof(*table->items), by_inode);
	return table->code;
}

void socket_table_done(struct socket_table *table)
{
	free(table->items);
	*table = (struct socket_table){0};
}

static bool in_our_network(pid_t pid)
{
	struct stat own, its;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return !stat("/proc/self/ns/net", &own) && !stat(path, &its) && own.st_dev == its.st_dev && own.st_ino == its.st_ino;
}

static int load_tcp(pid_t pid, struct socket_table *table, const struct inodes *inodes, struct socket_table *sockets)
{
	int code = in_our_network(pid) ? table_look(table) : -EOPNOTSUPP;

	for (size_t i = 0; i < inodes->count && !code; i++) {
		const struct process_socket wanted = {.inode = inodes->items[i]};
		bool again = i && inodes->items[i] == inodes->items[i - 1]; /* two descriptors of one socket */
		const struct process_socket *found =
			table->count && !again ? bsearch(&wanted, table->items, table->count, sizeof(*table->items), by_inode) : NULL;

		code = found ? sockets_add(sockets, found) : 0;
	}
	if (!code || code == -ENOMEM)
		return code;
	code = load_table(pid, "tcp", parse_socket, inodes, sockets);
	return code ? code : load_table(pid, "tcp6", parse_socket, inodes, sockets);
}

int process_unix_inodes(pid_t pid, uint64_t **out)
{
	struct socket_table sockets = {0};
	int code = load_table(pid, "unix", parse_unix_socket, NULL, &sockets);
	uint64_t *inodes = code ? NULL : calloc(sockets.count + 1, sizeof(*inodes));

	for (size_t i = 0; inodes && i < sockets.count; i++)
		inodes[i] = sockets.items[i].inode;
	free(sockets.items);
	if (!inodes)
		return code ? code : -ENOMEM;
	qsort(inodes, sockets.count, sizeof(*inodes), by_value);
	*out = inodes;
	return (int)sockets.count;
}

int process_sockets(pid_t pid, struct socket_table *table, struct process_socket **out)
{
	struct inodes inodes = {0};
	struct socket_table sockets = {0};
	int code = load_inodes(pid, &inodes);

	if (!code && inodes.count) {
		qsort(inodes.items, inodes.count, sizeof(*inodes.items), by_value);
		code = load_tcp(pid, table, &inodes, &sockets);
		if (!code)
			code = load_table(pid, "unix", parse_unix_socket, &inodes, &sockets);
	}
	free(inodes.items);
	if (code) {
		free(sockets.items);
		return code;
	}
	*out = sockets.items;
	return (int)sockets.count;
}
