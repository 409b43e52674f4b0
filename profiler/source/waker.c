/* SPDX-License-Identifier: BSD-2-Clause */
/* waker.c - an interrupt is known by the entry it came through; what it came for by the functions inside of that. */
#include "source/waker.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/chain.h"

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* The entry points of device, timer and inter-processor interrupts (arch/x86/include/asm/idtentry.h). */
static bool is_entry(const char *function)
{
	return begins(function, "asm_sysvec_") || begins(function, "asm_common_interrupt") || begins(function, "asm_fred_");
}

/* NULL: no interrupt. */
static const char *interrupt_of(const struct stacks *stacks, const struct strings *strings, const uint32_t *ids, size_t count)
{
	const char *what = "[interrupt]";

	for (size_t i = 0; i < count; i++) {
		const struct frame *frame = stacks_frame(stacks, ids[i]);
		const char *function = frame ? strings_get(strings, frame->function) : "";

		if (!frame || frame->kind != FRAME_KERNEL)
			break;
		if (is_entry(function))
			return what;
		if (strstr(function, "hrtimer") || strstr(function, "run_timer"))
			what = "[timer]";
		else if (begins(function, "net_rx_action") || begins(function, "process_backlog"))
			what = "[network]";
	}
	return NULL;
}

uint32_t waker_stack(struct stacks *stacks, struct strings *strings, uint32_t stack, const char *comm, size_t size)
{
	uint32_t own[STACK_FRAMES_MAX];
	size_t count, kernel = 0;
	uint8_t end;
	const uint32_t *ids = stacks_get(stacks, stack, &count, &end);
	const char *interrupt = interrupt_of(stacks, strings, ids, count);
	char name[64], note[80];

	if (interrupt)
		return chain_note(stacks, strings, interrupt);
	while (kernel < count && stacks_frame(stacks, ids[kernel]) && stacks_frame(stacks, ids[kernel])->kind == FRAME_KERNEL)
		kernel++;
	if (kernel < count) {
		memcpy(own, ids + kernel, (count - kernel) * sizeof(*own));
		return stacks_add(stacks, own, count - kernel, end);
	}
	text_clean(name, sizeof(name), comm, strnlen(comm, size));
	snprintf(note, sizeof(note), "[woken by %s]", name);
	return chain_note(stacks, strings, note);
}
