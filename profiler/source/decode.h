/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.h - records from the ring to events: processes followed as they come and go, stacks resolved, payload read into
 * facts and dropped.
 */
#ifndef CONNPROF_SOURCE_DECODE_H
#define CONNPROF_SOURCE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "model/recording.h"
#include "source/follow.h"
#include "source/tls.h"

struct decode;
struct probe;

/* All borrowed until decode_free; tls may be NULL: TLS is left alone. NULL when out of memory. */
struct decode *decode_new(struct follow *follow, struct tls *tls, struct connprof_recording *recording);
void decode_free(struct decode *decode);

/* Connections open at the attach, of the processes named before: seen later, they are told as open before it, never blamed. */
void decode_preexisting_of(struct decode *decode, pid_t pid);
void decode_preexisting(struct decode *decode);

/* One record; its events are kept for decode_take. A record that does not fit what it claims is counted. */
void decode_record(struct decode *decode, const struct record *record);
/* A followed process and losses, as events of their own. */
void decode_process(struct decode *decode, const struct followed *process, uint32_t parent, uint64_t time_ns);
void decode_lost(struct decode *decode, uint32_t reason, uint64_t count, uint64_t time_ns);
/* At the end: of `unseen` UNIX connections (TALLY_UNIX_UNSEEN) those that never said anything, as lost. */
void decode_unseen(struct decode *decode, uint64_t unseen, uint64_t time_ns);
/* Connections of decode_preexisting that never said anything, told at the end. */
void decode_silent(struct decode *decode, uint64_t time_ns);
/* Looks for UNIX connections that ended unseen (unixes.h) and tells their end; last: no record will come any more. */
void decode_sweep(struct decode *decode, uint64_t time_ns, bool last);
/* Has the target opened a UNIX connection? */
bool decode_unix_seen(const struct decode *decode);

/* When all has been taken: native frames get what debug info tells of them (frames_finish). 0 or -ENOMEM. */
int decode_finish(struct decode *decode);
/* And what they got, for the event stream (late_replaced). */
size_t decode_replaced(const struct decode *decode, const struct frame_replacement **by_frame, const uint32_t **ids);

/* Threads that are off the CPU when counting begins (right after probe_activate), and when it has ended. A negative errno:
 * they cannot be listed. */
int decode_waits_begin(struct decode *decode, struct probe *probe);
int decode_waits_end(struct decode *decode, struct probe *probe, uint64_t now_ns);

/* The events since the last call, in time order; borrowed until the next decode_* call. Returns how many. */
size_t decode_take(struct decode *decode, const struct event **events);
uint64_t decode_malformed(const struct decode *decode); /* records that did not fit what they claim */
uint64_t decode_unkept(const struct decode *decode);    /* events for which there was no memory */
/* CLOCK_MONOTONIC of the first sample, 0: none yet. */
uint64_t decode_first_sample_ns(const struct decode *decode);

#endif
