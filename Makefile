# Wideload. `make help` lists what there is to do; every target sets up what it needs.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
ENV ?= dev
CONTEXT ?=
BIN := .venv/bin
# Synth needs bytecode of 128 jsii modules: without it, it takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

include local/setup.mk

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
