# SPDX-License-Identifier: BSD-2-Clause
# The proof of the verdicts: real frameworks and clients, guilty and innocent. CASES='py8:*' runs a part, RUNS=20 each often.

CORPUS      := $(B)/corpus
CORPUS_LOCK := tests/services/corpus/locks

# From Debian; a toolchain that is there already, of whatever origin, is used as it is. Go must be as new as go/go.mod says.
CORPUS_PACKAGES = libhiredis-dev ruby ruby-redis php-cli php-fpm php-redis php-predis nginx-light libnginx-mod-http-lua lua-nginx-redis openssl \
	$(foreach need,node:nodejs npm:npm go:golang-go javac:default-jdk-headless mvn:maven,\
		$(if $(shell command -v $(firstword $(subst :, ,$(need)))),,$(lastword $(subst :, ,$(need)))))

$(CORPUS)/%/.ready: $(CORPUS_LOCK)/%.txt
	$(Q)$(PYTHON) -m venv $(@D)
	$(Q)$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	$(Q)touch $@

CORPUS_VENVS := $(patsubst $(CORPUS_LOCK)/%.txt,$(CORPUS)/%/.ready,$(wildcard $(CORPUS_LOCK)/*.txt))

$(CORPUS)/node/.ready: $(wildcard $(CORPUS_LOCK)/node/*.json)
	$(Q)mkdir -p $(@D) && cp $^ $(@D)
	$(Q)cd $(@D) && npm ci --silent --ignore-scripts --no-audit --no-fund
	$(Q)touch $@

CORPUS_GO := tests/services/corpus/go
$(CORPUS)/go/.ready: $(CORPUS_GO)/go.mod $(wildcard $(CORPUS_GO)/*/*.go)
	$(Q)mkdir -p $(@D)
	$(Q)cd $(CORPUS_GO) && go build -o $(abspath $(@D))/ ./...
	$(Q)touch $@

CORPUS_C := tests/services/corpus/c
$(CORPUS)/c/.ready: $(wildcard $(CORPUS_C)/*.[ch])
	$(Q)mkdir -p $(@D)
	$(Q)for case in $(filter-out served,$(basename $(notdir $(wildcard $(CORPUS_C)/*.c)))); do \
		$(CC) -O2 -g -fno-omit-frame-pointer -Wall -Werror -pthread -o $(@D)/$$case $(CORPUS_C)/$$case.c $(CORPUS_C)/served.c -lhiredis || exit 1; done
	$(Q)touch $@

CORPUS_JAVA := tests/services/corpus/java
$(CORPUS)/java/.ready: $(CORPUS_JAVA)/pom.xml $(wildcard $(CORPUS_JAVA)/*.java)
	$(Q)mvn -q -B -f $< -Dout=$(abspath $(@D)) compile dependency:copy-dependencies
	$(Q)touch $@

CORPUS_PARTS := $(VENV)/.ready $(CORPUS_VENVS) $(patsubst %,$(CORPUS)/%/.ready,node go c java)

# In a sub-make: the language runtimes that the packages bring are only then found.
corpus-deps: deps ## what the corpus needs: language runtimes and client libraries, under build/corpus
	$(Q)tests/deps.sh $(CORPUS_PACKAGES)
	+$(Q)$(MAKE) --no-print-directory $(CORPUS_PARTS)

corpus: corpus-deps ## the corpus: every verdict against real services (root), tables in docs/verdicts.md
	+$(Q)$(MAKE) --no-print-directory build
	$(Q)CONNPROF_BUILD=$(abspath $(B)) tests/services/corpus/run.py --runs $(or $(RUNS),1) $(if $(CASES),$(CASES),--write)

# A part of it for every `make check`: what needs no more than the demo's Python.
check-corpus: build $(VENV)/.ready
	$(Q)CONNPROF_BUILD=$(abspath $(B)) tests/services/corpus/run.py 'py5:*'

.PHONY: corpus corpus-deps check-corpus
