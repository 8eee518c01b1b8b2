# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo test test-spark fuzz torture lint types docs site gallery bench soak lock wheel clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## Create .venv from the lock file

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hubbub needs Python 3.11 or newer with venv (Debian: python3 python3-venv)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: $(STAMP)  ## Simulate a bus and its history, gather, listen, draw charts into demo/
	$(BIN)/hubbub demo -o demo

# Browsers and brokers fail once in a while: what failed is run once more, alone, and named.
test: $(STAMP)  ## Run all tests for which this machine has the services
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n auto --maxprocesses 6 --dist worksteal || \
	  { test $$? = 1 && echo "== once more, alone:" && \
	    $(BIN)/python -m pytest -q --last-failed --last-failed-no-failures none; }

test-spark: $(STAMP)  ## Run all queries on Apache Spark, which needs Java 17 and 600 MB
	LAB_TMP=$${LAB_TMP:-$${TMPDIR:-/tmp}/hublab} bash tests/integration/peers/setup.sh spark
	LAB_TMP=$${LAB_TMP:-$${TMPDIR:-/tmp}/hublab} HUBBUB_REQUIRE=spark,sail $(BIN)/python -m pytest -q tests/integration/engine

FUZZ ?= 1000000
fuzz: $(STAMP)  ## Fuzz decode, people, signatures and text cleaning with FUZZ=1000000 messages
	$(BIN)/python -m tests.fuzz.run --inputs $(FUZZ)

TORTURE ?= 1000
torture: $(STAMP)  ## Kill processes that work on a store TORTURE=1000 times, and at every call
	$(BIN)/python -m tests.torture.run --kills $(TORTURE)
	$(BIN)/python -m tests.torture.steps
	$(BIN)/python -m tests.torture.steps --torn
	$(BIN)/python -m tests.torture.events --kills 60
	$(BIN)/python -m tests.torture.mirror --kills 100

lint: $(STAMP)  ## Ruff, import contracts, dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/deptry .

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

docs: $(STAMP)  ## Write the generated pages of docs/
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_configuration.py
	$(BIN)/python docs/make_readings.py
	$(BIN)/python docs/make_plugin_reference.py
	$(BIN)/python docs/make_catalogues.py
	$(BIN)/python docs/make_gallery.py
	$(BIN)/python docs/make_metrics.py

site: $(STAMP)  ## Build the documentation site into build/site; warnings are errors
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site

gallery: $(STAMP)  ## Redraw the pictures of docs/, from a simulated bus
	$(BIN)/python docs/make_gallery.py
	$(BIN)/python docs/make_metrics.py

bench: $(STAMP)  ## Run every benchmark; each prints a ratio to a baseline of the same run
	for script in bench/[a-z]*.py; do $(BIN)/python $$script || exit 1; done

soak: $(STAMP)  ## Ten minutes at 5,000 messages a second with a cut, a restart and two kills
	$(BIN)/python bench/soak.py --minutes 10

lock: $(STAMP)  ## Rewrite requirements.lock from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --all-extras --group test --group check --group build \
	  --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	  --no-annotate -q -o requirements.lock

wheel: $(STAMP)  ## Build the wheel and try it in a fresh environment
	sh tests/smoke/wheel.sh $(BIN)/python

clean:  ## Remove everything that these commands made
	rm -rf $(VENV) demo build dist *.egg-info src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
