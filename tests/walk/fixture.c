/* SPDX-License-Identifier: BSD-2-Clause */
/* fixture.c - fixtures read, and their first lines written. */
#include "fixture.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct field {
	const char *name;
	size_t offset, size;
};
#define FIELD(type, member) {#member, offsetof(type, member), sizeof(((type *)0)->member)}

static const struct field registers[] = {
	FIELD(struct fixture, pc), FIELD(struct fixture, sp), FIELD(struct fixture, bp), FIELD(struct fixture, bx), FIELD(struct fixture, fsbase),
	FIELD(struct fixture, exact),
};

#define STATE(member) FIELD(struct python_state, member)
static const struct field states[] = {
	STATE(tstate_at_fsbase), STATE(interpreters_head), STATE(interp_threads_head), STATE(enabled), STATE(gil_holder),
	STATE(interp_gil), STATE(gil_last_holder), STATE(gil_locked), STATE(interpreters), STATE(interp_next),
	STATE(tstate_task), STATE(task_coro), STATE(task_name), STATE(coro_frame), STATE(units),
};

#define LAYOUT(member) FIELD(struct python_layout, member)
static const struct field layouts[] = {
	LAYOUT(tstate_interp), LAYOUT(tstate_next), LAYOUT(tstate_thread_id), LAYOUT(tstate_frame), LAYOUT(tstate_cframe),
	LAYOUT(cframe_frame), LAYOUT(cframe_previous), LAYOUT(frame_code), LAYOUT(frame_previous), LAYOUT(frame_instr),
	LAYOUT(frame_owner), LAYOUT(frame_is_entry), LAYOUT(frame_generator), LAYOUT(frame_self), LAYOUT(frame_in_cframe),
	LAYOUT(instr_is_pointer), LAYOUT(anchor), LAYOUT(owner_shim), LAYOUT(code_tag_mask), LAYOUT(owner_generator),
	LAYOUT(code_name), LAYOUT(code_first_line),
};

static const struct group {
	const char *name;
	const struct field *fields;
	size_t count, offset; /* of the structure in the fixture */
} groups[] = {
	{"registers", registers, sizeof(registers) / sizeof(registers[0]), 0},
	{"python", states, sizeof(states) / sizeof(states[0]), offsetof(struct fixture, python)},
	{"layout", layouts, sizeof(layouts) / sizeof(layouts[0]), offsetof(struct fixture, python.layout)},
};
#define GROUPS (sizeof(groups) / sizeof(groups[0]))

void fixture_write_state(FILE *stream, const struct fixture *fixture)
{
	for (size_t g = 0; g < GROUPS; g++) {
		fputs(groups[g].name, stream);
		for (size_t i = 0; i < groups[g].count; i++) {
			const struct field *field = &groups[g].fields[i];
			uint64_t value = 0;

			memcpy(&value, (const uint8_t *)fixture + groups[g].offset + field->offset, field->size);
			if (value)
				fprintf(stream, " %s=%" PRIx64, field->name, value);
		}
		fputc('\n', stream);
	}
}

/* ---- reading ---- */

static bool read_group(const struct group *group, char *text, struct fixture *out)
{
	for (char *next, *word = strtok_r(text, " ", &next); word; word = strtok_r(NULL, " ", &next)) {
		char *equals = strchr(word, '=');
		size_t i = 0;
		uint64_t value;

		if (!equals)
			return false;
		*equals = '\0';
		value = strtoull(equals + 1, NULL, 16);
		while (i < group->count && strcmp(group->fields[i].name, word))
			i++;
		if (i == group->count)
			return false;
		memcpy((uint8_t *)out + group->offset + group->fields[i].offset, &value, group->fields[i].size);
	}
	return true;
}

static bool read_memory(char *text, struct fixture *out)
{
	char *end;
	uint64_t address = strtoull(text, &end, 16);
	size_t first = out->word_count;

	if (end == text || out->piece_count == FIXTURE_PIECES)
		return false;
	for (text = end;; text = end) {
		uint64_t word = strtoull(text, &end, 16);

		if (end == text)
			break;
		if (out->word_count == FIXTURE_WORDS)
			return false;
		out->words[out->word_count++] = word;
	}
	out->pieces[out->piece_count].address = address;
	out->pieces[out->piece_count].first = first;
	out->pieces[out->piece_count++].count = out->word_count - first;
	return true;
}

static bool read_row(const char *text, struct fixture *out)
{
	unsigned pc, cfa;
	int slot, offset;

	if (!out->mapping_count || out->row_count == IMAGE_ROWS || sscanf(text, "%x %u %d %d", &pc, &cfa, &slot, &offset) != 4)
		return false;
	out->rows[out->row_count++] =
		(struct unwind_row){.pc = pc, .cfa = (u8)cfa, .rbp_slot = (s8)slot, .cfa_offset = (s16)offset};
	out->mappings[out->mapping_count - 1].row_count++;
	return true;
}

static bool read_mapping(const char *text, struct fixture *out)
{
	struct mapping_row *row = &out->mappings[out->mapping_count];
	uint64_t start, end, bias;

	if (out->mapping_count == IMAGE_MAPPINGS || sscanf(text, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &bias) != 3)
		return false;
	*row = (struct mapping_row){.start = start, .end = end, .bias = bias, .first_row = (u32)out->row_count};
	out->mapping_count++;
	return true;
}

static bool read_slot(const char *text, struct fixture *out)
{
	uint64_t a, b;

	if (out->slot_count == STACK_SLOTS || sscanf(text, "%" SCNx64 " %" SCNx64, &a, &b) != 2)
		return false;
	out->slots[out->slot_count++] = (struct slot){a, b};
	return true;
}

static bool read_line(char *line, struct fixture *out)
{
	char *text = strchr(line, ' ');

	if (!text) /* a group without a field */
		return !strcmp(line, "python") || !strcmp(line, "layout");
	*text++ = '\0';
	for (size_t g = 0; g < GROUPS; g++)
		if (!strcmp(line, groups[g].name))
			return read_group(&groups[g], text, out);
	if (!strcmp(line, "mapping"))
		return read_mapping(text, out);
	if (!strcmp(line, "row"))
		return read_row(text, out);
	if (!strcmp(line, "memory"))
		return read_memory(text, out);
	if (!strcmp(line, "slot"))
		return read_slot(text, out);
	return !strcmp(line, "ends") &&
	       sscanf(text, "%u %u %u %u", &out->native_end, &out->python_end, &out->python_slots, &out->native_slots) == 4;
}

int fixture_read(FILE *stream, struct fixture *out)
{
	char *line = NULL;
	size_t size = 0;
	int number = 0, bad = 0;

	memset(out, 0, sizeof(*out));
	while (!bad && getline(&line, &size, stream) > 0) {
		number++;
		line[strcspn(line, "#\n")] = '\0';
		if (*line && !read_line(line, out))
			bad = number;
	}
	free(line);
	return bad;
}
