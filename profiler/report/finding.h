/* SPDX-License-Identifier: BSD-2-Clause */
/* finding.h - a finding as the formats of CI show it: where it is in the repository, and the one text that says it all. */
#ifndef CONNPROF_REPORT_FINDING_H
#define CONNPROF_REPORT_FINDING_H

#include "model/accept.h"
#include "model/fingerprint.h"
#include "report/sites.h"

#define FINDING_PATH 4096 /* PATH_MAX of the kernel's include/uapi/linux/limits.h */
#define FINDING_TEXT (2 * STRINGS_LENGTH_MAX + 64)

/* Where a call site is, as somebody sees it who stands in the current directory: the repository, in CI. */
struct finding_place {
	char path[FINDING_PATH]; /* below the current directory: relative; else as the target has it; "" not known */
	bool below;              /* relative: it can be shown in the repository */
	uint32_t line;           /* 0: not known */
};

void finding_place(const struct connprof_recording *recording, const struct site_row *site, struct finding_place *out);
/* What, where, what it costs, why, and what to change. Returns out. */
const char *finding_text(const struct connprof_recording *recording, const struct site_row *site, char out[FINDING_TEXT]);
/* How many earlier rows that break a rule have the same fingerprint. */
size_t finding_ordinal(const struct connprof_recording *recording, size_t index);
/* "in the baseline", "suppressed"; NULL for a finding that counts or an acceptance that is none. */
const char *finding_accepted(const struct site_row *site);

enum finding_kind { FINDING_COUNTS = 1, FINDING_ACCEPTED = 2 };
/* The kind of a site; 0: it breaks no rule, or none that decides. */
unsigned finding_kind(const struct site_row *site);
size_t finding_count(const struct connprof_recording *recording, unsigned kind);
/* Why there is no verdict; NULL where there is one. */
const char *finding_inconclusive(const struct connprof_recording *recording);

#endif
