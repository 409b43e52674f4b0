/* SPDX-License-Identifier: BSD-2-Clause */
/* jit.c - burns CPU in machine code it writes at run time, in anonymous memory, with a frame pointer as JIT compilers keep it. Says
 * where the code lies, so that a test can name it in a perf map. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "workload.h"

/* push rbp; mov rbp, rsp; mov ecx, 300000; 1: dec ecx; jnz 1b; pop rbp; ret */
static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0xb9, 0xe0, 0x93, 0x04, 0x00, 0xff, 0xc9, 0x75, 0xfc, 0x5d, 0xc3 };

KEEP static void call_jitted(void *at)
{
	void (*function)(void);

	*(void **)&function = at;
	function();
	__asm__ volatile("" ::: "memory"); /* the call must not become a jump */
}

int main(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return 1;
	memcpy(at, code, sizeof(code));
	workload_ready("\"address\": %llu, \"size\": %zu, \"caller\": \"call_jitted\"", (unsigned long long)(uintptr_t)at, sizeof(code));
	while (!workload_over())
		call_jitted(at);
	workload_answer("\"done\": true");
	return 0;
}
