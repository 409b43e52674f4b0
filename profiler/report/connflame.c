/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connflame.c - flame graphs and folded stacks of connections: each by the stack that opened it, as wide as options->weight
 * says. To the writers of profiles it is a profile whose samples are connections, or microseconds of setting them up.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/connstacks.h"
#include "report/report.h"
#include "report/sites.h"

static uint64_t weight_of(const struct conn_stack *stack, enum connprof_weight weight)
{
	switch (weight) {
	case CONNPROF_WEIGHT_OPEN:
		return stack->open;
	case CONNPROF_WEIGHT_SETUP:
		return (stack->setup_ns + 500) / 1000;
	default:
		return stack->opened;
	}
}

/* The same recording with connections in place of its samples; weighed->profile is owned by the caller. */
static int weigh(const struct connprof_recording *recording, enum connprof_weight weight, struct connprof_recording *weighed)
{
	struct conn_stack *stacks = NULL;
	size_t count = 0;
	int code = connstacks_list(recording, &stacks, &count);

	*weighed = *recording;
	weighed->collect = CONNPROF_CONNECTIONS;
	weighed->rate_hz = 0;
	weighed->samples = weighed->profile_count = 0;
	weighed->latency_count = 0;
	memset(weighed->stack_ends, 0, sizeof(weighed->stack_ends)); /* those are the samples' */
	weighed->profile = code ? NULL : calloc(count + 1, sizeof(*weighed->profile));
	for (size_t i = 0; weighed->profile && i < count; i++) {
		uint64_t samples = weight_of(&stacks[i], weight);

		if (!samples)
			continue;
		weighed->profile[weighed->profile_count++] = (struct profile_row){.stack = stacks[i].stack, .samples = samples};
		weighed->samples += samples;
	}
	free(stacks);
	return weighed->profile ? 0 : -1;
}

static int write_as(int (*writer)(const struct connprof_recording *, const struct connprof_report_options *, FILE *,
				  struct connprof_error *),
		    const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		    struct connprof_error *error)
{
	static const char *const what[] = {
		[CONNPROF_WEIGHT_OPENED] = "%s - %llu connections opened", [CONNPROF_WEIGHT_OPEN] = "%s - %llu connections left open",
		[CONNPROF_WEIGHT_SETUP] = "%s - %llu us of setting connections up",
	};
	struct connprof_report_options weighing = *options;
	struct connprof_recording weighed;
	char title[256], targets[128];
	int code;

	weighing.mode = CONNPROF_MODE_CPU;
	weighing.weight = options->weight ? options->weight : CONNPROF_WEIGHT_OPENED;
	if (weigh(recording, weighing.weight, &weighed))
		return error_memory(error);
	targets_text(recording, targets, sizeof(targets));
	snprintf(title, sizeof(title), what[weighing.weight], targets, (unsigned long long)weighed.samples);
	weighing.title = options->title ? options->title : title;
	code = writer(&weighed, &weighing, stream, error);
	free(weighed.profile);
	return code;
}

int conn_svg_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		   struct connprof_error *error)
{
	return write_as(svg_write, recording, options, stream, error);
}

int conn_folded_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
		      struct connprof_error *error)
{
	return write_as(folded_write, recording, options, stream, error);
}
