# Everything happens in .venv; PYTHON is only what makes it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup serve test test-clients test-all fuzz check format docs bench dist clean

help: ## What there is to make.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(INSTALLED) ## Make .venv with the project and all that it is developed with.

$(INSTALLED): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %d.%d: make PYTHON=python3.11 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

serve: setup ## Serve every failure mode from port 5500 on; make serve ARGS="--beginning-port 7500" elsewhere.
	@$(BIN)/hamms-trio serve $(ARGS) || { code=$$?; \
	  [ $$code -ne 2 ] || echo 'make: options go into ARGS: make serve ARGS="--beginning-port 7500"' >&2; exit $$code; }

test: setup ## Run the tests, but for the fuzzing that is part of check.
	$(BIN)/python -m pytest -m "not fuzz" -n auto --dist worksteal

test-clients: setup ## Let every real client meet every failure mode, and not only a sample.
	HAMMS_CLIENTS=all $(BIN)/python -m pytest tests/clients

test-all: ## Run the tests on every Python from 3.11 on that is found.
	$(PYTHON) scripts/test_all.py

fuzz: setup ## Fuzz the server's connections against h11 for some minutes.
	FUZZ_EXAMPLES=50000 $(BIN)/python -m pytest -m fuzz tests/http

check: setup ## Format, lint, types, import contracts, generated docs current, and a fixed budget of fuzzing.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_docs.py --check
	$(BIN)/python -m pytest -q -m fuzz tests/http tests/workbench/api

format: setup ## Let ruff format and mend what it can.
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: setup ## Write the generated pages.
	$(BIN)/python scripts/generate_docs.py

bench: setup ## Measure against the named peers; takes about forty minutes.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m bench

dist: setup ## Build the wheel and the source archive, and try the wheel alone in an empty environment.
	rm -rf dist
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	$(BIN)/python -m build --no-isolation
	$(BIN)/python scripts/try_wheel.py dist

clean: ## Remove what was made.
	rm -rf $(VENV) .venvs dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
