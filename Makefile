# Qilin: `make demo` sets everything up and runs the main job; `make test` runs the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000

.PHONY: help demo test lint types check lock bench clean

help:            ## what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.app: pyproject.toml requirements.lock
	test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --upgrade pip uv; }
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirements requirements.lock --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.app requirements-dev.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirements requirements-dev.lock
	touch $@

demo: $(VENV)/.app  ## build the demonstration warehouse and serve it on 127.0.0.1:8000
	$(BIN)/qilin demo --port $(PORT)

test: $(VENV)/.dev  ## run the tests
	$(BIN)/pytest --numprocesses=2 --dist=worksteal

lint: $(VENV)/.dev  ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## check types
	$(BIN)/mypy

check: lint types test  ## everything that has to pass

lock: $(VENV)/.dev  ## write the lock files anew
	$(BIN)/uv pip compile --quiet --universal --no-header --no-annotate --no-emit-index-url --python-version 3.11 \
		pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --no-header --no-annotate --no-emit-index-url --python-version 3.11 \
		pyproject.toml --group dev --output-file requirements-dev.lock

bench: $(VENV)/.dev  ## measure against named peers (minutes; see benchmarks/README.md)
	$(BIN)/python -m benchmarks.idc

clean:           ## remove the environment and the data folder
	rm -rf $(VENV) var
