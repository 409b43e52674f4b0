# SPDX-License-Identifier: BSD-2-Clause
# The C workloads: built as production code is, without frame pointers; not linked with anything of ours.

WORKLOAD_DIR   := $(B)/tests/workloads
WORKLOAD_NAMES := $(filter-out workload plugin,$(patsubst tests/workloads/%.c,%,$(wildcard tests/workloads/*.c)))
WORKLOAD_FLAGS := -std=gnu11 -O2 -g -fomit-frame-pointer -fno-optimize-sibling-calls $(WARN) -D_GNU_SOURCE

.PHONY: workloads
workloads: $(WORKLOAD_NAMES:%=$(WORKLOAD_DIR)/%) $(WORKLOAD_DIR)/plugin.so $(WORKLOAD_DIR)/pause32

$(WORKLOAD_DIR)/plugin.so: tests/workloads/plugin.c tests/workloads/workload.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(WORKLOAD_FLAGS) -fPIC -shared -o $@ $<

$(WORKLOAD_DIR)/pause32: tests/workloads/pause32.s
	$(Q)mkdir -p $(@D)
	$(Q)as --32 -o $@.o $< && ld -m elf_i386 -o $@ $@.o

$(WORKLOAD_DIR)/uring: WORKLOAD_LIBS := -luring

$(WORKLOAD_DIR)/%: tests/workloads/%.c tests/workloads/workload.c tests/workloads/workload.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(WORKLOAD_FLAGS) -o $@ $< tests/workloads/workload.c -rdynamic -lpthread -ldl $(WORKLOAD_LIBS)
