# SPDX-License-Identifier: BSD-2-Clause
# The proof of the verdicts: real frameworks and clients, guilty and innocent. CASES='py8:*' runs a part, RUNS=20 each often.

CORPUS      := $(B)/corpus
CORPUS_LOCK := tests/services/corpus/locks

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

corpus-deps: $(VENV)/.ready $(CORPUS_VENVS) $(CORPUS)/node/.ready $(CORPUS)/go/.ready ## what the corpus needs: language runtimes and client libraries, under build/corpus

corpus: build corpus-deps ## the corpus: every verdict against real services (root), tables in docs/verdicts.md
	$(Q)CONNPROF_BUILD=$(abspath $(B)) tests/services/corpus/run.py --runs $(or $(RUNS),1) $(if $(CASES),$(CASES),--write)

# A part of it for every `make check`: what needs no more than the demo's Python.
check-corpus: build $(VENV)/.ready
	$(Q)CONNPROF_BUILD=$(abspath $(B)) tests/services/corpus/run.py 'py5:*'

.PHONY: corpus corpus-deps check-corpus
