/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_python.c - a library that looks like an interpreter from outside, in several wrong ways (-DFAKE=N). */
#include <stdint.h>

char PyCode_Type[512];

#if FAKE == 1 /* not initialised: a 3.11 whose lists are empty */
const unsigned long Py_Version = 0x030b07f0;
uint64_t _PyRuntime[1024];
#elif FAKE == 2 /* a version of the future */
const unsigned long Py_Version = 0x031000f0;
uint64_t _PyRuntime[1024];
#elif FAKE == 3 /* 3.13 without the GIL */
uint64_t _PyRuntime[1024] = {0x7970677562656478, 0x030d00f0, 1};
#elif FAKE == 4 /* 3.13 with offsets that lead anywhere */
uint64_t _PyRuntime[1024] = {0x7970677562656478, 0x030d00f0, 0, 1, 2, ~0ull};
#elif FAKE == 5 /* 3.11: an interpreter list that never ends, each thread its own successor */
const unsigned long Py_Version = 0x030b07f0;
uint64_t _PyRuntime[1024] = {[5] = (uint64_t)-1};
__attribute__((constructor)) static void tie(void)
{
	_PyRuntime[5] = (uint64_t)(uintptr_t)&_PyRuntime[16];
	_PyRuntime[16] = (uint64_t)(uintptr_t)&_PyRuntime[16]; /* next interpreter */
	_PyRuntime[18] = (uint64_t)(uintptr_t)&_PyRuntime[64]; /* its threads */
	_PyRuntime[65] = (uint64_t)(uintptr_t)&_PyRuntime[64]; /* next thread */
}
#elif FAKE == 6 /* 3.15.0b2: words were still put in between */
uint64_t _PyRuntime[1024] = {0x7970677562656478, 0x030f00b2, 0};
#endif

int _PyEval_EvalFrameDefault(void);
int _PyEval_EvalFrameDefault(void)
{
	return 0;
}
