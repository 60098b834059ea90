# Two commands are enough: `make demo` and `make test`. Everything is kept inside the checkout (.venv and .cache).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Only the parts of `make check` go side by side.
ifeq ($(filter check-%,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach each,python3 python3.13 python3.12 python3.11,$(shell $(each) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(each))))

# The checkout as a collection: .venv/collections/ansible_collections/nebula/credential is a link to it.
COLLECTIONS := $(VENV)/collections
LINK := $(COLLECTIONS)/ansible_collections/nebula/credential

export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
export PATH := $(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
unexport PYTHONPATH PYTHONHOME

# Plays beside the lookups of others have requirements of their own (requirements/bench.txt).
BENCH := $(CURDIR)/.cache/bench
PICTURE ?= docs/advanced/session-requests.svg

# Settings under which the tour reads well. Keys and marks of its store go away with it.
DEMO := ANSIBLE_CALLBACK_RESULT_FORMAT=yaml ANSIBLE_NOCOWS=1 ANSIBLE_DISPLAY_SKIPPED_HOSTS=0

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: demo
demo: $(VENV)/demo.installed ## a guided tour: provision, read, rotate, roll back, move to OpenBao, a nightly run, on real servers
	@mkdir -p .cache && home=$$(mktemp -d .cache/demo-XXXXXX) && trap 'rm -rf "$$home"' EXIT && \
	  XDG_CONFIG_HOME=$(CURDIR)/$$home ANSIBLE_HOME=$(CURDIR)/$$home/ansible $(DEMO) $(BIN)/ansible-playbook -i localhost, playbooks/quickstart.yml

.PHONY: environment
environment: $(VENV)/demo.installed ## the virtual environment alone, and how to use it by hand
	@echo "Ansible is in $(BIN). To use this checkout in your shell:"
	@echo "  export PATH=$(BIN):\$$PATH ANSIBLE_COLLECTIONS_PATH=$(COLLECTIONS)"

.PHONY: test
test: check unit molecule ## everything that CI runs

.PHONY: servers
servers: $(VENV)/test.installed ## what the test servers need that no Python package carries; fast when it is there
	@bash tests/servers/prepare.sh

.PHONY: unit
unit: servers
	@$(BIN)/nox --session tests

.PHONY: molecule
molecule: servers
	@$(BIN)/nox --session molecule

.PHONY: test-long
test-long: export NEBULA_TEST_PROFILE = long
test-long: servers ## the long versions: 1,000 crashes, more examples, every ansible-core on its Python; PART=rotation only the targets
	@$(BIN)/nox --session $(or $(PART),tests-long matrix)

.PHONY: check
check: $(VENV)/test.installed ## the static checks alone
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check-sanity check-pylint check-others

# Three parts, of which none takes as long as the two others.
.PHONY: check-sanity check-pylint check-others
check-sanity:
	@$(BIN)/nox --session sanity -- --skip-test pylint
check-pylint:
	@$(BIN)/nox --session sanity -- --test pylint
check-others:
	@$(BIN)/nox

.PHONY: bench
bench: servers bench-session ## speed beside ansible-vault, pass and others' lookups; prints figures, asserts nothing
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.figures
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.session_socket
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.growth
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.migration
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.scanning
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.nightly
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.everyday
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.rotations
	@PYTHONPATH=$(COLLECTIONS) $(BIN)/python -m tests.bench.storm
	@PYTHONPATH=$(COLLECTIONS) PATH=$(BENCH)/bin:$(PATH) $(BENCH)/bin/python -m tests.bench.network

.PHONY: bench-session
bench-session: servers $(BENCH)/installed ## the part of the bench that runs plays; draws docs/advanced/session-requests.svg (PICTURE=… another file)
	@PYTHONPATH=$(COLLECTIONS) PATH=$(BENCH)/bin:$(PATH) $(BENCH)/bin/python -m tests.bench.session $(PICTURE)

.PHONY: docs
docs: $(VENV)/docs.installed ## the documentation as HTML, with a search, in .cache/site/html
	@$(BIN)/nox --session docs

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf .venv .cache .nox .hypothesis build tests/output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(if $(PYTHON),,echo "Python 3.11 or later is needed and none is on PATH." >&2; exit 1)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || bash tests/servers/debian_package.sh python3-venv
	$(PYTHON) -m venv $(VENV)

$(LINK):
	@mkdir -p $(dir $@)
	@ln -sfn $(CURDIR) $@

$(BENCH)/installed: requirements/bench.txt requirements/backends.txt requirements.txt | $(VENV)/bin/python
	@echo "Installing requirements/bench.txt into $(BENCH)"
	@$(BIN)/python -m venv $(BENCH)
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/bench.txt
	@touch $@

# What bonsai is built with: its package has no binaries.
HEADERS := ldap.h sasl/sasl.h gssapi/gssapi.h

.PHONY: headers
headers:
	@for each in $(HEADERS); do \
	  [ -e /usr/include/$$each ] || { bash tests/servers/debian_package.sh libldap-dev libsasl2-dev libkrb5-dev; break; }; \
	done

$(VENV)/test.installed $(BENCH)/installed: | headers

$(VENV)/%.installed: requirements.txt $(wildcard requirements/*.txt) | $(VENV)/bin/python $(LINK)
	@echo "Installing requirements/$*.txt into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements/$*.txt
	@touch $@
