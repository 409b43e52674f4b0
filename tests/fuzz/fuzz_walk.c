/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_walk.c - the kernel walker on random memory, rows and offsets: it must end, and stay inside its buffers. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/walk/image.h"

#define MEMORY 0x10000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct {
		uint64_t pc, sp, bp, fsbase;
		struct python_state python;
		struct unwind_row rows[8];
	} head;
	const struct scratch *scratch;
	struct image *image;

	if (size < sizeof(head))
		return 0;
	memcpy(&head, data, sizeof(head));
	image = image_begin();
	image_memory(MEMORY, data + sizeof(head), size - sizeof(head));
	image_mapping(0x400000, 0x100000, head.rows, 8);
	head.python.enabled = 1;
	image->selves = SELF_FRAMES_MAX;
	head.sp = MEMORY + head.sp % 0x1000;
	scratch = image_walk(0x400000 + head.pc % 0x100000, head.sp, head.bp, head.fsbase, &head.python);
	if (scratch->head.python + scratch->head.native > STACK_SLOTS || scratch->head.python > PYTHON_SLOTS_MAX ||
	    scratch->head.native > NATIVE_SLOTS_MAX || scratch->head.native_end >= STACK_END_COUNT ||
	    scratch->head.python_end >= PYTHON_END_COUNT || image->reads > 16 * STACK_SLOTS)
		abort();
	return 0;
}
