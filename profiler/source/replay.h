/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.h - a recorded event stream (record.h) through the same models as a live one. */
#ifndef CONNPROF_SOURCE_REPLAY_H
#define CONNPROF_SOURCE_REPLAY_H

#include "connprof.h"
#include "model/recording.h"

/* Reads the whole file into a new recording (owned by the caller: connprof_recording_free), with its models behind it, ready to
 * be judged. A file that does not hold what record.h says is refused with the line's number. */
int replay_load(const char *path, struct connprof_recording **out, struct connprof_error *error);

/* The same for somebody who looks on: begun is called before the first event is fed; what it returns, if not 0, ends the reading. */
int replay_watched(const char *path, int (*begun)(void *context, struct connprof_recording *recording), void *context,
		   struct connprof_recording **out, struct connprof_error *error);

/* Is this the beginning of such a file? */
bool replay_recognizes(const char *bytes, size_t length);

#endif
