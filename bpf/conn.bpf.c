/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * conn.bpf.c - the life of a TCP connection, from its socket's state changes.
 *
 *   CLOSE -> SYN_SENT                    connect(), in the connecting thread: a new entry, with the stack
 *   SYN_SENT -> ESTABLISHED              whoever happens to run (softirq): time only
 *   ESTABLISHED -> CLOSE_WAIT            the peer closed first
 *   ESTABLISHED -> FIN_WAIT1, CLOSE_WAIT -> LAST_ACK, or straight to CLOSE without an error
 *                                        closed here, in the closing thread: with the stack
 *   anything -> CLOSE                    the entry ends
 *   CLOSE -> SYN_SENT, LISTEN -> SYN_RECV  a new life: an older entry at this address ends too
 *
 * Whose connection it is says the entry, never `current`: most changes run in somebody else's time.
 *
 * The kernel (6.1 and later) never runs a program inside itself, whatever interrupts it. So what a softirq brings in the middle of
 * state_changed (peers' delayed acknowledgements: hundreds at once) is left to state_changed_within, which runs after it at each
 * change; it never brings what a thread causes, for which the stack is walked.
 */
#include "sock.h"

static __always_inline void opened(const struct sock *sk)
{
	u32 tgid = current_tgid();
	struct target *target = target_of(tgid);
	struct connection connection = {};
	u64 begin;

	if (!target || !sock_is_tcp(sk))
		return;
	begin = bpf_ktime_get_ns();
	connection.conn = conn_number();
	connection.owner_pid = tgid;
	connection.flags = CONN_OPENED;
	conn_begins(&connection, target, sk);
	tally(TALLY_CONNECTS, 1);
	tally(TALLY_CONNECT_NS, bpf_ktime_get_ns() - begin);
}

/* A socket's life begins. What is known at its address is a dead one's, whose end was missed. */
static __always_inline void begins(const struct sock *sk)
{
	const struct connection *connection = known_connection(sk);

	if (connection)
		ended(connection, sk, 0);
}

static __always_inline void caused(const struct sock *sk, int old, int new)
{
	struct connection *connection;

	if (old == TCP_CLOSE && new == TCP_SYN_SENT) {
		begins(sk);
		opened(sk);
		return;
	}
	if (new != TCP_FIN_WAIT1 && new != TCP_LAST_ACK &&
	    (new != TCP_CLOSE || (old != TCP_ESTABLISHED && old != TCP_CLOSE_WAIT) || BPF_CORE_READ(sk, sk_err)))
		return;
	connection = known_connection(sk);
	if (connection)
		closed_here(connection, sk);
}

static __always_inline volatile struct change *last_change(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&last_changes, &zero);
}

/* Of one that ends: was it not told that it was established, or that it was closed here? */
static __always_inline bool was_missed(const struct connection *connection, int old)
{
	bool closed = old == TCP_FIN_WAIT1 || old == TCP_FIN_WAIT2 || old == TCP_CLOSING || old == TCP_LAST_ACK;

	return connection->flags & CONN_OPENED && !(connection->flags & CONN_UNTOLD) &&
	       ((closed && !connection->close_seen) ||
		((closed || old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT) && !connection->established));
}

/* Said again it changes nothing. */
static __always_inline void state_told(const struct sock *sk, int old, int new)
{
	struct connection *connection;

	if (old == TCP_LISTEN)
		begins(sk);
	connection = known_connection(sk);
	if (!connection)
		return;
	if (new == TCP_ESTABLISHED && !connection->established) {
		connection->established = 1;
		conn_emit(RECORD_ESTABLISHED, connection, sk, 0, 0);
	} else if (old == TCP_ESTABLISHED && new == TCP_CLOSE_WAIT && !connection->peer_closed) {
		connection->peer_closed = 1;
		conn_emit(RECORD_PEER_CLOSED, connection, sk, 0, 0);
	}
	if (new != TCP_CLOSE)
		return;
	if (was_missed(connection, old))
		drop(DROP_CHANGES);
	ended(connection, sk, BPF_CORE_READ(sk, sk_err));
}

/* Also what this thread causes itself, and works off because it came in while it held the socket. */
static __always_inline void changes(const struct sock *sk, int old, int new)
{
	volatile struct change *last = last_change();

	if (!active || !last)
		return;
	last->sk = (u64)sk;
	last->state = new;
	caused(sk, old, new);
	state_told(sk, old, new);
}

SEC("tp_btf/inet_sock_set_state")
int state_changed(u64 *ctx)
{
	changes((void *)ctx[0], (int)ctx[1], (int)ctx[2]);
	return 0;
}

/*
 * Stands in for it where tracepoints run with preemption on (Linux 7.0 and later): another thread, running in the middle of a stack
 * walk, would have its own connect lost. The classic form still runs whole.
 */
SEC("tp/sock/inet_sock_set_state")
int state_changed_whole(struct state_event *ctx)
{
	changes((void *)ctx->sk, ctx->old, ctx->new);
	return 0;
}

/* Attached last, and so run after it: a change that is not the last one told there may not have been told at all. A connect() is then one
 * that could not be: only with preemption on can that be. */
SEC("tp_btf/inet_sock_set_state")
int state_changed_within(u64 *ctx)
{
	const volatile struct change *last = last_change();
	const struct sock *sk = (void *)ctx[0];
	int old = (int)ctx[1], new = (int)ctx[2];

	if (!active || !last || (last->sk == ctx[0] && last->state == (u32)new))
		return 0;
	if (old == TCP_CLOSE && new == TCP_SYN_SENT && target_of(current_tgid()) && !known_connection(sk))
		drop(DROP_CONNECTS);
	state_told(sk, old, new);
	return 0;
}
