/* SPDX-License-Identifier: BSD-2-Clause */
/* frames.c - raw stacks to resolved ones. */
#include "source/frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "runtime/plumbing.h"
#include "source/late.h"
#include "source/leaf.h"
#include "source/pool_frames.h"
#include "symbol/symbol.h"

#define FINISHED_MAX (NATIVE_SLOTS_MAX + 256) /* native frames after libunwind has gone on */

struct frames {
	struct connprof_recording *recording;
	struct late *late;
	struct pool_frames *pool_frames;
	struct kallsyms *kallsyms;
	bool kallsyms_tried;
	struct unwind_remote *remote;        /* of the process that needed it last */
	pid_t remote_pid;
	struct slot native[FINISHED_MAX], python[PYTHON_SLOTS_MAX];
	struct merge_item items[STACK_SLOTS + FINISHED_MAX];
	uint32_t ids[STACK_FRAMES_MAX];
};

struct frames *frames_new(struct connprof_recording *recording)
{
	struct frames *frames = calloc(1, sizeof(*frames));

	if (!frames)
		return NULL;
	frames->recording = recording;
	frames->late = late_new(recording);
	frames->pool_frames = pool_frames_new(recording);
	if (frames->late && frames->pool_frames)
		return frames;
	frames_free(frames);
	return NULL;
}

void frames_free(struct frames *frames)
{
	if (!frames)
		return;
	late_free(frames->late);
	pool_frames_free(frames->pool_frames);
	kallsyms_free(frames->kallsyms);
	unwind_remote_free(frames->remote);
	free(frames);
}

int raw_stack_read(const struct stack_head *head, size_t size, struct raw_stack *out)
{
	const uint8_t *at = (const uint8_t *)(head + 1);
	size_t need;

	if (size < sizeof(*head))
		return -EINVAL;
	need = sizeof(*head) + ((size_t)head->task_slots + head->python + head->native) * sizeof(struct slot) +
	       ((size_t)head->kernel + head->copy_registers) * sizeof(uint64_t) + head->copy_bytes;
	if (need > size || head->native_end >= STACK_END_COUNT || head->python_end >= PYTHON_END_COUNT ||
	    head->python > PYTHON_SLOTS_MAX || head->native > NATIVE_SLOTS_MAX || head->kernel > KERNEL_FRAMES_MAX ||
	    (head->copy_registers && head->copy_registers != COPY_REGISTERS))
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	out->python = (const struct slot *)at + head->task_slots;
	if (head->task_slots) {
		out->task_name = at;
		out->task_name_bytes = head->task_slots * sizeof(struct slot);
	}
	out->python_count = head->python;
	out->native = out->python + head->python;
	out->native_count = head->native;
	out->kernel = (const uint64_t *)(out->native + head->native);
	out->kernel_count = head->kernel;
	out->sp = head->sp;
	out->unit = head->unit;
	out->end = head->native_end;
	out->python_end = head->python_end;
	out->holds_gil = head->holds_gil;
	if (head->copy_bytes) {
		out->head = head;
		out->registers = head->copy_registers ? out->kernel + head->kernel : NULL;
		out->copy = (const uint8_t *)(out->kernel + head->kernel + head->copy_registers);
	}
	return 0;
}

bool raw_stack_unmapped(const struct raw_stack *raw)
{
	return raw->copy && raw->end != END_EXPRESSION && raw->end != END_NO_RULE;
}

/* ---- native ---- */

/* Words of a struct pt_regs (arch/x86/include/uapi/asm/ptrace.h). */
enum { PT_R15, PT_R14, PT_R13, PT_R12, PT_BP, PT_BX, PT_R11, PT_R10, PT_R9, PT_R8, PT_AX, PT_CX, PT_DX, PT_SI, PT_DI, PT_ORIG_AX };

static struct unwind_registers registers_of(const struct raw_stack *raw)
{
	const struct stack_head *head = raw->head;
	const uint64_t *r = raw->registers;
	struct unwind_registers out = {.pc = head->copy_pc & ~SLOT_EXACT_PC, .sp = head->copy_sp, .bp = head->copy_bp};

	if (!r)
		return out;
	out.all = 1;
	out.rbx = r[PT_BX], out.r12 = r[PT_R12], out.r13 = r[PT_R13], out.r14 = r[PT_R14], out.r15 = r[PT_R15];
	out.rax = r[PT_AX], out.rcx = r[PT_CX], out.rdx = r[PT_DX], out.rsi = r[PT_SI], out.rdi = r[PT_DI];
	out.r8 = r[PT_R8], out.r9 = r[PT_R9], out.r10 = r[PT_R10], out.r11 = r[PT_R11];
	return out;
}

/* Makes frames->remote that of pid. False: there is no such process; then it stays what it was. */
static bool remote_for(struct frames *frames, pid_t pid)
{
	struct unwind_remote *fresh;

	if (frames->remote && frames->remote_pid == pid)
		return true;
	if (pid <= 0 || unwind_remote_new(pid, &fresh))
		return false;
	unwind_remote_free(frames->remote);
	frames->remote = fresh;
	frames->remote_pid = pid;
	return true;
}

/* The innermost frame has no rule. If its caller can be proved, registers become the caller's. */
static enum leaf_found leaf_step(const struct raw_stack *raw, pid_t pid, struct unwind_registers *registers)
{
	struct leaf leaf = {.pid = pid, .pc = registers->pc, .in_system_call = !(raw->head->copy_pc & SLOT_EXACT_PC)};
	enum leaf_found found;

	if (!raw->registers || raw->head->copy_bytes < COPY_BELOW + 8)
		return LEAF_UNKNOWN;
	memcpy(&leaf.at_sp, raw->copy + COPY_BELOW, 8);
	leaf.ax = raw->registers[PT_AX];
	leaf.orig_ax = raw->registers[PT_ORIG_AX];
	found = leaf_look(&leaf);
	if (found == LEAF_CALLER) {
		registers->pc = leaf.at_sp;
		registers->sp += 8;
		registers->all = 0;
	}
	return found;
}

/* Where the rows had to stop, libunwind goes on over the copied piece of stack; where the kernel had to guess its way through code it
 * did not know yet, libunwind's word holds if it found the root by rules. The result replaces raw's native part. */
static void finish_native(struct frames *frames, struct followed *process, struct raw_stack *raw)
{
	const struct stack_head *head = raw->head;
	struct unwind_registers registers = registers_of(raw);
	size_t kept = raw->registers ? 0 : raw->native_count;
	pid_t pid = followed_identity(process)->pid;
	struct unwind_stack stack = {.pid = pid, .address = head->copy_sp - COPY_BELOW, .bytes = raw->copy, .size = head->copy_bytes,
				     .moving = 1};
	struct unwind_frame rest[FINISHED_MAX];
	enum stack_end end = END_EXPRESSION;
	bool exact = head->copy_pc & SLOT_EXACT_PC, leaf = raw->end == END_NO_RULE;
	enum leaf_found found;
	int count;

	/* One that has gone since, like a child of vfork, had its parent's code in the same place. */
	if (!remote_for(frames, pid) && !remote_for(frames, followed_alike(process)))
		return;
	if (leaf) {
		found = leaf_step(raw, frames->remote_pid, &registers);
		raw->end = found == LEAF_ROOT ? END_ROOT : raw->end;
		if (found != LEAF_CALLER)
			return;
		kept = 1;
		exact = false;
	}
	count = unwind_remote_walk(frames->remote, &registers, &stack, rest, FINISHED_MAX - kept, &end);
	if (count <= 0 || (raw->end != END_EXPRESSION && !stack_end_complete(end) && kept + (size_t)count <= raw->native_count))
		return;
	memcpy(frames->native, raw->native, kept * sizeof(struct slot));
	if (leaf)
		frames->native[0].b = registers.sp;
	for (int i = 0; i < count; i++)
		frames->native[kept + i] =
			(struct slot){rest[i].pc | ((i ? rest[i].exact_pc : exact) ? SLOT_EXACT_PC : 0), rest[i].cfa};
	raw->native = frames->native;
	raw->native_count = kept + count;
	raw->end = end;
}

/* Returns the object the code is in, NULL: none. */
static struct object *name_native(struct frames *frames, struct followed *process, uint64_t pc, bool eval, struct frame *out)
{
	struct strings *strings = frames->recording->strings;
	struct runtime *runtime;
	const struct runtime_ops *ops = followed_runtime(process, &runtime);
	uint64_t address = 0;
	struct object *object = followed_object(process, pc, &address);
	const char *raw = object ? object_symbol(object, address) : followed_jit_name(process, pc);
	char name[STRINGS_LENGTH_MAX];

	out->kind = FRAME_NATIVE;
	out->address = object ? address : pc;
	if (object) {
		const char *path = object_path(object), *base = strrchr(path, '/');

		out->module = strings_add(strings, path);
		if (followed_is_main(process, object))
			out->flags |= FRAME_MAIN_OBJECT;
		if (!raw)
			snprintf(name, sizeof(name), "[%.200s+0x%llx]", base ? base + 1 : path, (unsigned long long)address);
	} else if (raw) {
		out->flags |= FRAME_JIT;
	} else {
		snprintf(name, sizeof(name), "0x%llx", (unsigned long long)pc);
	}
	if (raw)
		demangle(raw, name, sizeof(name));
	if (ops && (eval || (ops->in_interpreter(runtime, pc) && (!raw || plumbing_is(name)))))
		out->flags |= FRAME_INTERPRETER;
	out->function = strings_add(strings, name);
	return object;
}

static uint32_t native_frame(struct frames *frames, struct followed *process, const struct merge_item *item)
{
	uint64_t pc = item->slot->a & ~SLOT_EXACT_PC;
	uint64_t at = item->slot->a & SLOT_EXACT_PC ? pc : pc - 1; /* a return address may be the next function's first */
	uint64_t key = at << 1 | item->eval;
	uint32_t id = followed_cached_frame(process, key);
	struct frame frame = {0};
	struct object *object;

	if (id)
		return id;
	object = name_native(frames, process, at, item->eval, &frame);
	id = stacks_add_frame(frames->recording->stacks, &frame);
	if (object)
		late_add(frames->late, id, object);
	if (id)
		followed_cache_frame(process, key, id);
	return id;
}

/* Frames that only brought the interpreter or the thread up, below the outermost Python frame, show as such. */
static uint32_t startup_frame(struct frames *frames, uint32_t id)
{
	const struct frame *known = stacks_frame(frames->recording->stacks, id);
	struct frame frame;
	uint32_t fresh;

	if (!known || known->kind != FRAME_NATIVE || known->flags & FRAME_INTERPRETER)
		return id;
	frame = *known;
	frame.flags |= FRAME_INTERPRETER;
	fresh = stacks_add_frame(frames->recording->stacks, &frame);
	late_add_like(frames->late, fresh, id);
	return fresh;
}

/* ---- Python ---- */

/* false: the slot is no frame of the program. */
static bool python_frame(struct frames *frames, struct followed *process, const struct slot *slot, uint32_t *id)
{
	struct frame frame;
	int code = followed_name_frame(process, slot, frames->recording->strings, &frame);

	if (code > 0)
		return false;
	if (code) {
		memset(&frame, 0, sizeof(frame));
		frame.function = strings_add(frames->recording->strings, "[unreadable frame]");
		frames->recording->unreadable_frames++;
	}
	frame.kind = FRAME_PYTHON;
	*id = stacks_add_frame(frames->recording->stacks, &frame);
	return true;
}

/* What a mark says of the frame before it: the pool that it is a method of; 0: of none. */
static uint32_t pool_of(struct frames *frames, struct followed *process, const struct slot *slot, uint32_t frame, uint64_t self)
{
	struct runtime *runtime;
	const struct runtime_ops *ops = followed_runtime(process, &runtime);

	if (!ops || !pool_frames_has(frames->pool_frames, frame) || !ops->self_known(runtime, slot))
		return 0;
	return pool_frames_place(frames->pool_frames, self);
}

/* 0: the task has no name that can be told. */
static uint32_t task_frame(struct frames *frames, struct followed *process, const struct raw_stack *raw, uint64_t task)
{
	struct runtime *runtime;
	const struct runtime_ops *ops = followed_runtime(process, &runtime);
	struct frame frame = {0};

	if (!ops || ops->name_task(runtime, task, raw->task_name, raw->task_name_bytes, frames->recording->strings, &frame))
		return 0;
	return stacks_add_frame(frames->recording->stacks, &frame);
}

/* ---- kernel ---- */

static uint32_t kernel_frame(struct frames *frames, uint64_t address)
{
	struct frame frame = {.kind = FRAME_KERNEL, .address = address};
	const char *name;
	char text[32];

	if (!frames->kallsyms_tried) {
		int code = kallsyms_load(&frames->kallsyms);

		frames->kallsyms_tried = true;
		if (code)
			recording_note(frames->recording, "kernel functions have no names: /proc/kallsyms hides addresses "
				       "(sysctl kernel.kptr_restrict=0)");
	}
	name = frames->kallsyms ? kallsyms_find(frames->kallsyms, address) : NULL;
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
	frame.function = strings_add(frames->recording->strings, name ? name : text);
	return stacks_add_frame(frames->recording->stacks, &frame);
}

/* ---- the whole ---- */

struct eval_context {
	const struct runtime_ops *ops;
	struct runtime *runtime;
	struct followed *process;
};

static bool is_eval(const void *context, uint64_t pc)
{
	const struct eval_context *eval = context;

	return eval->ops->is_eval && eval->ops->is_eval(eval->runtime, pc);
}

static bool is_greenlet_module(const void *context, uint64_t pc)
{
	const struct eval_context *eval = context;
	uint64_t address;
	struct object *object = followed_object(eval->process, pc, &address);
	const char *path = object ? object_path(object) : "", *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	return !strncmp(base, "_greenlet.", 10) || !strncmp(base, "greenlet.", 9); /* before 1.0 */
}

/* Orders both halves; raw's native part loses what is not the running greenlet's own. */
static size_t merge(struct frames *frames, struct followed *process, struct raw_stack *raw)
{
	struct eval_context eval = {.process = process};
	struct merge_input input = {
		.python = raw->python, .python_count = raw->python_count,
		.native = raw->native, .native_count = raw->native_count,
		.sp = raw->sp, .anchor = followed_anchor(process), .is_eval = is_eval, .context = &eval,
	};
	size_t misses = 0, count, own;

	eval.ops = followed_runtime(process, &eval.runtime);
	if (!eval.ops) /* the image changed since: these Python slots cannot be read any more */
		input.python_count = 0;
	if (merge_order_runs(&input, frames->python))
		input.python = frames->python;
	own = eval.ops && !stack_end_complete(raw->end) ? merge_switch(&input, is_greenlet_module) : 0;
	if (!own && eval.ops && raw->python_end == PYTHON_ROOT)
		own = merge_greenlet(&input, is_greenlet_module);
	if (own) {
		input.native_count = own;
		raw->end = END_GREENLET;
	}
	count = merge_stacks(&input, frames->items, &misses);
	frames->recording->merge_misses += misses > 0;
	return count;
}

uint32_t frames_stack(struct frames *frames, struct followed *process, const struct raw_stack *raw_in, uint32_t *pool)
{
	struct raw_stack raw = *raw_in;
	const struct slot *shown = NULL; /* the Python frame shown last */
	size_t count = 0, items, after_python;

	for (size_t i = 0; i < raw.kernel_count; i++)
		frames->ids[count++] = kernel_frame(frames, raw.kernel[i]);
	if (!process)
		return stacks_add(frames->recording->stacks, frames->ids, count, raw.end);
	if (raw.copy)
		finish_native(frames, process, &raw);
	items = merge(frames, process, &raw);
	after_python = count;
	for (size_t i = 0; i < items && count < STACK_FRAMES_MAX; i++) {
		const struct merge_item *item = &frames->items[i];

		if (!item->python) {
			frames->ids[count++] = native_frame(frames, process, item);
		} else if (item->slot->a == SLOT_TASK) {
			frames->ids[count] = task_frame(frames, process, &raw, item->slot->b);
			count += frames->ids[count] != 0;
		} else if (item->slot->a == SLOT_SELF) {
			if (pool && !*pool && shown && shown + 1 == item->slot) /* the innermost one opens it */
				*pool = pool_of(frames, process, shown, frames->ids[count - 1], item->slot->b);
		} else if (python_frame(frames, process, item->slot, &frames->ids[count])) {
			shown = item->slot;
			after_python = ++count;
		}
	}
	if (raw.python_count)
		for (size_t i = after_python; i < count; i++)
			frames->ids[i] = startup_frame(frames, frames->ids[i]);
	return stacks_add(frames->recording->stacks, frames->ids, count, raw.end);
}

int frames_finish(struct frames *frames)
{
	return late_finish(frames->late);
}

size_t frames_replaced(const struct frames *frames, const struct frame_replacement **by_frame, const uint32_t **ids)
{
	return late_replaced(frames->late, by_frame, ids);
}
