/* SPDX-License-Identifier: BSD-2-Clause */
/* sites.h - call sites in words: what the texts of check and trace have in common. */
#ifndef CONNPROF_REPORT_SITES_H
#define CONNPROF_REPORT_SITES_H

#include <stdio.h>

#include "report/report.h"

#define PLACE_TEXT 512

/* "RecommendHandler.__init__ (srv/recommend.py:42)"; "(no application frame)" where there is none. Returns out. */
const char *site_place(const struct connprof_recording *recording, const struct site_row *site, char out[PLACE_TEXT]);
/* A table row a site, a head line first; only those that keep (NULL: all) says yes to. Nothing for none. */
void sites_table(const struct connprof_recording *recording, bool (*keep)(const struct site_row *), FILE *stream);
/* The chain of calls that opens a site's connections, outermost first, as a labelled paragraph. */
void site_chain(const struct connprof_recording *recording, const struct site_row *site, FILE *stream);
/* What setting a connection up consists of, medians in ms: "connect 0.07, TLS 1.20, handshake 0.31 in 2 round trips"; "" where it is
 * not known or has no parts. Returns out. */
#define SETUP_TEXT 120
const char *site_setup(const struct site_row *site, char out[SETUP_TEXT]);
/* "redis", "unknown", with "+tls". Returns out. */
const char *site_protocol(const struct site_row *site, char out[32]);
/* Where the time off the CPU went, and how much of it was looked at; nothing where it was not recorded. */
void offcpu_text(const struct connprof_recording *recording, FILE *stream);
/* What was lost and how much, in one line; nothing for zero counters. Then what was noted, a line each. */
void losses_line(const struct connprof_recording *recording, FILE *stream);
void losses_text(const struct connprof_recording *recording, FILE *stream);
/* "gunicorn 812 and 4 more". Returns out. */
const char *targets_text(const struct connprof_recording *recording, char *out, size_t size);

#endif
