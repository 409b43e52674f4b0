/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * watch.c - the loop that all live commands share.
 *
 * Signals that end it are blocked and read from a signalfd, so that none arrives between two steps. The first one ends
 * the window and what was seen is written; a second one ends connprof at once (while a command is still being waited
 * for, it kills that command instead).
 */
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "message.h"

#define STEP_MS 100              /* a step is due at least this often, connprof.h */
#define FIRST_STEP_MS 10         /* while a command begins, which has to be known before it connects */
#define FIRST_STEPS_NS 1000000000ull
#define TICK_NS 1000000000ull
#define GRACE_NS 10000000000ull  /* a command told to end has this long */

uint64_t watch_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int signals_take(struct watch *watch)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	static const int passed_on[] = {SIGQUIT, SIGUSR1, SIGUSR2};
	struct sigaction hangup;
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaddset(&mask, ending[i]);
	for (size_t i = 0; watch->child.pid && i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&mask, passed_on[i]);
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN) /* nohup: it shall go on */
		sigdelset(&mask, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &mask, NULL))
		return -errno;
	watch->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return watch->signals < 0 ? -errno : 0;
}

/* Passes a signal on to the command, unless the terminal has already sent it there: the command is in our process
 * group, and a second Ctrl-C means something else to many programs. */
static void pass_on(struct watch *watch, const struct signalfd_siginfo *info)
{
	if (watch->child.pid && !watch->child.ended && info->ssi_code != SI_KERNEL)
		kill(watch->child.pid, (int)info->ssi_signo);
}

static void swallow(int number)
{
	(void)number;
}

/* After the window: a first signal that comes only now shall not cost the result, which is being written already. */
static void signals_release(struct watch *watch)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction once = {.sa_handler = swallow, .sa_flags = SA_RESETHAND | SA_RESTART}, old;

	for (size_t i = 0; !watch->interrupted && i < sizeof(ending) / sizeof(ending[0]); i++)
		if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(ending[i], &once, NULL);
	close(watch->signals);
	watch->signals = -1;
	sigprocmask(SIG_SETMASK, &watch->old_mask, NULL);
}

/* Takes what signals there are. Returns the one that asks us to end, 0: none. */
static int signals_read(struct watch *watch)
{
	struct signalfd_siginfo info;
	int asked = 0;

	while (read(watch->signals, &info, sizeof(info)) == sizeof(info)) {
		int number = (int)info.ssi_signo;

		if (number == SIGCHLD) {
			child_reap(&watch->child);
			continue;
		}
		pass_on(watch, &info);
		if (number == SIGINT || number == SIGTERM || number == SIGHUP)
			asked = number;
	}
	return asked;
}

static void wait_for(struct watch *watch, int session_fd, int step_ms, uint64_t until_ns)
{
	struct pollfd fds[] = {{.fd = watch->signals, .events = POLLIN}, {.fd = session_fd, .events = POLLIN}};
	uint64_t now = watch_now_ns(), left = until_ns > now ? until_ns - now : 0;
	int timeout = left < step_ms * 1000000ull ? (int)((left + 999999) / 1000000) : step_ms;

	poll(fds, session_fd < 0 ? 1 : 2, timeout);
}

static void show_progress(const struct watch *watch, bool ended)
{
	struct connprof_progress progress;

	connprof_session_progress(watch->session, &progress);
	fprintf(stderr, "\r%6.1f s  %" PRIu64 " samples", progress.seconds, progress.samples);
	if (!isnan(progress.rate_hz))
		fprintf(stderr, "  %.0f Hz", progress.rate_hz);
	if (progress.connections || progress.requests)
		fprintf(stderr, "  %" PRIu64 " connections  %" PRIu64 " requests", progress.connections, progress.requests);
	fprintf(stderr, "  lost %" PRIu64 "  %u process%s%s\033[K%s", progress.lost, progress.processes,
		progress.processes == 1 ? "" : "es", ended ? "" : "  (Ctrl-C ends)", ended ? "\n" : "");
	fflush(stderr);
}

/* A command's own output would be torn by the line; -v lines would too. */
static bool wants_progress(const struct options *options, const struct watch_hooks *hooks)
{
	return isatty(STDERR_FILENO) && !options->quiet && !options->verbose && !options->run && !hooks->draws;
}

/* Collects until it is time to end. */
static void collect_until_end(struct watch *watch, const struct options *options, const struct watch_hooks *hooks)
{
	uint64_t start = watch_now_ns(), end = options->duration_ns ? start + options->duration_ns : UINT64_MAX;
	uint64_t next_tick = start + TICK_NS, next_line = start;
	bool progress = wants_progress(options, hooks);
	struct connprof_error error = {0};

	child_reap(&watch->child); /* it may have ended before its SIGCHLD was waited for */
	while (!watch->interrupted && (!watch->child.ended || hooks->stays) && watch_now_ns() < end) {
		bool begins = watch->child.pid && watch_now_ns() - start < FIRST_STEPS_NS;

		wait_for(watch, connprof_session_fd(watch->session), begins ? FIRST_STEP_MS : STEP_MS, end);
		watch->interrupted = signals_read(watch);
		if (connprof_session_step(watch->session, &error) < 0) {
			watch->status = message_failed(&error);
			break;
		}
		/* A command's last thread is seen to exit before the command can be reaped: its status is worth the wait. */
		if (!watch->child.pid && !hooks->stays && !connprof_session_alive(watch->session))
			break;
		if (hooks->step && hooks->step(hooks->context, watch->session))
			break;
		if (progress && watch_now_ns() >= next_line) {
			show_progress(watch, false);
			next_line = watch_now_ns() + TICK_NS / 5;
		}
		if (hooks->tick && watch_now_ns() >= next_tick) {
			hooks->tick(hooks->context, watch->session);
			next_tick = watch_now_ns() + TICK_NS;
		}
	}
	if (progress)
		show_progress(watch, true);
}

/* The command is told to end and waited for; past the grace, or at a second signal, it is killed. A signal that ended the
 * window has reached it already. */
static void end_command(struct watch *watch)
{
	uint64_t until = watch_now_ns() + GRACE_NS;
	bool killed = false;

	child_reap(&watch->child);
	if (!watch->child.pid || watch->child.ended)
		return;
	watch->child.stopped = true;
	if (!watch->interrupted)
		kill(watch->child.pid, SIGTERM);
	while (!child_reap(&watch->child)) {
		wait_for(watch, -1, STEP_MS, until);
		if (!killed && (signals_read(watch) || watch_now_ns() >= until)) {
			message_say("the command did not end in time and was killed");
			kill(watch->child.pid, SIGKILL);
			killed = true;
			until = UINT64_MAX;
		}
	}
}

static int attach(struct watch *watch, const struct options *options, unsigned collect, const struct watch_hooks *hooks)
{
	struct connprof_config config = {
		.pids = watch->child.pid ? &watch->child.pid : options->pids,
		.pid_count = watch->child.pid ? 1 : options->pid_count,
		.collect = collect,
		.rate_hz = options->rate_hz,
		.no_children = options->no_children, .no_tls = options->no_tls,
		.kernel_frames = options->kernel,
		.wakers = options->wakers,
		.min_block_ns = options->min_block_ns,
		.gil_only = options->gil,
		.events_path = options->events,
	};
	struct connprof_error error = {0};
	int status;

	if (connprof_session_open(&config, &watch->session, &error))
		return message_failed(&error);
	if (hooks->opening && (status = hooks->opening(hooks->context, watch->session)))
		return status;
	if (connprof_session_start(watch->session, &error))
		return message_failed(&error);
	return watch->child.pid ? child_go(&watch->child, options->run[0]) : 0;
}

int watch_run(struct watch *watch, const struct options *options, unsigned collect, const struct watch_hooks *hooks)
{
	struct connprof_error error = {0};
	int status = 0;

	*watch = (struct watch){.signals = -1, .child.channel = -1};
	sigprocmask(SIG_SETMASK, NULL, &watch->old_mask);
	if (options->run && (status = child_start(&watch->child, options->run, &watch->old_mask)))
		return status;
	status = signals_take(watch);
	if (status) {
		message_say("cannot wait for signals: %s", strerror(-status));
		return CONNPROF_CANNOT_OBSERVE;
	}
	status = attach(watch, options, collect, hooks);
	if (status)
		return status;
	collect_until_end(watch, options, hooks);
	if (connprof_session_stop(watch->session, &error))
		watch->status = message_failed(&error);
	if (hooks->closed)
		status = hooks->closed(hooks->context, connprof_session_recording(watch->session));
	end_command(watch);
	signals_release(watch);
	return status;
}

void watch_done(struct watch *watch)
{
	connprof_session_free(watch->session);
	child_release(&watch->child);
	if (watch->signals >= 0)
		close(watch->signals);
	*watch = (struct watch){.signals = -1, .child.channel = -1};
}
