/* SPDX-License-Identifier: BSD-2-Clause */
/* liar.c - says it is CPython 3.11: exports its symbols, but every word of the "runtime" points back at the runtime, so each list
 * in it is a ring without end. Burns CPU in liar_burn. */
#include <stddef.h>

#include "workload.h"

#define RUNTIME_WORDS 65536

uintptr_t _PyRuntime[RUNTIME_WORDS] __attribute__((aligned(4096)));
const unsigned long Py_Version = 0x030b07f0;
void *_PyEval_EvalFrameDefault(void *state, void *frame, int thrown);
int Py_IsInitialized(void);

static volatile uint64_t sink;

KEEP static void liar_burn(void) { sink += workload_burn(200, sink); }

int Py_IsInitialized(void) { return 1; }

KEEP void *_PyEval_EvalFrameDefault(void *state, void *frame, int thrown)
{
	(void)state;
	(void)frame;
	(void)thrown;
	liar_burn();
	return (void *)(uintptr_t)sink;
}

int main(void)
{
	for (size_t i = 0; i < RUNTIME_WORDS; i++)
		_PyRuntime[i] = (uintptr_t)_PyRuntime;
	workload_ready("\"function\": \"liar_burn\"");
	while (!workload_over())
		_PyEval_EvalFrameDefault(_PyRuntime, _PyRuntime, 0);
	workload_answer("\"done\": true");
	return 0;
}
