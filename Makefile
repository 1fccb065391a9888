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
# uv and Node.js trust lists of their own unless told otherwise; behind a company's TLS proxy only
# the system's certificates are right, which pip uses anyway.
export UV_SYSTEM_CERTS ?= 1
export NODE_USE_SYSTEM_CA ?= 1
CDK := $(BIN)/node node_modules/aws-cdk/bin/cdk
# The deployment's own programs, against the embedded cloud with ENV=local.
OPERATE = $(if $(filter local,$(ENV)),$(BIN)/python -m local run --) $(BIN)/
DEPLOYMENT = --stack wideload-$(ENV)-ingest
FILES_DEPLOYMENT = --stack wideload-$(ENV)-files

VENV := .venv/.ready
NODE := node_modules/.ready
CLOUD := .local/ministack/.ready
PEERS := .local/peers/.ready
LAMBDA := src/wideload_cdk/_lambda/.built
LOCAL_LAMBDA := .local/lambda.built
LAMBDA_SOURCES := $(shell find lambda_src -name '*.py' -o -name '*.mjs') lambda_src/requirements.txt
WEB_NODE := web/node_modules/.ready
ZENSICAL := .local/zensical/.ready
TWINE := .local/release/.ready
FLOOR := .local/lowest-direct/.ready
NEWEST := .local/highest/.ready
DOCS_NODE := tools/docs/node_modules/.ready
PAGE := src/wideload_cdk/_web/.built
WEB_SOURCES := $(shell find web \( -name node_modules -o -name dist \) -prune -o -type f -print)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  ENV=dev|staging|prod|local picks the environment (stacks/settings.py lists all),"
	@echo "  CONTEXT=\"-c name=value …\" overrides settings."

# Set-up, each step once

$(VENV): requirements.txt pyproject.toml client/pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python 3.11 or newer is needed, {sys.executable} is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r <(awk '/^[^ ]/ { wanted = /^uv==/ } wanted' requirements.txt)
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

# boto3 and the AWS CLI, which the benchmarks compare with.
$(PEERS): bench/peers/requirements.txt | $(VENV)
	$(PYTHON) -m venv .local/peers
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python .local/peers/bin/python bench/peers/requirements.txt
	@touch $@

$(LAMBDA): $(LAMBDA_SOURCES) | $(VENV) $(NODE)
	$(BIN)/python lambda_src/build.py arm64 x86_64
	@touch $@

$(LOCAL_LAMBDA): $(LAMBDA_SOURCES) | $(VENV)
	$(BIN)/python lambda_src/build.py local
	@touch $@

$(WEB_NODE): web/package.json web/package-lock.json | $(VENV)
	cd web && npm ci --no-progress
	@touch $@

$(PAGE): $(WEB_SOURCES) $(WEB_NODE)
	cd web && npm run --silent build
	@rm -rf $(@D) && cp -r web/packages/page/dist $(@D)
	@touch $@

$(ZENSICAL): tools/docs/requirements.txt | $(VENV)
	$(PYTHON) -m venv .local/zensical
	$(BIN)/uv pip sync --quiet --require-hashes --python .local/zensical/bin/python tools/docs/requirements.txt
	@touch $@

$(TWINE): tools/release/requirements.txt | $(VENV)
	$(PYTHON) -m venv .local/release
	$(BIN)/uv pip sync --quiet --require-hashes --python .local/release/bin/python tools/release/requirements.txt
	@touch $@

# Environments with the oldest and the newest versions that the distributions allow; uv's names.
$(FLOOR) $(NEWEST): requirements.txt pyproject.toml client/pyproject.toml | $(VENV)
	rm -rf $(@D)
	$(PYTHON) -m venv --without-pip $(@D)
	$(BIN)/uv pip sync --quiet --require-hashes --python $(@D)/bin/python requirements.txt
	$(BIN)/uv pip compile --quiet --no-deps --no-strip-extras --resolution $(notdir $(@D)) --python $(@D)/bin/python --all-extras pyproject.toml client/pyproject.toml -o $(@D)/versions.txt
	$(BIN)/uv pip install --quiet --python $(@D)/bin/python -r $(@D)/versions.txt
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(@D)/bin/python -e . -e client
	@touch $@

$(DOCS_NODE): tools/docs/package.json tools/docs/package-lock.json | $(VENV)
	cd tools/docs && npm ci --no-progress --no-audit --no-fund
	@touch $@

# Debian's packages can be had where this runs as root; elsewhere a person must say what to use.
.PHONY: chromium
chromium:
	@test -x "$${CHROMIUM:-$$(command -v chromium)}" || { \
	  test "$$(id -u)" = 0 && command -v apt-get > /dev/null && apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium; } || { \
	  echo "The page is tested in Chromium: install it (apt-get install chromium), or set CHROMIUM to its path." >&2; exit 1; }

LOCAL_READY := $(VENV) $(NODE) $(CLOUD) $(LOCAL_LAMBDA) $(PAGE)

.PHONY: setup
setup: $(VENV) $(NODE) $(CLOUD) $(LAMBDA) $(LOCAL_LAMBDA) $(PAGE) ## Set up all that the other targets need

# The embedded cloud

.PHONY: demo
demo: $(LOCAL_READY) ## Deploy to the embedded cloud, send call logs and files through it, compare
	$(BIN)/python -m local up $(CONTEXT)
	$(BIN)/python -m local demo

.PHONY: local-up
local-up: $(LOCAL_READY) ## Start the embedded cloud with everything deployed (WIDELOAD_LOCAL_PORT, default 4566)
	$(BIN)/python -m local up $(CONTEXT)

.PHONY: local-down
local-down: $(VENV) ## Stop the embedded cloud
	$(BIN)/python -m local down

# Quality

# The tests run in lanes side by side, so that one lane computes while others wait. Each lane on the
# embedded cloud starts a cloud of its own: on a free port, in a temporary directory. The slowest
# lanes come first, two more at a time than there are processors. docs/adr/0062.
CLOUD_LANES := test-integration test-deployments test-page test-faults test-local
CODE_LANES := test-templates test-client test-runtime
LONGEST_LANES := test-integration test-client test-faults test-templates test-page
TEST_LANES := $(LONGEST_LANES) $(filter-out $(LONGEST_LANES),$(CLOUD_LANES) $(CODE_LANES) test-web)
LANES ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 2)))
CLOUD_TESTS := $(addprefix tests/,integration deployments e2e faults local)
# The longest lane decides when all have ended, so the others leave it the processor when it wants it.
BESIDE = $(if $(filter-out test-integration,$(filter $(TEST_LANES),$@)),nice -n 5)
# Without the options of the make around them, which tests that run make would take for theirs.
# One background thread of V8, as in cdk.json: docs/adr/0070.
PYTEST = $(BESIDE) env MAKEFLAGS= NODE_OPTIONS="$${NODE_OPTIONS:-} --v8-pool-size=1" $(BIN)/python -m pytest $(if $(K),-k "$(K)")
# Prints the lane's wall and CPU time after its output.
TIMED = @TIMEFORMAT='$@: %0R s, CPU %0U s user and %0S s system'; time
IN_LANES = $(MAKE) --keep-going --jobs=$(LANES) $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: test
test: $(LOCAL_READY) $(LAMBDA) chromium ## Run every test (K=expression: those of Python's that match; LANES=… at a time)
	@$(if $(K),$(PYTEST),$(IN_LANES) $(TEST_LANES))

.PHONY: test-unit
test-unit: $(VENV) ## Run what tests the functions' code within a minute, for daily work
	$(TIMED) $(PYTEST) -m "not (hypothesis or exhaustive)" tests/runtime

.PHONY: test-cloud test-code $(TEST_LANES)
test-cloud: $(LOCAL_READY) $(LAMBDA) chromium ## Run the lanes on the embedded cloud
	@$(IN_LANES) $(CLOUD_LANES)

test-code: $(LOCAL_READY) $(LAMBDA) ## Run the lanes of Python's tests without a cloud
	@$(IN_LANES) $(CODE_LANES)

$(CLOUD_LANES): $(LOCAL_READY) $(LAMBDA)
test-templates test-client: $(LOCAL_READY) $(LAMBDA)

test-runtime: $(VENV) ## Run the tests of the functions' code, in process
	$(TIMED) $(PYTEST) tests/runtime

test-client: ## Run the tests of the Python client and the command line
	$(TIMED) $(PYTEST) tests/client

test-templates: ## Run all other tests that need no cloud: constructs, stacks, guards, packages
	$(TIMED) $(PYTEST) $(addprefix --ignore=,$(CLOUD_TESTS) tests/runtime tests/client)

test-integration: ## Run the tests of both services on the embedded cloud
	$(TIMED) $(PYTEST) tests/integration

test-deployments: ## Run the tests of updates, rollbacks and deletions
	$(TIMED) $(PYTEST) tests/deployments

# Asking for Chromium is a part of the recipe: as a prerequisite it would let other lanes go first.
test-page: ## Run the tests of the page in Chromium
	@$(MAKE) chromium
	$(TIMED) $(PYTEST) tests/e2e

test-faults: ## Run the tests of what happens when AWS or a function fails
	$(TIMED) $(PYTEST) tests/faults

test-local: ## Run the tests of the embedded cloud's own programs
	$(TIMED) $(PYTEST) tests/local

test-web: $(PAGE) ## Run the tests of the packages for JavaScript and of the page
	@$(MAKE) chromium
	$(TIMED) $(BESIDE) npm --prefix web run --silent test --workspaces --if-present
	$(TIMED) $(BESIDE) npm --prefix web run --silent test:browser -w @wideload/ingest -w @wideload/uploader

# The rule packs need a newer aws-cdk-lib than the constructs do.
.PHONY: test-floor test-newest
test-floor: $(FLOOR) $(NODE) $(LAMBDA) ## Run the tests of client, constructs and packages with the oldest versions of what they depend on (TESTS=tests/client)
	.local/lowest-direct/bin/python -m pytest -m "not rule_packs" --ignore=tests/constructs/shared/test_findings.py $(or $(TESTS),tests/client tests/constructs tests/packages)

test-newest: $(NEWEST) $(NODE) $(LAMBDA) ## Run them with the newest versions (PYTHON=python3.14)
	.local/highest/bin/python -m pytest $(or $(TESTS),tests/client tests/constructs tests/packages)

.PHONY: soak
soak: $(LOCAL_READY) ## Send thousands of payloads through every fault at once (COUNT=2000 SEED=1)
	$(BIN)/python -m tests.soak $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

.PHONY: abuse
abuse: $(LOCAL_READY) ## Measure a good tenant's latency beside hostile ones (SECONDS=20, of each half)
	$(BIN)/python -m tests.soak.abuse $(if $(SECONDS),--seconds $(SECONDS))

.PHONY: check
check: $(VENV) $(LAMBDA) $(PAGE) ## Check format, lint, types and imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=lambda_src $(BIN)/lint-imports --no-cache
	cd web && npm run --silent check:built
	$(BIN)/zizmor --offline --no-progress --quiet .github

.PHONY: format
format: $(VENV) $(WEB_NODE) ## Format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd web && npm run --silent format

.PHONY: bench
bench: $(LOCAL_READY) $(PEERS) chromium ## Run the benchmarks beside boto3, the AWS CLI and curl (BENCH="--write", BENCH="growth payloads")
	$(BIN)/python -m bench $(BENCH)

# AWS

.PHONY: synth
synth: $(VENV) $(NODE) $(LAMBDA) $(PAGE) ## Write ENV's templates to cdk.out
	@rm -rf cdk.out
	$(CDK) synth --quiet -c env=$(ENV) $(CONTEXT)

ENVIRONMENTS = $(shell $(BIN)/python -c 'from stacks.settings import DEPLOYED; print(*DEPLOYED)')
.PHONY: synth-all
synth-all: $(VENV) $(NODE) $(LAMBDA) $(PAGE) ## Write the templates of one environment after the other, to see that each can be synthesized
	@for env in $(ENVIRONMENTS); do $(MAKE) synth ENV=$$env; done

.PHONY: diff
diff: synth ## Compare ENV's templates with those of the last release tag (SINCE=commit); needs no AWS account
	@$(BIN)/python -m tools.templates $(if $(SINCE),--since "$(SINCE)") $(ENV) cdk.out

.PHONY: diff-deployed
diff-deployed: $(VENV) $(NODE) $(LAMBDA) $(PAGE) ## Compare ENV's templates with what is deployed
	$(CDK) diff -c env=$(ENV) $(CONTEXT)

.PHONY: drift
drift: $(VENV) $(NODE) $(LAMBDA) $(PAGE) ## Compare what is deployed in ENV with what was deployed; fails if a person changed it
	$(CDK) drift --fail -c env=$(ENV) $(CONTEXT)

.PHONY: diff-report
diff-report: $(VENV) $(NODE) $(LAMBDA) $(PAGE) ## Write what `make diff` says of each environment to dist/diff.md
	@mkdir -p dist
	@for env in $(ENVIRONMENTS); do echo "## $$env"; echo; $(MAKE) --silent diff ENV=$$env; echo; done > dist/diff.md

.PHONY: diff-comment
diff-comment: ## Put dist/diff.md on a pull request: PULL_REQUEST=url, and GitHub's gh
	@$(if $(PULL_REQUEST),,$(error Say where: make diff-comment PULL_REQUEST=https://…))
	@gh pr comment "$(PULL_REQUEST)" --edit-last --create-if-none --body-file dist/diff.md

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
.PHONY: release
release: $(VENV) $(NODE) ## Tag this commit as the release of pyproject.toml's version, which `make diff` compares with
	@test -z "$$(git status --porcelain)" || { echo "Commit or remove your changes first: git status." >&2; exit 1; }
	@grep -q "^## $(VERSION)\b" CHANGELOG.md || { echo "CHANGELOG.md has no heading '## $(VERSION)'." >&2; exit 1; }
	$(PYTEST) -q tests/stacks -k snapshots_are_those_of_the_templates
	git tag --annotate --message "Wideload $(VERSION)" v$(VERSION)
	@echo "Push the tag: git push origin v$(VERSION)"

.PHONY: deploy
deploy: $(VENV) $(NODE) $(LAMBDA) $(PAGE) ## Deploy ENV to the account of your AWS credentials
	$(CDK) deploy --all $(if $(CI),--require-approval never) -c env=$(ENV) $(CONTEXT)

.PHONY: destroy
destroy: synth ## Delete ENV, but for what its settings keep; asks first (YES=--yes doesn't)
	@$(OPERATE)python -m stacks.destroy $(YES) $(ENV)

.PHONY: acceptance
acceptance: $(VENV) $(if $(filter local,$(ENV)),local-up) ## Try what ENV promises, from outside; dist/acceptance.md (ACCEPTANCE="-k page")
	$(OPERATE)python -m pytest tests/acceptance --environment $(ENV) $(ACCEPTANCE)

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

.PHONY: rotate-key
rotate-key: $(VENV) ## Make a key in another's place, which ends: KEY_ID=id [UNTIL=2026-12-24]
	@$(if $(KEY_ID),,$(error Say which: make rotate-key ENV=$(ENV) KEY_ID=…; make keys lists them))
	@$(OPERATE)wideload-keys rotate $(DEPLOYMENT) $(if $(UNTIL),--until $(UNTIL)) $(KEY_ID)

.PHONY: user
user: $(VENV) ## Invite a person to file transfer: EMAIL=address; Cognito mails a password (local: printed)
	@$(if $(EMAIL),,$(error Say who: make user ENV=$(ENV) EMAIL=ann@example.com))
	@$(OPERATE)wideload-users create $(FILES_DEPLOYMENT) $(if $(filter local,$(ENV)),--print-password) $(EMAIL)

.PHONY: users
users: $(VENV) ## List the people who can transfer files
	@$(OPERATE)wideload-users list $(FILES_DEPLOYMENT)

.PHONY: redrive
redrive: $(VENV) ## Put what failed in the worker back into its queue
	@$(OPERATE)wideload-redrive $(DEPLOYMENT)

.PHONY: cost
cost: $(VENV) ## Print what a month of traffic costs (COST="--payloads 1000000 --payload-mb 15")
	@$(BIN)/python -m tools.costs $(COST)

# Documentation

.PHONY: docs
docs: $(VENV) $(ZENSICAL) $(DOCS_NODE) ## Build the documentation site into dist/docs; fails on a broken link or docstring
	$(BIN)/python -m tools.docs .local/docs
	.local/zensical/bin/zensical build --clean --strict 2>&1 | tee .local/docs.log
	@if grep -q '^griffe: ' .local/docs.log; then echo "Mend the docstrings that griffe names above." >&2; exit 1; fi

# Packages

.PHONY: build
build: $(LAMBDA) $(LOCAL_LAMBDA) $(PAGE) ## Build the code that runs in Lambda, and the page

.PHONY: wheel
wheel: $(VENV) $(LAMBDA) $(PAGE) ## Build both distributions into dist/
	$(BIN)/hatchling build --target wheel --directory $(CURDIR)/dist
	cd client && ../$(BIN)/hatchling build --target wheel --directory $(CURDIR)/dist

.PHONY: release-check
release-check: $(VENV) $(TWINE) $(LAMBDA) local-up ## Build all that is released into dist/release, and use each in an empty environment (TAG=v1.2.0)
	$(BIN)/python -m tools.release $(if $(TAG),--tag $(TAG)) dist/release

.PHONY: publish-npm
publish-npm: $(VENV) ## Publish the npm packages of dist/release; only the release workflow is trusted to
	@for package in ingest uploader uppy; do $(BIN)/npm publish --access public dist/release/wideload-$$package-*.tgz; done

.PHONY: publish-release
publish-release: ## Make TAG a release on GitHub, with dist/release; needs GitHub's gh
	@$(if $(TAG),,$(error Say which: make publish-release TAG=v1.2.0))
	@gh release create "$(TAG)" --verify-tag --title "Wideload $(TAG)" --notes-file dist/release/notes.md dist/release/*

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
.PHONY: lock
lock: $(VENV) ## Compile the lock files anew (UPGRADE=--upgrade for newer versions)
	$(LOCK) $(UPGRADE) lambda_src/requirements.in -o lambda_src/requirements.txt
	$(LOCK) $(UPGRADE) pyproject.toml client/pyproject.toml lambda_src/requirements.in --all-extras --group dev -o requirements.txt
	$(LOCK) $(UPGRADE) local/requirements.in -o local/requirements.txt
	$(LOCK) $(UPGRADE) local/installed.in -o local/installed.txt
	$(LOCK) $(UPGRADE) bench/peers/requirements.in -o bench/peers/requirements.txt
	$(LOCK) $(UPGRADE) tools/docs/requirements.in -o tools/docs/requirements.txt
	$(LOCK) $(UPGRADE) tools/release/requirements.in -o tools/release/requirements.txt
	$(BIN)/npm install --package-lock-only
	cd web && npm install --package-lock-only
	cd tools/docs && npm install --package-lock-only --userconfig ../../.npmrc

.PHONY: clean
clean: local-down ## Stop the cloud and remove all that make made
	rm -rf .venv .local node_modules tools/docs/node_modules web/node_modules web/packages/*/dist dist cdk.out* src/wideload_cdk/_lambda src/wideload_cdk/_web .mypy_cache .pytest_cache .ruff_cache
