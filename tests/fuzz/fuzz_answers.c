/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_answers.c - any bytes as what the process says that reads debug info: it may have been taken over by what it read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/apart.h"
#include "symbol/dwarf.h"

#define ADDRESSES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each address is answered once at most, with frames and strings that end. */
static void take(void *context, size_t index, const struct source_frame *frames, size_t count)
{
	unsigned *seen = context;

	if (index >= ADDRESSES || (*seen & 1u << index) || !count || count > SOURCE_FRAMES_MAX)
		abort();
	*seen |= 1u << index;
	for (size_t i = 0; i < count; i++)
		if (strlen(frames[i].function) > 1023 || strlen(frames[i].file) > 1023)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct apart apart = {.fd = memfd_create("answers", MFD_CLOEXEC)};
	unsigned seen = 0;

	if (apart.fd < 0)
		return 0;
	if (write(apart.fd, data, size) == (ssize_t)size && lseek(apart.fd, 0, SEEK_SET) == 0)
		source_answers(&apart, ADDRESSES, 0, take, &seen);
	close(apart.fd);
	return 0;
}
