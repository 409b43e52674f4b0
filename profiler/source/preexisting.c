/* SPDX-License-Identifier: BSD-2-Clause */
/* preexisting.c - a list; TCP connections are known again by both ends, UNIX ones by their socket's inode. */
#include "source/preexisting.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "model/endpoint.h"
#include "process/process.h"
#include "process/unixdiag.h"

#define PREEXISTING_MAX 65536

struct open_socket {
	struct process_socket socket;
	struct unix_name peer_name;
	pid_t pid;
	bool seen;
	bool unknown;  /* UNIX, and what it is connected to cannot be told: not worth a line unless it speaks */
};

struct preexisting {
	struct open_socket *items;
	size_t count, capacity;
	pid_t *pids;
	size_t pid_count, pid_capacity;
};

struct preexisting *preexisting_new(void)
{
	return calloc(1, sizeof(struct preexisting));
}

void preexisting_free(struct preexisting *list)
{
	if (list) {
		free(list->items);
		free(list->pids);
	}
	free(list);
}

/* What a UNIX socket is connected to. Neither end of a socketpair() has a name, and that is no connection to anybody. */
static void learn_peer(struct open_socket *open, const struct unix_end *ends, size_t count)
{
	const struct unix_end *own = unixdiag_find(ends, count, (uint32_t)open->socket.inode);
	const struct unix_end *peer = own && own->peer ? unixdiag_find(ends, count, own->peer) : NULL;

	open->unknown = !peer || (!own->name.length && !peer->name.length);
	if (peer)
		open->peer_name = peer->name;
}

int preexisting_of(struct preexisting *list, pid_t pid)
{
	int code = array_reserve(&list->pids, &list->pid_capacity, list->pid_count + 1, sizeof(*list->pids), TARGETS_MAX);

	if (!code)
		list->pids[list->pid_count++] = pid;
	return code;
}

static int look(struct preexisting *list, pid_t pid, struct socket_table *table)
{
	struct process_socket *sockets = NULL;
	struct unix_end *ends = NULL;
	int count = process_sockets(pid, table, &sockets), known = count > 0 ? unixdiag_load(&ends) : 0, code = 0;

	for (int i = 0; i < count && !code; i++) {
		struct open_socket open = {.socket = sockets[i], .pid = pid};

		if (sockets[i].state == TCP_LISTEN)
			continue;
		if (open.socket.local.family == AF_UNIX)
			learn_peer(&open, ends, known > 0 ? (size_t)known : 0);
		code = array_reserve(&list->items, &list->capacity, list->count + 1, sizeof(*list->items), PREEXISTING_MAX);
		if (!code)
			list->items[list->count++] = open;
	}
	free(ends);
	free(sockets);
	return count < 0 ? count : code;
}

void preexisting_look(struct preexisting *list, void (*failed)(void *context, pid_t pid, int code), void *context)
{
	struct socket_table table = {0};

	for (size_t i = 0; i < list->pid_count; i++) {
		int code = look(list, list->pids[i], &table);

		if (code < 0)
			failed(context, list->pids[i], code);
	}
	list->pid_count = 0;
	socket_table_done(&table);
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	struct endpoint x = endpoint_plain(a), y = endpoint_plain(b);

	return x.family == y.family && x.port == y.port && !memcmp(x.address, y.address, sizeof(x.address));
}

static bool same_socket(const struct process_socket *socket, const struct conn_body *body)
{
	if (socket->local.family == AF_UNIX)
		return body->local.family == AF_UNIX &&
		       !memcmp(socket->local.address, body->local.address, sizeof(socket->inode));
	return same_endpoint(&socket->local, &body->local) && same_endpoint(&socket->peer, &body->peer);
}

bool preexisting_claim(struct preexisting *list, const struct conn_body *body)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].seen || !same_socket(&list->items[i].socket, body))
			continue;
		list->items[i].seen = true;
		return true;
	}
	return false;
}

bool preexisting_silent(const struct preexisting *list, size_t *at, struct strings *strings, pid_t *pid,
			struct endpoint *local, struct endpoint *peer)
{
	const struct open_socket *open;

	while (*at < list->count && (list->items[*at].seen || list->items[*at].unknown))
		++*at;
	if (*at >= list->count)
		return false;
	open = &list->items[(*at)++];
	*pid = open->pid;
	*local = endpoint_plain(&open->socket.local);
	*peer = endpoint_plain(&open->socket.peer);
	if (peer->family == AF_UNIX)
		peer->name = endpoint_unix_name(open->peer_name.path, open->peer_name.length, strings);
	return true;
}
