# connprof. `make help` lists the targets; `make demo` and `make check` install what they need.
#
# Variables: B (build folder), CC, CLANG, BPFTOOL, V=1 (show commands).

B       ?= build
CC      := gcc
CLANG   ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PREFIX  ?= /usr/local
Q       := $(if $(V),,@)

CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Werror
CPPFLAGS += -D_GNU_SOURCE -Iprofiler -I. -I$(B)
SAN     ?=

# What building and the demo need, and what only the tests need, from Debian.
BUILD_PACKAGES := gcc libc6-dev clang bpftool libbpf-dev libunwind-dev libhiredis-dev libelf-dev libdw-dev zlib1g-dev \
	liblzma-dev libjson-c-dev libprotobuf-c-dev protobuf-c-compiler uthash-dev libiberty-dev libncurses-dev libcapstone-dev
DEMO_PACKAGES  := nginx-light redis-server apache2-utils tcpdump perl libdevel-nytprof-perl python3 python3-venv procps
CHECK_PACKAGES := libcmocka-dev libclang-rt-14-dev gdb golang-go chromium chromium-driver tmux memcached mariadb-server-core \
	mariadb-client-core postgresql liburing-dev libssl-dev util-linux iproute2 binutils xz-utils openssl libdebuginfod1 libc6-dbg pypy3 \
	php-fpm uwsgi-core uwsgi-plugin-python3
ALL_CFLAGS := -std=gnu11 $(CFLAGS) $(WARN) -fno-omit-frame-pointer -fstack-protector-strong -fPIE $(SAN)
LDLIBS  := -lbpf -lunwind-generic -lunwind -lhiredis -ldw -lelf -lz -ljson-c -lprotobuf-c -llzma -liberty -lcapstone -lm

LIB_SRC   := $(wildcard profiler/*.c profiler/*/*.c)
LIB_OBJ   := $(LIB_SRC:%.c=$(B)/%.o)
TOOL_SRC  := $(wildcard tools/*.c)
TOOL_OBJ  := $(TOOL_SRC:%.c=$(B)/%.o)
# state first: the linker takes a map's place from the object it meets it in first, and that must be the definition.
BPF_SRC   := bpf/state.bpf.c $(filter-out bpf/state.bpf.c,$(wildcard bpf/*.bpf.c))
BPF_OBJ   := $(BPF_SRC:%.c=$(B)/%.o)
UNIT_SRC  := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN  := $(UNIT_SRC:%.c=$(B)/%)

.PHONY: help deps deps-check build demo check check-parts check-live lint san fuzz bench install clean unit
.SECONDARY:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

deps: ## install what building and the demo need (Debian packages, Python parts under build/)
	$(Q)tests/deps.sh $(BUILD_PACKAGES) $(DEMO_PACKAGES)
	+$(Q)$(MAKE) --no-print-directory $(B)/venv/.ready

deps-check: deps
	$(Q)tests/deps.sh $(CHECK_PACKAGES)

build: $(B)/connprof ## build/connprof

$(B)/connprof: $(TOOL_OBJ) $(B)/libconnprof.a
	$(Q)$(CC) $(ALL_CFLAGS) -pie -o $@ $^ $(LDLIBS) -lncursesw -ltinfo

$(B)/libconnprof.a: $(LIB_OBJ)
	$(Q)rm -f $@; ar rcs $@ $^

$(B)/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---- the kernel side: one object a file, linked into one, wrapped as a skeleton ----

BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations \
	-D__TARGET_ARCH_x86 -I/usr/include/$(shell uname -m)-linux-gnu

$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/bpf/connprof.linked.o: $(BPF_OBJ)
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/bpf/connprof.skel.h: $(B)/bpf/connprof.linked.o
	$(Q)$(BPFTOOL) gen skeleton $< name connprof_bpf > $@.tmp && mv $@.tmp $@

$(filter $(B)/profiler/source/%,$(LIB_OBJ)): | $(B)/bpf/connprof.skel.h

# ---- tests ----

# Programs are built side by side, tests run one after the other.
PARALLEL  := -j$(shell nproc)
SANITIZED := B=$(B)/san SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' CFLAGS='-O1 -g'

# In a sub-make: what deps-check has just installed is only then found.
check: deps-check ## all tests (root, real BPF)
	+$(Q)$(MAKE) --no-print-directory -k $(PARALLEL) build test-programs workloads
	+$(Q)$(MAKE) --no-print-directory -k check-parts

check-parts: lint unit san fuzz-brief cli golden unit-demo check-live check-corpus

unit: $(UNIT_BIN) ## unit tests
	$(Q)status=0; for t in $(UNIT_BIN); do echo "== $$t"; $$t || status=1; done; exit $$status

# The tests that live on bytes, again under the sanitizers.
san: ## unit and walker tests under ASan and UBSan
	+$(Q)$(MAKE) --no-print-directory $(SANITIZED) -k $(PARALLEL) test-programs
	+$(Q)$(MAKE) --no-print-directory $(SANITIZED) unit walk

install: build ## install under PREFIX (/usr/local), DESTDIR respected
	$(Q)install -D -m 755 $(B)/connprof $(DESTDIR)$(PREFIX)/bin/connprof
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/man/man1
	$(Q)gzip -9nc docs/connprof.1 > $(DESTDIR)$(PREFIX)/share/man/man1/connprof.1.gz

$(B)/tests/unit/%: tests/unit/%.c $(B)/libconnprof.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -MMD -MP -o $@ $< $(B)/libconnprof.a -lcmocka $(LDLIBS)

# Each kind of test and the demo keep their own targets beside their files.
include $(wildcard tests/*/*.mk tests/services/*/*.mk profiler/*/*.mk)

.PHONY: test-programs
test-programs: $(UNIT_BIN) $(WALK_TESTS)

clean: ## remove build/
	$(Q)rm -rf $(B)

-include $(LIB_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(UNIT_BIN:=.d)
