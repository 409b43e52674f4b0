/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dump.c - every thread's stack as text, innermost frame first, as py-spy's users know it:
 *
 *   Process 812: gunicorn (/usr/bin/python3.11)
 *
 *   Thread 815 (active, holds the GIL): "worker"
 *       connect (redis/connection.py:263)
 *       __poll (libc.so.6)
 */
#include "report/report.h"

static void put_frame(const struct connprof_recording *recording, const struct connprof_report_options *options,
		      const struct frame *frame, FILE *stream)
{
	const struct strings *strings = recording->strings;
	const char *file = short_path(strings_get(strings, frame->file));
	const char *module = base_path(strings_get(strings, frame->module));

	fprintf(stream, "    %s", strings_get(strings, frame->function));
	if (frame->kind == FRAME_KERNEL)
		fputs(" (kernel)", stream);
	else if (*file && frame->line && !options->nolineno)
		fprintf(stream, " (%s:%u)", file, frame->line);
	else if (*file || *module)
		fprintf(stream, " (%s)", *file ? file : module);
	fputc('\n', stream);
}

static void put_stack(const struct connprof_recording *recording, const struct connprof_report_options *options,
		      uint32_t stack, FILE *stream)
{
	size_t count = 0, hidden = 0;
	uint8_t end = 0;
	const uint32_t *frames = stacks_get(recording->stacks, stack, &count, &end);
	bool all = options->native;

	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);

		hidden += !frame || frame_hidden(frame, options);
	}
	all |= hidden == count;
	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = stacks_frame(recording->stacks, frames[i]);

		if (frame && (all || !frame_hidden(frame, options)))
			put_frame(recording, options, frame, stream);
	}
	if (!stack)
		fputs("    [no stack]\n", stream);
	else if (!stack_end_complete(end))
		fprintf(stream, "    [cut: %s]\n", stack_end_name(end));
}

static void put_thread(const struct connprof_recording *recording, const struct connprof_report_options *options,
		       const struct dump_thread *thread, FILE *stream)
{
	fprintf(stream, "\nThread %u (%s%s%s): \"%s\"\n", thread->tid, thread_state_name(thread->state),
		thread->holds_gil ? ", holds the GIL" : "", thread->torn ? ", ran while being read" : "",
		strings_get(recording->strings, thread->thread));
	put_stack(recording, options, thread->stack, stream);
	if (thread->python_end >= PYTHON_NO_STATE)
		fprintf(stream, "    [Python frames: %s]\n", python_end_name(thread->python_end));
}

int dump_text_write(const struct connprof_recording *recording, const struct connprof_report_options *options,
		    FILE *stream, struct connprof_error *error)
{
	(void)error;
	for (size_t i = 0; i < recording->dump_count; i++) {
		const struct dump_thread *thread = &recording->dump[i];
		const struct target_row *target = recording_target(recording, thread->pid);

		if (i == 0 || thread->pid != recording->dump[i - 1].pid)
			fprintf(stream, "%sProcess %u: %s (%s)\n", i ? "\n" : "", thread->pid,
				target ? strings_get(recording->strings, target->comm) : "?",
				target ? strings_get(recording->strings, target->exe) : "?");
		put_thread(recording, options, thread, stream);
	}
	if (!recording->dump_count)
		fputs("no threads: the process is gone\n", stream);
	for (size_t i = 0; i < recording->note_count; i++)
		fprintf(stream, "\nnote: %s\n", strings_get(recording->strings, recording->notes[i]));
	return 0;
}
