# Wideload. `make help` lists what there is to do; every target first sets up what it needs.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ENV ?= dev
CONTEXT ?=

BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Without bytecode of jsii's modules, synth takes twice as long.
unexport PYTHONDONTWRITEBYTECODE
export JSII_NODE := $(CURDIR)/$(BIN)/node
CDK := $(BIN)/node node_modules/aws-cdk/bin/cdk
# The deployment's own programs, against the embedded cloud with ENV=local.
OPERATE = $(if $(filter local,$(ENV)),$(BIN)/python -m local run --) $(BIN)/
DEPLOYMENT = --stack wideload-$(ENV)-ingest

VENV := .venv/.ready
NODE := node_modules/.ready
CLOUD := .local/ministack/.ready
LAMBDA := src/wideload_cdk/_lambda/.built
LOCAL_LAMBDA := .local/lambda.built
LAMBDA_SOURCES := $(shell find lambda_src -name '*.py') lambda_src/requirements.txt

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  ENV=dev|staging|prod|local picks the environment, CONTEXT=\"-c name=value …\" overrides settings."

# Set-up, each step once

$(VENV): requirements.txt pyproject.toml client/pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.txt)"
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python requirements.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e . -e client
	@touch $@

$(NODE): package.json package-lock.json .npmrc | $(VENV)
	$(BIN)/npm ci --no-progress
	@touch $@

$(CLOUD): local/requirements.txt | $(VENV)
	$(PYTHON) -m venv .local/ministack
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python .local/ministack/bin/python local/requirements.txt
	@touch $@

$(LAMBDA): $(LAMBDA_SOURCES) | $(VENV)
	$(BIN)/python lambda_src/build.py arm64 x86_64
	@touch $@

$(LOCAL_LAMBDA): $(LAMBDA_SOURCES) | $(VENV)
	$(BIN)/python lambda_src/build.py local
	@touch $@

LOCAL_READY := $(VENV) $(NODE) $(CLOUD) $(LOCAL_LAMBDA)

.PHONY: setup
setup: $(VENV) $(NODE) $(CLOUD) $(LAMBDA) $(LOCAL_LAMBDA) ## Set up all that the other targets need

# The embedded cloud

.PHONY: demo
demo: $(LOCAL_READY) ## Deploy to the embedded cloud, send call logs through it, compare
	$(BIN)/python -m local up $(CONTEXT)
	$(BIN)/python -m local.demo

.PHONY: local-up
local-up: $(LOCAL_READY) ## Start the embedded cloud with everything deployed (WIDELOAD_LOCAL_PORT, default 4566)
	$(BIN)/python -m local up $(CONTEXT)

.PHONY: local-down
local-down: $(VENV) ## Stop the embedded cloud
	$(BIN)/python -m local down

# Quality

.PHONY: test
test: $(LOCAL_READY) $(LAMBDA) ## Run every test
	$(BIN)/python -m pytest

.PHONY: soak
soak: $(LOCAL_READY) ## Send thousands of payloads through every fault at once (COUNT=2000 SEED=1)
	$(BIN)/python -m tests.soak $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

.PHONY: check
check: $(VENV) $(LAMBDA) ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: format
format: $(VENV) ## Format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(LOCAL_READY) ## Run the benchmarks
	$(BIN)/python -m bench.client_send
	PYTHONPATH=lambda_src $(BIN)/python -m bench.processing
	$(BIN)/python -m bench.huge_payload

# AWS

.PHONY: synth
synth: $(VENV) $(NODE) $(LAMBDA) ## Write ENV's templates to cdk.out
	$(CDK) synth --quiet -c env=$(ENV) $(CONTEXT)

.PHONY: diff
diff: $(VENV) $(NODE) $(LAMBDA) ## Compare ENV's templates with what is deployed
	$(CDK) diff -c env=$(ENV) $(CONTEXT)

.PHONY: deploy
deploy: $(VENV) $(NODE) $(LAMBDA) ## Deploy ENV to the account of your AWS credentials
	$(CDK) deploy --all -c env=$(ENV) $(CONTEXT)

.PHONY: key
key: $(VENV) ## Create an API key: TENANT=name, printed once
	@$(if $(TENANT),,$(error Say whose key it is: make key ENV=$(ENV) TENANT=acme))
	@$(OPERATE)wideload-keys create $(DEPLOYMENT) --tenant $(TENANT)

.PHONY: keys
keys: $(VENV) ## List the API keys
	@$(OPERATE)wideload-keys list $(DEPLOYMENT) $(if $(TENANT),--tenant $(TENANT))

.PHONY: revoke-key
revoke-key: $(VENV) ## Revoke an API key: KEY_ID=id
	@$(if $(KEY_ID),,$(error Say which: make revoke-key ENV=$(ENV) KEY_ID=…; make keys lists them))
	@$(OPERATE)wideload-keys revoke $(DEPLOYMENT) $(KEY_ID)

.PHONY: redrive
redrive: $(VENV) ## Put what failed in the worker back into its queue
	@$(OPERATE)wideload-redrive $(DEPLOYMENT)

# Packages

.PHONY: build
build: $(LAMBDA) $(LOCAL_LAMBDA) ## Build the code that runs in Lambda

.PHONY: wheel
wheel: $(VENV) $(LAMBDA) ## Build both distributions into dist/
	$(BIN)/hatchling build --target wheel --directory $(CURDIR)/dist
	cd client && ../$(BIN)/hatchling build --target wheel --directory $(CURDIR)/dist

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
.PHONY: lock
lock: $(VENV) ## Compile the lock files anew (UPGRADE=--upgrade for newer versions)
	$(LOCK) $(UPGRADE) lambda_src/requirements.in -o lambda_src/requirements.txt
	$(LOCK) $(UPGRADE) pyproject.toml client/pyproject.toml lambda_src/requirements.in --all-extras --group dev -o requirements.txt
	$(LOCK) $(UPGRADE) local/requirements.in -o local/requirements.txt
	$(BIN)/npm install --package-lock-only

.PHONY: clean
clean: local-down ## Stop the cloud and remove all that make made
	rm -rf .venv .local node_modules dist cdk.out* src/wideload_cdk/_lambda .mypy_cache .pytest_cache .ruff_cache
