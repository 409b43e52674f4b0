/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remote.c - libunwind over a copied stack and another process's memory: the frames that rows cannot express, and `dump`.
 *
 * libunwind asks through callbacks: registers come from the caller; memory from the copy of the stack, from cached pages of
 * read-only file mappings (tables and code do not change), or from the process; unwind information is the .eh_frame_hdr that lies in
 * the target's own memory, so a deleted file or the vdso is no special case. The target is only read.
 *
 * Everything read may be forged. libunwind bounds its own stacks; endless DWARF loops end when a walk's budget of reads does.
 */
#include <elf.h>
#include <errno.h>
#include <libunwind.h>
#include <stdlib.h>
#include <string.h>

#include "process/process.h"
#include "unwind/cursor.h"
#include "unwind/unwind.h"

#define PAGE 4096ull
#define PAGES 128               /* cached pages, by address */
#define READS_PER_FRAME 20000   /* an honest frame takes under 2,000 */
#define HEADERS_MAX 64          /* program headers of one module */

/* libunwind exports it for remote unwinders but its header does not declare it. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *info,
					       unw_proc_info_t *proc, int need_unwind_info, void *arg);

/* The search table of the module an executable mapping belongs to. */
struct module {
	enum { MODULE_UNKNOWN = 0, MODULE_TABLE, MODULE_NONE } state;
	uint64_t header;  /* address of its .eh_frame_hdr: what the table's entries are relative to */
	uint64_t table;
	uint64_t entries;
};

struct page {
	uint64_t address; /* 0: free */
	uint8_t bytes[PAGE];
};

struct unwind_remote {
	pid_t pid;
	unw_addr_space_t space;
	struct process_maps maps;
	struct module *modules;  /* one for each of maps.items */
	struct page *pages;      /* PAGES of them */
	/* the walk under way */
	const struct unwind_registers *registers;
	const struct unwind_stack *stack;
	uint64_t reads_left;
	bool faulted;            /* memory could not be read since the last step began */
	bool beyond;             /* that was asked for which the copy does not have */
	bool reloaded;           /* the mappings were read anew in this walk */
	int found;               /* what find_proc_info last said: 0, or a negative unw_error_t */
};

/* ---- memory ---- */

/* The cached page that holds address, read if need be; NULL: not to be cached, or not readable. */
static const uint8_t *cached_page(struct unwind_remote *remote, uint64_t address)
{
	uint64_t start = address & ~(PAGE - 1);
	struct page *page = &remote->pages[start / PAGE % PAGES];
	const struct process_map *map;

	if (page->address == start && start)
		return page->bytes;
	map = process_maps_find(&remote->maps, address);
	if (!map || map->write || !map->read || !map->path[0])
		return NULL;
	page->address = 0;
	if (process_read(remote->pid, start, page->bytes, PAGE))
		return NULL;
	page->address = start;
	return page->bytes;
}

static bool may_change(const struct unwind_remote *remote, uint64_t address)
{
	const struct process_map *map = process_maps_find(&remote->maps, address);

	return !map || map->write;
}

/* One word at address: 0 or a negative errno. */
static int read_word(struct unwind_remote *remote, uint64_t address, uint64_t *out)
{
	const struct unwind_stack *stack = remote->stack;
	const uint8_t *page;

	if (stack->size >= 8 && address >= stack->address && address - stack->address <= stack->size - 8) {
		memcpy(out, stack->bytes + (address - stack->address), 8);
		return 0;
	}
	page = (address & (PAGE - 1)) <= PAGE - 8 ? cached_page(remote, address) : NULL;
	if (!page && stack->moving && may_change(remote, address)) {
		remote->beyond = true;
		return -ESTALE;
	}
	if (!page)
		return process_read(remote->pid, address, out, 8);
	memcpy(out, page + (address & (PAGE - 1)), 8);
	return 0;
}

/* ---- modules ---- */

/* The mapping of the file's first bytes that goes with an executable one. */
static const struct process_map *first_mapping(const struct process_maps *maps, const struct process_map *map)
{
	for (const struct process_map *m = map; m >= maps->items; m--)
		if (m->inode == map->inode && m->device == map->device && m->offset == 0 && !strcmp(m->path, map->path))
			return m;
	return NULL;
}

/* Finds the .eh_frame_hdr of the ELF object mapped at base: its address and size. 0; -ENODATA: it has none; -EFAULT: it is not there now. */
static int find_header(struct unwind_remote *remote, uint64_t base, uint64_t *address, uint64_t *size)
{
	Elf64_Ehdr elf;
	Elf64_Phdr headers[HEADERS_MAX];
	uint64_t bias = 0;
	bool have_bias = false;

	if (process_read(remote->pid, base, &elf, sizeof(elf)))
		return -EFAULT;
	if (memcmp(elf.e_ident, ELFMAG, SELFMAG) || elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(*headers) ||
	    elf.e_phnum > HEADERS_MAX)
		return -ENODATA;
	if (process_read(remote->pid, base + elf.e_phoff, headers, elf.e_phnum * sizeof(*headers)))
		return -EFAULT;
	for (int i = 0; i < elf.e_phnum && !have_bias; i++)
		if (headers[i].p_type == PT_LOAD && headers[i].p_offset < PAGE) {
			bias = base - (headers[i].p_vaddr - headers[i].p_offset);
			have_bias = true;
		}
	for (int i = 0; i < elf.e_phnum && have_bias; i++)
		if (headers[i].p_type == PT_GNU_EH_FRAME) {
			*address = bias + headers[i].p_vaddr;
			*size = headers[i].p_memsz;
			return 0;
		}
	return -ENODATA;
}

/* Reads the head of an .eh_frame_hdr; only the one form with a searchable table, which all linkers write, will do. As find_header. */
static int read_header(struct unwind_remote *remote, uint64_t address, uint64_t size, struct module *module)
{
	uint8_t bytes[24];
	struct cursor c = { .at = bytes, .end = bytes + sizeof(bytes), .origin = bytes, .address = address, .data = address };
	uint8_t pointer, count;
	uint64_t entries;

	if (size < sizeof(bytes))
		return -ENODATA;
	if (process_read(remote->pid, address, bytes, sizeof(bytes)))
		return -EFAULT;
	if (cursor_u8(&c) != 1)
		return -ENODATA;
	pointer = cursor_u8(&c);
	count = cursor_u8(&c);
	if (cursor_u8(&c) != 0x3b) /* datarel sdata4 */
		return -ENODATA;
	cursor_pointer(&c, pointer, 0);
	entries = cursor_pointer(&c, count, 0);
	if (c.bad || entries > size / 8)
		return -ENODATA;
	module->header = address;
	module->table = cursor_address(&c);
	module->entries = entries;
	return 0;
}

static const struct module *module_of(struct unwind_remote *remote, const struct process_map *map)
{
	struct module *module = &remote->modules[map - remote->maps.items];
	const struct process_map *first;
	uint64_t address, size;
	int code;

	if (module->state == MODULE_UNKNOWN) {
		first = map->path[0] ? first_mapping(&remote->maps, map) : NULL;
		code = first ? find_header(remote, first->start, &address, &size) : -ENODATA;
		if (!code)
			code = read_header(remote, address, size, module);
		/* One that is not there now may be again, in the same place: a plugin that comes and goes. */
		module->state = !code ? MODULE_TABLE : code == -EFAULT ? MODULE_UNKNOWN : MODULE_NONE;
	}
	return module->state == MODULE_TABLE ? module : NULL;
}

/* Reads the mappings; what was cached of them and of their memory goes. */
static int load_maps(struct unwind_remote *remote)
{
	struct process_maps maps = {0};
	struct module *modules;
	int code = process_maps_load(remote->pid, &maps);

	if (code < 0)
		return code;
	modules = calloc(maps.count + 1, sizeof(*modules));
	if (!modules) {
		process_maps_done(&maps);
		return -ENOMEM;
	}
	process_maps_done(&remote->maps);
	free(remote->modules);
	remote->maps = maps;
	remote->modules = modules;
	for (size_t i = 0; i < PAGES; i++)
		remote->pages[i].address = 0;
	unw_flush_cache(remote->space, 0, 0);
	return 0;
}

/* The executable mapping at pc; looks again, once a walk, for what was mapped since. */
static const struct process_map *code_at(struct unwind_remote *remote, uint64_t pc)
{
	const struct process_map *map = process_maps_find(&remote->maps, pc);

	if (!map && !remote->reloaded) {
		remote->reloaded = true;
		if (load_maps(remote) == 0)
			map = process_maps_find(&remote->maps, pc);
	}
	return map && map->execute ? map : NULL;
}

/* ---- what libunwind asks ---- */

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *proc, int need, void *arg)
{
	struct unwind_remote *remote = arg;
	const struct process_map *map = code_at(remote, ip);
	const struct module *module = map ? module_of(remote, map) : NULL;
	unw_dyn_info_t info = { .format = UNW_INFO_FORMAT_REMOTE_TABLE };

	remote->found = -UNW_ENOINFO;
	if (!module)
		return remote->found;
	info.start_ip = map->start;
	info.end_ip = map->end;
	info.u.rti.segbase = module->header;
	info.u.rti.table_data = module->table;
	info.u.rti.table_len = module->entries * 8 / sizeof(unw_word_t);
	remote->found = UNW_OBJ(dwarf_search_unwind_table)(space, ip, &info, proc, need, arg);
	return remote->found;
}

/* libunwind frees what dwarf_search_unwind_table made by itself. */
static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *proc, void *arg)
{
	(void)space, (void)proc, (void)arg;
}

static int no_dynamic_info(unw_addr_space_t space, unw_word_t *address, void *arg)
{
	(void)space, (void)address, (void)arg;
	return -UNW_ENOINFO;
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write, void *arg)
{
	struct unwind_remote *remote = arg;

	(void)space;
	if (write || !remote->reads_left)
		return -UNW_EINVAL;
	remote->reads_left--;
	if (read_word(remote, address, value) == 0)
		return 0;
	remote->faulted = true;
	return -UNW_EINVAL;
}

/* Those a call does not preserve: only a rule of the innermost frame can need one. */
static int scratch_register(const struct unwind_registers *r, unw_regnum_t number, unw_word_t *value)
{
	switch (number) {
	case UNW_X86_64_RAX: *value = r->rax; return 0;
	case UNW_X86_64_RCX: *value = r->rcx; return 0;
	case UNW_X86_64_RDX: *value = r->rdx; return 0;
	case UNW_X86_64_RSI: *value = r->rsi; return 0;
	case UNW_X86_64_RDI: *value = r->rdi; return 0;
	case UNW_X86_64_R8: *value = r->r8; return 0;
	case UNW_X86_64_R9: *value = r->r9; return 0;
	case UNW_X86_64_R10: *value = r->r10; return 0;
	case UNW_X86_64_R11: *value = r->r11; return 0;
	default: return -UNW_EBADREG;
	}
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write, void *arg)
{
	const struct unwind_registers *r = ((struct unwind_remote *)arg)->registers;

	(void)space;
	if (write)
		return -UNW_EREADONLYREG;
	switch (number) {
	case UNW_X86_64_RIP: *value = r->pc; return 0;
	case UNW_X86_64_RSP: *value = r->sp; return 0;
	case UNW_X86_64_RBP: *value = r->bp; return 0;
	case UNW_X86_64_RBX: *value = r->rbx; return 0;
	case UNW_X86_64_R12: *value = r->r12; return 0;
	case UNW_X86_64_R13: *value = r->r13; return 0;
	case UNW_X86_64_R14: *value = r->r14; return 0;
	case UNW_X86_64_R15: *value = r->r15; return 0;
	default: return r->all ? scratch_register(r, number, value) : -UNW_EBADREG;
	}
}

static int no_float_registers(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write, void *arg)
{
	(void)space, (void)number, (void)value, (void)write, (void)arg;
	return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space, (void)cursor, (void)arg;
	return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t space, unw_word_t ip, char *name, size_t size, unw_word_t *offset, void *arg)
{
	(void)space, (void)ip, (void)name, (void)size, (void)offset, (void)arg;
	return -UNW_ENOINFO;
}

/* ---- walking ---- */

/* How a stack ended whose step gave `step` (<= 0), with rbp = bp (bp_known: libunwind stops, as if at the root, also
 * where it has lost rbp). */
static enum stack_end end_of(const struct unwind_remote *remote, int step, uint64_t bp, bool bp_known)
{
	if (step == 0 && bp_known && remote->found == 0)
		return END_ROOT;
	if (step == 0 && bp_known && bp == 0)
		return END_FRAME_POINTER;
	if (!remote->reads_left)
		return END_NO_PROGRESS;
	if (remote->beyond)
		return END_COPY_ENDS;
	return remote->faulted ? END_FAULT : END_NO_RULE;
}

static int walk(struct unwind_remote *remote, unw_cursor_t *cursor, struct unwind_frame *frames, size_t limit,
		enum stack_end *end)
{
	size_t count = 0;
	int exact = 1;

	*end = END_TOO_DEEP;
	while (count < limit) {
		unw_word_t pc = 0, sp = 0, bp = 0, next = 0, cfa = 0;
		bool bp_known;
		int signal, step;

		remote->faulted = remote->beyond = false;
		remote->found = -UNW_ENOINFO;
		remote->reads_left = READS_PER_FRAME;
		unw_get_reg(cursor, UNW_REG_IP, &pc);
		unw_get_reg(cursor, UNW_REG_SP, &sp);
		bp_known = unw_get_reg(cursor, UNW_X86_64_RBP, &bp) == 0;
		frames[count] = (struct unwind_frame){ .pc = pc, .exact_pc = exact };
		if (!code_at(remote, pc)) { /* libunwind would guess on */
			*end = END_UNMAPPED;
			return (int)count + 1;
		}
		signal = unw_is_signal_frame(cursor) > 0;
		step = unw_step(cursor);
		if (step > 0 && (unw_get_reg(cursor, UNW_REG_IP, &next) || unw_get_reg(cursor, UNW_REG_SP, &cfa)))
			step = -1;
		if (step > 0 && next == 0)
			step = 0;
		if (step > 0)
			frames[count].cfa = cfa;
		count++;
		/* A handler may run on a stack of its own; the innermost frame may have taken its return address off the stack (vfork). */
		if (step <= 0 || ((cfa < sp || (cfa == sp && count > 1)) && !signal)) {
			*end = step > 0 ? END_NO_PROGRESS : end_of(remote, step, bp, bp_known);
			break;
		}
		if (!code_at(remote, next)) { /* a wild guess along the frame pointer */
			*end = END_UNMAPPED;
			break;
		}
		exact = signal;
	}
	return (int)count;
}

int unwind_remote_walk(struct unwind_remote *remote, const struct unwind_registers *registers,
		       const struct unwind_stack *stack, struct unwind_frame *frames, size_t limit, enum stack_end *end)
{
	unw_cursor_t cursor;
	int count;

	remote->registers = registers;
	remote->stack = stack;
	remote->reloaded = false;
	remote->reads_left = READS_PER_FRAME;
	*end = END_NO_USER;
	count = unw_init_remote(&cursor, remote->space, remote) ? 0 : walk(remote, &cursor, frames, limit, end);
	remote->registers = NULL;
	remote->stack = NULL;
	return count;
}

int unwind_remote_new(pid_t pid, struct unwind_remote **out)
{
	unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = no_dynamic_info,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = no_float_registers,
		.resume = no_resume,
		.get_proc_name = no_name,
	};
	struct unwind_remote *remote = calloc(1, sizeof(*remote));
	int code = -ENOMEM;

	if (!remote)
		return code;
	remote->pid = pid;
	remote->pages = calloc(PAGES, sizeof(*remote->pages));
	remote->space = unw_create_addr_space(&accessors, 0);
	if (remote->pages && remote->space) {
		unw_set_caching_policy(remote->space, UNW_CACHE_GLOBAL);
		code = load_maps(remote);
	}
	if (code)
		unwind_remote_free(remote);
	else
		*out = remote;
	return code;
}

void unwind_remote_free(struct unwind_remote *remote)
{
	if (!remote)
		return;
	if (remote->space)
		unw_destroy_addr_space(remote->space);
	process_maps_done(&remote->maps);
	free(remote->modules);
	free(remote->pages);
	free(remote);
}
