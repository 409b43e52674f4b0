/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_image.c - the kernel walker on captured walks of real programs (tests/walk/images), with registers, offsets, rows, mappings
 * and memory changed: it must end, and stay inside its buffers and what it may read.
 *
 *   input:  which image | { kind | place, 2 bytes | value, 8 bytes } …
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "tests/walk/fixture.h"

#define CHANGES_MAX 64
#define CHANGE_BYTES 11

enum change_kind { CHANGE_REGISTER, CHANGE_STATE, CHANGE_ROW, CHANGE_MAPPING, CHANGE_WORD, CHANGE_PLACE, CHANGE_KINDS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fixture *fixtures;
static size_t fixture_count;

static void load(void)
{
	glob_t found;

	if (glob("tests/walk/images/*.txt", 0, NULL, &found))
		abort();
	fixtures = calloc(found.gl_pathc, sizeof(*fixtures));
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *stream = fopen(found.gl_pathv[i], "r");

		if (!stream || fixture_read(stream, &fixtures[fixture_count++]))
			abort();
		fclose(stream);
	}
	globfree(&found);
}

/* The changed bytes, and how many. */
static uint8_t *place_of(struct fixture *fixture, struct image *image, uint8_t kind, uint16_t place, size_t *size)
{
	*size = sizeof(uint64_t);
	switch (kind % CHANGE_KINDS) {
	case CHANGE_REGISTER:
		return (uint8_t *)(&fixture->pc + place % 6);
	case CHANGE_STATE:
		*size = 1 + (place >> 8) % sizeof(uint64_t);
		return (uint8_t *)&fixture->python + place % (sizeof(fixture->python) - sizeof(uint64_t));
	case CHANGE_ROW:
		return (uint8_t *)&image->rows[place % IMAGE_ROWS % (image->row_count + 1)];
	case CHANGE_MAPPING:
		*size = sizeof(uint32_t);
		return (uint8_t *)&image->mappings[place / 8 % IMAGE_MAPPINGS % (image->mapping_count + 1)] +
		       place % 8 * sizeof(uint32_t);
	case CHANGE_WORD:
		return (uint8_t *)&fixture->words[place % (fixture->word_count + 1)];
	default:
		return (uint8_t *)&image->pieces[place % (image->piece_count + 1)].address;
	}
}

static void check(const struct scratch *scratch, const struct image *image)
{
	const struct stack_head *head = &scratch->head;

	if (head->task_slots + head->python + head->native > STACK_SLOTS || head->python > PYTHON_SLOTS_MAX ||
	    head->native > NATIVE_SLOTS_MAX || head->native_end >= STACK_END_COUNT || head->python_end >= PYTHON_END_COUNT ||
	    image->reads > 16 * STACK_SLOTS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fixture saved_state;
	static struct {
		size_t at;
		uint64_t word;
	} undo[CHANGES_MAX];
	struct fixture *fixture;
	struct image *image;
	size_t changes = 0;

	if (!fixtures)
		load();
	if (!size)
		return 0;
	fixture = &fixtures[*data++ % fixture_count];
	size--;
	image = fixture_image(fixture);
	memcpy(&saved_state, fixture, offsetof(struct fixture, mappings));
	for (; size >= CHANGE_BYTES && changes < CHANGES_MAX; data += CHANGE_BYTES, size -= CHANGE_BYTES) {
		uint16_t place;
		size_t length;
		uint8_t *at;

		memcpy(&place, data + 1, sizeof(place));
		at = place_of(fixture, image, data[0], place, &length);
		if (data[0] % CHANGE_KINDS == CHANGE_WORD) {
			undo[changes].at = (size_t)((uint64_t *)at - fixture->words);
			memcpy(&undo[changes++].word, at, sizeof(uint64_t));
		}
		memcpy(at, data + 3, length);
	}
	image->bx = fixture->bx;
	check(image_walk_at(fixture->pc, fixture->sp, fixture->bp, fixture->fsbase, fixture->exact & 1, &fixture->python), image);
	while (changes--)
		fixture->words[undo[changes].at] = undo[changes].word;
	memcpy(fixture, &saved_state, offsetof(struct fixture, mappings));
	return 0;
}
