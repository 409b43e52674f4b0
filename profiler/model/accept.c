/* SPDX-License-Identifier: BSD-2-Clause */
/* accept.c - a suppression comes before the baseline: it was written by hand, and says so if it fits nothing. */
#include "model/accept.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/fingerprint.h"

#define PREFIX "conn:"

static int rule_parse(const char *name, size_t length, uint8_t *out)
{
	if (length == 1 && *name == '*') {
		*out = RULE_NONE;
		return 0;
	}
	for (unsigned rule = RULE_NONE + 1; rule < RULE_COUNT; rule++)
		if (strlen(rule_name(rule)) == length && !memcmp(rule_name(rule), name, length)) {
			*out = (uint8_t)rule;
			return 0;
		}
	return -EINVAL;
}

int suppression_parse(const char *line, size_t length, struct suppression *out, const char **why)
{
	struct suppression suppression = {0};
	const char *colon;

	while (length && isspace((unsigned char)line[length - 1]))
		length--;
	while (length && isspace((unsigned char)*line)) {
		line++;
		length--;
	}
	if (!length || *line == '#')
		return 1;
	*why = "it is not of the form conn:RULE:PATTERN";
	if (length < strlen(PREFIX) || memcmp(line, PREFIX, strlen(PREFIX)))
		return -EINVAL;
	line += strlen(PREFIX);
	length -= strlen(PREFIX);
	colon = memchr(line, ':', length);
	if (!colon || colon + 1 == line + length)
		return -EINVAL;
	*why = "no such rule (connection-per-request, connection-leak, connection-churn, round-trips, or * for any)";
	if (rule_parse(line, (size_t)(colon - line), &suppression.rule))
		return -EINVAL;
	length -= (size_t)(colon + 1 - line);
	*why = "the pattern is longer than 255 bytes, or holds a NUL";
	if (length >= sizeof(suppression.glob) || memchr(colon + 1, '\0', length))
		return -EINVAL;
	memcpy(suppression.glob, colon + 1, length);
	*out = suppression;
	return 0;
}

static bool frame_fits(const struct connprof_recording *recording, const struct frame *frame, const char *glob)
{
	const uint32_t names[] = {frame->function, frame->file, frame->module};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *name = strings_get(recording->strings, names[i]);

		if (*name && text_match(glob, name))
			return true;
	}
	return false;
}

static bool suppresses(const struct connprof_recording *recording, const struct suppression *suppression,
		       const struct site_row *row)
{
	size_t count = 0;
	const uint32_t *frames = stacks_get(recording->stacks, row->stack, &count, NULL);

	if (suppression->rule && suppression->rule != row->rule)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);

		if (frame && frame_fits(recording, frame, suppression->glob))
			return true;
	}
	return false;
}

/* Every suppression that fits is used, not the first alone: else which is unused would hang on their order. */
static void try_suppressions(const struct connprof_recording *recording, const struct connprof_accepted *accepted,
			     struct site_row *row, bool *used)
{
	for (size_t i = 0; i < accepted->suppression_count; i++)
		if (suppresses(recording, &accepted->suppressions[i], row)) {
			row->accepted = ACCEPTED_SUPPRESSED;
			used[i] = true;
		}
}

static void try_baseline(const struct connprof_accepted *accepted, struct site_row *row, bool *seen)
{
	for (size_t i = 0; i < accepted->baseline_count; i++)
		if (accepted->baseline[i] == row->fingerprint) {
			seen[i] = true;
			if (!row->accepted)
				row->accepted = ACCEPTED_BASELINE;
		}
}

static void note_unused(struct connprof_recording *recording, const struct connprof_accepted *accepted, const bool *used)
{
	for (size_t i = 0; i < accepted->suppression_count; i++) {
		const struct suppression *suppression = &accepted->suppressions[i];
		char text[STRINGS_LENGTH_MAX];

		if (used[i])
			continue;
		snprintf(text, sizeof(text), "unused suppression (%.500s:%u): conn:%s:%s", accepted->suppress_path, suppression->line,
			 suppression->rule ? rule_name(suppression->rule) : "*", suppression->glob);
		recording_note(recording, text);
	}
}

static void tally(struct connprof_recording *recording, const struct connprof_accepted *accepted, const bool *seen)
{
	struct acceptance_row *row = &recording->acceptance;

	*row = (struct acceptance_row){.asked = accepted->has_baseline || accepted->suppress_path};
	for (size_t i = 0; i < recording->site_count; i++) {
		row->suppressed += recording->sites[i].accepted == ACCEPTED_SUPPRESSED;
		row->in_baseline += recording->sites[i].accepted == ACCEPTED_BASELINE;
	}
	for (size_t i = 0; i < accepted->baseline_count; i++)
		row->resolved += !seen[i];
}

int accept_apply(struct connprof_recording *recording, const struct connprof_accepted *accepted, struct appframes *appframes)
{
	bool *used = accepted ? calloc(accepted->suppression_count + 1, sizeof(*used)) : NULL;
	bool *seen = accepted ? calloc(accepted->baseline_count + 1, sizeof(*seen)) : NULL;
	int code = accepted && (!used || !seen) ? -ENOMEM : 0;

	for (size_t i = 0; i < recording->site_count && !code; i++) {
		struct site_row *row = &recording->sites[i];

		row->fingerprint = fingerprint_of(recording, row, appframes);
		row->accepted = ACCEPTED_NOT;
		if (!accepted || !row->rule)
			continue;
		try_suppressions(recording, accepted, row, used);
		try_baseline(accepted, row, seen);
	}
	if (accepted && !code) {
		note_unused(recording, accepted, used);
		tally(recording, accepted, seen);
	}
	free(used);
	free(seen);
	return code;
}

bool row_counts(const struct site_row *row)
{
	return row->rule && row->decides && !row->accepted;
}
