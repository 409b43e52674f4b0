/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * returns.c - the return instructions of one function.
 *
 * From its first byte every instruction is decoded, so that what is found is an instruction and not the middle of one: a
 * breakpoint will be put there. Compilers for x86-64 put no data between the instructions of a function. What does not
 * decode to exactly its end is refused. The bytes may be forged, so the decoder works apart.
 */
#include "symbol/symbol.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/apart.h"

#define PATIENCE_NS 2000000000ull

/* Does it leave the function for good (a tail call)? Conditional jumps out lead to parts that come back (.cold). */
static bool leaves(const cs_insn *instruction, uint64_t start, uint64_t end)
{
	const cs_x86_op *to = &instruction->detail->x86.operands[0];

	if (instruction->id != X86_INS_JMP && instruction->id != X86_INS_LJMP)
		return false;
	if (instruction->detail->x86.op_count != 1 || to->type != X86_OP_IMM)
		return true;
	return (uint64_t)to->imm < start || (uint64_t)to->imm >= end;
}

static int sweep(csh handle, cs_insn *instruction, const uint8_t *code, size_t size, uint64_t address, size_t *out, size_t limit)
{
	const uint8_t *at = code;
	uint64_t start = address, end = address + size;
	size_t left = size, count = 0;

	while (left) {
		size_t before = left;

		if (!cs_disasm_iter(handle, &at, &left, &address, instruction))
			return -EBADMSG;
		if (leaves(instruction, start, end))
			return -ENOTSUP;
		if (instruction->id != X86_INS_RET)
			continue;
		if (count == limit)
			return -E2BIG;
		out[count++] = size - before;
	}
	return count ? (int)count : -ENOENT;
}

static int find(const uint8_t *code, size_t size, uint64_t address, size_t *out, size_t limit)
{
	cs_insn *instruction = NULL;
	csh handle;
	int count;

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
		return -ENOMEM;
	if (cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK)
		instruction = cs_malloc(handle);
	count = instruction ? sweep(handle, instruction, code, size, address, out, limit) : -ENOMEM;
	if (instruction)
		cs_free(instruction, 1);
	cs_close(&handle);
	return count;
}

struct question {
	const uint8_t *code;
	size_t size;
	uint64_t address;
};

struct answer {
	int32_t count; /* or a negative errno */
	uint32_t places[RETURNS_MAX];
};

static void work(void *context, FILE *out)
{
	const struct question *question = context;
	struct answer answer = {0};
	size_t places[RETURNS_MAX];

	answer.count = find(question->code, question->size, question->address, places, RETURNS_MAX);
	for (int i = 0; i < answer.count; i++)
		answer.places[i] = (uint32_t)places[i];
	fwrite(&answer, sizeof(answer), 1, out);
}

int returns_find(const uint8_t *code, size_t size, uint64_t address, size_t out[RETURNS_MAX])
{
	struct question question = {code, size, address};
	uint64_t deadline_ns = clock_now_ns() + PATIENCE_NS;
	struct answer answer;
	struct apart apart;
	size_t got = 0;
	ssize_t n = 1;
	int error = apart_start(&apart, NULL, 0, work, &question);

	if (error)
		return error;
	while (n > 0 && got < sizeof(answer)) {
		n = apart_read(&apart, (char *)&answer + got, sizeof(answer) - got, deadline_ns);
		if (n == -EINTR)
			n = 1;
		else if (n > 0)
			got += (size_t)n;
	}
	apart_end(&apart);
	if (got < sizeof(answer))
		return n < 0 ? (int)n : -EPROTO;
	if (answer.count > RETURNS_MAX)
		return -EPROTO;
	for (int i = 0; i < answer.count; i++) {
		if (answer.places[i] >= size)
			return -EPROTO;
		out[i] = answer.places[i];
	}
	return answer.count;
}
