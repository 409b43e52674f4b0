/* SPDX-License-Identifier: BSD-2-Clause */
/* conns_read.c - the connections summed up and listed. */
#include <errno.h>
#include <sys/socket.h>

#include "base/array.h"
#include "model/conns_parts.h"

void conns_count_unopened(const struct conn *conn, struct conns_totals *totals)
{
	if (!conn->opened && !conn->pair)
		*(conn->preexisting ? &totals->preexisting : &totals->accepted) += 1;
}

void conns_totals(const struct conns *conns, struct conns_totals *out)
{
	*out = conns->totals;
	for (const struct entry *entry = conns->by_key; entry; entry = entry->hh.next) {
		const struct conn *conn = &entry->conn;

		conns_count_unopened(conn, out);
		out->clients += !conn->opened && !conn->pair && !conn->preexisting && !conn->closed_ns && !conn->peer_closed_ns;
	}
}

int conns_over_time(struct conns *conns, uint64_t start_ns, uint64_t end_ns)
{
	return series_fill(conns->series, conns->recording, start_ns, end_ns);
}

int conns_open_ends(const struct conns *conns)
{
	struct connprof_recording *recording = conns->recording;

	/* An empty list says that none is open, which no list does not. */
	recording->open_end_count = 0;
	if (array_reserve(&recording->open_ends, &recording->open_end_capacity, 1, sizeof(*recording->open_ends), OPEN_ENDS_MAX))
		return -ENOMEM;
	for (const struct entry *entry = conns->by_key; entry; entry = entry->hh.next) {
		const struct conn *conn = &entry->conn;
		int code;

		bool over_unix = conn->peer.family == AF_UNIX && conn->peer.name; /* who accepted it has a peer without a name */

		if (conn->server || conn->closed_ns || conn->failed || (!conn->local.port && !over_unix))
			continue;
		code = array_reserve(&recording->open_ends, &recording->open_end_capacity, recording->open_end_count + 1,
				     sizeof(*recording->open_ends), OPEN_ENDS_MAX);
		if (code)
			return code == -E2BIG ? 0 : code;
		recording->open_ends[recording->open_end_count++] = over_unix ? conn->peer : conn->local;
	}
	return 0;
}
