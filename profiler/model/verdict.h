/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict.h - sites rolled up, rules applied, the outcome: into the recording. What each rule asks is in docs/verdicts.md. */
#ifndef CONNPROF_MODEL_VERDICT_H
#define CONNPROF_MODEL_VERDICT_H

#include "connprof.h"
#include "model/sites.h"

/* Fills recording->sites; with `judge` also their rules, causes and texts and the recording's verdict. 0 or -ENOMEM. */
int verdict_make(struct connprof_recording *recording, const struct model_parts *parts, const struct connprof_rules *rules,
		 bool judge);

/* INTERFACE.md's defaults. */
extern const struct connprof_rules verdict_default_rules;

#endif
