/* SPDX-License-Identifier: BSD-2-Clause */
/* paragraph.h - "   label     text", broken between words. */
#ifndef CONNPROF_REPORT_PARAGRAPH_H
#define CONNPROF_REPORT_PARAGRAPH_H

#include <stdio.h>

/* The label alone: what follows on the line is the caller's. */
void paragraph_label(FILE *stream, const char *label);
/* A labelled paragraph. */
void paragraph_put(FILE *stream, const char *label, const char *text);

#endif
