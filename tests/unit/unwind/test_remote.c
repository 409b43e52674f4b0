/* SPDX-License-Identifier: BSD-2-Clause */
/* test_remote.c - libunwind over another process: a thread blocked ten functions deep, below a frame that rows cannot express. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/process.h"
#include "symbol/symbol.h"
#include "unwind/unwind.h"

/* ---- the child: names and order are what the tests expect ---- */

#define PLAIN __attribute__((noinline, noclone, used, optimize("omit-frame-pointer")))

static volatile int sink;

PLAIN int deep_1(void);
PLAIN int deep_1(void) { sink += (int)syscall(SYS_pause); return sink + 1; }
#define DEEPER(n, callee) PLAIN int deep_##n(void); PLAIN int deep_##n(void) { sink += callee(); return sink + n; }
DEEPER(2, deep_1)
DEEPER(3, deep_2)
DEEPER(4, deep_3)
DEEPER(5, deep_4)

/* Realigns the stack the way OpenSSL's assembly does: the old rsp is kept in memory, CFA = *(rsp + 32) + 8.
 * DW_CFA_def_cfa_expression, 5 bytes: breg7+32, deref, plus_uconst 8. */
int odd_frame(void);
__asm__(".text\n"
	".type odd_frame, @function\n"
	".globl odd_frame\n"
	"odd_frame:\n"
	".cfi_startproc\n"
	"mov %rsp, %rax\n"
	"sub $64, %rsp\n"
	"and $-64, %rsp\n"
	"mov %rax, 32(%rsp)\n"
	".cfi_escape 0x0f, 5, 0x77, 32, 0x06, 0x23, 8\n"
	"call deep_5\n"
	"mov 32(%rsp), %rcx\n"
	"mov %rcx, %rsp\n"
	".cfi_def_cfa %rsp, 8\n"
	"ret\n"
	".cfi_endproc\n"
	".size odd_frame, .-odd_frame\n");

DEEPER(6, odd_frame)
DEEPER(7, deep_6)
DEEPER(8, deep_7)

PLAIN void on_signal(int number);
PLAIN void on_signal(int number) { sink += number + deep_3(); }

PLAIN void *blocked_thread(void *unused);
PLAIN void *blocked_thread(void *unused) { sink += deep_8(); return unused; }
PLAIN void *signalled_thread(void *unused);
PLAIN void *signalled_thread(void *unused) { sink += raise(SIGUSR1); return unused; }

/* ---- the test's side ---- */

struct child {
	pid_t pid, tid;
	struct unwind_registers registers;
	uint64_t forged_return; /* not 0: put in the copy of the stack where the innermost return address lies */
	struct unwind_remote *remote;
	struct symbols *symbols;
	struct process_maps maps;
	struct unwind_frame frames[64];
	int count;
	enum stack_end end;
};

/* The registers the kernel publishes of a blocked thread; false: not blocked in pause yet. */
static int blocked_registers(struct child *child)
{
	unsigned long long args[6], sp, pc;
	char path[64];
	int number = -1, fields;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", child->pid, child->tid);
	stream = fopen(path, "re");
	if (!stream)
		return 0;
	fields = fscanf(stream, "%d %llx %llx %llx %llx %llx %llx %llx %llx", &number, &args[0], &args[1], &args[2], &args[3],
			&args[4], &args[5], &sp, &pc);
	fclose(stream);
	if (fields != 9 || number != SYS_pause)
		return 0;
	child->registers = (struct unwind_registers){ .pc = pc, .sp = sp };
	return 1;
}

static void start(struct child *child, void *(*thread)(void *))
{
	pid_t *tids;

	memset(child, 0, sizeof(*child));
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		pthread_t t;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGUSR1, on_signal);
		pthread_create(&t, NULL, thread, NULL);
		pthread_join(t, NULL);
		_exit(0);
	}
	for (int tries = 0; tries < 1000; tries++) {
		int count = process_threads(child->pid, &tids);

		child->tid = count == 2 ? tids[0] == child->pid ? tids[1] : tids[0] : 0;
		if (count >= 0)
			free(tids);
		if (child->tid && blocked_registers(child))
			break;
		usleep(2000);
	}
	assert_int_not_equal(child->registers.sp, 0);
}

static void walk_stack(struct child *child, size_t limit, size_t copy_size, bool moving)
{
	uint8_t *copy = malloc(copy_size + 1);
	struct unwind_stack stack = { .pid = child->pid, .address = child->registers.sp, .bytes = copy, .moving = moving };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t size = copy_size ? process_read_some(child->pid, stack.address, copy, copy_size) : 0;

	assert_true(fd >= 0);
	assert_true(size >= 0);
	stack.size = (size_t)size;
	if (child->forged_return)
		memcpy(copy, &child->forged_return, sizeof(child->forged_return));
	assert_int_equal(symbols_from_fd(fd, &child->symbols), 0);
	close(fd);
	assert_int_equal(process_maps_load(child->pid, &child->maps), 0);
	assert_int_equal(unwind_remote_new(child->pid, &child->remote), 0);
	child->count = unwind_remote_walk(child->remote, &child->registers, &stack, child->frames, limit, &child->end);
	free(copy);
}

static void walk(struct child *child, size_t limit, size_t copy_size)
{
	walk_stack(child, limit, copy_size, false);
}

static void stop(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	unwind_remote_free(child->remote);
	symbols_free(child->symbols);
	process_maps_done(&child->maps);
}

/* Where the test program itself is mapped (position independent: the lowest mapping of its file is its bias). */
static uint64_t program_bias(const struct child *child)
{
	char exe[512];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(length > 0);
	exe[length] = '\0';
	for (size_t i = 0; i < child->maps.count; i++)
		if (!strcmp(child->maps.items[i].path, exe))
			return child->maps.items[i].start;
	fail_msg("%s is not mapped", exe);
	return 0;
}

/* The test program's function at a frame, "" when it is not in the test program. */
static const char *function_of(const struct child *child, const struct unwind_frame *frame)
{
	const char *name = symbols_find(child->symbols, frame->pc - !frame->exact_pc - program_bias(child), NULL);

	return name ? name : "";
}

/* The frames of the test program, innermost first, as "a b c". */
static void names(const struct child *child, char *out, size_t size)
{
	out[0] = '\0';
	for (int i = 0; i < child->count; i++) {
		const char *name = function_of(child, &child->frames[i]);

		if (*name)
			snprintf(out + strlen(out), size - strlen(out), "%s%s", *out ? " " : "", name);
	}
}

static void walks_a_blocked_thread_to_the_root_through_an_expression_frame(void **state)
{
	struct child child;
	char text[512];

	(void)state;
	start(&child, blocked_thread);
	walk(&child, 64, 8192);
	names(&child, text, sizeof(text));
	assert_string_equal(text, "deep_1 deep_2 deep_3 deep_4 deep_5 odd_frame deep_6 deep_7 deep_8 blocked_thread");
	assert_int_equal(child.end, END_ROOT);
	assert_true(child.frames[0].exact_pc);
	assert_false(child.frames[1].exact_pc);
	stop(&child);
}

static void reads_the_process_where_the_copy_of_the_stack_ends(void **state)
{
	struct child child;
	char text[512];

	(void)state;
	start(&child, blocked_thread);
	walk(&child, 64, 24);
	names(&child, text, sizeof(text));
	assert_string_equal(text, "deep_1 deep_2 deep_3 deep_4 deep_5 odd_frame deep_6 deep_7 deep_8 blocked_thread");
	assert_int_equal(child.end, END_ROOT);
	stop(&child);
}

static void reads_no_further_where_the_thread_has_run_on(void **state)
{
	struct child child;
	char text[512];

	(void)state;
	start(&child, blocked_thread);
	walk_stack(&child, 64, 24, true);
	names(&child, text, sizeof(text));
	assert_string_equal(text, "deep_1 deep_2");
	assert_int_equal(child.end, END_COPY_ENDS);
	stop(&child);
}

static void walks_through_a_signal_handler(void **state)
{
	struct child child;
	char text[512];

	(void)state;
	start(&child, signalled_thread);
	walk(&child, 64, 8192);
	names(&child, text, sizeof(text));
	assert_string_equal(text, "deep_1 deep_2 deep_3 on_signal signalled_thread");
	assert_int_equal(child.end, END_ROOT);
	stop(&child);
}

static void says_too_deep_at_the_limit(void **state)
{
	struct child child;

	(void)state;
	start(&child, blocked_thread);
	walk(&child, 3, 8192);
	assert_int_equal(child.count, 3);
	assert_int_equal(child.end, END_TOO_DEEP);
	stop(&child);
}

static void says_unmapped_for_a_wild_pc(void **state)
{
	struct child child;

	(void)state;
	start(&child, blocked_thread);
	child.registers.pc = 0x1000;
	walk(&child, 64, 8192);
	assert_int_equal(child.count, 1);
	assert_int_equal(child.end, END_UNMAPPED);
	stop(&child);
}

static void makes_no_frame_of_a_forged_return_address(void **state)
{
	struct child child;

	(void)state;
	start(&child, blocked_thread);
	child.forged_return = 0x4141414141414141;
	walk(&child, 64, 8192);
	assert_int_equal(child.count, 1);
	assert_int_equal(child.frames[0].cfa, child.registers.sp + 8);
	assert_int_equal(child.end, END_UNMAPPED);
	stop(&child);
}

static void refuses_a_process_that_is_gone(void **state)
{
	struct unwind_remote *remote = NULL;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	assert_true(unwind_remote_new(pid, &remote) < 0);
	assert_null(remote);
}

/* The rows of the very objects walked must give the CFAs libunwind found, and call the odd frame's rule an expression. */
static void rows_agree_with_libunwind_frame_by_frame(void **state)
{
	struct unwind_rows rows = {0};
	struct child child;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), compared = 0, derefs = 0;

	(void)state;
	assert_int_equal(unwind_rows_from_fd(fd, NULL, &rows), 0);
	close(fd);
	start(&child, blocked_thread);
	walk(&child, 64, 8192);
	for (int i = 1; i < child.count; i++) {
		const struct unwind_frame *frame = &child.frames[i];
		const struct unwind_row *row;

		if (!*function_of(&child, frame))
			continue;
		row = unwind_rows_find(&rows, (uint32_t)(frame->pc - 1 - program_bias(&child)));
		assert_non_null(row);
		if (row->cfa == CFA_RSP_DEREF) {
			uint64_t kept = 0;

			assert_string_equal(function_of(&child, frame), "odd_frame");
			assert_int_equal(process_read(child.pid, child.frames[i - 1].cfa + (uint64_t)row->cfa_offset, &kept, 8), 0);
			assert_int_equal(kept + 8, frame->cfa);
			derefs++;
			continue;
		}
		assert_int_equal(row->cfa, CFA_RSP);
		assert_int_equal(child.frames[i - 1].cfa + (uint64_t)row->cfa_offset, frame->cfa);
		compared++;
	}
	assert_int_equal(compared, 9);
	assert_int_equal(derefs, 1);
	stop(&child);
	unwind_rows_done(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_a_blocked_thread_to_the_root_through_an_expression_frame),
		cmocka_unit_test(reads_the_process_where_the_copy_of_the_stack_ends),
		cmocka_unit_test(reads_no_further_where_the_thread_has_run_on),
		cmocka_unit_test(walks_through_a_signal_handler),
		cmocka_unit_test(says_too_deep_at_the_limit),
		cmocka_unit_test(says_unmapped_for_a_wild_pc),
		cmocka_unit_test(makes_no_frame_of_a_forged_return_address),
		cmocka_unit_test(refuses_a_process_that_is_gone),
		cmocka_unit_test(rows_agree_with_libunwind_frame_by_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
