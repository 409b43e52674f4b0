/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - a made-up target for the kernel walker compiled as plain C: pieces of memory, unwind rows, mappings, registers.
 * What the walker reads outside of them is a fault, as in the kernel.
 */
#ifndef CONNPROF_TESTS_WALK_IMAGE_H
#define CONNPROF_TESTS_WALK_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/state.h"

#define IMAGE_PIECES 4096
#define IMAGE_ROWS 4096
#define IMAGE_MAPPINGS 64

struct image {
	struct {
		uint64_t address;
		const uint8_t *bytes;
		size_t size;
	} pieces[IMAGE_PIECES];
	size_t piece_count;
	struct unwind_row rows[IMAGE_ROWS];
	size_t row_count;
	struct mapping_row mappings[IMAGE_MAPPINGS];
	size_t mapping_count;
	uint32_t generation;        /* of the mappings; 1 at first */
	uint64_t reads, bytes_read; /* what the walker cost */
	uint64_t bx;                /* of the innermost frame */
	uint8_t gil;                /* enum gil_wish */
	uint8_t marks;              /* code objects get one */
	uint8_t selves;             /* as struct walk has it */
	int left_out;               /* what the last walk returned */
};

/* Empties the image that the walker reads from now on: one at a time, owned by image.c. */
struct image *image_begin(void);
/* bytes are borrowed until the next image_begin. */
void image_memory(uint64_t address, const void *bytes, size_t size);
/* A mapping [start, start + size) of an object linked at 0, with these rows (pc relative to start, sorted). */
void image_mapping(uint64_t start, uint64_t size, const struct unwind_row *rows, size_t count);
/* The same of an object that lies anywhere: pc of the rows relative to bias. */
void image_mapping_at(uint64_t start, uint64_t end, uint64_t bias, const struct unwind_row *rows, size_t count);

/* Walks from these registers; the result is borrowed until the next walk. */
const struct scratch *image_walk(uint64_t pc, uint64_t sp, uint64_t bp, uint64_t fsbase,
				 const struct python_state *python);
/* The same, where pc may be a return address (exact false: in a system call). */
const struct scratch *image_walk_at(uint64_t pc, uint64_t sp, uint64_t bp, uint64_t fsbase, bool exact,
				    const struct python_state *python);

#endif
