/* SPDX-License-Identifier: BSD-2-Clause */
/* log_places.h - what a descriptor of a target writes to, in words: asked of /proc once, while it is open. */
#ifndef CONNPROF_SOURCE_LOG_PLACES_H
#define CONNPROF_SOURCE_LOG_PLACES_H

#include <stdint.h>

#include "base/strings.h"
#include "bpf/events.h"

#define LOG_PLACES_KNOWN 1024 /* descriptors remembered; then all are forgotten and asked for again */

struct log_places;

/* The strings are borrowed. NULL when out of memory. */
struct log_places *log_places_new(struct strings *strings);
void log_places_free(struct log_places *places);

/* A string id: "stderr (pipe)", "/var/log/app.log", "syslog". */
uint32_t log_place(struct log_places *places, uint32_t pid, const struct call_body *body);

#endif
