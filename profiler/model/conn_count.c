/* SPDX-License-Identifier: BSD-2-Clause */
/* conn_count.c - one connection, as it stands, in the counts of its group. */
#include <errno.h>

#include "model/conns.h"

/* From connect() until it could do the application's work. */
static uint64_t setup_end(const struct conn *conn)
{
	if (conn->handshake_ns)
		return conn->handshake_ns;
	if (conn->handshake && conn->first_command_ns) /* handshake and first command in one go */
		return conn->first_command_ns;
	if (conn->tls_ns)
		return conn->tls_ns;
	return conn->established_ns ? conn->established_ns : conn->first_command_ns;
}

static void count_kind(const struct conn *conn, struct counts *counts)
{
	bool closed = conn->closed_ns != 0;

	if (conn->early) {
		counts->early++;
	} else if (conn->reconnect) {
		counts->reconnected++;
	} else if (conn->long_lived) {
		counts->long_lived++;
	} else if (conn_reused(conn)) {
		counts->reused++;
		counts->closed_reused += closed;
	} else {
		counts->single[conn->tie]++;
		counts->aside += conn->aside;
		counts->closed_single += closed;
	}
}

static uint64_t span(uint64_t begin_ns, uint64_t end_ns)
{
	return begin_ns && end_ns > begin_ns ? end_ns - begin_ns : 0;
}

struct conn_setup conn_setup(const struct conn *conn)
{
	return (struct conn_setup){
		.whole_ns = span(conn->birth_ns, setup_end(conn)),
		.connect_ns = span(conn->birth_ns, conn->established_ns),
		.tls_ns = span(conn->established_ns, conn->tls_ns),
		.handshake_ns = span(conn->tls_ns ? conn->tls_ns : conn->established_ns, conn->handshake_ns),
	};
}

static int add_span(struct sketch *sketch, uint64_t ns)
{
	return ns ? sketch_add(sketch, ns) : 0;
}

static int count_setup(const struct conn *conn, struct counts *counts)
{
	struct conn_setup setup = conn_setup(conn);

	counts->handshake_trips += conn->handshake_trips;
	return add_span(&counts->setup, setup.whole_ns) | add_span(&counts->connect, setup.connect_ns) |
	       add_span(&counts->tls_handshake, setup.tls_ns) | add_span(&counts->handshake, setup.handshake_ns);
}

static int count_times(const struct conn *conn, struct counts *counts)
{
	int code = count_setup(conn, counts);

	if (!conn->closed_ns || conn->closed_ns < conn->birth_ns)
		return code;
	code |= sketch_add(&counts->lifetime, conn->closed_ns - conn->birth_ns);
	if (!conn_reused(conn) && !conn->long_lived && conn->last_io_ns && conn->closed_ns > conn->last_io_ns)
		code |= sketch_add(&counts->idle_at_close, conn->closed_ns - conn->last_io_ns);
	if (conn->closed_ns - conn->birth_ns < SHORT_LIVED_NS) {
		counts->brief++;
		counts->brief_untied += conn->tie == TIE_NONE && !conn_reused(conn) && !conn->peer_ended &&
					!conn->reconnect && !conn->long_lived;
	}
	return code;
}

int conn_count(const struct conn *conn, struct counts *counts)
{
	counts->protocol = conn->protocol ? conn->protocol : counts->protocol;
	counts->confirmed |= conn->confirmed;
	counts->tls |= conn->tls;
	counts->library = conn->library ? conn->library : counts->library;
	if (!conn->opened)
		return 0;
	if (conn->failed) {
		counts->failed++;
		return 0;
	}
	counts->connects++;
	counts->ties[conn->tie]++;
	count_kind(conn, counts);
	counts->closed += conn->closed_ns != 0;
	counts->open += !conn->closed_ns;
	counts->close_wait += !conn->closed_ns && conn->peer_closed_ns;
	counts->served += conn->served;
	counts->commands += conn->commands;
	counts->untied_uses += conn->untied_uses;
	counts->first_of_thread += conn->first_of_thread;
	counts->first_of_process += conn->first_of_process;
	counts->bytes_sent += conn->bytes_sent;
	counts->bytes_received += conn->bytes_received;
	if (conn->birth_ns > counts->last_birth_ns)
		counts->last_birth_ns = conn->birth_ns;
	if (conn->closed_ns)
		counts_close_stack(counts, conn->close_stack, 1);
	counts->pooled += conn->pool != 0;
	if (conn->pool && pool_set_add(&counts->pools, conn->pid, conn->pool, conn_pool_shared(conn)))
		return -ENOMEM;
	return count_times(conn, counts) ? -ENOMEM : 0;
}
