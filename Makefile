# Stowage: one door to every chore. `make` alone prints this manual.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

OLD_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(OLD_ENOUGH)' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PY := $(BIN)/python
READY := .venv/ready
PROJECTS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
CODE := $(wildcard libs services tests bench deploy docs examples)
SERVERS := $(PY) -m tests.servers
JOBS ?= 2
TESTS ?= tests
ARGS ?=
PORT ?= 8080
SECONDS ?= 60
SEEDS ?= 20
DATA ?= .stowage
APT := DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600

.PHONY: help setup lint format unit test test-slow demo storm run simulate chaos fuzz fuzz-api bench docs lock docker-up docker-down clean

help: ## print this manual
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} \
		/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Begin

setup: $(READY) ## make .venv with every locked dependency and our packages, editable

$(READY): requirements.lock $(PROJECTS)
	@test -n "$(PYTHON)" || { echo "missing: Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(MAKE) -s venv-module
	@test -x $(PY) || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation \
		$(addprefix -e ./,$(dir $(PROJECTS)))
	@touch $@

.PHONY: venv-module
venv-module:
	@test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
		|| { echo "missing: Python's venv module (Debian package python3-venv)"; exit 1; }
	$(APT) update
	$(APT) install -y --no-install-recommends python3-venv

demo: setup ## the whole way of one image, IMAGE=<url or file> for yours
	$(PY) -m examples.demo $(IMAGE)

storm: setup ## a storm of copies, and the transport VMs it calls for; ARGS=--help
	$(PY) -m examples.storm $(ARGS)

run: setup ## standalone on PORT=8080 with its state in DATA=.stowage, until Ctrl-C
	$(BIN)/stowage standalone --port $(PORT) --data $(DATA)

## Check

lint: setup ## style, types and the direction of imports
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(wildcard libs services tests bench deploy) examples/demo examples/storm
	$(BIN)/lint-imports

format: setup ## what lint would complain about, as far as a tool can mend it
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

unit: setup ## the tests that need no server; ARGS= goes to pytest
	$(PY) -m pytest tests/unit -n $(JOBS) $(ARGS)

test: setup ## every test, or those in TESTS=, on private servers that are stopped afterwards
	$(if $(filter tests,$(TESTS)),$(PY) -m pytest tests/deploy $(ARGS))
	$(SERVERS) run -- $(PY) -m pytest $(TESTS) $(if $(filter tests,$(TESTS)),--ignore=tests/deploy) \
		-n $(JOBS) --dist loadfile -m "not emulated" $(ARGS)

test-slow: setup ## what boots whole emulated machines, or takes minutes
	$(SERVERS) run -- $(PY) -m pytest tests -m emulated --timeout 900 $(ARGS)

simulate: SEEDS = 10000
simulate: setup ## SEEDS=10000 worlds of faults in virtual time, or again the one of SEED=
	$(PY) -m tests.simulator --seeds $(SEEDS) $(if $(SEED),--seed $(SEED))

chaos: setup ## SEEDS=20 runs in which anything may be killed, or again the one of SEED=
	$(SERVERS) run ceph -- $(PY) -m tests.failure.chaos --seeds $(SEEDS) $(if $(SEED),--seed $(SEED))

fuzz: setup ## let a coverage-guided fuzzer at the image gate for SECONDS=60
	$(BIN)/pip install -q --disable-pip-version-check atheris==3.0.0
	mkdir -p .fuzz
	$(PY) -m tests.images.fuzz .fuzz -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=768 \
		-artifact_prefix=.fuzz/

fuzz-api: SECONDS = 300
fuzz-api: setup ## let schemathesis at every route of the gateway for SECONDS=300
	STOWAGE_FUZZ_API_SECONDS=$(SECONDS) $(SERVERS) run postgres -- \
		$(PY) -m pytest tests/unit/api_gateway/test_schemathesis.py -n 0 $(ARGS)

bench: setup ## the measurements, in full, with their results in bench/results/
	for program in data_plane control_plane steering stores autoscale api; do \
		$(SERVERS) run -- $(PY) -m bench.$$program --json bench/results/$$program.json || exit 1; \
	done

docker-up: setup ## a private Docker engine with base images; prints what to export
	$(SERVERS) up docker

docker-down: setup ## stop it, and every other server that was started by hand
	$(SERVERS) down

## Maintain

docs: setup ## write the generated reference documents anew
	$(PY) -m docs.generate

lock: setup ## resolve all dependencies anew into requirements.lock
	$(BIN)/pip install -q uv
	$(BIN)/uv export -q --upgrade --all-packages --all-extras --no-extra libvirt --all-groups --no-emit-workspace \
		--no-header --format requirements-txt --output-file requirements.lock >/dev/null

clean: ## stop servers, remove caches and what was built
	@test ! -x $(PY) || $(SERVERS) down
	rm -rf .servers .stowage .fuzz .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -exec rm -rf {} +
