/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pythons.h - the CPythons of this machine, and one of them run as a child, for the tests of runtime/.
 *
 * The distribution's own; those of a version manager ($PYENV_ROOT, else ~/.pyenv); and, for root, those in root file
 * systems under $CONNPROF_PYTHONS, else build/pythons (`make pythons`): run inside that root, with its libc.
 */
#ifndef CONNPROF_TESTS_RUNTIME_PYTHONS_H
#define CONNPROF_TESTS_RUNTIME_PYTHONS_H

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PYTHONS_MAX 16
#define PYTHON_MINOR_MAX 15
#define PYTHON_SCRIPTS "tests/unit/runtime/"

struct python {
	char root[256]; /* root file system it lives in; empty: ours */
	char path[256]; /* inside it */
	unsigned minor;
};

struct python_child {
	pid_t pid;
	FILE *out;   /* its standard output */
	int in;      /* its standard input: closing it ends it */
};

/* arguments[0] is replaced. */
static inline int python_run(const struct python *python, const char **arguments, struct python_child *child)
{
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		return -EIO;
	arguments[0] = python->path;
	child->pid = fork();
	if (child->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left running when a test fails */
		dup2(in[0], 0);
		dup2(out[1], 1);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		if (!python->root[0] || (!chroot(python->root) && !chdir("/")))
			execv(python->path, (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	child->in = in[1];
	child->out = fdopen(out[0], "r");
	return child->pid > 0 && child->out ? 0 : -EIO;
}

static inline void python_end_child(struct python_child *child)
{
	close(child->in);
	fclose(child->out);
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}

/* Where the interpreter finds a script of ours: one with a root of its own gets a copy. 0 or a negative errno. */
static inline int python_script(const struct python *python, const char *name, char *out, size_t size)
{
	char from[256], to[512], buffer[4096];
	FILE *source, *copy;
	int code = -EIO;
	size_t n;

	snprintf(from, sizeof(from), PYTHON_SCRIPTS "%s", name);
	snprintf(out, size, "%s", from);
	if (!python->root[0])
		return 0;
	snprintf(out, size, "/tmp/connprof-%s", name);
	snprintf(to, sizeof(to), "%s%s", python->root, out);
	source = fopen(from, "r");
	copy = fopen(to, "w");
	if (source && copy) {
		code = 0;
		while ((n = fread(buffer, 1, sizeof(buffer), source)) > 0)
			if (fwrite(buffer, 1, n, copy) != n)
				code = -EIO;
	}
	if (source)
		fclose(source);
	if (copy && fclose(copy))
		code = -EIO;
	return code;
}

static inline void python_try(const char *root, const char *path, struct python *found, size_t *count)
{
	const char *arguments[] = {path, "-c", "import sys; print(sys.version_info[1])", NULL};
	struct python_child child = {0};
	struct python python;

	if (*count == PYTHONS_MAX)
		return;
	snprintf(python.root, sizeof(python.root), "%s", root);
	snprintf(python.path, sizeof(python.path), "%s", path + strlen(root));
	if (access(path, X_OK) || python_run(&python, arguments, &child))
		return;
	if (fscanf(child.out, "%u", &python.minor) == 1 && python.minor >= 6 && python.minor <= PYTHON_MINOR_MAX)
		found[(*count)++] = python;
	python_end_child(&child);
}

/* Each that matches; root: the pattern's first part is a root file system's folder. */
static inline void python_try_all(const char *pattern, bool rooted, struct python *found, size_t *count)
{
	glob_t paths;

	if (glob(pattern, 0, NULL, &paths))
		return;
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		char root[256] = "";
		char *at;

		snprintf(root, sizeof(root), "%s", rooted ? paths.gl_pathv[i] : "");
		at = strstr(root, "/usr/bin/");
		if (at)
			*at = '\0';
		python_try(root, paths.gl_pathv[i], found, count);
	}
	globfree(&paths);
}

static inline size_t pythons_find(struct python *found)
{
	const char *manager = getenv("PYENV_ROOT"), *home = getenv("HOME"), *roots = getenv("CONNPROF_PYTHONS");
	char pattern[512];
	size_t count = 0;
	bool newest = false;

	python_try("", "/usr/bin/python3", found, &count);
	if (manager)
		snprintf(pattern, sizeof(pattern), "%s/versions/3.*/bin/python3", manager);
	else
		snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/3.*/bin/python3", home ? home : "");
	python_try_all(pattern, false, found, &count);
	snprintf(pattern, sizeof(pattern), "%s/*/usr/bin/python3.[0-9][0-9]", roots ? roots : "build/pythons");
	if (geteuid() == 0)
		python_try_all(pattern, true, found, &count);
	for (size_t i = 0; i < count; i++)
		newest |= found[i].minor == PYTHON_MINOR_MAX;
	if (!newest)
		fprintf(stderr, "no CPython 3.%d: not tested (as root: make pythons)\n", PYTHON_MINOR_MAX);
	return count;
}

#endif
