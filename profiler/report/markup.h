/* SPDX-License-Identifier: BSD-2-Clause */
/* markup.h - text that comes from a target, inside XML or HTML. */
#ifndef CONNPROF_REPORT_MARKUP_H
#define CONNPROF_REPORT_MARKUP_H

#include <stdio.h>

/* &, <, > and quotes become entities; control characters and the two code points XML cannot hold become '?'. Right in text
 * and in quoted attribute values, never in a script or a style. Recorded names are valid UTF-8 (base/text.h). */
void markup_put(const char *text, FILE *stream);
/* ` name="value"`. */
void markup_attribute(const char *name, const char *value, FILE *stream);

#endif
