/* SPDX-License-Identifier: BSD-2-Clause */
/* test_waits.c - what a thread waits for, from its call and file; and a leave and a return put together into events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "source/wait_kind.h"
#include "source/waits.h"
#include "source/waker.h"

#define US 1000ull
#define INTERRUPTIBLE 1
#define UNINTERRUPTIBLE 2

static struct wait_facts call(int64_t number, uint64_t a, uint64_t b, uint32_t state)
{
	return (struct wait_facts){.number = number, .args = {a, b}, .state = state};
}

static struct wait_facts on_file(int64_t number, uint32_t mode, const char *name, uint32_t state)
{
	struct wait_facts facts = {.number = number, .mode = mode, .state = state};

	memcpy(facts.name, name, strlen(name));
	return facts;
}

static struct endpoint ipv4(uint8_t last, uint16_t port)
{
	return (struct endpoint){.address = {127, 0, 0, last}, .port = port, .family = AF_INET};
}

static struct wait_facts on_socket(struct endpoint local, struct endpoint peer, uint32_t sock_state)
{
	return (struct wait_facts){.number = 45, .mode = S_IFSOCK, .state = INTERRUPTIBLE, .local = local, .peer = peer,
				   .sock_state = sock_state};
}

static void assert_kind(struct wait_facts facts, enum wait_kind kind, const char *text)
{
	char got[WAIT_TEXT];

	assert_int_equal(wait_kind_of(&facts, got), kind);
	assert_string_equal(got, text);
}

static void a_socket_is_named_by_the_peer_and_a_client_by_our_port(void **state)
{
	struct wait_facts pair = {.number = 0, .mode = S_IFSOCK, .state = INTERRUPTIBLE, .peer.family = AF_UNIX};
	struct wait_facts named = pair, abstract = pair;

	(void)state;
	assert_kind(on_socket(ipv4(1, 40001), ipv4(1, 6379), 1), WAIT_SOCKET, "[waiting: socket 127.0.0.1:6379]");
	assert_kind(on_socket(ipv4(1, 8080), ipv4(2, 40001), 1), WAIT_SOCKET, "[waiting: socket of a client of :8080]");
	assert_kind(on_socket(ipv4(1, 8080), ipv4(0, 0), 10), WAIT_ACCEPT, "[waiting: accept :8080]");
	assert_kind(pair, WAIT_SOCKET, "[waiting: socket unix]");
	memcpy(named.name, "/run/redis.sock", 15);
	assert_kind(named, WAIT_SOCKET, "[waiting: socket /run/redis.sock]");
	memcpy(abstract.name, "\0bus", 4);
	assert_kind(abstract, WAIT_SOCKET, "[waiting: socket @bus]");
}

static void poll_on_one_file_waits_for_that_file_and_on_none_it_sleeps(void **state)
{
	struct wait_facts one = on_socket(ipv4(1, 40001), ipv4(1, 6379), 1);

	(void)state;
	one.number = 7;
	one.args[1] = 1;
	assert_kind(one, WAIT_SOCKET, "[waiting: socket 127.0.0.1:6379]");
	assert_kind(call(7, 0x1000, 3, INTERRUPTIBLE), WAIT_POLL, "[waiting: poll]");
	assert_kind(call(7, 0, 0, INTERRUPTIBLE), WAIT_SLEEP, "[waiting: sleep]");
	assert_kind(call(23, 0, 0, INTERRUPTIBLE), WAIT_SLEEP, "[waiting: sleep]"); /* time.sleep() until Python 3.10 */
	assert_kind(call(23, 7, 0x1000, INTERRUPTIBLE), WAIT_POLL, "[waiting: select]");
	assert_kind(call(232, 5, 0x1000, INTERRUPTIBLE), WAIT_POLL, "[waiting: epoll]");
}

static void a_futex_inside_the_gil_is_the_gil(void **state)
{
	struct wait_facts facts = call(202, 0x7000 + 60, 128 + 9, INTERRUPTIBLE); /* FUTEX_WAIT_BITSET, private */

	(void)state;
	assert_kind(facts, WAIT_LOCK, "[waiting: lock]");
	facts.gil = 0x7000;
	assert_kind(facts, WAIT_GIL, "[waiting: GIL]");
	facts.args[0] = 0x7000 + 208;
	assert_kind(facts, WAIT_LOCK, "[waiting: lock]");
	facts.args[0] = 0x7000 - 4;
	assert_kind(facts, WAIT_LOCK, "[waiting: lock]");
	assert_kind(call(202, 0x7000, 1, UNINTERRUPTIBLE), WAIT_KERNEL, "[waiting: kernel futex]"); /* FUTEX_WAKE */
}

static void files_tell_pipe_disk_and_the_rest(void **state)
{
	struct wait_facts page = call(-1, 0, 0, UNINTERRUPTIBLE), read_ahead = on_file(0, 0, "", UNINTERRUPTIBLE);

	(void)state;
	assert_kind(on_file(0, S_IFIFO, "", INTERRUPTIBLE), WAIT_PIPE, "[waiting: pipe]");
	assert_kind(on_file(1, S_IFIFO, "log.fifo", INTERRUPTIBLE), WAIT_PIPE, "[waiting: pipe log.fifo]");
	assert_kind(on_file(1, S_IFREG, "access.log", UNINTERRUPTIBLE), WAIT_DISK, "[waiting: disk access.log]");
	assert_kind(on_file(74, S_IFREG, "db", UNINTERRUPTIBLE), WAIT_DISK, "[waiting: disk db]");
	assert_kind(on_file(74, S_IFREG, "db", INTERRUPTIBLE), WAIT_KERNEL, "[waiting: kernel fsync]");
	assert_kind(on_file(0, S_IFCHR, "pts0", INTERRUPTIBLE), WAIT_FILE, "[waiting: file pts0]");
	assert_kind(on_file(0, 0600, "[eventfd]", INTERRUPTIBLE), WAIT_FILE, "[waiting: file eventfd]");
	assert_kind(on_file(1, S_IFREG, "a\nb\x1b[1m", UNINTERRUPTIBLE), WAIT_DISK, "[waiting: disk a?b?[1m]");
	assert_kind(page, WAIT_PAGE, "[waiting: page fault]");
	read_ahead.flags = WAIT_IOWAIT;
	assert_kind(read_ahead, WAIT_DISK, "[waiting: disk]");
}

static void other_calls_say_what_they_wait_for(void **state)
{
	(void)state;
	assert_kind(call(35, 0, 0, INTERRUPTIBLE), WAIT_SLEEP, "[waiting: sleep]");
	assert_kind(call(230, 0, 0, INTERRUPTIBLE), WAIT_SLEEP, "[waiting: sleep]");
	assert_kind(call(61, 0, 0, INTERRUPTIBLE), WAIT_CHILD, "[waiting: child]");
	assert_kind(call(435, 0, 0, UNINTERRUPTIBLE), WAIT_CHILD, "[waiting: child]");
	assert_kind(call(130, 0, 0, INTERRUPTIBLE), WAIT_SIGNAL, "[waiting: signal]");
	assert_kind(call(35, 0, 0, 4), WAIT_STOPPED, "[waiting: stopped]");
	assert_kind(call(9, 0, 0, UNINTERRUPTIBLE), WAIT_KERNEL, "[waiting: kernel mmap]");
	assert_kind(call(9999, 0, 0, INTERRUPTIBLE), WAIT_KERNEL, "[waiting: kernel call 9999]");
	assert_kind(call(0, 0, 0, 0), WAIT_RUNQUEUE, "[run queue]");
}

/* ---- leave and return ---- */

struct world {
	struct connprof_recording *recording;
	struct waits *waits;
	struct event out[WAITS_EVENTS];
};

static void begin(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->recording = recording_new();
	world->waits = world->recording ? waits_new(world->recording) : NULL;
	assert_non_null(world->waits);
}

static void end(struct world *world)
{
	waits_free(world->waits);
	connprof_recording_free(world->recording);
}

/* A thread of a process leaves, from one function. */
static void leave_of(struct world *world, uint32_t pid, uint32_t tid, uint64_t seq, struct wait_facts facts)
{
	struct frame frame = {.kind = FRAME_PYTHON, .function = strings_add(world->recording->strings, "serve")};
	uint32_t id = stacks_add_frame(world->recording->stacks, &frame);

	waits_block(world->waits, tid, seq, &facts,
		    &(struct wait_stack){stacks_add(world->recording->stacks, &id, 1, END_ROOT), PYTHON_ROOT, 12, pid});
}

static void leave(struct world *world, uint32_t tid, uint64_t seq, struct wait_facts facts)
{
	leave_of(world, 1, tid, seq, facts);
}

static struct back_body blocked(uint64_t seq, uint64_t out, uint64_t waking)
{
	return (struct back_body){.seq = seq, .out_ns = out, .waking_ns = waking, .place = 0x400001, .number = 35,
				  .weight = WAIT_WEIGHT_ONE, .state = INTERRUPTIBLE};
}

static const char *leaf(const struct world *world, uint32_t stack)
{
	size_t count = 0;
	const uint32_t *ids = stacks_get(world->recording->stacks, stack, &count, NULL);

	assert_true(count > 0);
	return strings_get(world->recording->strings, stacks_frame(world->recording->stacks, ids[0])->function);
}

static size_t depth(const struct world *world, uint32_t stack)
{
	size_t count = 0;

	stacks_get(world->recording->stacks, stack, &count, NULL);
	return count;
}

static void a_wait_is_what_it_waited_for_and_then_the_run_queue(void **state)
{
	struct back_body back = blocked(5, 1000 * US, 1700 * US);
	struct world w;

	(void)state;
	begin(&w);
	leave(&w, 7, 5, call(35, 0, 0, INTERRUPTIBLE));
	assert_int_equal(waits_back(w.waits, 7, &back, 1750 * US, w.out), 2);
	assert_int_equal(w.out[0].offcpu.wait, WAIT_SLEEP);
	assert_int_equal(w.out[0].offcpu.ns, 700 * US);
	assert_int_equal(w.out[0].time_ns, 1700 * US);
	assert_int_equal(w.out[0].python_end, PYTHON_ROOT);
	assert_int_equal(w.out[0].unit, 12);
	assert_string_equal(leaf(&w, w.out[0].stack), "[waiting: sleep]");
	assert_int_equal(w.out[1].offcpu.wait, WAIT_RUNQUEUE);
	assert_int_equal(w.out[1].offcpu.ns, 50 * US);
	assert_int_equal(w.out[1].time_ns, 1750 * US);
	assert_string_equal(leaf(&w, w.out[1].stack), "[run queue]");
	assert_int_equal(depth(&w, w.out[0].stack), 2);
	end(&w);
}

static void one_that_was_put_off_is_only_on_the_run_queue(void **state)
{
	struct back_body back = blocked(5, 1000 * US, 0);
	struct world w;

	(void)state;
	begin(&w);
	back.state = 0;
	leave(&w, 7, 5, call(-1, 0, 0, 0));
	assert_int_equal(waits_back(w.waits, 7, &back, 3000 * US, w.out), 1);
	assert_int_equal(w.out[0].offcpu.wait, WAIT_RUNQUEUE);
	assert_int_equal(w.out[0].offcpu.ns, 2000 * US);
	end(&w);
}

static void an_unwalked_one_gets_the_stack_of_its_place(void **state)
{
	struct back_body walked = blocked(5, 1000 * US, 0), later = blocked(0, 5000 * US, 0), elsewhere = later, preempted = later;
	uint32_t stack;
	struct world w;

	(void)state;
	begin(&w);
	leave(&w, 7, 5, call(35, 0, 0, INTERRUPTIBLE));
	assert_int_equal(waits_back(w.waits, 7, &walked, 2000 * US, w.out), 1);
	stack = w.out[0].stack;
	assert_int_equal(waits_back(w.waits, 7, &later, 9000 * US, w.out), 1);
	assert_int_equal(w.out[0].stack, stack);
	assert_int_equal(w.out[0].offcpu.ns, 4000 * US);
	assert_int_equal(w.out[0].unit, UNIT_UNKNOWN);
	elsewhere.place = 0x400003; /* another caller: what it waits for is known, where is not */
	assert_int_equal(waits_back(w.waits, 7, &elsewhere, 9000 * US, w.out), 1);
	assert_int_equal(w.out[0].offcpu.wait, WAIT_SLEEP);
	assert_int_equal(depth(&w, w.out[0].stack), 1);
	elsewhere.seq = 5; /* begun before the recording: its place is not known, and nothing later is taken to be there */
	elsewhere.place = 0;
	assert_int_equal(waits_back(w.waits, 7, &elsewhere, 9000 * US, w.out), 1);
	assert_int_equal(depth(&w, w.out[0].stack), 2);
	elsewhere.seq = 0;
	assert_int_equal(waits_back(w.waits, 7, &elsewhere, 9000 * US, w.out), 1);
	assert_int_equal(depth(&w, w.out[0].stack), 1);
	preempted.place = 0x400005;
	preempted.state = 0; /* where it was put off says nothing: to those left out */
	assert_int_equal(waits_back(w.waits, 9, &preempted, 9000 * US, w.out), 1);
	assert_int_equal(w.out[0].offcpu.ns, 0);
	assert_int_equal(w.out[0].offcpu.left_ns, 4000 * US);
	assert_int_equal(w.out[0].offcpu.wait, WAIT_RUNQUEUE);
	end(&w);
}

static void what_was_left_out_goes_with_its_class(void **state)
{
	struct back_body back = blocked(5, 1000 * US, 0), ending = {.left_count = {2, 0}, .left_ns = {90 * US, 0}};
	struct world w;

	(void)state;
	begin(&w);
	back.weight = 4 * WAIT_WEIGHT_ONE;
	back.left_count[LEFT_BLOCKED] = 3;
	back.left_ns[LEFT_BLOCKED] = 600 * US;
	back.left_count[LEFT_QUEUED] = 1;
	back.left_ns[LEFT_QUEUED] = 7 * US;
	leave(&w, 7, 5, call(35, 0, 0, INTERRUPTIBLE));
	assert_int_equal(waits_back(w.waits, 7, &back, 2000 * US, w.out), 2);
	assert_int_equal(w.out[0].offcpu.weight, 4 * WEIGHT_ONE);
	assert_int_equal(w.out[0].offcpu.left_count, 3);
	assert_int_equal(w.out[0].offcpu.left_ns, 600 * US);
	assert_int_equal(w.out[1].offcpu.ns, 0);
	assert_int_equal(w.out[1].offcpu.wait, WAIT_RUNQUEUE);
	assert_int_equal(w.out[1].offcpu.left_ns, 7 * US);
	assert_int_equal(waits_back(w.waits, 7, &ending, 2000 * US, w.out), 1); /* a thread that ends */
	assert_int_equal(w.out[0].offcpu.ns, 0);
	assert_int_equal(w.out[0].offcpu.left_ns, 90 * US);
	end(&w);
}

static void a_waking_while_it_leaves_is_one_and_after_its_return_is_none(void **state)
{
	struct back_body back = blocked(5, 1000 * US, 900 * US);
	struct world w;

	(void)state;
	begin(&w);
	leave(&w, 7, 5, call(35, 0, 0, INTERRUPTIBLE));
	assert_int_equal(waits_back(w.waits, 7, &back, 2000 * US, w.out), 1); /* while it left: it did not have to wait for it */
	assert_int_equal(w.out[0].offcpu.wait, WAIT_RUNQUEUE);
	assert_int_equal(w.out[0].offcpu.ns, 1000 * US);
	back.waking_ns = 3000 * US;
	assert_int_equal(waits_back(w.waits, 7, &back, 2000 * US, w.out), 1);
	assert_int_equal(w.out[0].offcpu.wait, WAIT_SLEEP);
	assert_int_equal(w.out[0].offcpu.ns, 1000 * US);
	back.out_ns = 5000 * US; /* in the future */
	assert_int_equal(waits_back(w.waits, 7, &back, 2000 * US, w.out), 0);
	end(&w);
}

/* ---- wakers ---- */

/* A stack from names, innermost first; those that begin with "k:" are the kernel's. */
static uint32_t named_stack(struct world *world, const char *const *names)
{
	uint32_t ids[8];
	size_t count = 0;

	for (; *names; names++) {
		bool kernel = !strncmp(*names, "k:", 2);
		struct frame frame = {.kind = kernel ? FRAME_KERNEL : FRAME_PYTHON,
				      .function = strings_add(world->recording->strings, *names + 2 * kernel)};

		ids[count++] = stacks_add_frame(world->recording->stacks, &frame);
	}
	return stacks_add(world->recording->stacks, ids, count, END_ROOT);
}

static const char *waker_leaf(struct world *world, const char *const *names, const char *comm, size_t *count)
{
	uint32_t waker = waker_stack(world->recording->stacks, world->recording->strings, named_stack(world, names), comm, 16);

	*count = depth(world, waker);
	return leaf(world, waker);
}

static void a_waker_is_a_thread_a_name_or_an_interrupt(void **state)
{
	static const char *const timer[] = {"k:hrtimer_wakeup", "k:__hrtimer_run_queues", "k:asm_sysvec_apic_timer_interrupt", "serve", NULL};
	static const char *const network[] = {"k:sock_def_readable", "k:net_rx_action", "k:asm_common_interrupt", NULL};
	static const char *const device[] = {"k:blk_done", "k:asm_sysvec_kvm_asyncpf_interrupt", NULL};
	static const char *const thread[] = {"k:futex_wake", "k:do_syscall_64", "release", "serve", NULL};
	static const char *const loopback[] = {"k:sock_def_readable", "k:net_rx_action", "k:tcp_sendmsg", "send", NULL};
	static const char *const foreign[] = {"k:pipe_write", "k:ksys_write", NULL};
	struct world w;
	size_t count;

	(void)state;
	begin(&w);
	assert_string_equal(waker_leaf(&w, timer, "python", &count), "[timer]");
	assert_string_equal(waker_leaf(&w, network, "python", &count), "[network]");
	assert_string_equal(waker_leaf(&w, device, "python", &count), "[interrupt]");
	assert_int_equal(count, 1);
	assert_string_equal(waker_leaf(&w, thread, "python", &count), "release");
	assert_int_equal(count, 2);
	assert_string_equal(waker_leaf(&w, loopback, "python", &count), "send"); /* in its own call, no interrupt's */
	assert_string_equal(waker_leaf(&w, foreign, "redis\n[1m\x1b", &count), "[woken by redis?[1m?]");
	assert_string_equal(waker_leaf(&w, (const char *const[]){NULL}, "sixteen-bytes-xx", &count), "[woken by sixteen-bytes-xx]");
	end(&w);
}

static void a_waker_stands_behind_the_wait_it_ended(void **state)
{
	static const char *const thread[] = {"release", "serve", NULL};
	struct back_body back = blocked(5, 1000 * US, 1700 * US), later = blocked(0, 5000 * US, 0);
	struct world w;

	(void)state;
	begin(&w);
	leave(&w, 7, 5, call(202, 0, 0, INTERRUPTIBLE));
	waits_waker(w.waits, 7, 4, named_stack(&w, (const char *const[]){"earlier", NULL})); /* of another wait */
	waits_waker(w.waits, 7, 5, named_stack(&w, thread));
	assert_int_equal(waits_back(w.waits, 7, &back, 1750 * US, w.out), 2);
	assert_int_equal(depth(&w, w.out[0].stack), 5); /* serve, release, --, the note, serve */
	assert_string_equal(leaf(&w, w.out[0].stack), "serve");
	assert_string_equal(leaf(&w, w.out[1].stack), "[run queue]");
	assert_int_equal(waits_back(w.waits, 7, &later, 9000 * US, w.out), 1); /* the same place, another time */
	assert_string_equal(leaf(&w, w.out[0].stack), "[waiting: lock]");
	end(&w);
}

/* Forked workers have their thread states at the same addresses. */
static void the_holder_of_the_gil_is_a_thread_of_the_same_process(void **state)
{
	struct back_body back = blocked(9, 1000 * US, 1700 * US);
	struct wait_facts own = call(35, 0, 0, INTERRUPTIBLE), gil = call(202, 0x7000 + 60, 128 + 9, INTERRUPTIBLE);
	struct world w;

	(void)state;
	begin(&w);
	own.tstate = 0x5000;
	leave_of(&w, 1, 7, 5, own);
	leave_of(&w, 2, 17, 6, own);
	gil.gil = 0x7000;
	gil.tstate = 0x6000;
	gil.gil_holder = 0x5000;
	leave_of(&w, 1, 8, 9, gil);
	assert_int_equal(waits_back(w.waits, 8, &back, 1750 * US, w.out), 2);
	assert_int_equal(w.out[0].offcpu.wait, WAIT_GIL);
	assert_int_equal(w.out[0].offcpu.holder, 7);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_is_named_by_the_peer_and_a_client_by_our_port),
		cmocka_unit_test(poll_on_one_file_waits_for_that_file_and_on_none_it_sleeps),
		cmocka_unit_test(a_futex_inside_the_gil_is_the_gil),
		cmocka_unit_test(files_tell_pipe_disk_and_the_rest),
		cmocka_unit_test(other_calls_say_what_they_wait_for),
		cmocka_unit_test(a_wait_is_what_it_waited_for_and_then_the_run_queue),
		cmocka_unit_test(one_that_was_put_off_is_only_on_the_run_queue),
		cmocka_unit_test(an_unwalked_one_gets_the_stack_of_its_place),
		cmocka_unit_test(what_was_left_out_goes_with_its_class),
		cmocka_unit_test(a_waking_while_it_leaves_is_one_and_after_its_return_is_none),
		cmocka_unit_test(a_waker_is_a_thread_a_name_or_an_interrupt),
		cmocka_unit_test(a_waker_stands_behind_the_wait_it_ended),
		cmocka_unit_test(the_holder_of_the_gil_is_a_thread_of_the_same_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
