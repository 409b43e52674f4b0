/* SPDX-License-Identifier: BSD-2-Clause */
/* decode_open.c - connections that were open before the attach. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/decode_parts.h"

#define CONN_SYNTHETIC (1ULL << 63) /* keys of connections the kernel side never numbered */

static void unlisted(void *context, pid_t pid, int code)
{
	struct decode *decode = context;
	char text[200];

	if (code == -ESRCH) /* it has ended meanwhile */
		return;
	decode->unlisted = true;
	snprintf(text, sizeof(text), "what connections %d had open before the attach is not all known (%s): those count as accepted", pid,
		 strerror(-code));
	recording_note(decode->recording, text);
}

void decode_preexisting_of(struct decode *decode, pid_t pid)
{
	int code = preexisting_of(decode->preexisting, pid);

	if (code)
		unlisted(decode, pid, code);
}

void decode_preexisting(struct decode *decode)
{
	preexisting_look(decode->preexisting, unlisted, decode);
}

void decode_silent(struct decode *decode, uint64_t time_ns)
{
	struct endpoint local, peer;
	pid_t pid;

	for (size_t i = 0; preexisting_silent(decode->preexisting, &i, decode->recording->strings, &pid, &local, &peer);) {
		struct event *event = event_add(decode, EVENT_PREEXISTING, NULL);

		if (!event)
			continue;
		event->pid = event->tid = (uint32_t)pid;
		event->time_ns = time_ns;
		event->conn = (struct event_conn){.conn = CONN_SYNTHETIC | i, .local = local, .peer = peer};
	}
}
