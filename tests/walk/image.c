/* SPDX-License-Identifier: BSD-2-Clause */
/* image.c - the walker's view of the kernel (bpf/state.h in plain C), over a made-up target. */
#include "image.h"

#include <string.h>

static struct {
	struct image image;
	struct scratch scratch;
	struct memo memo;
} now;

struct image *image_begin(void)
{
	memset(&now, 0, sizeof(now));
	now.image.generation = 1;
	return &now.image;
}

void image_memory(uint64_t address, const void *bytes, size_t size)
{
	struct image *image = &now.image;

	if (image->piece_count < IMAGE_PIECES) {
		image->pieces[image->piece_count].address = address;
		image->pieces[image->piece_count].bytes = bytes;
		image->pieces[image->piece_count++].size = size;
	}
}

void image_mapping(uint64_t start, uint64_t size, const struct unwind_row *rows, size_t count)
{
	image_mapping_at(start, start + size, start, rows, count);
}

void image_mapping_at(uint64_t start, uint64_t end, uint64_t bias, const struct unwind_row *rows, size_t count)
{
	struct image *image = &now.image;

	if (image->mapping_count >= IMAGE_MAPPINGS || image->row_count + count > IMAGE_ROWS)
		return;
	image->mappings[image->mapping_count++] = (struct mapping_row){
		.start = start, .end = end, .bias = bias, .first_row = image->row_count, .row_count = count};
	if (count)
		memcpy(image->rows + image->row_count, rows, count * sizeof(*rows));
	image->row_count += count;
}

const struct scratch *image_walk(uint64_t pc, uint64_t sp, uint64_t bp, uint64_t fsbase, const struct python_state *python)
{
	return image_walk_at(pc, sp, bp, fsbase, true, python);
}

const struct scratch *image_walk_at(uint64_t pc, uint64_t sp, uint64_t bp, uint64_t fsbase, bool exact,
				    const struct python_state *python)
{
	struct walk *walk = &now.scratch.walk;

	memset(&now.scratch, 0, sizeof(now.scratch));
	walk->pc = pc;
	walk->sp = sp;
	walk->bp = bp;
	walk->bx = now.image.bx;
	walk->fsbase = fsbase;
	walk->exact_pc = exact;
	walk->gil = now.image.gil;
	walk->marks = now.image.marks;
	walk->selves = now.image.selves;
	walk->mapping_count = now.image.mapping_count;
	walk->generation = now.image.generation;
	if (python)
		walk->state = *python;
	now.image.left_out = walk_stack(SCRATCH_SAMPLE);
	return &now.scratch;
}

/* ---- what bpf/state.h asks for ---- */

struct scratch *scratch_of(u32 kind)
{
	(void)kind;
	return &now.scratch;
}

struct memo *memo_of(u32 kind)
{
	(void)kind;
	return &now.memo;
}

const struct unwind_row *row_at(u32 index)
{
	return index < now.image.row_count ? &now.image.rows[index] : NULL;
}

const struct mapping_row *mapping_at(u32 index)
{
	return index < now.image.mapping_count ? &now.image.mappings[index] : NULL;
}

long read_user(void *out, u32 size, u64 address)
{
	struct image *image = &now.image;

	image->reads++;
	for (size_t i = 0; i < image->piece_count; i++) {
		uint64_t at = address - image->pieces[i].address;

		if (address < image->pieces[i].address || at > image->pieces[i].size || size > image->pieces[i].size - at)
			continue;
		memcpy(out, image->pieces[i].bytes + at, size);
		image->bytes_read += size;
		return 0;
	}
	memset(out, 0, size); /* as bpf_probe_read_user does */
	return -14;
}
