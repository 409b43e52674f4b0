/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_dump.c - connprof dump: every thread's stack, now. */
#include "commands.h"
#include "connprof.h"
#include "message.h"
#include "output.h"

int cmd_dump(const struct options *options)
{
	struct connprof_config config = {
		.pids = options->pids,
		.pid_count = options->pid_count,
		.no_children = options->no_children,
		.kernel_frames = options->kernel,
	};
	struct connprof_recording *recording = NULL;
	struct connprof_error error = {0};
	struct output_plan plan;
	int status = output_plan(options, CONNPROF_VIEW_THREADS, NULL, &plan);

	if (status)
		return status;
	if (connprof_dump(&config, &recording, &error))
		return message_failed(&error);
	status = output_write(&plan, options, recording);
	connprof_recording_free(recording);
	return status;
}
