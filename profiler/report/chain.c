/* SPDX-License-Identifier: BSD-2-Clause */
/* chain.c - the calls from the request's handler through the call site down to connect(), a line each. */
#include "report/paragraph.h"
#include "report/sites.h"

#define OUTER_FRAMES 4  /* shown above the call site: the handler and who called it */
#define INNER_FRAMES 10 /* shown below it, down to connect(); where there is none, the innermost, which tell most */

static void put_chain_frame(const struct connprof_recording *recording, const struct frame *frame, bool call_site, FILE *stream)
{
	const char *file = strings_get(recording->strings, frame->file);
	const char *module = base_path(strings_get(recording->strings, frame->module));

	fprintf(stream, "   %-9s %s %s", "", call_site ? "->" : "  ", strings_get(recording->strings, frame->function));
	if (*file && frame->line)
		fprintf(stream, " (%s:%u)", short_path(file), frame->line);
	else if (*file || *module)
		fprintf(stream, " (%s)", *file ? short_path(file) : module);
	fputc('\n', stream);
}

/* The frames worth showing: the language's own where there are any, else the native ones. */
static bool chain_shows(const struct frame *frame, bool interpreted)
{
	return interpreted ? frame->kind == FRAME_PYTHON
			   : frame->kind == FRAME_NATIVE && !(frame->flags & FRAME_INTERPRETER);
}

/* From the handler down to connect(); the call site is marked. */
void site_chain(const struct connprof_recording *recording, const struct site_row *site, FILE *stream)
{
	size_t count = 0, end, outer = 0, inner = 0;
	const uint32_t *frames = stacks_get(recording->stacks, site->stack, &count, NULL);
	bool interpreted = false, below = false;

	for (size_t i = 0; i < count; i++)
		interpreted |= stacks_frame(recording->stacks, frames[i]) &&
			       stacks_frame(recording->stacks, frames[i])->kind == FRAME_PYTHON;
	for (end = 0; end < count && frames[end] != site->call_site; end++)
		;
	below = end == count; /* no application frame */
	for (end = below ? 0 : end + 1; end < count && outer < (below ? INNER_FRAMES : OUTER_FRAMES); end++)
		outer += chain_shows(stacks_frame(recording->stacks, frames[end]), interpreted);
	if (count)
		paragraph_label(stream, "chain");
	if (count)
		fprintf(stream, "outermost first%s\n", below && end < count ? ", without those further out" : "");
	for (size_t i = end; i-- > 0;) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);
		bool here = frames[i] == site->call_site;

		if (!frame || (!here && !chain_shows(frame, interpreted)))
			continue;
		if (below && inner++ >= INNER_FRAMES) {
			fprintf(stream, "   %-9s    … and further in\n", "");
			break;
		}
		put_chain_frame(recording, frame, here, stream);
		below |= here;
	}
}
