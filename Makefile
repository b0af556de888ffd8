# `make demo` shows mailproc at work; `make test` proves it. Both set up what they need, the first time in a minute or two.

PYTHON ?= python3
MAILS ?= 10000
MINUTES ?= 10
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PLUGINS := $(wildcard examples/*/pyproject.toml)

ifdef UV
INSTALL := uv pip install --quiet --python $(BIN)/python
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.DEFAULT_GOAL := help
.PHONY: help demo test backlog serve storm worst attacks loops verification fuzz mutants lint clean packages

help:  ## say what there is
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

demo: $(VENV)/demo-stamp  ## set up, then show a whole run on a maildrop of its own
	@$(BIN)/mailproc demo
	@command -v mailproc >/dev/null || echo 'For the command mailproc in this shell: PATH="$(CURDIR)/$(BIN):$$PATH"'

test: packages lint  ## set up, then lint and run all tests against real servers
	@$(BIN)/python -m pytest -n 2

backlog: packages $(VENV)/test-stamp  ## work off 10,000 mails on a real Dovecot: time and memory (MAILS=1000 for fewer)
	@$(BIN)/python -m benchmarks.backlog $(MAILS)

serve: packages $(VENV)/test-stamp  ## how much mail the doors take in, beside a bare aiosmtpd (MAILS=1000)
	@$(BIN)/python -m benchmarks.serve $(MAILS)

storm: packages $(VENV)/test-stamp  ## too many clients, slow ones, a flood with a kill in it (PART=flood for one of them)
	@$(BIN)/python -m benchmarks.storm $(PART)

worst: packages $(VENV)/test-stamp  ## the worst mail of 25 MB of each shape: time and memory
	@$(BIN)/python -m benchmarks.worst

attacks: packages $(VENV)/test-stamp  ## every attack on signed mail, with each verifier (PART=1/4 for a quarter)
	@$(BIN)/python -m benchmarks.attacks $(PART)

loops: packages $(VENV)/test-stamp  ## two installations that answer each other, a vacation responder, forged senders
	@$(BIN)/python -m benchmarks.loops

verification: packages $(VENV)/test-stamp  ## what a signature costs with 50 and with 10,000 registered keys
	@$(BIN)/python -m benchmarks.verification

fuzz: packages $(VENV)/test-stamp  ## search for bytes that break a reader, a rule or an answer (MINUTES=60 for an hour)
	@$(BIN)/python -m benchmarks.fuzz --minutes $(MINUTES)

mutants: packages $(VENV)/test-stamp  ## change screening and authentication, and see whether a test notices
	@$(INSTALL) 'mutmut>=3.8'
	@$(BIN)/python -m benchmarks.mutants

lint: $(VENV)/test-stamp  ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

packages:
	@tests/setup.sh

clean:  ## remove everything that make made, the virtual environment too
	rm -rf $(VENV) dist demo mutants fuzz-findings .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp is written last, so that an interrupted set-up is done again.
$(VENV)/demo-stamp: pyproject.toml $(VENV)/made-stamp
	@echo "installing mailproc into $(VENV)"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/test-stamp: pyproject.toml $(PLUGINS) $(VENV)/made-stamp
	@echo "installing mailproc and its tests into $(VENV)"
	@$(INSTALL) --editable '.[test]' $(foreach plugin,$(PLUGINS),--editable $(dir $(plugin)))
	@touch $(VENV)/demo-stamp $@

# Never pip outside of a virtual environment: Debian's own Python forbids it (PEP 668).
$(VENV)/made-stamp:
ifdef UV
	@uv venv --quiet --allow-existing $(VENV)
else
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mailproc needs Python 3.11 or newer, and $(PYTHON) is not. Debian 12, Ubuntu 24.04 and later: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make a virtual environment. Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
endif
	@touch $@
