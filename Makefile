# Every target sets up what it needs: a checkout, Python 3.11+ and make are enough to begin with.
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
STAMP := .venv/.installed
# A machine's own certificate store knows the proxies that its owner trusts; uv's own does not.
UV := $(BIN)/uv $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),--system-certs)
ARGS ?=
ZAPIER_STAMP := zapier_app/node_modules/.installed
# Tests that run at the same time.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo up test test-fast zapier-test lint format lock screenshots debian-packages clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with exactly the versions of requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "colabel needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@echo "Installing colabel and what it stands on into .venv (about 6 GB with the CUDA libraries)"
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: $(STAMP) ## run the sample job through the real service (ARGS=--once stops when it is done)
	$(BIN)/colabel demo $(ARGS)

up: $(STAMP) ## run the whole service on this machine until Ctrl-C
	$(BIN)/colabel up $(ARGS)

test: lint zapier-test ## everything that CI runs: lint and the whole suite
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-fast: $(STAMP) ## the suite without the tests that start whole services
	$(BIN)/python -m pytest -m "not service" $(ARGS)

zapier-test: ## the Zapier integration's own tests (they need Node 20 or newer)
	@if node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null \
	    && command -v npm >/dev/null; then \
	  $(MAKE) --no-print-directory $(ZAPIER_STAMP) && (cd zapier_app && npm test); \
	elif [ -n "$$CI" ]; then \
	  echo "The Zapier integration cannot be tested: install Node 20 or newer, with npm."; exit 1; \
	else \
	  echo "Skipped the Zapier integration's tests: they need Node 20 or newer, with npm."; \
	fi

$(ZAPIER_STAMP): zapier_app/package-lock.json
	cd zapier_app && npm ci
	@touch $@

lint: $(STAMP) ## ruff (format and lint) and mypy --strict
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy connector workers models

format: $(STAMP) ## rewrite the sources in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(STAMP) ## resolve pyproject.toml again into requirements.lock
	$(UV) pip compile --quiet --upgrade --no-emit-index-url --universal --python-version 3.11 \
	  --generate-hashes --group dev pyproject.toml -o requirements.lock \
	  --custom-compile-command "make lock"

screenshots: $(STAMP) ## photograph every page into docs/images (needs Chromium)
	$(BIN)/python docs/screenshots.py $(ARGS)

debian-packages: ## install what only Debian has, as root: Chromium for the tests of the pages
	@command -v chromium >/dev/null || \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; }

clean: ## remove what make made (never your data)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	rm -rf zapier_app/node_modules zapier_app/dist zapier_app/build
