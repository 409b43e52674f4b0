/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prologue.c - what a function without call frame information does to the stack, read out of its instructions.
 *
 * Hand-written assembler (OpenBLAS's kernels) moves rsp and uses rbp as it likes, but never out of sight. From the first byte, along
 * every path, this follows which registers hold a place in the frame or the caller's rbp, and where that was saved:
 *
 *	entry                 rsp = CFA - 8
 *	push %rbp             rsp = CFA - 16, and the caller's rbp lies there
 *	mov  %rsp,%rbx        rbx = CFA - 16
 *	and  $-4096,%rsp      rsp is not known any more: CFA = rbx + 16
 *
 * What two paths that meet do not agree on is not known from there on. A function is believed as a whole or not at all: at each way out
 * rsp and rbp must come out as they were at its entry, which is the proof that it was understood. One that calls another, that jumps
 * where a register says, or that has bytes that are no instruction, is not believed.
 */
#include "unwind/prologue.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum { RBX = 3, RSP = 4, RBP = 5, REGISTERS = 16, NO_REGISTER = REGISTERS };

/* Each register's names, whole and in parts, in the order of the instruction encoding. */
static const x86_reg names[REGISTERS][5] = {
	{X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
	{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
	{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
	{X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
	{X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL},
	{X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL},
	{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL},
	{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL},
	{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B},
	{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B},
	{X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B},
	{X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B},
	{X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B},
	{X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B},
	{X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B},
	{X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B},
};

enum value_kind { VALUE_OTHER = 0, VALUE_FRAME, VALUE_CALLERS_RBP };

struct value {
	int32_t kind;
	int32_t below; /* VALUE_FRAME: it is CFA - below */
};

/* What is known right before an instruction. */
struct state {
	struct value registers[REGISTERS];
	int32_t rbp_at; /* the caller's rbp lies at CFA - rbp_at; 0: not saved */
};

struct place {
	struct state state;
	uint8_t length; /* of the instruction; 0: not decoded yet */
	bool reached;   /* a path has come here */
	bool waits;     /* in the queue */
	bool exit;      /* from here a path leaves the function */
};

struct function {
	csh handle;
	cs_insn *instruction;
	const uint8_t *code;
	size_t size;
	uint64_t address;
	struct place *places; /* one per byte */
	uint32_t *queue;      /* a stack of places to look at (again) */
	size_t queued;
};

/* ---- one instruction ---- */

static int register_of(x86_reg name, bool *whole)
{
	for (int i = 0; name != X86_REG_INVALID && i < REGISTERS; i++)
		for (int part = 0; part < 5; part++)
			if (names[i][part] == name) {
				*whole = part == 0;
				return i;
			}
	return NO_REGISTER;
}

/* The register that an operand is, all 64 bits of it; NO_REGISTER: it is none. */
static int whole_register(const cs_x86_op *operand)
{
	bool whole = false;
	int at = operand->type == X86_OP_REG ? register_of(operand->reg, &whole) : NO_REGISTER;

	return whole ? at : NO_REGISTER;
}

/* Is it a place in the frame, and how far below the CFA? */
static bool frame_place(const struct state *s, const cs_x86_op *operand, int32_t *below)
{
	bool whole = false;
	int base = operand->type == X86_OP_MEM ? register_of(operand->mem.base, &whole) : NO_REGISTER;

	if (!whole || operand->mem.index != X86_REG_INVALID || operand->mem.segment != X86_REG_INVALID ||
	    s->registers[base].kind != VALUE_FRAME || operand->mem.disp < -(1 << 24) || operand->mem.disp > 1 << 24)
		return false;
	*below = s->registers[base].below - (int32_t)operand->mem.disp;
	return true;
}

static struct value frame_value(int64_t below)
{
	/* Nothing that is still a place in the frame lies further off. */
	return below < -(1 << 28) || below > 1 << 28 ? (struct value){VALUE_OTHER, 0} : (struct value){VALUE_FRAME, (int32_t)below};
}

static void forget(struct state *s, x86_reg name)
{
	bool whole;
	int at = register_of(name, &whole);

	if (at < REGISTERS)
		s->registers[at] = (struct value){VALUE_OTHER, 0};
}

/* [CFA - below, … + size) is written. */
static void written(struct state *s, int32_t below, unsigned size, struct value value)
{
	if (s->rbp_at && below > s->rbp_at - 8 && below - (int32_t)size < s->rbp_at)
		s->rbp_at = 0;
	if (!s->rbp_at && size == 8 && value.kind == VALUE_CALLERS_RBP)
		s->rbp_at = below;
}

static struct value read_value(const struct state *s, const cs_x86_op *from)
{
	int at = whole_register(from);
	int32_t below;

	if (at < REGISTERS)
		return s->registers[at];
	if (from->size == 8 && frame_place(s, from, &below) && s->rbp_at && below == s->rbp_at)
		return (struct value){VALUE_CALLERS_RBP, 0};
	return (struct value){VALUE_OTHER, 0};
}

static void move_rsp(struct state *s, int64_t down)
{
	struct value *rsp = &s->registers[RSP];

	if (rsp->kind == VALUE_FRAME)
		*rsp = frame_value(rsp->below + down);
}

/* push and pop of 8 bytes; false: it is something else. */
static bool follow_push_pop(struct state *s, unsigned id, const cs_x86_op *operand)
{
	struct value value;

	if (operand->size != 8)
		return false;
	if (id == X86_INS_PUSH) {
		value = read_value(s, operand);
		move_rsp(s, 8);
		if (s->registers[RSP].kind == VALUE_FRAME)
			written(s, s->registers[RSP].below, 8, value);
		return true;
	}
	if (whole_register(operand) == NO_REGISTER || whole_register(operand) == RSP)
		return false;
	value = (struct value){VALUE_OTHER, 0};
	if (s->registers[RSP].kind == VALUE_FRAME && s->rbp_at && s->registers[RSP].below == s->rbp_at)
		value.kind = VALUE_CALLERS_RBP;
	move_rsp(s, -8);
	s->registers[whole_register(operand)] = value;
	return true;
}

/* mov, lea, add and sub that keep what is known; false: it is something else. */
static bool follow_move(struct state *s, unsigned id, const cs_x86 *x86)
{
	const cs_x86_op *to = &x86->operands[0], *from = &x86->operands[1];
	int at = whole_register(to);
	int32_t below;

	if (id == X86_INS_MOV && to->type == X86_OP_MEM) {
		if (frame_place(s, to, &below))
			written(s, below, to->size, read_value(s, from));
		return true;
	}
	if (at == NO_REGISTER)
		return false;
	if (id == X86_INS_MOV) {
		s->registers[at] = read_value(s, from);
	} else if (id == X86_INS_LEA) {
		s->registers[at] = frame_place(s, from, &below) ? frame_value(below) : (struct value){VALUE_OTHER, 0};
	} else {
		if (from->type != X86_OP_IMM || s->registers[at].kind != VALUE_FRAME)
			return false;
		s->registers[at] = frame_value(s->registers[at].below + (id == X86_INS_SUB ? from->imm : -from->imm));
	}
	return true;
}

static bool follow_leave(struct state *s)
{
	struct value rbp = s->registers[RBP];

	if (rbp.kind != VALUE_FRAME)
		return false;
	s->registers[RSP] = frame_value(rbp.below - 8);
	s->registers[RBP] = (struct value){rbp.below == s->rbp_at ? VALUE_CALLERS_RBP : VALUE_OTHER, 0};
	return true;
}

/* These have a first operand that they only read. */
static bool only_reads(unsigned id)
{
	return id == X86_INS_CMP || id == X86_INS_TEST || id == X86_INS_BT || id == X86_INS_NOP;
}

/* Any other: what it may write is not known any more. */
static void follow_other(struct state *s, const cs_insn *instruction)
{
	const cs_x86 *x86 = &instruction->detail->x86;
	int32_t below;

	for (int i = 0; i < instruction->detail->regs_write_count; i++)
		forget(s, instruction->detail->regs_write[i]);
	for (int i = 0; i < x86->op_count && !only_reads(instruction->id); i++) {
		const cs_x86_op *operand = &x86->operands[i];

		if (operand->type == X86_OP_REG && (i == 0 || operand->access != CS_AC_READ))
			forget(s, operand->reg);
		else if (frame_place(s, operand, &below))
			written(s, below, operand->size ? operand->size : 64, (struct value){VALUE_OTHER, 0});
	}
}

/* s becomes what is known behind the instruction. */
static void follow(struct state *s, const cs_insn *instruction)
{
	const cs_x86 *x86 = &instruction->detail->x86;
	bool known = false;

	switch (instruction->id) {
	case X86_INS_PUSH:
	case X86_INS_POP:
		known = follow_push_pop(s, instruction->id, &x86->operands[0]);
		break;
	case X86_INS_MOV:
	case X86_INS_LEA:
	case X86_INS_ADD:
	case X86_INS_SUB:
		known = follow_move(s, instruction->id, x86);
		break;
	case X86_INS_LEAVE:
		known = follow_leave(s);
	}
	if (!known)
		follow_other(s, instruction);
}

/* ---- all paths ---- */

static bool decode(struct function *f, size_t at)
{
	const uint8_t *code = f->code + at;
	uint64_t address = f->address + at;
	size_t left = f->size - at;

	return cs_disasm_iter(f->handle, &code, &left, &address, f->instruction);
}

/* Both registers as they were at the entry: a return, or a jump into another function. */
static bool is_whole(const struct state *s)
{
	return s->registers[RSP].kind == VALUE_FRAME && s->registers[RSP].below == 8 &&
	       s->registers[RBP].kind == VALUE_CALLERS_RBP;
}

/* A path with this state leads to code + at. */
static int arrive(struct function *f, uint64_t at, const struct state *state)
{
	struct place *place;
	bool changed = false;

	if (at >= f->size)
		return -ENOTSUP; /* falls off its end */
	place = &f->places[at];
	if (!place->reached) {
		place->reached = changed = true;
		place->state = *state;
	}
	for (int i = 0; i < REGISTERS; i++)
		if (memcmp(&place->state.registers[i], &state->registers[i], sizeof(struct value)) &&
		    place->state.registers[i].kind != VALUE_OTHER) {
			place->state.registers[i] = (struct value){VALUE_OTHER, 0};
			changed = true;
		}
	if (place->state.rbp_at && place->state.rbp_at != state->rbp_at) {
		place->state.rbp_at = 0;
		changed = true;
	}
	if (changed && !place->waits) {
		place->waits = true;
		f->queue[f->queued++] = (uint32_t)at;
	}
	return 0;
}

static bool is_in(const cs_insn *instruction, x86_insn_group group)
{
	for (int i = 0; i < instruction->detail->groups_count; i++)
		if (instruction->detail->groups[i] == group)
			return true;
	return false;
}

/* The library does not count loop among the jumps, nor every form of jmp. */
static bool is_jump(const cs_insn *instruction)
{
	return is_in(instruction, X86_GRP_JUMP) || instruction->id == X86_INS_JMP || instruction->id == X86_INS_LJMP ||
	       instruction->id == X86_INS_LOOP || instruction->id == X86_INS_LOOPE || instruction->id == X86_INS_LOOPNE;
}

static bool ends_path(const cs_insn *instruction)
{
	return instruction->id == X86_INS_RET || instruction->id == X86_INS_HLT || instruction->id == X86_INS_UD2;
}

/* Does a jump lead out of the function? */
static bool leads_out(const struct function *f, const cs_insn *instruction)
{
	uint64_t to = (uint64_t)instruction->detail->x86.operands[0].imm;

	return to < f->address || to - f->address >= f->size;
}

/* Does the instruction do what is not followed: call, jump to where a register says, take arguments off the stack? */
static bool is_beyond(const cs_insn *instruction)
{
	const cs_x86 *x86 = &instruction->detail->x86;

	if (is_in(instruction, X86_GRP_CALL) || is_in(instruction, X86_GRP_IRET) || is_in(instruction, X86_GRP_INT) ||
	    instruction->id == X86_INS_RETF || instruction->id == X86_INS_RETFQ || (instruction->id == X86_INS_RET && x86->op_count))
		return true;
	return is_jump(instruction) && (x86->op_count != 1 || x86->operands[0].type != X86_OP_IMM);
}

/* Goes on from the place last queued. */
static int step(struct function *f)
{
	size_t at = f->queue[--f->queued];
	struct place *place = &f->places[at];
	struct state state = place->state;
	const cs_insn *instruction = f->instruction;
	bool jumps, out;
	int code = 0;

	place->waits = false;
	if (!decode(f, at) || is_beyond(instruction))
		return -ENOTSUP;
	place->length = (uint8_t)instruction->size;
	jumps = is_jump(instruction);
	out = jumps && leads_out(f, instruction);
	place->exit = out || instruction->id == X86_INS_RET;
	if (ends_path(instruction))
		return 0;
	follow(&state, instruction);
	if (jumps && !out)
		code = arrive(f, (uint64_t)instruction->detail->x86.operands[0].imm - f->address, &state);
	if (!code && instruction->id != X86_INS_JMP)
		code = arrive(f, at + place->length, &state);
	return code;
}

/* Instructions that do not overlap, an exit, and at each exit the proof. */
static int check(const struct function *f)
{
	size_t end = 0, exits = 0;

	for (size_t at = 0; at < f->size; at++) {
		const struct place *place = &f->places[at];

		if (!place->reached)
			continue;
		if (at < end || (place->exit && !is_whole(&place->state)))
			return -ENOTSUP;
		end = at + place->length;
		exits += place->exit;
	}
	return exits ? 0 : -ENOTSUP;
}

/* ---- rows ---- */

static struct unwind_row row_of(const struct state *s, uint32_t pc)
{
	const struct value *rsp = &s->registers[RSP], *rbp = &s->registers[RBP], *rbx = &s->registers[RBX];
	struct unwind_row row = {.pc = pc, .cfa = CFA_NONE};

	if (rbp->kind != VALUE_CALLERS_RBP) {
		if (!s->rbp_at || s->rbp_at % 8 || s->rbp_at < 0 || s->rbp_at > 128 * 8)
			return row;
		row.rbp_slot = (int8_t)(-s->rbp_at / 8);
	}
	if (rsp->kind == VALUE_FRAME && rsp->below >= 8 && rsp->below <= INT16_MAX) {
		row.cfa = CFA_RSP;
		row.cfa_offset = (int16_t)rsp->below;
	} else if (rsp->kind == VALUE_FRAME && rsp->below >= 8 && rsp->below % 8 == 0 && rsp->below / 8 <= INT16_MAX) {
		row.cfa = CFA_RSP_FAR;
		row.cfa_offset = (int16_t)(rsp->below / 8);
	} else if (rsp->kind != VALUE_FRAME && rbp->kind == VALUE_FRAME && rbp->below >= 8 && rbp->below <= INT16_MAX) {
		row.cfa = CFA_RBP;
		row.cfa_offset = (int16_t)rbp->below;
	} else if (rsp->kind != VALUE_FRAME && rbx->kind == VALUE_FRAME && rbx->below >= 8 && rbx->below <= INT16_MAX) {
		row.cfa = CFA_RBX;
		row.cfa_offset = (int16_t)rbx->below;
	} else {
		row.rbp_slot = 0;
	}
	return row;
}

static int put(struct unwind_rows *rows, size_t first, struct unwind_row row)
{
	const struct unwind_row *last = rows->count > first ? &rows->items[rows->count - 1] : NULL;
	int code;

	if (last && last->cfa == row.cfa && last->rbp_slot == row.rbp_slot && last->cfa_offset == row.cfa_offset)
		return 0;
	code = array_reserve(&rows->items, &rows->capacity, rows->count + 1, sizeof(row), UNWIND_ROWS_MAX);
	if (!code)
		rows->items[rows->count++] = row;
	return code;
}

static int put_rows(const struct function *f, uint32_t address, struct unwind_rows *rows)
{
	size_t first = rows->count, end = 0;
	int code = 0;

	for (size_t at = 0; at < f->size && !code; at++) {
		if (!f->places[at].reached)
			continue;
		if (at > end) /* no path leads there: padding, or data */
			code = put(rows, first, (struct unwind_row){.pc = address + (uint32_t)end, .cfa = CFA_NONE});
		if (!code)
			code = put(rows, first, row_of(&f->places[at].state, address + (uint32_t)at));
		end = at + f->places[at].length;
	}
	if (!code)
		code = put(rows, first, (struct unwind_row){.pc = address + (uint32_t)end, .cfa = CFA_NONE});
	if (code)
		rows->count = first;
	return code;
}

static int run(struct function *f, uint32_t address, struct unwind_rows *rows)
{
	struct state entry = {0};
	int code;

	entry.registers[RSP] = (struct value){VALUE_FRAME, 8};
	entry.registers[RBP] = (struct value){VALUE_CALLERS_RBP, 0};
	code = arrive(f, 0, &entry);
	while (!code && f->queued)
		code = step(f);
	if (!code)
		code = check(f);
	return code ? code : put_rows(f, address, rows);
}

int prologue_follow(const uint8_t *code, size_t size, uint32_t address, struct unwind_rows *rows)
{
	struct function f = {.code = code, .size = size, .address = address};
	int result = -ENOMEM;

	if (!size || size > PROLOGUE_BYTES_MAX || size > UINT32_MAX - address)
		return -ENOTSUP;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &f.handle) != CS_ERR_OK)
		return -ENOMEM;
	f.places = calloc(size, sizeof(*f.places));
	f.queue = calloc(size, sizeof(*f.queue));
	if (f.places && f.queue && cs_option(f.handle, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK && (f.instruction = cs_malloc(f.handle)))
		result = run(&f, address, rows);
	if (f.instruction)
		cs_free(f.instruction, 1);
	free(f.places);
	free(f.queue);
	cs_close(&f.handle);
	return result;
}
