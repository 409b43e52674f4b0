/* SPDX-License-Identifier: BSD-2-Clause */
/* sockets.c - the sockets a process holds: its descriptors' inodes looked up in its network namespace's tables. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "process/process.h"
#include "process/procfs.h"

#define SOCKETS_MAX (1u << 20)

struct inodes {
	uint64_t *items;
	size_t count, capacity;
};

struct sockets {
	struct process_socket *items;
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

/* inodes NULL: all that the table holds. */
static int load_table(pid_t pid, const char *name, int (*parse)(const char *line, struct process_socket *out),
		      const struct inodes *inodes, struct sockets *sockets)
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

		if (parse(line, &socket) ||
		    (inodes && !bsearch(&socket.inode, inodes->items, inodes->count, sizeof(*inodes->items), by_value)))
			continue;
		code = array_reserve(&sockets->items, &sockets->capacity, sockets->count + 1, sizeof(*sockets->items), SOCKETS_MAX);
		if (!code)
			sockets->items[sockets->count++] = socket;
	}
	fclose(file);
	return code;
}

int process_unix_inodes(pid_t pid, uint64_t **out)
{
	struct sockets sockets = {0};
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

int process_sockets(pid_t pid, struct process_socket **out)
{
	struct inodes inodes = {0};
	struct sockets sockets = {0};
	int code = load_inodes(pid, &inodes);

	if (!code && inodes.count) {
		qsort(inodes.items, inodes.count, sizeof(*inodes.items), by_value);
		code = load_table(pid, "tcp", parse_socket, &inodes, &sockets);
		if (!code)
			code = load_table(pid, "tcp6", parse_socket, &inodes, &sockets);
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
