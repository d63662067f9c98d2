# Footnote: `make run` starts everything, `make test` runs all tests. Both set up what they need.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

help:
	@echo "make run    set up and start everything (PORT=8000 chooses the port)"
	@echo "make test   set up and run all tests"
	@echo "make setup  set up only      make lint   static checks      make bench   measurements"

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	CMAKE_ARGS="-DCMAKE_PROJECT_llama_cpp_INCLUDE=$(CURDIR)/inference/llama-min.cmake -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF" \
	  $(BIN)/pip install --quiet -c constraints.txt -e ".[cpu]"
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet -c constraints.txt -e ".[cpu,dev]"
	touch $@

setup: $(VENV)/.installed

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

.PHONY: help setup test lint
