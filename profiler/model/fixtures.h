/* SPDX-License-Identifier: BSD-2-Clause */
/* fixtures.h - a test framework's set-up and tear-down on a stack: what is opened there is the test's own. */
#ifndef CONNPROF_MODEL_FIXTURES_H
#define CONNPROF_MODEL_FIXTURES_H

#include <stdbool.h>

#include "model/recording.h"

bool fixtures_on_stack(const struct connprof_recording *recording, uint32_t stack);

#endif
