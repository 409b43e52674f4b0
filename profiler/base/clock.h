/* SPDX-License-Identifier: BSD-2-Clause */
/* clock.h - time as the records carry it. */
#ifndef CONNPROF_BASE_CLOCK_H
#define CONNPROF_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_now_ns(void);     /* CLOCK_MONOTONIC */
uint64_t clock_process_ns(void); /* CPU time of this process */

#endif
