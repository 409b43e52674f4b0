/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - the decoded event stream as a text file (.events.jsonl): written here, read back by replay.h.
 *
 * One JSON object a line, at most RECORD_LINE_MAX bytes. The file stands alone: strings, frames and stacks are defined
 * before their first use, numbered from 1 in the order they appear. There is never payload in it, only facts.
 *
 *   {"connprof_events":1,"start_ns":81234567890123,"start_unix_ns":1764000000000000000,"collect":3,"rate_hz":99}
 *   {"string":1,"text":"connect"}
 *   {"frame":1,"kind":2,"flags":0,"function":1,"file":2,"line":263,"first_line":250,"module":0,"address":0}
 *   {"stack":1,"end":0,"frames":[1,2,3]}
 *   {"event":"connect","t":1500000,"pid":812,"tid":812,"thread":3,"stack":1,"python_end":1,"conn":7,"flags":1,
 *    "error":0,"local":"0.0.0.0:0","peer":"127.0.0.1:6379"}                                     (one line in the file)
 *   {"event":"io","t":1600000,"pid":812,"tid":812,"conn":7,"bytes":31,"sent":true,"protocol":"redis","flags":16,
 *    "requests":1,"handshake":1,"responses":0,"errors":0,"library":"redis-py 5.0.1"}
 *   {"event":"offcpu","t":1900000,"pid":812,"tid":812,"stack":2,"python_end":1,"wait":"socket","ns":250000,"conn":7}
 *   {"replace":4,"frames":[7,8]}            at the end: in every stack these stand for frame 4 (what debug info knew of it)
 *   {"end_ns":81239567890123}
 *
 * Numbers of kinds, flags and ends are those of bpf/events.h, frame.h and protocol.h; "t" is nanoseconds since start_ns and
 * may be a little below 0.
 */
#ifndef CONNPROF_SOURCE_RECORD_H
#define CONNPROF_SOURCE_RECORD_H

#include "connprof.h"
#include "event.h"
#include "model/recording.h"

#define RECORD_FORMAT 1
#define RECORD_LINE_MAX (1u << 18)

struct record_writer;

/* Starts a file (base/file.h: it appears whole at record_close or not at all). The recording is borrowed until then: its
 * strings and stacks are what the events' ids mean; its collect, rate_hz and start_unix_ns go into the first line. */
int record_open(const char *path, const struct connprof_recording *recording, uint64_t start_ns,
		struct record_writer **out, struct connprof_error *error);

/* 0 or -ENOMEM. A failing disk is reported by record_close. */
int record_event(struct record_writer *writer, const struct event *event);

/* At the end: what frames were replaced by since they were written, as stacks_replace takes it. 0 or -ENOMEM. */
int record_replaced(struct record_writer *writer, const struct frame_replacement *by_frame, size_t frame_count, const uint32_t *ids);

/* Ends and frees the writer in any case. end_ns: CLOCK_MONOTONIC end of the window. */
int record_close(struct record_writer *writer, uint64_t end_ns, struct connprof_error *error);

/* Frees it without leaving a file. NULL is fine. */
void record_abort(struct record_writer *writer);

/* "sample", "connect", …: enum event_kind as the file names it; NULL for none (static). */
const char *event_kind_name(uint32_t kind);

#endif
