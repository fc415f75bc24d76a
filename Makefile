# Every target makes the environment it needs; the only thing that must be there is
# a Python from 3.11 to 3.13 (PYTHON=... to choose one) and the package index.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Empty when no suitable Python is found; the rule below then says so.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	2>/dev/null && command -v $$p && break; done)

.PHONY: install demo test test-slow lint types unit smoke clean

install: $(STAMP)

$(STAMP): setup.py constraints.txt
	@test -n "$(PYTHON)" || { echo "luthier needs Python 3.11, 3.12 or 3.13;" \
		"none was found: install one, or say 'make $(MAKECMDGOALS) PYTHON=/path/to/python'"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/luthier demo --out demo-out

# In the order of what fails soonest.
test: lint types unit smoke

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy ddsp_core pipelines training benchmarks

unit: install
	$(BIN)/python -m pytest -q

# One tiny end-to-end run: generated sines to a transferred clip.
smoke: install
	$(BIN)/python -m pytest -q -m smoke tests/test_smoke.py

# Proofs that take minutes; run them before you call something done.
test-slow: install
	$(BIN)/python -m pytest -q -m slow

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
