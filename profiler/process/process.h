/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.h - one live process, read from outside: identity, mappings, threads, memory, files. Nothing is stopped.
 *
 * A pid is not an identity: (pid, start time) is. What is read here belongs to the target and may be malicious: every
 * size has a limit, and absence (gone, no such thread) is -ESRCH, a value to handle, not a failure to print.
 */
#ifndef CONNPROF_PROCESS_PROCESS_H
#define CONNPROF_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "bpf/events.h"
#include "connprof.h"

/* ---- identity.c ---- */

struct process_identity {
	pid_t pid;
	uint64_t start_ticks;    /* /proc/PID/stat field 22: clock ticks since boot */
	pid_t parent;
	char comm[16];
	char exe[512];           /* readlink of /proc/PID/exe, " (deleted)" removed; "" for a kernel thread */
	char state;              /* R S D T t Z X I … */
	bool kernel_thread;
	bool elf32;              /* its executable is a 32-bit one */
	pid_t namespace_pid;     /* in its innermost pid namespace (NSpid) */
};

/* -ESRCH: no such process. */
int process_identify(pid_t pid, struct process_identity *out);
/* Same process as then? */
bool process_same(const struct process_identity *identity);
/* May connprof follow it? Refuses kernel threads, zombies, 32-bit programs, connprof itself, foreign processes without the
 * right to, each in words. */
int process_check_target(pid_t pid, struct process_identity *out, struct connprof_error *error);
/* False in a container with a pid namespace of its own: what is asked of /proc there is not what the kernel side sees. */
bool process_ids_are_the_kernels(void);
/* CPU time (user + system) used so far, all threads, in ns: 0 on success. */
int process_cpu_ns(pid_t pid, uint64_t *ns);
/* Most resident memory so far, since its exec (getrusage's ru_maxrss begins with that of whoever started it); 0: not known. */
uint64_t process_peak_bytes(pid_t pid);

/* ---- children.c ---- */

/* All living descendants of pid (not pid itself), at most limit: *out is owned by the caller (free). Returns how many. */
int process_descendants(pid_t pid, size_t limit, pid_t **out);

/* ---- threads.c ---- */

#define PROCESS_THREADS_MAX 65536
/* Thread ids now: *out owned by the caller (free). Returns how many, or -ESRCH. */
int process_threads(pid_t pid, pid_t **out);
/* A thread's name (comm), made printable; "" if gone. */
void process_thread_name(pid_t pid, pid_t tid, char *out, size_t size);
/* A thread's state letter from /proc/PID/task/TID/stat, or 0. */
char process_thread_state(pid_t pid, pid_t tid);
/* The thread's id in its innermost pid namespace; tid itself if it is gone. */
pid_t process_thread_namespaced(pid_t pid, pid_t tid);

/* ---- memory.c ---- */

/* Reads exactly length bytes at address of pid: 0, -ESRCH (gone), -EPERM, or -EFAULT (not all readable). */
int process_read(pid_t pid, uint64_t address, void *out, size_t length);
/* Reads up to length bytes, as many as are readable from address on: count or negative errno. */
ssize_t process_read_some(pid_t pid, uint64_t address, void *out, size_t length);

/* ---- maps.c ---- */

/* One line of /proc/PID/maps. */
struct process_map {
	uint64_t start, end, offset;  /* offset: in the file */
	uint64_t inode;
	uint32_t device;              /* makedev */
	bool read, write, execute, deleted;
	char path[512];               /* " (deleted)" removed; "[vdso]", "[stack]", "" (anonymous) */
};

struct process_maps {
	struct process_map *items;    /* sorted by start; owned */
	size_t count, capacity;
	bool cut;                     /* more than MAPPING_ROWS_MAX executable ones, or 64 Ki lines: the rest is missing */
};

int process_maps_load(pid_t pid, struct process_maps *out);
void process_maps_done(struct process_maps *maps);
/* The one that holds address; NULL: none. Borrowed. */
const struct process_map *process_maps_find(const struct process_maps *maps, uint64_t address);

/* ---- files.c ---- */

/* Opens the file behind a mapping, also where it was deleted or replaced on disk: /proc/PID/map_files/START-END, else
 * /proc/PID/root/PATH if device and inode match. Never a FIFO or device (O_NONBLOCK, then fstat: regular files only).
 * Returns an fd or a negative errno; *out (may be NULL) is the file's stat. */
int process_open_map(pid_t pid, const struct process_map *map, struct stat *out);
/* Opens path as the target sees it, confined to the target's root (no symlink out of it: openat2 RESOLVE_IN_ROOT): an fd of
 * a regular file of at most limit bytes, or a negative errno. */
int process_open_path(pid_t pid, const char *path, uint64_t limit, struct stat *out);

/* ---- sockets.c ---- */

struct process_socket {
	uint64_t inode;
	struct endpoint local, peer;
	int state;                    /* TCP_ESTABLISHED (1), TCP_LISTEN (10), … as in <netinet/tcp.h> */
};
/* The TCP sockets of our own network namespace at one moment, to look up several processes' in. All zero: it has not been looked at. */
struct socket_table {
	struct process_socket *items;
	size_t count, capacity;
	bool looked;
	int code;                     /* of looking */
};
void socket_table_done(struct socket_table *table);
/* TCP sockets (v4, v6) and connected or listening UNIX stream sockets (local.address: the inode; no names) that pid holds open
 * now, from /proc/PID/fd, sock_diag(7) or /proc/PID/net/{tcp,tcp6}, and /proc/PID/net/unix; table: looked at once, at the
 * first call. *out owned (free). Count or negative errno. */
int process_sockets(pid_t pid, struct socket_table *table, struct process_socket **out);
/* Inodes of all connected or listening UNIX stream sockets of pid's network namespace, sorted: *out owned (free). Count or
 * negative errno. */
int process_unix_inodes(pid_t pid, uint64_t **out);

#endif
