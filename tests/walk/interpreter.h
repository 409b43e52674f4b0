/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * interpreter.h - a made-up interpreter for the walker: a thread block, a thread state, an interpreter state and frames, at
 * offsets of the test's own making, in three pieces of memory. For one test program a process: include it once.
 */
#ifndef CONNPROF_TESTS_WALK_INTERPRETER_H
#define CONNPROF_TESTS_WALK_INTERPRETER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"

#define HEAP 0x500000ull
#define FSBASE 0x7f0000001000ull
#define BLOCK_OFFSET 0x318
#define STATE (HEAP + 0x1000)
#define INTERPRETER (HEAP + 0x2000)
#define RUNTIME (HEAP + 0x3000)
#define FRAMES (HEAP + 0x10000)
#define FRAME_BYTES 0x100
#define CSTACK 0x7fff1000ull

static struct image *image;
static uint8_t heap[0x80000], block[0x1000], cstack[0x1000];

static inline void put(uint64_t address, uint64_t value)
{
	uint8_t *to = address >= CSTACK && address < CSTACK + sizeof(cstack) ? cstack + (address - CSTACK)
		      : address >= FSBASE ? block + (address - FSBASE) : heap + (address - HEAP);

	memcpy(to, &value, sizeof(value));
}

static inline uint64_t frame_at(size_t i)
{
	return FRAMES + i * FRAME_BYTES;
}

/* Offsets of the test's own making: nothing in the walker may depend on a version. */
static inline struct python_state make_state(uint8_t anchor)
{
	struct python_state state = {
		.tstate_at_fsbase = BLOCK_OFFSET, .interpreters_head = RUNTIME, .interp_threads_head = 16, .enabled = 1,
		.layout = {.tstate_next = 8, .tstate_thread_id = 152, .tstate_frame = 72, .tstate_cframe = 56,
			   .cframe_frame = 8, .cframe_previous = 16, .frame_code = 0, .frame_previous = 8, .frame_instr = 56,
			   .frame_owner = 70, .frame_is_entry = 68, .instr_is_pointer = 1, .anchor = anchor,
			   .owner_shim = 3}};

	return state;
}

static inline void begin(void)
{
	image = image_begin();
	memset(heap, 0, sizeof(heap));
	memset(block, 0, sizeof(block));
	memset(cstack, 0, sizeof(cstack));
	image_memory(HEAP, heap, sizeof(heap));
	image_memory(FSBASE, block, sizeof(block));
	image_memory(CSTACK, cstack, sizeof(cstack));
	put(FSBASE + BLOCK_OFFSET, STATE);
	put(STATE + 152, FSBASE);
	put(RUNTIME, INTERPRETER);
	put(INTERPRETER + 16, STATE);
}

static inline void chain(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		put(frame_at(i), 0xc0de00 + i * 16);
		put(frame_at(i) + 8, i + 1 < count ? frame_at(i + 1) : 0);
		put(frame_at(i) + 56, 0xabc000 + i);
	}
}

static inline const struct scratch *walk(const struct python_state *state)
{
	return image_walk(0, 0, 0, FSBASE, state);
}

static inline void a_slot(const struct scratch *s, size_t i, uint64_t a, uint64_t b)
{
	assert_int_equal(s->slots[i].a, a);
	assert_int_equal(s->slots[i].b, b);
}

#endif
