/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls.h - TLS libraries in followed processes, watched so that what is said inside TLS can be read.
 *
 * Nothing is done to a process before a TLS record of its own has been seen. Then the files it maps are looked through for
 * SSL_read, SSL_write and their kin (OpenSSL and those that keep its names, shared or linked in), and the kernel is asked to report
 * when that process reaches them: it puts breakpoints into the process's own copy of the page. Where a function is not
 * understood to its last instruction, that library is left alone: the connections then stay unread.
 */
#ifndef CONNPROF_SOURCE_TLS_H
#define CONNPROF_SOURCE_TLS_H

#include <stdint.h>
#include <sys/types.h>

#include "model/recording.h"
#include "source/objects.h"
#include "source/probe.h"

struct tls;

/* All borrowed until tls_free. NULL when out of memory. */
struct tls *tls_new(struct probe *probe, struct objects *objects, struct connprof_recording *notes);
void tls_free(struct tls *tls);

/* Of these, tls may be NULL: then nothing is done. */

/* pid speaks TLS: from soon on what it says can be read. Does nothing the second time. */
void tls_watch(struct tls *tls, pid_t pid);
/* A child of a watched process is watched too. */
void tls_fork(struct tls *tls, pid_t parent, pid_t child);
/* pid has ended, or has a new image. */
void tls_forget(struct tls *tls, pid_t pid);

#endif
