/* SPDX-License-Identifier: BSD-2-Clause */
/* spool.c - what waits is one piece; it is moved to the front when room is wanted behind it. */
#include "base/spool.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

int spool_line(struct spool *spool, const char *line, size_t length)
{
	size_t count = length + 1;
	bool fits = spool_waiting(spool) + count <= SPOOL_BYTES_MAX;
	int code = fits ? 0 : -ENOBUFS;

	if (spool->begin > spool->capacity / 2 && spool->end + count > spool->capacity) { /* seldom enough to cost nothing */
		memmove(spool->bytes, spool->bytes + spool->begin, spool_waiting(spool));
		spool->end -= spool->begin;
		spool->begin = 0;
	}
	if (fits) /* what has been written may lie before it, for as much again */
		code = array_reserve(&spool->bytes, &spool->capacity, spool->end + count, 1, 2 * SPOOL_BYTES_MAX);
	if (code) {
		spool->refused++;
		return code;
	}
	memcpy(spool->bytes + spool->end, line, length);
	spool->bytes[spool->end + length] = '\n';
	spool->end += count;
	return 0;
}

/* One write of no more than what a pipe that says it is writable takes without waiting (pipe(7)). */
static int write_some(struct spool *spool)
{
	size_t count = spool_waiting(spool) < PIPE_BUF ? spool_waiting(spool) : PIPE_BUF;
	ssize_t wrote = write(spool->fd, spool->bytes + spool->begin, count);

	if (wrote < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	spool->begin += (size_t)wrote;
	if (spool->begin == spool->end)
		spool->begin = spool->end = 0;
	return 0;
}

int spool_push(struct spool *spool)
{
	int code = 0;

	do {
		struct pollfd reader = {.fd = spool->fd, .events = POLLOUT};

		if (poll(&reader, 1, 0) < 0)
			return errno == EINTR ? 0 : -errno;
		if (reader.revents & POLLERR)
			return -EPIPE;
		if (!(reader.revents & POLLOUT) || !spool_waiting(spool))
			return 0;
		code = write_some(spool);
	} while (!code);
	return code;
}

int spool_drain(struct spool *spool)
{
	int code = 0;

	while (!code && spool_waiting(spool)) {
		struct pollfd reader = {.fd = spool->fd, .events = POLLOUT};

		if (poll(&reader, 1, -1) < 0 && errno != EINTR)
			return -errno;
		code = write_some(spool);
	}
	return code;
}

size_t spool_waiting(const struct spool *spool)
{
	return spool->end - spool->begin;
}

void spool_done(struct spool *spool)
{
	free(spool->bytes);
	*spool = (struct spool){.fd = -1};
}
