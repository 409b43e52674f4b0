/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * tls.h - which connection an SSL object speaks on, learnt from the socket calls around the calls into the library.
 *
 * A socket call inside SSL_read or SSL_write is on their connection (OpenSSL with a descriptor). Where the program carries the
 * ciphertext itself (memory BIO: asyncio, Node), the next TLS record that the thread sends is of the SSL object it called last,
 * unless it has called several that are not known yet: then nothing is learnt from this one.
 */
#ifndef CONNPROF_BPF_TLS_H
#define CONNPROF_BPF_TLS_H

#include "sock.h"

/* RFC 8446 section 5.1: type 20..23, legacy version 3.0..3.4. */
static __always_inline bool is_tls_record(const u8 *bytes, u32 size)
{
	return size >= 3 && bytes[0] >= 20 && bytes[0] <= 23 && bytes[1] == 3 && bytes[2] <= 4;
}

static __always_inline void tls_tie(struct connection *connection, const struct sock *sk, u64 ssl)
{
	struct tls_key key = {.ssl = ssl, .tgid = current_tgid()};
	struct tls_conn on = {.sk = (u64)sk, .conn = connection->conn};

	if (!bpf_map_update_elem(&tls_conns, &key, &on, BPF_ANY))
		connection->tls = 1;
}

/* Is what just moved on sk ciphertext whose plaintext is read? */
static __always_inline bool tls_carries(struct connection *connection, const struct sock *sk, u32 flags, const u8 *bytes, u32 size)
{
	u32 tid = (u32)bpf_get_current_pid_tgid();
	struct tls_call *call = bpf_map_lookup_elem(&tls_calls, &tid);

	if (!call || !is_tls_record(bytes, size)) /* the middle of a record tells nothing new */
		return connection->tls;
	if (call->inside) {
		tls_tie(connection, sk, call->ssl);
		call->waiting = TLS_TIED;
	} else if (flags & IO_SENT && call->waiting) {
		if (call->waiting == TLS_WAITS && !connection->tls)
			tls_tie(connection, sk, call->ssl);
		call->waiting = TLS_TIED;
	}
	return connection->tls;
}

/* The connection an SSL object speaks on; NULL: not known, or it is over. */
static __always_inline struct connection *tls_connection(u64 ssl)
{
	struct tls_key key = {.ssl = ssl, .tgid = current_tgid()};
	const struct tls_conn *on = bpf_map_lookup_elem(&tls_conns, &key);
	struct connection *connection = on ? known_connection((const void *)on->sk) : 0;

	return connection && connection->conn == on->conn ? connection : 0;
}

#endif
