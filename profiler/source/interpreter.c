/* SPDX-License-Identifier: BSD-2-Clause */
/* interpreter.c - the language runtime of one process. */
#include "source/interpreter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

void interpreter_drop(struct interpreter *interpreter)
{
	while (interpreter && !--interpreter->users) {
		struct interpreter *before = interpreter->before;

		if (interpreter->runtime)
			interpreter->ops->free(interpreter->runtime);
		free(interpreter);
		interpreter = before;
	}
}

struct interpreter *interpreter_share(struct interpreter *interpreter)
{
	if (interpreter)
		interpreter->users++;
	return interpreter;
}

static void tell_found(struct connprof_recording *notes, const struct process_identity *process,
		       const struct interpreter *interpreter, const char *note)
{
	char text[400];

	if (interpreter->found == RUNTIME_READY) {
		log_say(1, "%d: %s", process->pid, interpreter->ops->describe(interpreter->runtime));
	} else if (interpreter->found == RUNTIME_REFUSED) {
		snprintf(text, sizeof(text), "%d (%s): %s", process->pid, process->comm, note);
		recording_note(notes, text);
	} else if (interpreter->found == RUNTIME_NOT_YET) {
		log_say(1, "%d: %s", process->pid, note);
	}
}

struct interpreter *interpreter_find(const struct process_identity *process, const struct process_maps *maps,
				     struct interpreter *before, struct connprof_recording *notes)
{
	struct interpreter *interpreter = calloc(1, sizeof(*interpreter));
	char note[256] = "";

	if (!interpreter)
		return NULL;
	interpreter->users = 1;
	interpreter->pid = process->pid;
	for (size_t i = 0; runtimes[i] && interpreter->found == RUNTIME_ABSENT; i++) {
		interpreter->found = runtimes[i]->detect(process, maps, &interpreter->runtime, &interpreter->state, note,
							 sizeof(note));
		if (interpreter->found == RUNTIME_READY)
			interpreter->ops = runtimes[i];
	}
	if (before && before->ops && !interpreter->ops) {
		interpreter_drop(interpreter);
		return interpreter_share(before);
	}
	if (before && before->ops && before->forks < FORKS_BEFORE_MAX) {
		interpreter->before = interpreter_share(before);
		interpreter->forks = before->forks + 1;
	}
	tell_found(notes, process, interpreter, note);
	return interpreter;
}

bool interpreter_due(const struct interpreter *interpreter, pid_t pid, bool new_code)
{
	if (!interpreter || interpreter->pid != pid || interpreter->found == RUNTIME_NOT_YET)
		return true;
	return new_code && interpreter->found == RUNTIME_ABSENT;
}

bool interpreter_look_again(struct interpreter *interpreter, const struct process_maps *maps)
{
	bool changed = interpreter && interpreter->ops &&
		       interpreter->ops->look_again(interpreter->runtime, maps, &interpreter->state);

	if (changed)
		log_say(1, "%d: more of %s can be read", interpreter->pid, interpreter->ops->describe(interpreter->runtime));
	return changed;
}
