# SPDX-License-Identifier: BSD-2-Clause
# The C workloads: built as production code is, without frame pointers; not linked with anything of ours.

WORKLOAD_DIR   := $(B)/tests/workloads
WORKLOAD_OBJECTS := plugin libtiny liblazy
WORKLOAD_NAMES := $(filter-out workload $(WORKLOAD_OBJECTS),$(patsubst tests/workloads/%.c,%,$(wildcard tests/workloads/*.c)))
WORKLOAD_MORE  := deep_static split_debug_frame goburn sealed_static sealed_stripped
WORKLOAD_FLAGS := -std=gnu11 -O2 -g -fomit-frame-pointer -fno-optimize-sibling-calls $(WARN) -D_GNU_SOURCE

.PHONY: workloads
workloads: $(WORKLOAD_OBJECTS:%=$(WORKLOAD_DIR)/%.so) $(WORKLOAD_NAMES:%=$(WORKLOAD_DIR)/%) $(WORKLOAD_MORE:%=$(WORKLOAD_DIR)/%) \
	$(WORKLOAD_DIR)/pause32

# Bound at the first call, as ld.so does unless told otherwise.
$(WORKLOAD_DIR)/%.so: tests/workloads/%.c tests/workloads/workload.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(WORKLOAD_FLAGS) -fno-builtin -fPIC -shared -Wl,-z,lazy -o $@ $<

$(WORKLOAD_DIR)/pause32: tests/workloads/pause32.s
	$(Q)mkdir -p $(@D)
	$(Q)as --32 -o $@.o $< && ld -m elf_i386 -o $@ $@.o

$(WORKLOAD_DIR)/uring: WORKLOAD_LIBS := -luring

$(WORKLOAD_DIR)/%: tests/workloads/%.c tests/workloads/workload.c tests/workloads/workload.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(WORKLOAD_FLAGS) -o $@ $< tests/workloads/workload.c -rdynamic -lpthread -ldl $(WORKLOAD_LIBS)

$(WORKLOAD_DIR)/realigned: WORKLOAD_FLAGS += -mforce-drap
$(WORKLOAD_DIR)/plt: WORKLOAD_LIBS = -Wl,-z,lazy -L$(@D) -ltiny -Wl,-rpath,'$$ORIGIN'
$(WORKLOAD_DIR)/plt: $(WORKLOAD_DIR)/libtiny.so

# No ld.so, its own copy of libc.
$(WORKLOAD_DIR)/deep_static: tests/workloads/deep.c tests/workloads/workload.c tests/workloads/workload.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(WORKLOAD_FLAGS) -fPIE -static-pie -o $@ $< tests/workloads/workload.c

# OpenSSL inside: with ld.so, without, and without names.
$(WORKLOAD_DIR)/sealed: WORKLOAD_LIBS := -Wl,-Bstatic -lssl -lcrypto -Wl,-Bdynamic

$(WORKLOAD_DIR)/sealed_static: tests/workloads/sealed.c tests/workloads/workload.c tests/workloads/workload.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(WORKLOAD_FLAGS) -static -Wl,--no-warnings -o $@ $< tests/workloads/workload.c -lssl -lcrypto

$(WORKLOAD_DIR)/sealed_stripped: $(WORKLOAD_DIR)/sealed_static
	$(Q)strip -o $@ $<

# Call frame information for debuggers only: .debug_frame, no .eh_frame of its own.
$(WORKLOAD_DIR)/split_debug_frame: tests/workloads/split.c tests/workloads/workload.c tests/workloads/workload.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(WORKLOAD_FLAGS) -fno-asynchronous-unwind-tables -fno-unwind-tables -o $@ $< tests/workloads/workload.c

# Where there is no Go, its case says so.
$(WORKLOAD_DIR)/goburn: tests/workloads/goburn.go
	$(Q)mkdir -p $(@D)
	$(Q)! command -v go > /dev/null || GO111MODULE=off GOCACHE=$(abspath $(B))/gocache go build -o $@ $<
