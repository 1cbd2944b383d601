# The targets that README and CI call. The environment is built once and kept: a stamp per installed set tells make
# whether the pins changed since. Stamps live inside the environment, so that both go together.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
REPORT ?= icsguard-demo.html
# Inputs of a fuzz campaign and the processes that share them; a short one runs in every `make test`.
N      ?= 200000
JOBS   ?= 1
# Deaths of the gateway under load in `make faults`; the short form in `make test` has 20.
KILLS  ?= 100
# Processes of an evaluation; what it finds does not depend on them.
CORES  ?= $(shell nproc 2>/dev/null || echo 1)
UV     ?= build/lock/venv/bin/uv

export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types imports matching requirements fuzz faults bench compiled evaluate models package lock clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: $(VENV)/.installed-run ## run a simulated plant, its gateway and its attackers; ends with a report
	@$(BIN)/icsguard demo --report $(REPORT)

test: $(VENV)/.installed-dev ## run the whole test suite (FAST=1 leaves out the slow ones; PYTEST_ARGS are passed on)
	@$(BIN)/python -m pytest $(if $(FAST),-m "not slow") $(PYTEST_ARGS)

check: format lint types imports matching ## what a change must pass before its tests: under a minute

format: $(VENV)/.installed-dev ## check the layout of the code
	@$(BIN)/ruff format --check .

lint: $(VENV)/.installed-dev ## check the code with ruff
	@$(BIN)/ruff check .

types: $(VENV)/.installed-dev ## check the types with mypy
	@$(BIN)/mypy

imports: $(VENV)/.installed-dev ## check that the story flows one way (import-linter)
	@$(BIN)/lint-imports --no-logo

matching: $(VENV)/.installed-dev ## check the house: a test file per module, pins without addresses, known ATT&CK ids
	@$(BIN)/python -m pytest -q tests/architecture

fuzz: $(VENV)/.installed-dev ## throw N mutated inputs at codec and conversations (make fuzz N=100000000 JOBS=2)
	@$(BIN)/python tests/fuzz/campaign.py --inputs $(N) --jobs $(JOBS) --coverage $(FUZZ_ARGS)

faults: $(VENV)/.installed-dev ## put every fault in the gateway's way (KILLS=1000, PEERS=1, FAULTS="D6 S1"); one table
	@PYTHONPATH=tests/faults:. $(BIN)/python -m faultkit --kills $(KILLS) $(if $(PEERS),--peers) $(FAULTS)

bench: compiled ## measure icsguard beside nginx, HAProxy, Suricata, modbus-proxy (BENCH_ARGS=--short: 3 minutes)
	@$(BIN)/python -m bench $(BENCH_ARGS)
	@$(BIN)/python -m bench.opcua $(if $(findstring --short,$(BENCH_ARGS)),--rounds 2 --seconds 1.5) $(UA_BENCH_ARGS)

compiled: $(VENV)/.installed-dev ## build the compiled core, which icsguard run then takes by itself (a minute, needs gcc)
	@$(BIN)/python tools/compile_core.py --if-needed $(COMPILED_ARGS)

evaluate: $(VENV)/.installed-run ## measure detection on simulated plants and recorded data (EVALUATE_ARGS=--short: one minute)
	@$(BIN)/icsguard evaluate --full --jobs $(CORES) --report icsguard-evaluation.html \
	    --json-file icsguard-evaluation.json $(EVALUATE_ARGS)

# One thread: sums in another order would be other bytes. A model that comes out the same keeps its signature.
models: $(VENV)/.installed-run ## train every shipped model again; what has not changed is left as it is
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m icsguard.learn.train_flow models --key icsguard/inference/release_key.py \
	    >/dev/null
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m icsguard.evaluation.train_triage models \
	    --key icsguard/inference/triage_key.py

package: $(VENV)/.installed-dev ## build the wheel and check what it ships
	@$(BIN)/python tools/package.py

lock: ## write requirements/*.txt anew (UPGRADE=1 takes newer versions)
	@test -x $(UV) || { tools/make-venv build/lock/venv && build/lock/venv/bin/python -m pip install --quiet uv; }
	@python=$(VENV)/bin/python; test -x $$python || python=build/lock/venv/bin/python; \
	    $$python tools/lock.py $(UV) $(if $(UPGRADE),--upgrade)

clean: ## remove the environment and everything made
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	@find icsguard tests bench tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

RUN_PINS := requirements/core.txt requirements/lab.txt requirements/learn.txt requirements/build.txt

$(VENV)/.installed-run: $(RUN_PINS) pyproject.toml | environment
	@$(BIN)/python tools/install.py core lab learn
	@touch $@

# Everything at once: a suite that runs first need not wait for two installations.
$(VENV)/.installed-dev: $(RUN_PINS) requirements/fmi.txt requirements/dev.txt pyproject.toml | environment
	@$(BIN)/python tools/install.py core lab learn fmi dev
	@touch $(VENV)/.installed-run $@

.PHONY: environment
environment:
	@tools/make-venv $(VENV)
