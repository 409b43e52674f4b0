/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svg.c - the flame graph as a picture, drawn by the FlameGraph script flamegraph.pl.
 *
 * The script is a child that reads the folded stacks from one memory file and writes the picture and its complaints into
 * two others: nothing can block and no pipe can break. It runs in a process group of its own, so that a Ctrl-C meant to
 * end the recording does not lose the picture of it.
 */
#include "report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

#define SCRIPT "flamegraph.pl"
#define TITLE_BYTES 160

enum { INPUT, PICTURE, COMPLAINTS, FILES }; /* the child's standard input, output and error */

/* ---- finding the script ---- */

static bool usable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool in_folder(const char *folder, size_t length, char out[4096])
{
	int n = snprintf(out, 4096, "%.*s/%s", (int)length, folder, SCRIPT);

	return n > 0 && n < 4096 && usable(out);
}

/* An empty or relative part of PATH would run what lies in the current folder, as root: left out. */
static bool on_path(const char *list, char out[4096])
{
	while (*list) {
		size_t length = strcspn(list, ":");

		if (*list == '/' && in_folder(list, length, out))
			return true;
		list += length + (list[length] == ':');
	}
	return false;
}

int svg_script_find(char out[4096], struct connprof_error *error)
{
	static const char *const places[] = {
		"/usr/share/perl5/Devel/NYTProf",       /* Debian, Ubuntu: libdevel-nytprof-perl */
		"/usr/share/perl5/vendor_perl/Devel/NYTProf", "/usr/lib64/perl5/vendor_perl/Devel/NYTProf",
		"/usr/share/flamegraph", "/usr/share/FlameGraph", "/usr/lib/flamegraph",
		"/usr/local/share/flamegraph", "/usr/local/FlameGraph", "/opt/flamegraph", "/opt/FlameGraph",
	};
	const char *folder = getenv("FLAMEGRAPH_DIR"), *path = getenv("PATH");

	if (folder && *folder) { /* asked for by name: nothing else will do */
		if (in_folder(folder, strlen(folder), out))
			return 0;
		return error_set(error, -ENOENT, CONNPROF_CANNOT_OBSERVE,
				 "no executable " SCRIPT " in %s (correct or unset FLAMEGRAPH_DIR)", folder);
	}
	if (path && on_path(path, out))
		return 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (in_folder(places[i], strlen(places[i]), out))
			return 0;
	return error_set(error, -ENOENT, CONNPROF_CANNOT_OBSERVE,
			 SCRIPT " not found (apt install libdevel-nytprof-perl, or set FLAMEGRAPH_DIR)");
}

/* ---- what stands above the picture ---- */

/* Some versions of the script escape the title for XML, some do not: nothing that would need it goes in. */
static void title_plain(char *title)
{
	for (char *c = title; *c; c++)
		if (*c == '<')
			*c = '(';
		else if (*c == '>')
			*c = ')';
		else if (*c == '&')
			*c = '+';
		else if (*c == '"' || *c == '\'' || *c == '\\')
			*c = '`';
}

static void title_targets(const struct connprof_recording *recording, char *out, size_t size)
{
	size_t named = 0;

	for (size_t i = 0; i < recording->target_count; i++)
		named += recording->targets[i].parent == 0;
	if (!recording->target_count) {
		snprintf(out, size, "flame graph");
		return;
	}
	snprintf(out, size, "%.32s %u", strings_get(recording->strings, recording->targets[0].comm),
		 recording->targets[0].pid);
	if (recording->target_count > 1) {
		size_t used = strlen(out);

		snprintf(out + used, size - used, " + %zu %s", recording->target_count - 1,
			 named > 1 ? "more" : recording->target_count == 2 ? "child" : "children");
	}
}

/* Which requests these are, and against what they are shown. */
static void title_part(const struct connprof_recording *recording, const struct connprof_report_options *options, char *out,
		       size_t size)
{
	const struct connprof_recording *base = options->base;
	const struct cut_row *cut = &recording->cut;

	*out = '\0';
	if (cut->slower_than_ns) {
		snprintf(out, size, " - %llu requests %s %.4g ms%s", (unsigned long long)cut->requests,
			 cut->normal ? "not slower than" : "slower than", (double)cut->slower_than_ns / 1e6,
			 base ? " against the others" : "");
	} else if (base) {
		snprintf(out, size, " - difference");
	}
}

static void title_make(const struct connprof_recording *recording, const struct connprof_report_options *options, char *out)
{
	char whole[512], targets[96], part[96];
	double complete = complete_percent(recording);
	int used;

	if (options->title) {
		text_clean(out, TITLE_BYTES, options->title, strlen(options->title));
		title_plain(out);
		return;
	}
	title_targets(recording, targets, sizeof(targets));
	title_part(recording, options, part, sizeof(part));
	if (weight_off_only(recording, options))
		used = snprintf(whole, sizeof(whole), "%s%s - time off the CPU", targets, part);
	else if (weight_is_time(recording) && options->mode == CONNPROF_MODE_ALL)
		used = snprintf(whole, sizeof(whole), "%s%s - time on and off the CPU", targets, part);
	else
		used = snprintf(whole, sizeof(whole), "%s%s - %llu samples", targets, part, (unsigned long long)recording->samples);
	if (recording->rate_hz && !weight_off_only(recording, options))
		used += snprintf(whole + used, sizeof(whole) - (size_t)used, " at %u Hz", recording->rate_hz);
	if (recording->seconds > 0)
		used += snprintf(whole + used, sizeof(whole) - (size_t)used, ", %.1f s", recording->seconds);
	if (!isnan(complete))
		snprintf(whole + used, sizeof(whole) - (size_t)used, ", %.1f %% complete", complete);
	text_clean(out, TITLE_BYTES, whole, strlen(whole));
	title_plain(out);
}

static const char *why_empty(const struct connprof_recording *recording, const struct connprof_report_options *options)
{
	if (options->weight)
		return "no such connections were seen";
	if (recording->cut.slower_than_ns)
		return "no samples inside such requests";
	if (options->wait)
		return "no waits of this kind: nothing that was followed waited so while being watched";
	if (!weight_off_only(recording, options))
		return "no samples: nothing that was followed used the CPU while being watched";
	return recording->offcpu.brief ? "no waits as long as --min-block asks for"
				       : "no waits: nothing that was followed was off the CPU while being watched";
}

/* Zero samples are an answer: the script would call it an error. */
static int empty_picture(const char *title, const char *why, FILE *stream)
{
	fprintf(stream,
		"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"
		"<svg version=\"1.1\" width=\"1200\" height=\"100\" viewBox=\"0 0 1200 100\" "
		"xmlns=\"http://www.w3.org/2000/svg\">\n"
		"<rect width=\"1200\" height=\"100\" fill=\"#f8f8f8\"/>\n"
		"<text x=\"600\" y=\"40\" text-anchor=\"middle\" font-family=\"Verdana\" font-size=\"17\">%s</text>\n"
		"<text x=\"600\" y=\"70\" text-anchor=\"middle\" font-family=\"Verdana\" font-size=\"12\">"
		"%s</text>\n"
		"</svg>\n",
		title, why);
	return 0;
}

/* ---- running it ---- */

/* A memory file on a descriptor above the standard three, so that none is overwritten when the child's are put in place. */
static int memory_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC), high;

	if (fd < 0 || fd > 2)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return high;
}

/* The caller's signal handling is no business of the child's. */
static int attributes_set(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int code;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	code = posix_spawnattr_setsigmask(attributes, &none);
	if (!code)
		code = posix_spawnattr_setsigdefault(attributes, &all);
	if (!code)
		code = posix_spawnattr_setpgroup(attributes, 0);
	if (!code)
		code = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							    POSIX_SPAWN_SETPGROUP);
	return -code;
}

/* What the picture is told besides its input. */
struct look {
	char title[TITLE_BYTES];
	const char *unit, *colors;
};

static int spawn(const char *script, const struct look *look, const int files[FILES], pid_t *pid)
{
	/* Names are UTF-8 and are cut by characters; the same input gives the same picture. */
	static char *const environment[] = {"PERL_UNICODE=SDA", "PERL_HASH_SEED=0", "PERL_PERTURB_KEYS=0",
					    "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", NULL};
	char *arguments[] = {(char *)script, "--hash", "--colors", (char *)look->colors, "--countname", (char *)look->unit, "--title",
			     (char *)look->title, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int code = posix_spawn_file_actions_init(&actions);

	if (code)
		return -code;
	code = posix_spawnattr_init(&attributes);
	if (code) {
		posix_spawn_file_actions_destroy(&actions);
		return -code;
	}
	code = attributes_set(&attributes);
	for (int i = 0; !code && i < FILES; i++)
		code = -posix_spawn_file_actions_adddup2(&actions, files[i], i);
	if (!code)
		code = -posix_spawn(pid, script, &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return code;
}

static int complain(int status, int complaints, const char *script, struct connprof_error *error)
{
	char raw[400], text[400];
	ssize_t length = pread(complaints, raw, sizeof(raw), 0);

	text_clean(text, sizeof(text), raw, length > 0 ? (size_t)length : 0);
	if (WIFSIGNALED(status))
		return error_set(error, -EIO, CONNPROF_CANNOT_OBSERVE, "%s was ended by signal %d (%s)%s%s; -f folded needs no script",
				 script, WTERMSIG(status), strsignal(WTERMSIG(status)), *text ? ": " : "", text);
	return error_set(error, -EIO, CONNPROF_CANNOT_OBSERVE, "%s failed with status %d: %s (-f folded needs no script)", script,
			 WEXITSTATUS(status), text);
}

static int copy_picture(int fd, FILE *stream, const char *script, struct connprof_error *error)
{
	char buffer[16384];
	ssize_t got = 0;
	off_t at = 0;

	while ((got = pread(fd, buffer, sizeof(buffer), at)) > 0) {
		if (fwrite(buffer, 1, (size_t)got, stream) < (size_t)got)
			return 0; /* the stream's owner will find it */
		at += got;
	}
	if (got < 0 || at == 0)
		return error_set(error, -EIO, CONNPROF_CANNOT_OBSERVE, "%s wrote no picture (-f folded needs no script)", script);
	return 0;
}

/* The folded stacks into the child's input. */
static int write_input(const struct connprof_recording *recording, const struct connprof_report_options *options, int fd,
		       struct connprof_error *error)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3), code;
	FILE *stream = own >= 0 ? fdopen(own, "w") : NULL;

	if (!stream) {
		if (own >= 0)
			close(own);
		return error_memory(error);
	}
	code = folded_write_names(recording, options, true, stream, error);
	if (fclose(stream) && !code)
		code = error_set(error, -errno, CONNPROF_CANNOT_OBSERVE, "no memory for the stacks: %s (-f folded needs none)",
				 strerror(errno));
	if (!code && lseek(fd, 0, SEEK_SET) < 0) /* the offset is shared with the child */
		code = error_set(error, -errno, CONNPROF_CANNOT_OBSERVE, "cannot rewind: %s", strerror(errno));
	return code;
}

static int draw(const char *script, const struct look *look, const int files[FILES], FILE *stream, struct connprof_error *error)
{
	pid_t pid, waited;
	int status = 0, code = spawn(script, look, files, &pid);

	if (code)
		return error_set(error, code, CONNPROF_CANNOT_OBSERVE, "cannot run %s: %s (is perl installed?)", script,
				 strerror(-code));
	do
		waited = waitpid(pid, &status, 0);
	while (waited < 0 && errno == EINTR);
	if (waited == pid && (!WIFEXITED(status) || WEXITSTATUS(status)))
		return complain(status, files[COMPLAINTS], script, error);
	return copy_picture(files[PICTURE], stream, script, error);
}

int svg_write(const struct connprof_recording *recording, const struct connprof_report_options *options, FILE *stream,
	      struct connprof_error *error)
{
	int files[FILES] = {-1, -1, -1}, code = 0;
	bool off = weight_off_only(recording, options);
	struct look look = {.unit = options->weight == CONNPROF_WEIGHT_SETUP ? "us" : options->weight ? "connections" : weight_unit(recording), .colors = off ? "io" : "js"};
	char script[4096];

	title_make(recording, options, look.title);
	if (!weight_any(recording, options))
		return empty_picture(look.title, why_empty(recording, options), stream);
	code = svg_script_find(script, error);
	if (code)
		return code;
	for (int i = 0; !code && i < FILES; i++)
		if ((files[i] = memory_file(SCRIPT)) < 0)
			code = error_set(error, -errno, CONNPROF_CANNOT_OBSERVE, "no memory file for " SCRIPT ": %s (-f folded needs none)",
					 strerror(errno));
	if (!code)
		code = write_input(recording, options, files[INPUT], error);
	if (!code)
		code = draw(script, &look, files, stream, error);
	for (int i = 0; i < FILES; i++)
		if (files[i] >= 0)
			close(files[i]);
	return code;
}
