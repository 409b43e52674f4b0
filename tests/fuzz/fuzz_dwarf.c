/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_dwarf.c - any bytes as an ELF file with debug info, read as it is in earnest: libdw may break in its process apart, and
 * often does; what it must not do is hang or break this one, or be believed beyond what was asked.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "symbol/symbol.h"

#define ADDRESSES 64
#define LIMIT_NS 2000000000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *context, size_t index, const struct source_frame *frames, size_t count)
{
	(void)context;
	if (index >= ADDRESSES || !count || count > SOURCE_FRAMES_MAX || !frames[0].function || !frames[0].file)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t addresses[ADDRESSES], begin_ns = clock_now_ns();
	int fd = memfd_create("object", MFD_CLOEXEC);

	if (fd < 0)
		return 0;
	for (size_t i = 0; i < ADDRESSES; i++)
		addresses[i] = 0x1000 + i * 16;
	if (write(fd, data, size) == (ssize_t)size)
		source_lines(fd, -1, addresses, ADDRESSES, begin_ns + LIMIT_NS, take, NULL);
	close(fd);
	if (clock_now_ns() - begin_ns > 2 * LIMIT_NS)
		abort();
	return 0;
}
