/* SPDX-License-Identifier: BSD-2-Clause */
/* redis_compare.h - what a Redis server says it saw, beside what was traced: counts, and their difference in words. */
#ifndef CONNPROF_PEER_REDIS_COMPARE_H
#define CONNPROF_PEER_REDIS_COMPARE_H

#include <sys/socket.h>

#include "model/recording.h"

/* Where the server is, as its clients have it. */
struct redis_place {
	struct endpoint server;      /* family 0: not reachable by TCP */
	struct endpoint own;         /* of our connection to it; family 0: that is over its UNIX socket */
	char paths[2][108];          /* its UNIX socket: as we were given it, as it was bound; "": not known */
};

/* What one INFO says. */
struct redis_reading {
	uint64_t received, rejected, max_clients, port;
	char run_id[48];             /* a restarted server has another */
};

void redis_endpoint(const struct sockaddr_storage *address, struct endpoint *out);

/* Fills the counts of clients from what CLIENT LIST printed. TCP clients are matched by address and port. Those over the UNIX socket
 * have neither there: as many as are open here are ours. */
void redis_compare_clients(const struct redis_place *place, const struct connprof_recording *recording, const char *list, size_t length,
			   struct server_row *row);
/* How many connections to this server were seen to be established, over TCP and its UNIX socket; UNKNOWN_COUNT: it has no place. */
uint64_t redis_connections_seen(const struct redis_place *place, const struct connprof_recording *recording);
/* The differences in words; "" where there are none. */
void redis_explain(const struct redis_reading *before, const struct redis_reading *after, const struct server_row *row, char *out,
		   size_t size);

#endif
