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

run: $(VENV)/.installed
	exec $(BIN)/python manage.py up

# Chromium and Redis come from the distribution where packages may be installed; elsewhere their tests are skipped, loudly.
test-tools:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  missing=""; \
	  command -v chromium >/dev/null || missing="$$missing chromium"; \
	  command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	  if [ -n "$$missing" ]; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null || \
	      echo "Could not install$$missing: their tests will be skipped."; \
	  fi; \
	fi

test: $(VENV)/.installed-dev test-tools
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.retrieval
	$(BIN)/python -m benchmarks.extractive

# Each starts a Footnote of its own in a temporary folder.
footprint: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.footprint

torture: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.torture

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

.PHONY: help setup run test test-tools lint bench footprint torture
