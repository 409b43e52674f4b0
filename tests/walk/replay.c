/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.c - a fixture walked again, in the image of image.c. */
#include "fixture.h"

struct image *fixture_image(const struct fixture *fixture)
{
	struct image *image = image_begin();

	image->bx = fixture->bx;
	for (size_t i = 0; i < fixture->piece_count; i++)
		image_memory(fixture->pieces[i].address, fixture->words + fixture->pieces[i].first,
			     fixture->pieces[i].count * sizeof(uint64_t));
	for (size_t i = 0; i < fixture->mapping_count; i++) {
		const struct mapping_row *m = &fixture->mappings[i];

		image_mapping_at(m->start, m->end, m->bias, fixture->rows + m->first_row, m->row_count);
	}
	return image;
}

const struct scratch *fixture_walk(const struct fixture *fixture)
{
	fixture_image(fixture);
	return image_walk_at(fixture->pc, fixture->sp, fixture->bp, fixture->fsbase, fixture->exact, &fixture->python);
}
