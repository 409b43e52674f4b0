/* SPDX-License-Identifier: BSD-2-Clause */
/* html.h - parts of our pages that know the recording. Those that return: 0, or -errno with the message in *error. */
#ifndef CONNPROF_REPORT_HTML_H
#define CONNPROF_REPORT_HTML_H

#include "report/report.h"

/* The table of functions by their own samples. */
int html_functions(const struct connprof_recording *recording, FILE *stream, struct connprof_error *error);
/* The lines of connprof_report_summary: samples, losses, cuts, cost. */
int html_summary(const struct connprof_recording *recording, FILE *stream, struct connprof_error *error);
/* Statements that write logs; that send Redis commands one by one (nothing where that was not looked for). */
void html_logs(const struct connprof_recording *recording, FILE *stream);
void html_trips(const struct connprof_recording *recording, FILE *stream);
/* Connections over time, a picture a peer. */
void html_series(const struct connprof_recording *recording, FILE *stream);
/* Where the time of requests went; nothing where that is not known. */
void html_spent(const struct connprof_recording *recording, FILE *stream);

#endif
