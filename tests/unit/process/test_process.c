/* SPDX-License-Identifier: BSD-2-Clause */
/* test_process.c - a real process read from outside, with the names and files a hostile one would choose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/process.h"

/* A child that runs prepare, says so, and waits to be killed. */
static pid_t child_doing(void (*prepare)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prepare)
			prepare();
		if (write(ready[1], "y", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void rename_oddly(void)
{
	prctl(PR_SET_NAME, ") R 1 (x\n\033[1m");
}

static void a_name_with_parentheses_and_spaces_forges_no_field(void **state)
{
	struct process_identity identity;
	char name[32];
	pid_t pid = child_doing(rename_oddly);

	(void)state;
	assert_int_equal(process_identify(pid, &identity), 0);
	assert_string_equal(identity.comm, ") R 1 (x??[1m");
	assert_int_equal(identity.parent, getpid());
	assert_int_equal(identity.namespace_pid, pid);
	assert_false(identity.kernel_thread);
	assert_false(identity.elf32);
	process_thread_name(pid, pid, name, sizeof(name));
	assert_null(strchr(name, '\033'));
	assert_null(strchr(name, '\n'));
	end_child(pid);
	assert_int_equal(process_identify(pid, &identity), -ESRCH);
}

static void the_same_pid_with_another_start_is_another_process(void **state)
{
	struct process_identity identity;
	pid_t pid = child_doing(NULL);

	(void)state;
	assert_int_equal(process_identify(pid, &identity), 0);
	assert_true(process_same(&identity));
	identity.start_ticks--;
	assert_false(process_same(&identity));
	identity.start_ticks++;
	end_child(pid);
	assert_false(process_same(&identity));
}

static void refused_targets_are_told_why_and_what_to_do(void **state)
{
	struct process_identity identity;
	struct connprof_error error;
	pid_t zombie, pid;
	char expected[128];

	(void)state;
	pid = child_doing(NULL);
	assert_int_equal(process_check_target(pid, &identity, &error), 0);
	end_child(pid);
	assert_int_equal(process_check_target(pid, &identity, &error), -ESRCH);
	snprintf(expected, sizeof(expected), "cannot attach to %d: no such process (check the PID with: ps -p %d)", pid, pid);
	assert_string_equal(error.text, expected);
	assert_int_equal(error.status, CONNPROF_CANNOT_OBSERVE);

	assert_true(process_check_target(getpid(), &identity, &error) < 0);
	assert_non_null(strstr(error.text, "it is connprof itself"));
	assert_true(process_check_target(-1, &identity, &error) < 0);

	zombie = fork();
	if (zombie == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)zombie, NULL, WEXITED | WNOWAIT), 0);
	assert_true(process_check_target(zombie, &identity, &error) < 0);
	assert_non_null(strstr(error.text, "zombie"));
	waitpid(zombie, NULL, 0);
}

static void a_kernel_thread_is_refused(void **state)
{
	struct process_identity identity;
	struct connprof_error error;

	(void)state;
	if (process_identify(2, &identity) || !identity.kernel_thread) {
		print_message("[  NOTE    ] pid 2 is no kernel thread here (a pid namespace): not tried\n");
		skip();
	}
	assert_true(process_check_target(2, &identity, &error) < 0);
	assert_non_null(strstr(error.text, "kernel thread"));
}

static void map_oddly(void)
{
	char name[] = "/tmp/connprof new\nline XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || ftruncate(fd, 8192) || pwrite(fd, "mapped", 6, 4096) != 6 ||
	    mmap((void *)0x10000000, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 4096) == MAP_FAILED)
		_exit(2);
	unlink(name);
}

static void a_deleted_mapped_file_with_a_newline_in_its_name_is_opened(void **state)
{
	struct process_maps maps;
	const struct process_map *map;
	pid_t pid = child_doing(map_oddly);
	struct stat st;
	char text[8] = "";
	int fd;

	(void)state;
	assert_int_equal(process_maps_load(pid, &maps), 0);
	map = process_maps_find(&maps, 0x10000fff);
	assert_non_null(map);
	assert_true(map->deleted && map->read && map->execute && !map->write);
	assert_memory_equal(map->path, "/tmp/connprof new\nline ", 23);
	assert_null(strstr(map->path, "(deleted)"));
	assert_int_equal(map->offset, 4096);
	assert_null(process_maps_find(&maps, 0x10001000));
	assert_null(process_maps_find(&maps, 0));
	assert_null(process_maps_find(&maps, UINT64_MAX));
	fd = process_open_map(pid, map, &st);
	assert_true(fd >= 0);
	assert_int_equal(st.st_ino, map->inode);
	assert_int_equal(pread(fd, text, 6, 4096), 6);
	assert_string_equal(text, "mapped");
	close(fd);
	for (size_t i = 1; i < maps.count; i++)
		assert_true(maps.items[i - 1].end <= maps.items[i].start);
	process_maps_done(&maps);
	end_child(pid);
	assert_int_equal(process_maps_load(pid, &maps), -ESRCH);
}

static void only_regular_files_of_the_target_s_root_are_opened(void **state)
{
	char folder[] = "/tmp/connprof-files-XXXXXX", path[64];
	pid_t pid = child_doing(NULL);
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(process_open_path(pid, path, 1024, NULL), -EINVAL); /* and does not block */
	unlink(path);
	assert_int_equal(process_open_path(pid, "/dev/zero", 1024, NULL), -EINVAL);
	assert_int_equal(process_open_path(pid, folder, 1024, NULL), -EINVAL);
	assert_true(process_open_path(pid, "/no/such/file", 1024, NULL) < 0);
	assert_true(process_open_path(pid, "/proc/self/exe", 1ull << 40, NULL) < 0); /* a magic link leads out */
	snprintf(path, sizeof(path), "%s/file", folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "12345", 5), 5);
	close(fd);
	assert_int_equal(process_open_path(pid, path, 4, NULL), -EFBIG);
	fd = process_open_path(pid, path, 5, NULL);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	rmdir(folder);
	end_child(pid);
}

static void memory_is_read_up_to_its_end(void **state)
{
	pid_t pid;
	char buffer[8192], *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	memset(pages, 'x', 8192);
	assert_int_equal(munmap(pages + 4096, 4096), 0);
	pid = child_doing(NULL);
	assert_int_equal(process_read(pid, (uintptr_t)pages, buffer, 4096), 0);
	assert_int_equal(buffer[4095], 'x');
	assert_int_equal(process_read_some(pid, (uintptr_t)pages + 96, buffer, sizeof(buffer)), 4000);
	assert_int_equal(process_read(pid, (uintptr_t)pages + 4000, buffer, 97), -EFAULT);
	assert_int_equal(process_read(pid, 8, buffer, 8), -EFAULT);
	assert_true(process_read(pid, UINT64_MAX - 3, buffer, 8) < 0);
	end_child(pid);
	assert_int_equal(process_read(pid, (uintptr_t)pages, buffer, 8), -ESRCH);
}

static void make_grandchild(void)
{
	pid_t parent = getpid();

	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent) /* else it died before this one asked to be told */
			pause();
		_exit(0);
	}
}

static void descendants_are_found_and_limited(void **state)
{
	pid_t pid = child_doing(make_grandchild), *found;

	(void)state;
	assert_int_equal(process_descendants(getpid(), 100, &found), 2);
	assert_int_equal(found[0], pid);
	free(found);
	assert_int_equal(process_descendants(pid, 100, &found), 1);
	free(found);
	assert_int_equal(process_descendants(getpid(), 1, &found), 1);
	free(found);
	end_child(pid);
}

static void *wait_named(void *unused)
{
	(void)unused;
	prctl(PR_SET_NAME, "worker (7)");
	pause();
	return NULL;
}

static void start_threads(void)
{
	pthread_t thread;

	for (int i = 0; i < 7; i++)
		if (pthread_create(&thread, NULL, wait_named, NULL))
			_exit(2);
	usleep(50000);
}

static void all_threads_are_listed_with_their_names(void **state)
{
	struct process_identity identity;
	struct connprof_error error;
	pid_t pid = child_doing(start_threads), *tids;
	int count = process_threads(pid, &tids), workers = 0;
	char name[32], expected[64];

	(void)state;
	assert_int_equal(count, 8);
	for (int i = 0; i < count; i++) {
		process_thread_name(pid, tids[i], name, sizeof(name));
		workers += !strcmp(name, "worker (7)");
		assert_non_null(strchr("RS", process_thread_state(pid, tids[i])));
		assert_int_not_equal(process_thread_state(pid, tids[i]), 0);
		assert_int_equal(process_thread_namespaced(pid, tids[i]), tids[i]);
		if (tids[i] == pid)
			continue;
		assert_true(process_check_target(tids[i], &identity, &error) < 0);
		snprintf(expected, sizeof(expected), "it is a thread of process %d", pid);
		assert_non_null(strstr(error.text, expected));
	}
	assert_int_equal(workers, 7);
	free(tids);
	end_child(pid);
	assert_int_equal(process_threads(pid, &tids), -ESRCH);
	assert_int_equal(process_thread_state(pid, pid), 0);
}

static void open_sockets_are_those_the_process_holds(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t length = sizeof(address);
	struct process_socket *sockets;
	struct socket_table table = {0};
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), count, seen = 0;
	int six = socket(AF_INET6, SOCK_STREAM, 0), bound = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	if (six < 0 || bind(six, (struct sockaddr *)&address6, sizeof(address6)) || listen(six, 1))
		six = -1; /* no IPv6 on this host */
	assert_int_equal(bind(bound, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET}, sizeof(address)), 0);
	assert_true(dup(client) > 0);
	pid = child_doing(NULL);
	count = process_sockets(pid, &table, &sockets);
	assert_true(table.looked && !table.code);
	assert_int_equal(count, six < 0 ? 2 : 3);
	for (int i = 0; i < count; i++) {
		const struct process_socket *s = &sockets[i];

		if (s->peer.port == ntohs(address.sin_port) && s->peer.family == AF_INET && s->state == 1 &&
		    !memcmp(s->peer.address, "\x7f\0\0\1", 4))
			seen |= 1;
		if (s->local.port == ntohs(address.sin_port) && s->state == 10)
			seen |= 2;
		if (s->local.family == AF_INET6 && !memcmp(s->local.address, &address6.sin6_addr, 16))
			seen |= 4;
	}
	assert_int_equal(seen, six < 0 ? 3 : 7);
	free(sockets);
	end_child(pid);
	assert_int_equal(process_sockets(pid, &table, &sockets), -ESRCH);
	socket_table_done(&table);
	close(listener);
	close(client);
	close(six);
	close(bound);
}

static void listen_in_a_network_of_its_own(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4711)};
	int listener;

	if (unshare(CLONE_NEWNET))
		return;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		abort();
}

/* Its tables are /proc's: we cannot ask in another's namespace. */
static void sockets_in_another_network_are_found_too(void **state)
{
	struct process_socket *sockets;
	struct socket_table table = {0};
	int count;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	pid = child_doing(listen_in_a_network_of_its_own);
	count = process_sockets(pid, &table, &sockets);
	assert_int_equal(count, 1);
	assert_false(table.looked);
	assert_int_equal(sockets[0].local.port, 4711);
	assert_int_equal(sockets[0].state, 10);
	free(sockets);
	end_child(pid);
}

static void become_small(void)
{
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sleep", "sleep", "20", (char *)NULL);
	}
}

static void peak_memory_is_not_that_of_whoever_started_it(void **state)
{
	size_t size = 64u << 20;
	void *large = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct process_identity identity = {.comm = ""};
	pid_t child, *sleeper = NULL;

	(void)state;
	assert_ptr_not_equal(large, MAP_FAILED);
	memset(large, 1, size);
	child = child_doing(become_small);
	munmap(large, size);
	for (int i = 0; i < 500 && strcmp(identity.comm, "sleep"); i++) {
		usleep(10000);
		free(sleeper);
		assert_int_equal(process_descendants(child, 4, &sleeper), 1);
		process_identify(sleeper[0], &identity);
	}
	assert_string_equal(identity.comm, "sleep");
	assert_true(process_peak_bytes(getpid()) >= size);
	assert_in_range(process_peak_bytes(sleeper[0]), 1, size / 2);
	kill(sleeper[0], SIGKILL);
	free(sleeper);
	end_child(child);
}

static void cpu_time_is_that_of_all_threads(void **state)
{
	uint64_t ns = 0, own = clock_process_ns();
	pid_t pid = child_doing(NULL);

	(void)state;
	assert_int_equal(process_cpu_ns(getpid(), &ns), 0);
	assert_true(ns >= own);
	end_child(pid);
	assert_int_equal(process_cpu_ns(pid, &ns), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_with_parentheses_and_spaces_forges_no_field),
		cmocka_unit_test(the_same_pid_with_another_start_is_another_process),
		cmocka_unit_test(refused_targets_are_told_why_and_what_to_do),
		cmocka_unit_test(a_kernel_thread_is_refused),
		cmocka_unit_test(a_deleted_mapped_file_with_a_newline_in_its_name_is_opened),
		cmocka_unit_test(only_regular_files_of_the_target_s_root_are_opened),
		cmocka_unit_test(memory_is_read_up_to_its_end),
		cmocka_unit_test(descendants_are_found_and_limited),
		cmocka_unit_test(all_threads_are_listed_with_their_names),
		cmocka_unit_test(open_sockets_are_those_the_process_holds),
		cmocka_unit_test(sockets_in_another_network_are_found_too),
		cmocka_unit_test(peak_memory_is_not_that_of_whoever_started_it),
		cmocka_unit_test(cpu_time_is_that_of_all_threads),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
