/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fingerprint.h - what makes a finding the same one tomorrow: its rule, its protocol and the names of the application's
 * functions that lead to it.
 *
 * No line, no file, no address and no port are in it: code moves, and each CI run has other ports. Two sites that differ in
 * nothing else have the same fingerprint.
 */
#ifndef CONNPROF_MODEL_FINGERPRINT_H
#define CONNPROF_MODEL_FINGERPRINT_H

#include "model/appframes.h"
#include "model/recording.h"

#define FINGERPRINT_TEXT 17 /* sixteen hexadecimal digits */

/* Never 0. */
uint64_t fingerprint_of(const struct connprof_recording *recording, const struct site_row *row, struct appframes *appframes);
/* Returns out. */
const char *fingerprint_text(uint64_t fingerprint, char out[FINGERPRINT_TEXT]);
/* Back again: 0 or -EINVAL. */
int fingerprint_parse(const char *text, uint64_t *out);

#endif
