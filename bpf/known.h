/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * known.h - the table of the connections that are followed, by their sockets.
 *
 * Most sockets of a machine are others'. So each entry counts in one of many counters, chosen by the socket's address, and where that
 * says none, nobody is looked for: a search in the table costs a cache miss. An entry is counted before it is in the table until it
 * is out of it: a counter may say too much, never too little.
 */
#ifndef CONNPROF_BPF_KNOWN_H
#define CONNPROF_BPF_KNOWN_H

#include "state.h"

static __always_inline volatile u32 *known_counter(u64 sk)
{
	register u64 whole asm("r1") = sk;
	register u64 low asm("r0");

	asm("w0 = w1" : "=r"(low) : "r"(whole)); /* a 32-bit copy of a pointer is a number to the verifier; it allows none of its own */
	return &known[(u32)low * 0x9e3779b1u >> (32 - KNOWN_BITS)];
}

static __always_inline struct connection *known_connection(const struct sock *sk)
{
	u64 key = (u64)sk;

	return *known_counter(key) ? bpf_map_lookup_elem(&connections, &key) : 0;
}

/* flags: BPF_ANY, or BPF_NOEXIST: a known one stays as it is. Not 0: the table is full. */
static __always_inline long known_keep(const struct sock *sk, const struct connection *connection, u64 flags)
{
	u64 key = (u64)sk;
	long code;

	__sync_fetch_and_add(known_counter(key), 1);
	code = bpf_map_update_elem(&connections, &key, connection, BPF_NOEXIST);
	if (!code)
		return 0;
	__sync_fetch_and_add(known_counter(key), -1);
	return flags == BPF_ANY ? bpf_map_update_elem(&connections, &key, connection, BPF_EXIST) : code;
}

static __always_inline void known_forget(const struct sock *sk)
{
	u64 key = (u64)sk;

	if (!bpf_map_delete_elem(&connections, &key))
		__sync_fetch_and_add(known_counter(key), -1);
}

#endif
