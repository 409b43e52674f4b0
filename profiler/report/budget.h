/* SPDX-License-Identifier: BSD-2-Clause */
/* budget.h - what protobuf-c may allocate while it unpacks a file that may be hostile. */
#ifndef CONNPROF_REPORT_BUDGET_H
#define CONNPROF_REPORT_BUDGET_H

#include <stddef.h>

struct budget {
	size_t left; /* bytes */
};

/* As struct ProtobufCAllocator wants them; context: the budget. */
void *budget_alloc(void *context, size_t size);
void budget_free(void *context, void *pointer);

#endif
