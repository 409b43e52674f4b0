/* SPDX-License-Identifier: BSD-2-Clause */
/* setupcost.c - profile rows matched to sites by function names, so that line numbers do not matter. */
#include "model/setupcost.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct setup {
	uint32_t function, file;           /* the set-up frame; function 0: none known */
	uint32_t site_function, site_file; /* the call site; 0: the site has none */
	uint64_t samples;
};

/* The last part of a qualified name. */
static const char *bare(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot[1] ? dot + 1 : name;
}

static bool is_connecting(const char *qualified)
{
	const char *name = bare(qualified);

	return (strcasestr(name, "connect") && !strcasestr(name, "disconnect") && strncasecmp(name, "get_", 4)) ||
	       !strncasecmp(name, "dial", 4);
}

static struct setup find_setup(const struct connprof_recording *recording, struct appframes *appframes,
			       const struct site_row *row)
{
	size_t count;
	const uint32_t *frames = stacks_get(recording->stacks, row->stack, &count, NULL);
	int site = appframes_innermost(appframes, frames, count);
	size_t inner = site < 0 ? count : (size_t)site;
	struct setup setup = { 0 };

	if (site >= 0) {
		setup.site_function = stacks_frame(recording->stacks, frames[site])->function;
		setup.site_file = stacks_frame(recording->stacks, frames[site])->file;
	}
	for (size_t i = inner; i-- > 0;) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);

		if (!frame || frame->kind == FRAME_NOTE || !is_connecting(strings_get(recording->strings, frame->function)))
			continue;
		setup.function = frame->function;
		setup.file = frame->file;
		break;
	}
	return setup;
}

static void count_row(const struct connprof_recording *recording, struct appframes *appframes,
		      const struct profile_row *row, struct setup *setups)
{
	size_t count;
	const uint32_t *frames = stacks_get(recording->stacks, row->stack, &count, NULL);
	int site = appframes_innermost(appframes, frames, count);
	const struct frame *own = site < 0 ? NULL : stacks_frame(recording->stacks, frames[site]);
	size_t inner = site < 0 ? count : (size_t)site;

	for (size_t s = 0; s < recording->site_count; s++) {
		if (!setups[s].function || setups[s].site_function != (own ? own->function : 0) ||
		    setups[s].site_file != (own ? own->file : 0))
			continue;
		for (size_t i = 0; i < inner; i++) {
			const struct frame *frame = stacks_frame(recording->stacks, frames[i]);

			if (!frame || frame->function != setups[s].function || frame->file != setups[s].file)
				continue;
			setups[s].samples += row->samples;
			break;
		}
	}
}

int setupcost_fill(struct connprof_recording *recording, struct appframes *appframes)
{
	struct setup *setups;

	if (!recording->samples || !recording->site_count)
		return 0;
	setups = calloc(recording->site_count, sizeof(*setups));
	if (!setups)
		return -ENOMEM;
	for (size_t i = 0; i < recording->site_count; i++)
		setups[i] = find_setup(recording, appframes, &recording->sites[i]);
	for (size_t i = 0; i < recording->profile_count; i++)
		count_row(recording, appframes, &recording->profile[i], setups);
	for (size_t i = 0; i < recording->site_count; i++)
		if (setups[i].function)
			recording->sites[i].cpu_percent = 100.0 * (double)setups[i].samples / (double)recording->samples;
	free(setups);
	return 0;
}
