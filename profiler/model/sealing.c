/* SPDX-License-Identifier: BSD-2-Clause */
/* sealing.c - two times are enough. */
#include "model/sealing.h"

void sealing_ciphertext(struct sealing *sealing, const struct event *event)
{
	if (event->io.direction == WIRE_RECEIVED)
		*sealing = (struct sealing){.received_ns = event->time_ns};
	else if (!sealing->sent_ns)
		sealing->sent_ns = event->time_ns;
}

uint64_t sealing_over(const struct sealing *sealing, uint64_t time_ns)
{
	if (!sealing->received_ns)
		return time_ns;
	return sealing->sent_ns ? sealing->sent_ns : sealing->received_ns;
}
