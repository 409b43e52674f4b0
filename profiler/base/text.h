/* SPDX-License-Identifier: BSD-2-Clause */
/* text.h - text that comes from a target or from a user: made printable, or parsed. */
#ifndef CONNPROF_BASE_TEXT_H
#define CONNPROF_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies at most size - 1 bytes of text: control characters (escape sequences, newlines), DEL and bytes that are not
 * valid UTF-8 become '?', as do the C1 controls U+0080..U+009F and the bidirectional overrides; a cut ends in "…".
 * Always terminated. Returns the length written. size >= 4. */
size_t text_clean(char *out, size_t size, const char *text, size_t length);

/* "500ms", "2s", "1m", "1h", "30" (seconds), fractions too: nanoseconds. Returns 0, or -EINVAL (not a duration, negative,
 * not finite, or past 10 years). *ns is written only on success. */
int text_duration(const char *text, uint64_t *ns);

/* A whole decimal number, nothing after it, within [low, high]: 0, or -EINVAL. */
int text_number(const char *text, uint64_t low, uint64_t high, uint64_t *out);

/* Shell-style match with * and ? (fnmatch without special treatment of '/'). */
int text_match(const char *pattern, const char *text);

bool text_ends_with(const char *text, const char *end);

/* What is behind the last '/' of a path. */
const char *text_base_name(const char *path);

#endif
