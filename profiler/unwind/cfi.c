/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cfi.c - runs a call frame program (DWARF 5 section 6.4.2) and writes a row wherever the rules change.
 *
 * Of all registers only rbp, rsp and the return address matter to a row; the others' rules are parsed and dropped. A rule that
 * a row cannot hold makes the row CFA_EXPRESSION, which hands the frame to libunwind: nothing is approximated.
 */
#include "unwind/cfi.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"

enum dwarf_register { REGISTER_RBP = 6, REGISTER_RSP = 7, REGISTER_RA = 16 }; /* psABI figure 3.36 */

enum instruction {
	/* in the two high bits, an operand in the low six */
	ADVANCE = 0x40, OFFSET = 0x80, RESTORE = 0xc0,
	/* in the whole byte */
	NOP = 0x00, SET_LOC = 0x01, ADVANCE1 = 0x02, ADVANCE2 = 0x03, ADVANCE4 = 0x04, OFFSET_EXTENDED = 0x05,
	RESTORE_EXTENDED = 0x06, UNDEFINED = 0x07, SAME_VALUE = 0x08, REGISTER = 0x09, REMEMBER = 0x0a, RESTORE_STATE = 0x0b,
	DEF_CFA = 0x0c, DEF_CFA_REGISTER = 0x0d, DEF_CFA_OFFSET = 0x0e, DEF_CFA_EXPRESSION = 0x0f, EXPRESSION = 0x10,
	OFFSET_EXTENDED_SF = 0x11, DEF_CFA_SF = 0x12, DEF_CFA_OFFSET_SF = 0x13, VAL_OFFSET = 0x14, VAL_OFFSET_SF = 0x15,
	VAL_EXPRESSION = 0x16, GNU_ARGS_SIZE = 0x2e, GNU_NEGATIVE_OFFSET = 0x2f,
};

#define REMEMBER_MAX 32        /* nested remember_state: compilers nest one deep */
#define PLT_ROWS_MAX (1u << 16)/* rows one procedure linkage table may become */

struct machine {
	const struct cfi_cie *cie;
	struct cursor program;
	struct cfi_state state;
	struct cfi_state remembered[REMEMBER_MAX];
	size_t depth;
	struct unwind_rows *rows; /* NULL: a CIE's initial instructions, where time stands still */
	size_t first;             /* of this function's rows */
	uint64_t location, end;
	int error;
};

/* ---- rows ---- */

/* The rbp slot of a rule; false: a row cannot say it. */
static bool bp_slot(const struct cfi_rule *rule, int cfa, int8_t *slot)
{
	*slot = 0;
	if (rule->kind == RULE_OTHER)
		return false;
	if (rule->kind == RULE_AT_RBP) /* for CFA_REALIGNED, which says it by itself */
		return cfa == CFI_DEREF;
	if (rule->kind != RULE_SAVED)
		return true;
	if (rule->offset % 8 || rule->offset == 0 || rule->offset < -128 * 8 || rule->offset > 127 * 8)
		return false;
	*slot = (int8_t)(rule->offset / 8);
	return true;
}

/* The CFA lies in the frame itself: the row's kind, CFA_EXPRESSION if there is none. */
static uint8_t deref_kind(const struct cfi_state *s)
{
	if (s->cfa_offset < INT16_MIN || s->cfa_offset > INT16_MAX)
		return CFA_EXPRESSION;
	if (s->cfa_register == REGISTER_RBP && s->cfa_added == 0 && s->bp.kind == RULE_AT_RBP)
		return CFA_REALIGNED;
	if (s->cfa_added != 8 || s->bp.kind == RULE_AT_RBP)
		return CFA_EXPRESSION;
	return s->cfa_register == REGISTER_RSP ? CFA_RSP_DEREF : CFA_RBP_DEREF;
}

static struct unwind_row row_of(const struct machine *m)
{
	const struct cfi_state *s = &m->state;
	struct unwind_row row = { .cfa = CFA_EXPRESSION };

	if (m->cie->signal)
		row.cfa = CFA_SIGNAL;
	else if (s->ra.kind == RULE_UNDEFINED)
		row.cfa = CFA_ROOT;
	else if (s->ra.kind != RULE_SAVED || s->ra.offset != -8 || s->sp.kind != RULE_UNSET || s->cfa == CFI_OTHER ||
		 !bp_slot(&s->bp, (int)s->cfa, &row.rbp_slot))
		row.rbp_slot = 0;
	else if (s->cfa == CFI_PLT)
		row.cfa = CFA_PLT;
	else if (s->cfa == CFI_DEREF) {
		row.cfa = deref_kind(s);
		row.cfa_offset = row.cfa == CFA_EXPRESSION ? 0 : (int16_t)s->cfa_offset;
		row.rbp_slot = row.cfa == CFA_EXPRESSION ? 0 : row.rbp_slot;
	} else if ((s->cfa_register == REGISTER_RSP || s->cfa_register == REGISTER_RBP) && s->cfa_offset >= INT16_MIN &&
		 s->cfa_offset <= INT16_MAX) {
		row.cfa = s->cfa_register == REGISTER_RSP ? CFA_RSP : CFA_RBP;
		row.cfa_offset = (int16_t)s->cfa_offset;
	} else if (s->cfa_register == REGISTER_RSP && s->cfa_offset > 0 && s->cfa_offset % 8 == 0 &&
		   s->cfa_offset / 8 <= INT16_MAX) {
		row.cfa = CFA_RSP_FAR;
		row.cfa_offset = (int16_t)(s->cfa_offset / 8);
	} else {
		row.rbp_slot = 0;
	}
	return row;
}

static void push(struct machine *m, struct unwind_row row)
{
	struct unwind_rows *rows = m->rows;

	if (rows->count == rows->capacity) {
		m->error = array_reserve(&rows->items, &rows->capacity, rows->count + 1, sizeof(row), UNWIND_ROWS_MAX);
		if (m->error)
			return;
	}
	rows->items[rows->count++] = row;
}

/* A PLT whose entries push at another place than CFA_PLT's (11) becomes plain rows, two for each 16-byte entry. */
static void push_plt(struct machine *m, struct unwind_row row, uint64_t to)
{
	uint64_t from = row.pc, threshold = (uint64_t)m->state.cfa_offset;

	if (to - from > PLT_ROWS_MAX / 2 * 16) {
		row.cfa = CFA_EXPRESSION;
		push(m, row);
		return;
	}
	row.cfa = CFA_RSP;
	while (from < to && !m->error) {
		uint64_t pushed = (from & 15) >= threshold;

		row.pc = (uint32_t)from;
		row.cfa_offset = (int16_t)(8 + 8 * pushed);
		push(m, row);
		from = (from & ~15ull) + (pushed ? 16 : threshold);
	}
}

/* The present rules hold in [location, to). */
static void emit(struct machine *m, uint64_t to)
{
	const struct unwind_row *last = m->rows->count > m->first ? &m->rows->items[m->rows->count - 1] : NULL;
	struct unwind_row row = row_of(m);

	if (to > m->end)
		to = m->end;
	if (to <= m->location)
		return;
	row.pc = (uint32_t)m->location;
	if (row.cfa == CFA_PLT && m->state.cfa_offset != 11)
		push_plt(m, row, to);
	else if (!last || last->cfa != row.cfa || last->rbp_slot != row.rbp_slot || last->cfa_offset != row.cfa_offset)
		push(m, row);
}

static int move_to(struct machine *m, uint64_t location)
{
	if (!m->rows || location < m->location)
		return -EBADMSG;
	emit(m, location);
	m->location = location;
	return m->error;
}

/* ---- rules ---- */

static struct cfi_rule *rule_of(struct cfi_state *state, uint64_t reg)
{
	return reg == REGISTER_RBP ? &state->bp : reg == REGISTER_RSP ? &state->sp : reg == REGISTER_RA ? &state->ra : NULL;
}

static void set_rule(struct machine *m, uint64_t reg, int kind, int64_t offset)
{
	struct cfi_rule *rule = rule_of(&m->state, reg);

	if (!rule)
		return;
	if (kind == RULE_SAVED && (offset < INT32_MIN || offset > INT32_MAX))
		kind = RULE_OTHER;
	rule->kind = kind;
	rule->offset = kind == RULE_SAVED ? (int32_t)offset : 0;
}

static void restore_rule(struct machine *m, uint64_t reg)
{
	struct cfi_state initial = m->cie->initial;
	struct cfi_rule *from = rule_of(&initial, reg);

	if (from)
		*rule_of(&m->state, reg) = *from;
}

/* value * the data alignment; what overflows is bad. */
static int64_t factored(struct machine *m, int64_t value)
{
	int64_t result;

	if (!__builtin_mul_overflow(value, m->cie->data_align, &result))
		return result;
	m->program.bad = true;
	return 0;
}

static int64_t uleb_signed(struct machine *m)
{
	uint64_t value = cursor_uleb(&m->program);

	m->program.bad |= value > INT64_MAX;
	return (int64_t)(value & INT64_MAX);
}

/* The expression binutils gives its .plt sections (elf_x86_64_eh_frame_plt and its variants): rsp + 8 + ((rip & 15) >= N) << 3. */
static bool is_plt_expression(struct cursor expression, int64_t *threshold)
{
	static const uint8_t head[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a}; /* breg7+8 breg16+0 lit15 and */
	static const uint8_t tail[] = {0x2a, 0x33, 0x24, 0x22};       /* ge lit3 shl plus */
	const uint8_t *p = expression.at;

	if (cursor_left(&expression) != sizeof(head) + 1 + sizeof(tail) || memcmp(p, head, sizeof(head)) ||
	    memcmp(p + sizeof(head) + 1, tail, sizeof(tail)) || p[sizeof(head)] < 0x31 || p[sizeof(head)] > 0x3f)
		return false;
	*threshold = p[sizeof(head)] - 0x30; /* DW_OP_lit1 … lit15 */
	return true;
}

/* *(rsp + N) + M or *(rbp + N) + M: DW_OP_breg7 or breg6 N, deref, and if M is not 0 plus_uconst M. */
static bool is_deref_expression(struct cursor expression, struct cfi_state *state)
{
	uint8_t base = cursor_u8(&expression);
	int64_t offset = cursor_sleb(&expression);
	uint64_t added = 0;

	if ((base != 0x70 + REGISTER_RSP && base != 0x70 + REGISTER_RBP) || cursor_u8(&expression) != 0x06)
		return false;
	if (cursor_left(&expression)) {
		if (cursor_u8(&expression) != 0x23)
			return false;
		added = cursor_uleb(&expression);
	}
	if (expression.bad || cursor_left(&expression))
		return false;
	state->cfa_register = base - 0x70u;
	state->cfa_offset = offset;
	state->cfa_added = added;
	return true;
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->state.cfa = CFI_REGISTER;
	m->state.cfa_register = reg < UINT32_MAX ? (uint32_t)reg : UINT32_MAX;
	m->state.cfa_offset = offset;
}

/* ---- instructions, by what they change; each returns 1: not mine, 0, or a negative errno ---- */

static int run_location(struct machine *m, uint8_t op)
{
	uint64_t delta;

	switch (op) {
	case ADVANCE1: delta = cursor_u8(&m->program); break;
	case ADVANCE2: delta = cursor_u16(&m->program); break;
	case ADVANCE4: delta = cursor_u32(&m->program); break;
	case SET_LOC:
		return move_to(m, cursor_pointer(&m->program, m->cie->pointer_encoding, 0));
	default:
		return 1;
	}
	return move_to(m, m->location + delta * m->cie->code_align);
}

static int run_cfa(struct machine *m, uint8_t op)
{
	struct cursor *p = &m->program;
	struct cursor expression;
	uint64_t reg;

	switch (op) {
	case DEF_CFA:
		reg = cursor_uleb(p);
		set_cfa(m, reg, uleb_signed(m));
		return 0;
	case DEF_CFA_SF:
		reg = cursor_uleb(p);
		set_cfa(m, reg, factored(m, cursor_sleb(p)));
		return 0;
	case DEF_CFA_REGISTER:
		set_cfa(m, cursor_uleb(p), m->state.cfa == CFI_REGISTER ? m->state.cfa_offset : 0);
		return 0;
	case DEF_CFA_OFFSET:
		m->state.cfa_offset = uleb_signed(m);
		return m->state.cfa == CFI_REGISTER ? 0 : -EBADMSG;
	case DEF_CFA_OFFSET_SF:
		m->state.cfa_offset = factored(m, cursor_sleb(p));
		return m->state.cfa == CFI_REGISTER ? 0 : -EBADMSG;
	case DEF_CFA_EXPRESSION:
		expression = cursor_part(p, cursor_uleb(p));
		m->state.cfa = is_plt_expression(expression, &m->state.cfa_offset) ? CFI_PLT :
			       is_deref_expression(expression, &m->state)	    ? CFI_DEREF :
										      CFI_OTHER;
		return 0;
	default:
		return 1;
	}
}

/* DW_OP_breg6 (rbp) 0. */
static bool is_at_rbp(struct cursor expression)
{
	return cursor_left(&expression) == 2 && expression.at[0] == 0x70 + REGISTER_RBP && expression.at[1] == 0;
}

static int run_rule(struct machine *m, uint8_t op)
{
	struct cursor *p = &m->program, part;
	uint64_t reg;
	int64_t offset;

	if (op < OFFSET_EXTENDED || (op > REGISTER && op != EXPRESSION && op != OFFSET_EXTENDED_SF && op != VAL_OFFSET &&
				     op != VAL_OFFSET_SF && op != VAL_EXPRESSION && op != GNU_NEGATIVE_OFFSET))
		return 1;
	reg = cursor_uleb(p);
	switch (op) {
	case OFFSET_EXTENDED: set_rule(m, reg, RULE_SAVED, factored(m, uleb_signed(m))); break;
	case OFFSET_EXTENDED_SF: set_rule(m, reg, RULE_SAVED, factored(m, cursor_sleb(p))); break;
	case GNU_NEGATIVE_OFFSET: set_rule(m, reg, RULE_SAVED, factored(m, -uleb_signed(m))); break;
	case RESTORE_EXTENDED: restore_rule(m, reg); break;
	case UNDEFINED: set_rule(m, reg, RULE_UNDEFINED, 0); break;
	case SAME_VALUE: set_rule(m, reg, RULE_SAME, 0); break;
	case REGISTER:
		cursor_uleb(p);
		set_rule(m, reg, RULE_OTHER, 0);
		break;
	case EXPRESSION:
	case VAL_EXPRESSION:
		part = cursor_part(p, cursor_uleb(p));
		set_rule(m, reg, op == EXPRESSION && reg == REGISTER_RBP && is_at_rbp(part) ? RULE_AT_RBP : RULE_OTHER, 0);
		break;
	default: /* VAL_OFFSET, VAL_OFFSET_SF: the value itself is CFA + offset; for rsp with 0 that is what holds anyway */
		offset = op == VAL_OFFSET ? uleb_signed(m) : cursor_sleb(p);
		set_rule(m, reg, reg == REGISTER_RSP && offset == 0 ? RULE_UNSET : RULE_OTHER, 0);
	}
	return 0;
}

static int run_state(struct machine *m, uint8_t op)
{
	switch (op) {
	case NOP:
		return 0;
	case REMEMBER:
		if (m->depth == REMEMBER_MAX)
			return -EBADMSG;
		m->remembered[m->depth++] = m->state;
		return 0;
	case RESTORE_STATE: /* the CFA too, as every producer means it */
		if (m->depth == 0)
			return -EBADMSG;
		m->state = m->remembered[--m->depth];
		return 0;
	case GNU_ARGS_SIZE:
		cursor_uleb(&m->program);
		return 0;
	default:
		return -EBADMSG;
	}
}

static int run_one(struct machine *m)
{
	uint8_t op = cursor_u8(&m->program);
	int code;

	switch (op & 0xc0) {
	case ADVANCE:
		return move_to(m, m->location + (op & 0x3f) * m->cie->code_align);
	case OFFSET:
		set_rule(m, op & 0x3f, RULE_SAVED, factored(m, uleb_signed(m)));
		return 0;
	case RESTORE:
		restore_rule(m, op & 0x3f);
		return 0;
	}
	code = run_cfa(m, op);
	if (code == 1)
		code = run_location(m, op);
	if (code == 1)
		code = run_rule(m, op);
	return code == 1 ? run_state(m, op) : code;
}

/* Past the function's end nothing can be emitted any more: the rest of the program does not matter. */
static int run(struct machine *m)
{
	while (cursor_left(&m->program) && (!m->rows || m->location < m->end)) {
		int code = run_one(m);

		if (code)
			return code;
		if (m->program.bad)
			return -EBADMSG;
	}
	return m->program.bad ? -EBADMSG : 0;
}

int cfi_run_initial(struct cfi_cie *cie, struct cursor program)
{
	struct machine m = { .cie = cie, .program = program };
	int code = run(&m);

	if (!code)
		cie->initial = m.state;
	return code;
}

int cfi_run_function(const struct cfi_cie *cie, struct cursor program, uint32_t start, uint32_t end, struct unwind_rows *rows)
{
	struct machine m;
	int code;

	/* Not an initialiser: clearing the remembered states for each function would cost more than running it. */
	m.cie = cie;
	m.program = program;
	m.state = cie->initial;
	m.depth = 0;
	m.rows = rows;
	m.first = rows->count;
	m.location = start;
	m.end = end;
	m.error = 0;
	code = run(&m);
	if (!code) {
		emit(&m, end);
		push(&m, (struct unwind_row){ .pc = end, .cfa = CFA_NONE });
		code = m.error;
	}
	if (code)
		rows->count = m.first;
	for (size_t i = m.first; i < rows->count; i++)
		rows->expressions += rows->items[i].cfa == CFA_EXPRESSION;
	return code;
}
