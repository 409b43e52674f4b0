/* SPDX-License-Identifier: BSD-2-Clause */
/* log.h - what -v shows: the caller's function gets each line; without one nothing is said. */
#ifndef CONNPROF_BASE_LOG_H
#define CONNPROF_BASE_LOG_H

#include "connprof.h"

/* 1: what was decided (a runtime found, an object's rows); 2: every step. Safe to call before log_to. */
void log_say(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
