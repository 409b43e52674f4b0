/* SPDX-License-Identifier: BSD-2-Clause */
/* error.c - messages for struct connprof_error. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int error_set(struct connprof_error *err, int code, enum connprof_exit status, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	err->status = status;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	for (char *c = err->text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return code;
}

int error_memory(struct connprof_error *err)
{
	return error_set(err, -ENOMEM, CONNPROF_CANNOT_OBSERVE, "out of memory (lower -r/--rate or -d/--duration)");
}
