/* SPDX-License-Identifier: BSD-2-Clause */
/* words.h - a finding told to somebody who knows neither the language nor the service: what happens and why. Where, what it
 * costs and what to do stand beside it in the row. */
#ifndef CONNPROF_MODEL_WORDS_H
#define CONNPROF_MODEL_WORDS_H

#include "model/recording.h"

/* Writes at most size bytes, always terminated. The row's rule is not NONE. */
void words_explain(const struct connprof_recording *recording, const struct site_row *row, char *out, size_t size);

/* Adds who closes them (a frame), where nobody of the application's is seen to open them. */
void words_add_closer(const struct connprof_recording *recording, uint32_t frame, char *out, size_t size);

/* Why, as the end of a sentence (static); NULL for CAUSE_NONE. */
const char *words_cause(unsigned cause);

#endif
