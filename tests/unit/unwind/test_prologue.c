/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_prologue.c - rows out of instructions: functions of assembler made for it, and a second opinion: what is read in functions that do
 * have call frame information is compared with that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/elf_guard.h"
#include "unwind/prologue.h"

/* Each ends where NAME_end is. */
asm(".pushsection .text\n"
    /* as OpenBLAS's dgemm_kernel_HASWELL */
    "realigns:	sub $0x60,%rsp\n"          /* 0 */
    "	mov %rbx,(%rsp)\n"                  /* 4 */
    "	mov %rbp,8(%rsp)\n"                 /* 8 */
    "	mov %rsp,%rbx\n"                    /* d */
    "	sub $0x7080,%rsp\n"                 /* 10 */
    "	and $-4096,%rsp\n"                  /* 17 */
    "	mov %rdx,%rbp\n"                    /* 1e */
    "1:	vaddpd 0x30(%rsp),%ymm0,%ymm0\n"    /* 21 */
    "	dec %rbp\n"                         /* 27 */
    "	jne 1b\n"                           /* 2a */
    "	mov %rbx,%rsp\n"                    /* 2c */
    "	mov (%rsp),%rbx\n"                  /* 2f */
    "	mov 8(%rsp),%rbp\n"                 /* 33 */
    "	add $0x60,%rsp\n"                   /* 38 */
    "	ret\n"                              /* 3c */
    "	nop\n"
    "realigns_end:\n"
    /* two paths with the same stack meet, and rbp is data on one */
    "meets:	push %rbp\n"               /* 0 */
    "	test %edi,%edi\n"                   /* 1 */
    "	je 1f\n"                            /* 3 */
    "	push %rbx\n"                        /* 5 */
    "	xor %ebp,%ebp\n"                    /* 6 */
    "	pop %rbx\n"                         /* 8 */
    "1:	pop %rbp\n"                         /* 9 */
    "	ret\n"                              /* a */
    "meets_end:\n"
    "disagrees:	test %edi,%edi\n je 1f\n sub $8,%rsp\n1: nop\n add $8,%rsp\n ret\ndisagrees_end:\n"
    "frames:	push %rbp\n"               /* 0 */
    "	mov %rsp,%rbp\n"                    /* 1 */
    "	and $-32,%rsp\n"                    /* 4 */
    "	sub $64,%rsp\n"                     /* 8 */
    "	leave\n"                            /* c */
    "	ret\n"                              /* d */
    "frames_end:\n"
    "loops:	push %rbp\n"                /* 0 */
    "	mov %rsp,%rbp\n"                    /* 1 */
    "	mov $8,%ecx\n"                      /* 4 */
    "1:	push $0\n"                         /* 9 */
    "	loop 1b\n"                          /* b */
    "	nop\n"                              /* d */
    "	leave\n"                            /* e */
    "	ret\n"                              /* f */
    "loops_end:\n"
    "loops_out:	push %rbp\n loopne meets\n pop %rbp\n ret\nloops_out_end:\n"
    "far_return:	lret\nfar_return_end:\n"
    "calls:	sub $8,%rsp\n call meets\n add $8,%rsp\n ret\ncalls_end:\n"
    "jumps:	cmp $3,%edi\n ja 1f\n jmp *%rax\n1: ret\njumps_end:\n"
    "goes_on:	push %rbp\n pop %rbp\n jmp meets\ngoes_on_end:\n"
    "goes_on_deeper:	push %rbp\n jmp meets\ngoes_on_deeper_end:\n"
    "loses_rbp:	xor %ebp,%ebp\n ret\nloses_rbp_end:\n"
    "loses_rsp:	mov %rdi,%rsp\n ret\nloses_rsp_end:\n"
    "swaps:	xchg %rsp,%rax\n xchg %rsp,%rax\n ret\nswaps_end:\n"
    "overwrites:	push %rbp\n xor %ebp,%ebp\n movl $0,4(%rsp)\n pop %rbp\n ret\noverwrites_end:\n"
    "pops_arguments:	ret $8\npops_arguments_end:\n"
    "never_ends:	jmp never_ends\nnever_ends_end:\n"
    "runs_on:	nop\n nop\nruns_on_end:\n"
    "jumps_inside:	.byte 0x74, 0x01, 0xb8, 0x90, 0xc3, 0x90, 0x90, 0xc3\njumps_inside_end:\n"
    "no_code:	.byte 0x06, 0xc3\nno_code_end:\n"
    /* with symbols that say where they are; the last two lie in each other */
    ".type named, @function\n named:	push %rax\n pop %rax\n ret\n .size named, . - named\n"
    ".skip 32, 0x90\n" /* more than what passes for padding */
    /* for a moment, short as padding, rbp is in a register that no rule knows */
    ".type elsewhere, @function\n elsewhere:	sub $64,%rsp\n mov %rbp,%r11\n xor %ebp,%ebp\n nop\n mov %r11,%rbp\n add $64,%rsp\n ret\n"
    ".size elsewhere, . - elsewhere\n"
    ".skip 32, 0x90\n"
    ".type around, @function\n around:	push %rax\n"
    ".type within, @function\n within:	pop %rax\n ret\n .size around, . - around\n .size within, . - within\n"
    ".popsection\n");

#define FUNCTION(name) extern const uint8_t name[], name##_end[];
FUNCTION(realigns) FUNCTION(meets) FUNCTION(disagrees) FUNCTION(frames) FUNCTION(calls) FUNCTION(jumps) FUNCTION(goes_on)
FUNCTION(goes_on_deeper) FUNCTION(loses_rbp) FUNCTION(loses_rsp) FUNCTION(swaps) FUNCTION(overwrites) FUNCTION(pops_arguments)
extern const uint8_t named[], around[], __executable_start[];
extern const uint8_t elsewhere[];
FUNCTION(loops) FUNCTION(loops_out) FUNCTION(far_return) FUNCTION(never_ends) FUNCTION(runs_on) FUNCTION(jumps_inside) FUNCTION(no_code)

#define AT 0x1000u
#define FOLLOW(name, rows) prologue_follow(name, (size_t)(name##_end - name), AT, rows)

static void expect_row(const struct unwind_rows *rows, uint32_t at, int cfa, int offset, int rbp_slot)
{
	const struct unwind_row *row = unwind_rows_find(rows, AT + at);

	assert_non_null(row);
	assert_int_equal(row->cfa, cfa);
	assert_int_equal(row->cfa_offset, offset);
	assert_int_equal(row->rbp_slot, rbp_slot);
}

static void a_kernel_that_realigns_its_stack(void **state)
{
	struct unwind_rows rows = {0};

	(void)state;
	assert_int_equal(FOLLOW(realigns, &rows), 0);
	expect_row(&rows, 0x00, CFA_RSP, 8, 0);
	expect_row(&rows, 0x04, CFA_RSP, 0x68, 0);
	expect_row(&rows, 0x17, CFA_RSP, 0x70e8, 0);
	expect_row(&rows, 0x1e, CFA_RBX, 0x68, 0);
	expect_row(&rows, 0x21, CFA_RBX, 0x68, -12);
	expect_row(&rows, 0x2a, CFA_RBX, 0x68, -12);
	expect_row(&rows, 0x2f, CFA_RSP, 0x68, -12);
	expect_row(&rows, 0x38, CFA_RSP, 0x68, 0);
	expect_row(&rows, 0x3c, CFA_RSP, 8, 0);
	expect_row(&rows, 0x3d, CFA_NONE, 0, 0); /* nothing leads there */
	unwind_rows_done(&rows);
}

static void paths_that_meet(void **state)
{
	struct unwind_rows rows = {0};

	(void)state;
	assert_int_equal(FOLLOW(meets, &rows), 0);
	expect_row(&rows, 0x1, CFA_RSP, 16, 0);
	expect_row(&rows, 0x6, CFA_RSP, 24, 0);
	expect_row(&rows, 0x8, CFA_RSP, 24, -2);
	expect_row(&rows, 0x9, CFA_RSP, 16, -2);
	expect_row(&rows, 0xa, CFA_RSP, 8, 0);
	unwind_rows_done(&rows);
}

static void a_frame_pointer(void **state)
{
	struct unwind_rows rows = {0};

	(void)state;
	assert_int_equal(FOLLOW(frames, &rows), 0);
	expect_row(&rows, 0x4, CFA_RSP, 16, -2);
	expect_row(&rows, 0x8, CFA_RBP, 16, -2);
	expect_row(&rows, 0xc, CFA_RBP, 16, -2);
	expect_row(&rows, 0xd, CFA_RSP, 8, 0);
	unwind_rows_done(&rows);
}

static void a_loop_instruction_is_a_jump(void **state)
{
	struct unwind_rows rows = {0};

	(void)state;
	assert_int_equal(FOLLOW(loops, &rows), 0);
	expect_row(&rows, 0x9, CFA_RBP, 16, -2); /* at each turn rsp is elsewhere */
	expect_row(&rows, 0xd, CFA_RBP, 16, -2);
	assert_int_equal(FOLLOW(loops_out, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(far_return, &rows), -ENOTSUP);
	unwind_rows_done(&rows);
}

static void a_jump_to_another_function(void **state)
{
	struct unwind_rows rows = {0};

	(void)state;
	assert_int_equal(FOLLOW(goes_on, &rows), 0);
	expect_row(&rows, 0x1, CFA_RSP, 16, 0);
	unwind_rows_done(&rows);
}

static void what_is_not_understood_is_not_believed(void **state)
{
	struct unwind_rows rows = {0};

	(void)state;
	assert_int_equal(FOLLOW(disagrees, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(calls, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(jumps, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(goes_on_deeper, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(loses_rbp, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(loses_rsp, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(swaps, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(overwrites, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(pops_arguments, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(never_ends, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(runs_on, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(jumps_inside, &rows), -ENOTSUP);
	assert_int_equal(FOLLOW(no_code, &rows), -ENOTSUP);
	assert_int_equal(prologue_follow(meets, 0, AT, &rows), -ENOTSUP);
	assert_int_equal(prologue_follow(meets, PROLOGUE_BYTES_MAX + 1, AT, &rows), -ENOTSUP);
	assert_int_equal(prologue_follow(meets, 0xb, UINT32_MAX, &rows), -ENOTSUP);
	assert_int_equal(rows.count, 0);
	unwind_rows_done(&rows);
}

/* Cut anywhere, it is refused, and not one byte behind the cut is looked at (the sanitizer sees to that). */
static void a_function_that_is_cut(void **state)
{
	size_t size = (size_t)(realigns_end - realigns);
	struct unwind_rows rows = {0};

	(void)state;
	for (size_t length = 1; length < 0x3d; length++) {
		uint8_t *code = malloc(length);

		assert_non_null(code);
		memcpy(code, realigns, length);
		assert_int_equal(prologue_follow(code, length, AT, &rows), -ENOTSUP);
		free(code);
	}
	assert_true(size == 0x3e);
	unwind_rows_done(&rows);
}

static void functions_are_found_by_their_symbols(void **state)
{
	struct unwind_rows rows = {0};
	uint64_t patience_ns = 20000000000u;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(unwind_rows_from_fd(fd, &patience_ns, &rows), 0);
	assert_int_equal(unwind_rows_find(&rows, (uint32_t)(named + 1 - __executable_start))->cfa, CFA_RSP);
	assert_int_equal(unwind_rows_find(&rows, (uint32_t)(named + 1 - __executable_start))->cfa_offset, 16);
	assert_int_equal(unwind_rows_find(&rows, (uint32_t)(elsewhere + 4 - __executable_start))->cfa_offset, 72);
	assert_int_equal(unwind_rows_find(&rows, (uint32_t)(elsewhere + 9 - __executable_start))->cfa, CFA_NONE);
	assert_int_equal(unwind_rows_find(&rows, (uint32_t)(around + 1 - __executable_start))->cfa, CFA_NONE); /* entered in two places */
	assert_int_equal(unwind_rows_find(&rows, (uint32_t)(realigns - __executable_start))->cfa, CFA_NONE);   /* no size */
	unwind_rows_done(&rows);
	close(fd);
}

/* ---- the second opinion ---- */

struct agreement {
	size_t functions, places, differ;
};

/* Rules of two sources for one place. Where they take the CFA from different registers, neither says anything of the other; and call
 * frame information may leave rbp "saved" when it is back already. */
static void compare(const struct unwind_row *ours, const struct unwind_row *theirs, struct agreement *tally)
{
	if (ours->cfa == CFA_NONE || !theirs || theirs->cfa != ours->cfa)
		return;
	tally->places++;
	tally->differ += ours->cfa_offset != theirs->cfa_offset || (ours->rbp_slot && ours->rbp_slot != theirs->rbp_slot);
}

static void compare_function(const uint8_t *code, uint32_t address, size_t size, const struct unwind_rows *theirs, struct agreement *tally)
{
	struct unwind_rows ours = {0};

	if (prologue_follow(code, size, address, &ours) == 0) {
		tally->functions++;
		for (size_t i = 0; i < size; i++)
			compare(unwind_rows_find(&ours, address + (uint32_t)i), unwind_rows_find(theirs, address + (uint32_t)i), tally);
	}
	unwind_rows_done(&ours);
}

static struct agreement compare_file(const char *path)
{
	struct agreement tally = {0};
	struct unwind_rows rows = {0};
	GElf_Shdr symbols, text;
	Elf_Data *names, *code;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = fd >= 0 ? elf_guard_open(fd) : NULL;
	const uint8_t *image;
	size_t size;

	if (!elf) {
		print_message("%s is not here\n", path);
		skip();
	}
	image = (const uint8_t *)elf_rawfile(elf, &size);
	assert_non_null(image);
	assert_int_equal(unwind_rows_from_image(image, size, &rows), 0); /* call frame information only */
	names = elf_guard_bytes(elf_guard_section(elf, ".dynsym", &symbols), &symbols, 16 << 20);
	code = elf_guard_bytes(elf_guard_section(elf, ".text", &text), &text, 64 << 20);
	assert_non_null(names);
	assert_non_null(code);
	for (size_t i = 0; i < names->d_size / sizeof(Elf64_Sym); i++) {
		const Elf64_Sym *symbol = (const Elf64_Sym *)names->d_buf + i;

		if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_size && symbol->st_value >= text.sh_addr &&
		    symbol->st_value - text.sh_addr + symbol->st_size <= text.sh_size)
			compare_function((const uint8_t *)code->d_buf + (symbol->st_value - text.sh_addr), (uint32_t)symbol->st_value,
					 symbol->st_size, &rows, &tally);
	}
	print_message("%s: %zu functions understood, %zu places compared, %zu differ\n", path, tally.functions, tally.places, tally.differ);
	unwind_rows_done(&rows);
	elf_end(elf);
	close(fd);
	return tally;
}

static void instructions_say_what_call_frame_information_says(void **state)
{
	struct agreement tally = compare_file("/usr/lib/x86_64-linux-gnu/libc.so.6");

	(void)state;
	assert_true(tally.functions > 500 && tally.places > 10000);
	assert_int_equal(tally.differ, 0);
	tally = compare_file("/usr/lib/x86_64-linux-gnu/libcrypto.so.3");
	assert_true(tally.functions > 100);
	assert_int_equal(tally.differ, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_that_realigns_its_stack),
		cmocka_unit_test(paths_that_meet),
		cmocka_unit_test(a_frame_pointer),
		cmocka_unit_test(a_loop_instruction_is_a_jump),
		cmocka_unit_test(a_jump_to_another_function),
		cmocka_unit_test(what_is_not_understood_is_not_believed),
		cmocka_unit_test(a_function_that_is_cut),
		cmocka_unit_test(functions_are_found_by_their_symbols),
		cmocka_unit_test(instructions_say_what_call_frame_information_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
