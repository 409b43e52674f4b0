/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.h - lines on their way to a reader that may be slow, or gone.
 *
 * What the reader does not take at once waits here, up to a limit, so that whoever writes can go on with something else. A line
 * that does not fit any more is refused as a whole and counted.
 */
#ifndef CONNPROF_BASE_SPOOL_H
#define CONNPROF_BASE_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#define SPOOL_BYTES_MAX (16u << 20)

/* All zero but fd (borrowed) at first. */
struct spool {
	int fd;
	char *bytes;
	size_t begin, end, capacity; /* [begin, end) waits */
	uint64_t refused;            /* lines */
};

/* A line, given without its newline. 0, -ENOBUFS or -ENOMEM: refused. */
int spool_line(struct spool *spool, const char *line, size_t length);
/* Writes as much as the reader takes without waiting. 0, or a negative errno: nobody reads any more (-EPIPE, found also when
 * there is nothing to write), or the disk is full. */
int spool_push(struct spool *spool);
/* Writes all, waiting for the reader. 0 or a negative errno. */
int spool_drain(struct spool *spool);
size_t spool_waiting(const struct spool *spool); /* bytes */
void spool_done(struct spool *spool);

#endif
