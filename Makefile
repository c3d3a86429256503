# All commands run in .venv; PYTHON creates it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup serve test test-clients test-all fuzz check format docs clients-table matrix vendor screenshots bench dist clean

help: ## List the targets.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(INSTALLED) ## Make .venv with the project and its development tools.

$(INSTALLED): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

serve: setup ## Serve every failure mode from port 5500 on; make serve ARGS="--beginning-port 7500" elsewhere.
	@$(BIN)/hamms-trio serve $(ARGS) || { code=$$?; \
	  [ $$code -ne 2 ] || echo 'make: options go into ARGS: make serve ARGS="--beginning-port 7500"' >&2; exit $$code; }

test: setup ## Run the tests, without the fuzzing of make check.
	$(BIN)/python -m pytest -m "not fuzz" -n auto --dist worksteal

test-clients: setup ## Test every real client with every failure mode instead of a sample.
	HAMMS_CLIENTS=all $(BIN)/python -m pytest tests/clients

test-all: ## Run the tests on every installed Python from 3.11 on.
	$(PYTHON) scripts/test_all.py

fuzz: setup ## Fuzz the server against h11 for some minutes.
	FUZZ_EXAMPLES=50000 $(BIN)/python -m pytest -m fuzz tests/http

check: setup ## Check format, lint, types, import contracts and generated docs, and fuzz for some seconds.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_docs.py --check
	$(BIN)/python scripts/vendor_web.py --check
	$(BIN)/python -m pytest -q -m fuzz -n 2 tests/http tests/workbench/api

format: setup ## Format, and fix lint where ruff can.
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: setup ## Write the generated pages.
	$(BIN)/python scripts/generate_docs.py

vendor: setup ## Fetch the page's libraries again from npm.
	$(BIN)/python scripts/vendor_web.py

screenshots: setup ## Take the README's pictures of the page; needs Chromium.
	$(BIN)/python scripts/screenshots.py

clients-table: setup ## Run every installed client against every failure mode, and write the table of outcomes.
	$(BIN)/python -m scripts.clients_table
	$(BIN)/python scripts/generate_docs.py

matrix: setup ## Grade the clients of this machine, and write docs/matrix.html and the table in docs/clients.md.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[clients]'
	npm install --prefix examples --no-audit --no-fund --silent
	[ -x .venvs/niquests/bin/python ] || $(PYTHON) -m venv .venvs/niquests
	.venvs/niquests/bin/python -m pip install --quiet --disable-pip-version-check niquests
	$(BIN)/python scripts/matrix.py

bench: setup ## Measure against other servers; takes more than an hour.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m bench $(ARGS)

dist: setup ## Build the wheel and the source archive, and try the wheel in an empty environment.
	rm -rf dist
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	$(BIN)/python -m build --no-isolation
	$(BIN)/python scripts/try_wheel.py dist

clean: ## Remove everything that make has made.
	rm -rf $(VENV) .venvs dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
