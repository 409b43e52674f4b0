# SPDX-License-Identifier: BSD-2-Clause
# make fuzz: each tests/fuzz/fuzz_*.c for FUZZ_SECONDS under libFuzzer, ASan and UBSan. A fuzzer is linked with the library's own
# sources, compiled again for it; what it found stays under build/fuzz/NAME (corpus, crash-*). `make check` runs each for a moment.
#
# Seeds are made at run time: tests/fuzz/seeds/NAME, if it is there, is run as `NAME FOLDER` and fills the folder.

FUZZ_SECONDS ?= 30
FUZZ_BRIEF_SECONDS ?= 3
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/bin/%)
# What bytes from outside reach: everything that needs no kernel, and the walker compiled for user space.
FUZZ_LIB := $(wildcard profiler/base/*.c profiler/process/*.c profiler/protocol/*.c profiler/unwind/*.c profiler/symbol/*.c \
	profiler/runtime/*.c profiler/model/*.c) tests/walk/image.c tests/walk/fixture.c tests/walk/replay.c \
	bpf/walk.bpf.c bpf/native.bpf.c bpf/cpython.bpf.c
FUZZ_OBJ := $(FUZZ_LIB:%.c=$(B)/fuzz/%.o)
FUZZ_FLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

$(B)/fuzz/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(B)/fuzz/libfuzzed.a: $(FUZZ_OBJ)
	$(Q)rm -f $@; ar rcs $@ $^

$(B)/fuzz/bin/%: tests/fuzz/%.c $(B)/fuzz/libfuzzed.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(B)/fuzz/libfuzzed.a $(LDLIBS)

FUZZ_RUN := $(FUZZ_SRC:tests/fuzz/%.c=run-%)

$(FUZZ_RUN): run-%: $(B)/fuzz/bin/%
	$(Q)mkdir -p $(B)/fuzz/$*/corpus
	$(Q)if [ -x tests/fuzz/seeds/$* ]; then tests/fuzz/seeds/$* $(B)/fuzz/$*/corpus; fi
	@echo "== $*: $(FUZZ_SECONDS) s"
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=$(B)/fuzz/$*/ $(B)/fuzz/$*/corpus > $(B)/fuzz/$*/log 2>&1 || { tail -60 $(B)/fuzz/$*/log; exit 1; }
	$(Q)grep -E '^stat::(number_of_executed|peak)' $(B)/fuzz/$*/log

fuzz: $(FUZZ_RUN) ## each parser for FUZZ_SECONDS (30) under libFuzzer and the sanitizers

fuzz-brief:
	+$(Q)$(MAKE) --no-print-directory -k $(PARALLEL) $(FUZZ_BIN)
	$(Q)tests/fuzz/brief.sh $(B)/fuzz $(FUZZ_BRIEF_SECONDS)

.PHONY: fuzz-brief $(FUZZ_RUN)
.PRECIOUS: $(B)/fuzz/bin/%

-include $(FUZZ_OBJ:.o=.d) $(FUZZ_BIN:=.d)
