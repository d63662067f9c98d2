# Footnote: `make run` starts everything, `make test` runs all tests. Both set up what they need.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
# Of what pip says, the steps that take long; its errors go to standard error.
STEPS := sed -u -n -E \
  -e 's/^ *Downloading ([^ ]+) \(([0-9]{2,}\.[0-9] MB|[0-9.]+ GB)\)$$/  fetching \1 (\2)/p' \
  -e 's/^ *Building wheel for ([^ ]+) .*: started$$/  compiling \1/p' \
  -e 's/^ *Building wheel for ([^ ]+) .*: still running.*$$/  compiling \1, still running/p' \
  -e 's/^Installing collected packages:.*/  installing the packages/p'
# pip says nothing for minutes while it compiles and installs.
TOLD := trap 'kill $$told' EXIT; while sleep 60 >/dev/null 2>&1; do echo "  still at work"; done & told=$$!
# An older pip does not find this extra of lxml; what it brings is installed under its own name (pyproject.toml).
HARMLESS := grep -v --line-buffered "does not provide the extra 'html[-_]clean'"

help:
	@echo "make run    set up and start everything (PORT=8000 chooses the port)"
	@echo "make test   set up and run the tests    make test-slow   those that take minutes each"
	@echo "make setup  set up only      make lint   static checks      make bench   measurements"

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Setting up: this takes 4 to 16 minutes the first time, half of it compiling llama.cpp."
	@echo "  making the environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "  looking up the packages"
	@$(TOLD); CMAKE_ARGS="-DCMAKE_PROJECT_llama_cpp_INCLUDE=$(CURDIR)/inference/llama-min.cmake -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF" \
	  $(BIN)/pip install --progress-bar off --disable-pip-version-check -c constraints.txt -e ".[cpu]" 2> >($(HARMLESS) >&2) | $(STEPS)
	@echo "  preparing the embedding model"
	@$(BIN)/python -W ignore -m retrieval.embedders.onnx_embedder
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "  installing what the tests need"
	@$(TOLD); $(BIN)/pip install --progress-bar off --disable-pip-version-check -c constraints.txt -e ".[cpu,dev]" \
	  2> >($(HARMLESS) >&2) | $(STEPS)
	@touch $@

setup: $(VENV)/.installed

run: $(VENV)/.installed
	@exec $(BIN)/python manage.py up

# Chromium, Redis, Tesseract, Node and slapd come from the distribution where packages may be installed; elsewhere their tests are skipped, loudly.
test-tools: $(VENV)/.installed-dev
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  missing=""; \
	  command -v chromium >/dev/null || missing="$$missing chromium"; \
	  command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	  command -v tesseract >/dev/null || missing="$$missing tesseract-ocr tesseract-ocr-deu"; \
	  { command -v node && command -v npm; } >/dev/null || missing="$$missing nodejs npm"; \
	  { PATH="$$PATH:/usr/sbin" command -v slapd && command -v ldapadd; } >/dev/null || missing="$$missing slapd ldap-utils"; \
	  test -e /usr/include/ldap.h || missing="$$missing libldap2-dev libsasl2-dev"; \
	  if [ -n "$$missing" ]; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null || \
	      echo "Could not install$$missing: their tests will be skipped."; \
	  fi; \
	fi
	@$(BIN)/python -c "import ldap, django_auth_ldap" 2>/dev/null || \
	  $(BIN)/pip install -q --disable-pip-version-check -c constraints.txt django-auth-ldap python-ldap 2>/dev/null || \
	  echo "Could not compile python-ldap: its tests will be skipped."

test: $(VENV)/.installed-dev test-tools
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m tests

# What takes minutes each, for a quiet machine and an evening.
test-slow: $(VENV)/.installed-dev test-tools
	$(BIN)/python -m pytest -m slow

# What is known of holes in the pinned packages and the vendored scripts; asks services outside. 3: not audited.
audit: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.dependencies.audit

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.retrieval_sets --set rag-multi-corpus
	$(BIN)/python -m benchmarks.extractive

# Every question set beside the rankings to beat; the first run embeds their passages, which takes minutes.
bench-retrieval: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.retrieval_sets

# The content filters on third-party sets, beside a word list and plain rules.
bench-filters: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.filters

# A million vectors: half an hour and 4 GB under var/benchmark; built indexes are kept. `KINDS="ivf"` measures those alone.
bench-vectors: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.vector_index $(if $(KINDS),--kinds $(KINDS))

# The whole path of documents beside the embedder alone, on the corpora of the question sets.
bench-ingestion: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.ingestion

# Ten thousand small documents into a Footnote of its own, its worker killed on the way.
bench-many: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.ingestion.many

# Half an hour; `QUICK=1` a few minutes. Builds llama.cpp's own server once, which needs cmake.
bench-inference: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.inference $(if $(QUICK),--quick)

# Each starts a Footnote of its own in a temporary folder.
footprint: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.footprint

bench-web: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.web

# How soon what somebody has lost ends, across two web processes: five minutes.
bench-revocation: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.revocation

torture: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.torture

# Bytes, long tasks, frames and memory of the chat page in Chromium: ten minutes on a quiet machine.
bench-pages: $(VENV)/.installed-dev test-tools
	$(BIN)/python -m benchmarks.pages $(if $(ONLY),--only $(ONLY))

# Each page in each look, put together under docs/screenshots; a quarter of an hour.
pictures: $(VENV)/.installed-dev test-tools
	@folder=$$(mktemp -d) && trap 'rm -rf $$folder' EXIT && \
	FOOTNOTE_SCREENSHOTS=$$folder $(BIN)/python -m pytest -q -k pictures tests/browser && \
	$(BIN)/python -m tests.browser.sheets $$folder docs/screenshots

# An hour of streaming in one page: whether its memory is steady.
bench-soak: $(VENV)/.installed-dev test-tools
	$(BIN)/python -m benchmarks.pages --only hour_of_streaming

# Lighthouse's figures for six pages; fetches it from npm (185 MB) into benchmarks/pages/lighthouse_cli once. Node 18.
bench-lighthouse: $(VENV)/.installed-dev test-tools
	$(BIN)/python -m benchmarks.pages.lighthouse $(if $(ONLY),--only $(ONLY))

# Looks for texts in the code and compiles their translations; needs gettext (Debian: apt-get install gettext).
NOT_TEXTS := $(foreach one,.venv var tests benchmarks docs docker node_modules footnote.egg-info static/vendor,-i $(one))
texts: $(VENV)/.installed
	$(BIN)/python manage.py makemessages -l de -l ar --no-location --no-wrap --no-obsolete $(NOT_TEXTS)
	$(BIN)/python manage.py makemessages -l de -l ar --no-location --no-wrap --no-obsolete $(NOT_TEXTS) -d djangojs -e js
	$(BIN)/python manage.py compilemessages -l de -l ar $(NOT_TEXTS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

.PHONY: help setup run test test-slow test-tools lint audit bench bench-retrieval bench-filters bench-vectors bench-inference bench-ingestion bench-many bench-pages bench-soak bench-lighthouse bench-web bench-revocation footprint torture pictures texts
