/* SPDX-License-Identifier: BSD-2-Clause */
/* state.h - what the verdict needs to see of a struct model. */
#ifndef CONNPROF_MODEL_STATE_H
#define CONNPROF_MODEL_STATE_H

#include "model/model.h"
#include "model/sites.h"

/* The models behind a recording, borrowed, and the window as of the last refresh or finish. */
void model_parts(const struct model *model, struct model_parts *out);

#endif
