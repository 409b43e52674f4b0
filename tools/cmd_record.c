/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_record.c - connprof record: samples a live service and writes its flame graph. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "connprof.h"
#include "message.h"
#include "output.h"
#include "watch.h"

#define RESCUES_MAX 100 /* kept side by side in a folder */

/* The picture could not be made (no flamegraph.pl, say), but what was sampled cannot be had again: keep it as a
 * recording, which any format can be made from later. Adds to the message where it is. */
static void rescue(const struct output_plan *plan, const struct options *options,
		   const struct connprof_recording *recording, struct connprof_error *error)
{
	char path[40] = "connprof-rescue.pb.gz";
	struct output_plan kept = {.view = CONNPROF_VIEW_PROFILE, .format = "pprof", .path = path, .whole = true};
	size_t length = strlen(error->text);

	if (!strcmp(plan->format, "pprof") || !strcmp(plan->path, "-"))
		return;
	for (int i = 2; access(path, F_OK) == 0; i++) { /* what an earlier run kept stays */
		if (i > RESCUES_MAX)
			return;
		snprintf(path, sizeof(path), "connprof-rescue-%d.pb.gz", i);
	}
	if (output_save(&kept, options, recording, NULL) == 0)
		snprintf(error->text + length, sizeof(error->text) - length, "; the samples are kept in %s", path);
}

static bool cuts(const struct options *options)
{
	return options->slower_than_ns || options->slowest_percent > 0;
}

static int write_profile(const struct output_plan *plan, const struct options *options,
			 struct connprof_session *session)
{
	const struct connprof_recording *recording = connprof_session_recording(session);
	struct connprof_progress progress = {0};
	struct connprof_error error = {0};

	if (output_save(plan, options, recording, &error)) {
		connprof_session_progress(session, &progress);
		if (progress.samples)
			rescue(plan, options, recording, &error);
		return message_failed(&error);
	}
	if (options->quiet)
		return 0;
	if (strcmp(plan->path, "-"))
		message_say("wrote %s%s", plan->path, plan->whole && cuts(options) ?
			    " with all requests: cut it with connprof report" : "");
	if (connprof_report_summary(recording, stderr, &error))
		return message_failed(&error);
	return 0;
}

/* What to collect, enum connprof_collect. */
static unsigned wanted(const struct options *options)
{
	unsigned more = (options->log_sites ? CONNPROF_LOGS : 0) | (options->round_trips ? CONNPROF_ROUND_TRIPS : 0);

	if (options->requests || cuts(options) || more)
		more |= CONNPROF_CONNECTIONS | CONNPROF_REQUESTS;
	if (options->gil_wait)
		return more | CONNPROF_SAMPLES | CONNPROF_OFFCPU | CONNPROF_GIL;
	if (!options->mode || !strcmp(options->mode, "cpu"))
		return more | CONNPROF_SAMPLES;
	return more | (!strcmp(options->mode, "wall") ? CONNPROF_SAMPLES | CONNPROF_OFFCPU : CONNPROF_OFFCPU);
}

int cmd_record(const struct options *options)
{
	struct watch_hooks hooks = {0};
	struct output_plan plan;
	struct watch watch;
	int status = output_plan(options, CONNPROF_VIEW_PROFILE, "profile", &plan);

	if (status)
		return status;
	plan.whole = !strcmp(plan.format, "pprof"); /* `report` cuts the recording, as often as one likes */
	status = watch_run(&watch, options, wanted(options), &hooks);
	if (!status)
		status = write_profile(&plan, options, watch.session);
	if (!status)
		status = watch.status;
	watch_done(&watch);
	return status;
}
