/* SPDX-License-Identifier: BSD-2-Clause */
/* losses.c - "lost: ring full: samples 5, stacks not kept (table full) 2": what was not seen, or not kept, and how much of it. */
#include <inttypes.h>

#include "report/sites.h"

struct list {
	FILE *stream;
	unsigned shown;
};

static void item(struct list *list, const char *name, uint64_t count)
{
	if (count)
		fprintf(list->stream, "%s%s %" PRIu64, list->shown++ ? ", " : "lost: ", name, count);
}

void losses_line(const struct connprof_recording *recording, FILE *stream)
{
	struct list list = {.stream = stream};

	for (unsigned i = 0; i < DROP_COUNT; i++)
		item(&list, drop_reason_name(i), recording->drops[i]);
	item(&list, "stacks not kept (table full)", recording->stacks_refused);
	item(&list, "connections not followed (table full)", recording->connections_refused);
	item(&list, "requests not followed (table full)", recording->requests_refused);
	item(&list, "deeds of tasks not kept until their request was known", recording->deeds_refused);
	item(&list, "latency of samples in requests that were too many to hold", recording->unheld);
	item(&list, "intervals of requests that were too many to keep", recording->purposes_refused);
	item(&list, "round trips of sub-tasks whose request is not known", recording->trips_untied);
	item(&list, "probe runs skipped by the kernel", recording->missed_runs);
	if (list.shown)
		fputc('\n', stream);
}

void losses_text(const struct connprof_recording *recording, FILE *stream)
{
	losses_line(recording, stream);
	for (size_t i = 0; i < recording->note_count; i++)
		fprintf(stream, "note: %s\n", strings_get(recording->strings, recording->notes[i]));
}
