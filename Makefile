# `make` prints this help; every target installs what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= auto

.PHONY: help
help:  ## Print this help
	@grep -hE '^[a-z-]+:.*  ## ' $(MAKEFILE_LIST) | awk -F ':.*  ## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# Each stamp is newer than pyproject.toml once the environment holds what it asks for.
$(VENV)/.runs: pyproject.toml
	@tools/environment.sh "$(PYTHON)" "$(VENV)" .
	@touch $@

$(VENV)/.tests: pyproject.toml
	@tools/environment.sh "$(PYTHON)" "$(VENV)" '.[dev]'
	@touch $@ $(VENV)/.runs

$(VENV)/.verify: $(VENV)/.tests
	@tools/environment.sh "$(PYTHON)" "$(VENV)" '.[dev,verify]'
	@touch $@

$(VENV)/.cluster: $(VENV)/.tests
	@tools/environment.sh "$(PYTHON)" "$(VENV)" '.[dev,cluster]'
	@touch $@

.PHONY: install
install: $(VENV)/.runs  ## Create the virtual environment and install dltrain in it

.PHONY: train
train: $(VENV)/.runs  ## Train configs/digits.yaml on the built-in digits
	@$(BIN)/dltrain train configs/digits.yaml
	@echo "to type dltrain yourself: source $(BIN)/activate" >&2

.PHONY: test
test: check  ## Linters, types and tests
	@$(BIN)/python -m pytest -q -n $(WORKERS) -m "not lesson"

.PHONY: check
check: $(VENV)/.tests  ## Linters and types only; changes nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

.PHONY: fix
fix: $(VENV)/.tests  ## Format the code and mend what the linter can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: verify
verify: $(VENV)/.verify  ## The tests, with PyTorch installed as an oracle
	@$(BIN)/python -m pytest -q -n $(WORKERS)

.PHONY: faults
faults: $(VENV)/.tests  ## Kill, fill, cut and damage runs everywhere; P=7 for one promise
	@$(BIN)/python tools/faults.py $(P)

.PHONY: slurm
slurm: $(VENV)/.tests  ## The recipes of docs/batch.md on a real Slurm and GNU parallel (fetched with apt, as root)
	@DLTRAIN_REAL_SCHEDULERS=1 $(BIN)/python -m pytest -q -rs tests/batch

.PHONY: cluster
cluster: $(VENV)/.cluster  ## Searches as Slurm arrays and on Dask workers, killed and resumed (fetched with apt, as root)
	@DLTRAIN_REAL_SCHEDULERS=1 $(BIN)/python -m pytest -q -rs tests/batch/test_batch_arrays.py \
		tests/batch/test_batch_dask.py tests/batch/test_batch_slurm.py -k "search or test_batch_arrays or test_batch_dask"

.PHONY: coverage
coverage: $(VENV)/.tests  ## The tests' coverage, line by line
	@$(BIN)/coverage run -m pytest -q && $(BIN)/coverage combine -q && $(BIN)/coverage report --skip-covered

.PHONY: wheel
wheel: $(VENV)/.tests  ## Build the wheel, install it in an empty environment and train digits there
	@tools/try_wheel.sh "$(PYTHON)" "$(BIN)/python"

.PHONY: bench
bench: $(VENV)/.verify  ## Time an epoch beside PyTorch
	@$(BIN)/python benchmarks/epoch.py

.PHONY: trust
trust: $(VENV)/.tests  ## Measure the diagnosis itself, and write its tables into docs and README (25 min)
	@$(BIN)/python -m benchmarks.trust

.PHONY: lessons
lessons: $(VENV)/.tests  ## Run every lesson of the notes and write docs/notes.md with its pictures (10 min)
	@$(BIN)/python -m tools.lessons

.PHONY: clean
clean:  ## Remove the virtual environment and caches; runs stay
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
