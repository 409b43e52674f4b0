/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixture.h - a walk that happened once, as text: what the walker read of a live target (written by capture.c), and what it found.
 * Numbers are hexadecimal; what follows a # is for people.
 *
 *   # CPython 3.12.1, mixed.py
 *   registers pc=7f3a sp=7ffd bp=0 fsbase=7f40 exact=1
 *   python tstate_at_fsbase=318 enabled=1 …            fields of struct python_state that are not 0
 *   layout tstate_next=8 anchor=2 …                    fields of struct python_layout that are not 0
 *   mapping 7f3a00000000 7f3a00100000 7f3a00000000     start, end, bias; the rows of it follow
 *   row 1a2b 1 0 8                                     pc, cfa kind, rbp slot, cfa offset (these three decimal)
 *   memory 7ffd00001000 7f3a00012345 0                 words from an address up
 *   slot 7f3a00012345 7ffd00001010                     one slot that the walker must bring, Python ones first
 *   ends 0 1 12 30                                     native_end, python_end, Python slots, native slots (decimal)
 */
#ifndef CONNPROF_TESTS_WALK_FIXTURE_H
#define CONNPROF_TESTS_WALK_FIXTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "image.h"

#define FIXTURE_WORDS 16384
#define FIXTURE_PIECES 4096

struct fixture {
	uint64_t pc, sp, bp, bx, fsbase, exact;
	struct python_state python;
	struct mapping_row mappings[IMAGE_MAPPINGS]; /* first_row, row_count: into rows */
	size_t mapping_count;
	struct unwind_row rows[IMAGE_ROWS];
	size_t row_count;
	uint64_t words[FIXTURE_WORDS];
	size_t word_count;
	struct {
		uint64_t address;
		size_t first, count; /* in words */
	} pieces[FIXTURE_PIECES];
	size_t piece_count;
	struct slot slots[STACK_SLOTS];
	size_t slot_count;
	unsigned native_end, python_end, python_slots, native_slots;
};

/* 0; or the number of the line that is no fixture's. *out is overwritten. */
int fixture_read(FILE *stream, struct fixture *out);
/* The registers, python and layout lines. */
void fixture_write_state(FILE *stream, const struct fixture *fixture);
/* Makes it the image, and walks: image.h. The fixture is borrowed until the next image_begin. */
struct image *fixture_image(const struct fixture *fixture);
const struct scratch *fixture_walk(const struct fixture *fixture);

#endif
