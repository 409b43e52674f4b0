/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sealing.h - when TLS's own handshake on a connection was over, told from when ciphertext went by before its first plaintext.
 *
 * A pause may lie between the two (a pool that is filled before it is used), so the first plaintext's time will not do: it is the last
 * thing received before, or the first thing sent after that (TLS 1.3's Finished; where the library writes to the socket itself and TLS
 * is 1.2, the first plaintext's own ciphertext).
 */
#ifndef CONNPROF_MODEL_SEALING_H
#define CONNPROF_MODEL_SEALING_H

#include "event.h"

struct sealing {
	uint64_t received_ns; /* ciphertext, last */
	uint64_t sent_ns;     /* ciphertext, first after that */
};

void sealing_ciphertext(struct sealing *sealing, const struct event *event);
/* When it was over, if the first plaintext is that of time_ns. */
uint64_t sealing_over(const struct sealing *sealing, uint64_t time_ns);

#endif
