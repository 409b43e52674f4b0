/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.c - the command after "--": started held, let go once it is watched.
 *
 * The two sides share one close-on-exec socket. One byte from us lets the child exec; it answers with an errno when
 * that fails, and by closing the socket when it works. If connprof goes away first the child reads the end and exits.
 */
#include "child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connprof.h"
#include "message.h"

#define EXIT_NOT_RUN 127 /* the shell's status for a command that could not be run */

static _Noreturn void run_held(int channel, char **command, const sigset_t *mask)
{
	ssize_t got;
	char go;
	int code;

	do
		got = read(channel, &go, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(EXIT_NOT_RUN);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	code = errno;
	if (write(channel, &code, sizeof(code)) < 0)
		_exit(EXIT_NOT_RUN);
	_exit(EXIT_NOT_RUN);
}

int child_start(struct child *child, char **command, const sigset_t *mask)
{
	int pair[2];
	pid_t pid;

	*child = (struct child){.channel = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		message_say("cannot start %s: %s", command[0], strerror(errno));
		return CONNPROF_CANNOT_OBSERVE;
	}
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		run_held(pair[1], command, mask);
	}
	close(pair[1]);
	if (pid < 0) {
		message_say("cannot start %s: %s", command[0], strerror(errno));
		close(pair[0]);
		return CONNPROF_CANNOT_OBSERVE;
	}
	child->pid = pid;
	child->channel = pair[0];
	return 0;
}

int child_go(struct child *child, const char *name)
{
	ssize_t got = 0;
	int code = 0;

	if (send(child->channel, "", 1, MSG_NOSIGNAL) == 1)
		do
			got = read(child->channel, &code, sizeof(code));
		while (got < 0 && errno == EINTR);
	close(child->channel);
	child->channel = -1;
	if (got != sizeof(code))
		return 0;
	message_say("cannot run %s: %s", name, strerror(code));
	return CONNPROF_CANNOT_OBSERVE;
}

bool child_reap(struct child *child)
{
	pid_t got;

	if (!child->pid || child->ended)
		return child->ended;
	got = waitpid(child->pid, &child->status, WNOHANG);
	child->ended = got == child->pid || (got < 0 && errno == ECHILD);
	return child->ended;
}

void child_release(struct child *child)
{
	bool held = child->channel >= 0;

	if (held)
		close(child->channel);
	child->channel = -1;
	if (held && !child->ended && waitpid(child->pid, &child->status, 0) == child->pid)
		child->ended = true;
}

bool child_failed(const struct child *child)
{
	if (!child->ended || child->stopped)
		return false;
	return !WIFEXITED(child->status) || WEXITSTATUS(child->status) != 0;
}

void child_tell_failure(const struct child *child)
{
	if (WIFEXITED(child->status))
		message_say("the command failed: it ended with status %d", WEXITSTATUS(child->status));
	else
		message_say("the command failed: signal %d ended it (%s)", WTERMSIG(child->status), strsignal(WTERMSIG(child->status)));
}
