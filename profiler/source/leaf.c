/* SPDX-License-Identifier: BSD-2-Clause */
/* leaf.c - reads the few bytes of code that prove a call. */
#include "source/leaf.h"

#include <string.h>
#include <sys/syscall.h>

#include "process/process.h"

#define FUNCTION_BYTES_MAX 1024 /* this far behind its target a call may have led: such code is a few instructions */
#define ENTRY_ALIGN 16          /* of functions */
#define CALL_BYTES 7            /* the longest call instruction looked at */

static bool leads_to(uint64_t target, uint64_t pc)
{
	return target <= pc && pc - target < FUNCTION_BYTES_MAX;
}

/* Where the table entry at `entry` jumps (endbr64 | bnd | jmp *offset(%rip): .plt, .plt.sec, .plt.got); 0: it is none. */
static uint64_t plt_target(pid_t pid, uint64_t entry)
{
	uint8_t code[12];
	uint64_t target = 0;
	size_t at = 0;
	int32_t offset;

	if (process_read(pid, entry, code, sizeof(code)))
		return 0;
	if (!memcmp(code, "\xf3\x0f\x1e\xfa", 4))
		at = 4;
	at += code[at] == 0xf2;
	if (at + 6 > sizeof(code) || code[at] != 0xff || code[at + 1] != 0x25)
		return 0;
	memcpy(&offset, code + at + 2, 4);
	return process_read(pid, entry + at + 6 + (uint64_t)(int64_t)offset, &target, 8) ? 0 : target;
}

/* Does the instruction that ends at `ret` call the code at pc? A stack is full of old return addresses, so a call that does not say
 * where it leads (through a register) proves nothing but where a function may begin. */
static bool is_call_to(pid_t pid, uint64_t ret, uint64_t pc)
{
	uint8_t code[CALL_BYTES];
	const uint8_t *end = code + CALL_BYTES;
	uint64_t target;
	int32_t offset;

	if (ret < CALL_BYTES || process_read(pid, ret - CALL_BYTES, code, sizeof(code)))
		return false;
	memcpy(&offset, end - 4, 4);
	target = ret + (uint64_t)(int64_t)offset;
	if (end[-5] == 0xe8) {
		uint64_t behind = plt_target(pid, target);

		return leads_to(behind ? behind : target, pc);
	}
	if (end[-6] == 0xff && end[-5] == 0x15) /* call *offset(%rip) */
		return !process_read(pid, target, &target, 8) && leads_to(target, pc);
	if (pc % ENTRY_ALIGN)
		return false;
	return (end[-2] == 0xff && (end[-1] & 0xf8) == 0xd0) ||           /* call *%reg */
	       (end[-3] == 0xff && (end[-2] & 0xf8) == 0x50) ||           /* call *offset8(%reg) */
	       (end[-2] == 0xff && (end[-1] & 0xf8) == 0x10 && end[-1] != 0x14 && end[-1] != 0x15); /* call *(%reg) */
}

enum leaf_found leaf_look(const struct leaf *leaf)
{
	uint8_t code[2];

	if (leaf->in_system_call && leaf->ax == 0 && (leaf->orig_ax == SYS_clone || leaf->orig_ax == SYS_clone3) &&
	    !process_read(leaf->pid, leaf->pc - sizeof(code), code, sizeof(code)) && code[0] == 0x0f && code[1] == 0x05)
		return LEAF_ROOT;
	return is_call_to(leaf->pid, leaf->at_sp, leaf->pc) ? LEAF_CALLER : LEAF_UNKNOWN;
}
