/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * native.bpf.c - one native frame: find the mapping, find the row, compute the canonical frame address (CFA), read the
 * return address and the caller's rbp. Where there is no row (JIT code) the frame-pointer chain stands in.
 *
 * rbp is the only callee-saved register followed besides rsp: rows never need another.
 */
#include "state.h"

#define MAPPING_SEARCH_STEPS 13  /* 2^12 = MAPPING_ROWS_MAX */
#define ROW_SEARCH_STEPS 23      /* 2^22 rows in one object */
#define ROW_NONE 0xffffffffu
#define USER_ADDRESS_END (1ULL << 56)

/* rt_sigframe as the kernel lays it at the trampoline's rsp (arch/x86/include/uapi/asm/sigcontext.h behind struct
 * ucontext's 40 bytes of head). */
#define SIGNAL_RBP 120
#define SIGNAL_RBX 128
#define SIGNAL_RSP 160
#define SIGNAL_RIP 168

static __always_inline int ends(struct walk *walk, u8 how)
{
	walk->native_end = how;
	return 1;
}

/* One aligned word of stack memory, through the window. */
static __always_inline int stack_word(struct walk *walk, u64 address, u64 *out)
{
	u64 at = address - walk->window_start;

	if (walk->window_start && address >= walk->window_start && at <= WINDOW_BYTES - 8) {
		*out = *(u64 *)&walk->window[at & (WINDOW_BYTES - 1)];
		return 0;
	}
	/* Near the end of the stack a whole window cannot be read: then the word alone. */
	if (read_user(walk->window, WINDOW_BYTES, address)) {
		walk->window_start = 0;
		return read_user(out, sizeof(*out), address) ? 1 : 0;
	}
	walk->window_start = address;
	*out = *(u64 *)walk->window;
	return 0;
}

/* The mapping that holds pc goes to walk->mapping; 0: none. Global, like row_find: inlined, the two searches would be
 * verified once for each way through the other. */
WALKER_GLOBAL int mapping_find(u32 kind, u64 pc)
{
	struct scratch *scratch = scratch_of(kind);
	struct walk *walk;
	u32 low = 0, high;

	if (!scratch)
		return 0;
	walk = &scratch->walk;
	high = walk->mapping_count;
	if (pc >= walk->mapping.start && pc < walk->mapping.end)
		return 1;
	for (int i = 0; i < MAPPING_SEARCH_STEPS && low < high; i++) {
		u32 middle = (low + high) / 2;
		const struct mapping_row *row = mapping_at(walk->first_mapping + middle);

		if (!row)
			return 0;
		if (pc < row->start) {
			high = middle;
		} else if (pc >= row->end) {
			low = middle + 1;
		} else {
			walk->mapping = *row;
			return 1;
		}
	}
	return 0;
}

/* The index of the rule at pc within walk->mapping; ROW_NONE: there is none. */
WALKER_GLOBAL u32 row_find(u32 kind, u64 pc)
{
	struct scratch *scratch = scratch_of(kind);
	u32 low = 0, high, first, found = ROW_NONE;
	u64 address;

	if (!scratch)
		return ROW_NONE;
	first = scratch->walk.mapping.first_row;
	high = scratch->walk.mapping.row_count;
	address = pc - scratch->walk.mapping.bias;
	for (int i = 0; i < ROW_SEARCH_STEPS && low < high; i++) {
		u32 middle = (low + high) / 2;
		const struct unwind_row *row = row_at(first + middle);

		if (!row)
			return ROW_NONE;
		if (row->pc <= address) {
			found = first + middle;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return found;
}

static __always_inline void slot_put(struct scratch *scratch, u64 cfa)
{
	struct walk *walk = &scratch->walk;
	u32 at = walk->slots;

	if (at >= STACK_SLOTS)
		return;
	scratch->slots[at].a = walk->pc | (walk->exact_pc ? SLOT_EXACT_PC : 0);
	scratch->slots[at].b = cfa;
	walk->slots = at + 1;
	walk->native++;
}

/* To the caller: its pc lies below cfa. */
static __always_inline int step_to(struct scratch *scratch, u64 cfa, u64 bp_at)
{
	struct walk *walk = &scratch->walk;
	u64 bp = walk->bp, pc;

	if (cfa <= walk->sp)
		return ends(walk, END_NO_PROGRESS);
	slot_put(scratch, cfa);
	/* The saved rbp lies below the return address: read first, it opens the window for both. */
	if (bp_at && stack_word(walk, bp_at, &bp))
		return ends(walk, END_FAULT);
	if (stack_word(walk, cfa - 8, &pc))
		return ends(walk, END_FAULT);
	if (!pc)
		return ends(walk, END_ROOT);
	if (pc >= USER_ADDRESS_END)
		return ends(walk, END_UNMAPPED);
	walk->pc = pc;
	walk->sp = cfa;
	walk->bp = bp;
	walk->exact_pc = 0;
	return 0;
}

/* Through a signal trampoline: the interrupted registers, as the kernel saved them. The stack may be another one. */
static __always_inline int step_signal(struct scratch *scratch)
{
	struct walk *walk = &scratch->walk;
	u64 sp = walk->sp, pc, new_sp, bp, bx;

	if (stack_word(walk, sp + SIGNAL_RBP, &bp) || stack_word(walk, sp + SIGNAL_RBX, &bx) || stack_word(walk, sp + SIGNAL_RSP, &new_sp) ||
	    stack_word(walk, sp + SIGNAL_RIP, &pc))
		return ends(walk, END_FAULT);
	slot_put(scratch, sp + SIGNAL_RIP + 8);
	if (!pc || pc >= USER_ADDRESS_END)
		return ends(walk, END_UNMAPPED);
	walk->pc = pc;
	walk->sp = new_sp;
	walk->bp = bp;
	walk->bx = bx;
	walk->exact_pc = 1;
	return 0;
}

/* No rule: by the frame pointer, if it can be one. */
static __always_inline int step_frame_pointer(struct scratch *scratch, u8 otherwise)
{
	struct walk *walk = &scratch->walk;

	/* 0 ends a chain of frame pointers; in the innermost frame of an object that has rules it is a number like any other. */
	if (!walk->bp && (walk->native || otherwise == END_UNMAPPED || !walk->mapping.row_count)) {
		slot_put(scratch, walk->sp + 8);
		return ends(walk, END_FRAME_POINTER);
	}
	if (walk->bp < walk->sp || (walk->bp & 7)) {
		slot_put(scratch, 0);
		return ends(walk, otherwise);
	}
	return step_to(scratch, walk->bp + 16, walk->bp);
}

/* The CFA that the function has put into its frame. */
static __always_inline int kept_cfa(struct walk *walk, const struct unwind_row *row, u64 *cfa)
{
	u64 base = row->cfa == CFA_RSP_DEREF ? walk->sp : walk->bp;

	if (stack_word(walk, base + (s64)row->cfa_offset, cfa))
		return 1;
	if (row->cfa != CFA_REALIGNED)
		*cfa += 8;
	return 0;
}

/* Code of one object differs in the low bits, objects in the higher ones. */
static __always_inline u32 memo_index(u64 pc)
{
	return (u32)(pc ^ pc >> 10 ^ pc >> 22) & (MEMO_ENTRIES - 1);
}

WALKER_GLOBAL int native_step(u32 kind)
{
	struct scratch *scratch = scratch_of(kind);
	struct memo *memo = memo_of(kind);
	const struct unwind_row *row;
	struct walk *walk;
	u64 pc, cfa, bp_at;
	u32 at;

	if (!scratch || !memo)
		return 1;
	walk = &scratch->walk;
	if (walk->native >= NATIVE_SLOTS_MAX)
		return ends(walk, END_TOO_DEEP);
	pc = walk->exact_pc ? walk->pc : walk->pc - 1;
	at = memo_index(pc);
	if (memo->entries[at].pc != pc || memo->entries[at].generation != walk->generation) {
		if (!mapping_find(kind, pc)) {
			walk->unmapped = 1;
			return step_frame_pointer(scratch, END_UNMAPPED);
		}
		row = row_at(row_find(kind, pc));
		if (!row)
			return step_frame_pointer(scratch, END_NO_RULE);
		memo->entries[at].pc = pc;
		memo->entries[at].generation = walk->generation;
		memo->entries[at].row = *row;
	}
	row = &memo->entries[at].row;
	switch (row->cfa) {
	case CFA_RSP_LEAF:
		if (walk->native && !walk->exact_pc)
			return step_frame_pointer(scratch, END_NO_RULE);
		/* fallthrough */
	case CFA_RSP:
		cfa = walk->sp + (s64)row->cfa_offset;
		break;
	case CFA_RSP_FAR:
		cfa = walk->sp + 8 * (s64)row->cfa_offset;
		break;
	case CFA_RBP:
		cfa = walk->bp + (s64)row->cfa_offset;
		break;
	case CFA_RBX:
		if (!walk->exact_pc)
			return step_frame_pointer(scratch, END_NO_RULE);
		cfa = walk->bx + (s64)row->cfa_offset;
		break;
	case CFA_RSP_DEREF:
	case CFA_RBP_DEREF:
	case CFA_REALIGNED:
		if (kept_cfa(walk, row, &cfa))
			return ends(walk, END_FAULT);
		break;
	case CFA_PLT:
		cfa = walk->sp + 8 + ((walk->pc & 15) >= 11 ? 8 : 0);
		break;
	case CFA_SIGNAL:
		return step_signal(scratch);
	case CFA_ROOT:
		slot_put(scratch, walk->sp + 8);
		return ends(walk, END_ROOT);
	case CFA_EXPRESSION:
		return ends(walk, END_EXPRESSION); /* libunwind shows this frame and the rest */
	default:
		return step_frame_pointer(scratch, END_NO_RULE);
	}
	bp_at = row->rbp_slot ? cfa + 8 * (s64)row->rbp_slot : 0;
	if (row->cfa == CFA_REALIGNED)
		bp_at = walk->bp;
	return step_to(scratch, cfa, bp_at);
}
