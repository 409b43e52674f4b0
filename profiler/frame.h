/* SPDX-License-Identifier: BSD-2-Clause */
/* frame.h - one resolved frame: what a stack shows at one place, whatever language it is from. Strings are ids in a struct strings. */
#ifndef CONNPROF_FRAME_H
#define CONNPROF_FRAME_H

#include <stdint.h>

enum frame_kind {
	FRAME_NATIVE = 1,
	FRAME_PYTHON = 2,
	FRAME_KERNEL = 3,
	FRAME_NOTE = 4,    /* not code: "[stack cut: …]", a thread's name */
};

enum frame_flag {
	FRAME_INTERPRETER = 1, /* native: the interpreter's own call plumbing (eval loop, vectorcall, …): hidden unless --native */
	FRAME_MAIN_OBJECT = 2, /* native: in the target's own executable, which is not an interpreter */
	FRAME_JIT = 4,         /* name from a perf map */
	FRAME_INLINED = 8,     /* native: no call of its own; the next frame outwards that is not inlined is the call it is in */
};

struct frame {
	uint8_t kind;       /* enum frame_kind */
	uint8_t flags;      /* enum frame_flag */
	uint16_t reserved;
	uint32_t function;  /* string id; "0x…" or "[libfoo.so+0x…]" where no symbol covers the address */
	uint32_t file;      /* string id: source file (Python; native where debug info tells), or "" */
	uint32_t line;      /* 0: not known */
	uint32_t first_line;/* of the function; 0: not known */
	uint32_t module;    /* string id: the object's path (native), or "" */
	uint64_t address;   /* ELF virtual address (native), kernel address, else 0 */
};

#endif
