/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accept.h - findings somebody has decided to live with: those of a baseline, and those a suppression fits.
 *
 * They are shown, but count neither for the verdict nor for the exit status. The files are read in report/baseline.c; here is
 * only what they mean.
 */
#ifndef CONNPROF_MODEL_ACCEPT_H
#define CONNPROF_MODEL_ACCEPT_H

#include "connprof.h"
#include "model/appframes.h"
#include "model/recording.h"

#define SUPPRESSIONS_MAX 256
#define SUPPRESSION_GLOB 256
#define BASELINE_MAX (1u << 15) /* as many call sites as a recording can have */

/* One line of a suppressions file: conn:RULE:GLOB, RULE a rule's name or "*". */
struct suppression {
	unsigned line;
	uint8_t rule;                 /* enum rule_id; NONE: any */
	char glob[SUPPRESSION_GLOB];  /* fits a frame's function, file or object, whole */
};

struct connprof_accepted {
	struct suppression *suppressions; size_t suppression_count, suppression_capacity; /* owned, as all here */
	uint64_t *baseline; size_t baseline_count, baseline_capacity; /* fingerprints */
	char *suppress_path;          /* for messages; NULL: no such file was given */
	bool has_baseline;
};

/* What the line says: 0; 1 for a blank line or a comment; or -EINVAL with what is wrong in *why (static). */
int suppression_parse(const char *line, size_t length, struct suppression *out, const char **why);

/* Fills each row's fingerprint and, as far as accepted says so (NULL: nothing is), its acceptance; counts and unused
 * suppressions go into the recording. 0 or -ENOMEM. */
int accept_apply(struct connprof_recording *recording, const struct connprof_accepted *accepted, struct appframes *appframes);

/* Does this row count for the verdict? */
bool row_counts(const struct site_row *row);

#endif
