/* SPDX-License-Identifier: BSD-2-Clause */
/* interpreter.h - the language runtime of one process: looked for, looked at again, shared with forked children by counting. */
#ifndef CONNPROF_SOURCE_INTERPRETER_H
#define CONNPROF_SOURCE_INTERPRETER_H

#include <stdbool.h>
#include <sys/types.h>

#include "model/recording.h"
#include "process/process.h"
#include "runtime/runtime.h"

#define FORKS_BEFORE_MAX 2 /* interpreters of processes that forked one another which are kept for the last of them */

/* A runtime of one process; a forked child reads through its parent's until it has been looked at itself. */
struct interpreter {
	unsigned users;
	unsigned forks;                    /* how many before it there are */
	struct interpreter *before;        /* of the process that forked it, counted: what was in memory then can be read there when it has
					    * gone itself. NULL: none */
	pid_t pid;                         /* whose memory it reads */
	enum runtime_found found;
	const struct runtime_ops *ops;     /* NULL: none that can be read */
	struct runtime *runtime;
	struct python_state state;
};

/* Looks for a runtime in a process: one reference, NULL when out of memory. One that is refused is noted. before: what its parent had
 * when it forked it (NULL: nothing that is known); where that could be read, and nothing can in the child (it may be on its way out),
 * it is returned. */
struct interpreter *interpreter_find(const struct process_identity *process, const struct process_maps *maps,
				     struct interpreter *before, struct connprof_recording *notes);
struct interpreter *interpreter_share(struct interpreter *interpreter);
/* Gives a reference back. NULL is fine. */
void interpreter_drop(struct interpreter *interpreter);

/* Has it to be looked for again in the process of that pid? Not where its own has been found or refused for good. NULL: yes. */
bool interpreter_due(const struct interpreter *interpreter, pid_t pid, bool new_code);
/* One that is known already may have changed: true if its state has. maps: what is mapped has changed, else NULL. */
bool interpreter_look_again(struct interpreter *interpreter, const struct process_maps *maps);

#endif
