# make help says what there is. Every target brings its own environment up to date first.
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast coverage test-without-shortcuts soak lint benchmark cloud clean environment
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
# Every step is a process of its own: let them share compiled modules, whatever the shell says, and keep them
# out of the folders that sam build copies.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/bytecode
# Sets have one order, so that what was sampled from a seed is sampled again.
export PYTHONHASHSEED := 0

PYTHON ?=
FLEET ?= fleets/default.yaml
SPEED ?= 120
AUTH ?= 1
ROUNDS ?= 1
MINUTES ?= 10
SCENARIO ?=
SEED ?=
ARGS ?=

local = .venv/bin/python -m local
# File by file in the given order, the slowest first: at the end all workers are busy with small ones. Three on
# two cores: the commands of the local cloud wait half of their time.
pytest = .venv/bin/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --durations=10
tested = $(addprefix tests/,local_cloud workflows handlers benchmarks local shared project drs_emulator)
goal = --cov-report=term:skip-covered --cov-fail-under=90
# What a change most often breaks: rules, records, wiring, templates and pages, and one whole failover.
quick = tests/shared/rules tests/shared/test_task.py tests/shared/test_serialization.py tests/shared/store/test_writes.py \
  tests/project tests/workflows/test_failover_happy.py
# What the shortcuts could change: both clouds, and workflows that write, query and redrive much.
unshortened = tests/local tests/local_cloud/test_engine_states.py tests/local_cloud/test_engine_ec2.py \
  $(addprefix tests/workflows/test_,callbacks.py failover_start.py redrive.py prepare.py)
no_auth = $(if $(filter 0 false no off,$(AUTH)),--no-auth)

help:
	@echo 'make demo    fail a fleet over in a local cloud and back, and check every server'
	@echo '             FLEET=fleets/default.yaml  another fleet: three, trouble, thousand, or your own'
	@echo '             ROUNDS=1                   how often to go there and back'
	@echo '             SPEED=120                  simulated seconds in a real second'
	@echo '             AUTH=1                     0 switches IAM enforcement off'
	@echo 'make test    all tests'
	@echo '             SEEDS=1                    how often each fault of docs/faults.md is played'
	@echo '             KILLS=4                    how many executions in succession are killed in one world'
	@echo 'make test-fast  what a change most often breaks, in under two minutes'
	@echo 'make coverage  how much of shared/ and functions/ the tests of units and handlers run'
	@echo 'make test-without-shortcuts  a selection, without what makes the local cloud fast'
	@echo 'make soak    random mixes of faults in virtual time, until one hurts'
	@echo '             MINUTES=10                 for how long'
	@echo '             SCENARIO=, SEED=           one fault of docs/faults.md, with one seed'
	@echo 'make lint    static checks: ruff, mypy, prose, sam validate, cfn-lint, statelint'
	@echo 'make benchmark  how near failovers of up to 1,000 servers come to the shortest possible time'
	@echo 'make cloud   the local cloud with everything deployed, until Ctrl-C'
	@echo 'make clean   remove everything that was made here'
	@echo 'PYTHON=...   the Python (3.11 or newer) to make the environment with'

environment: .venv/.as-locked
	@:

.venv/.as-locked: requirements.lock .ci/environment
	@PYTHON='$(PYTHON)' .ci/environment

demo: environment
	@exec $(local) demo --fleet '$(FLEET)' --rounds '$(ROUNDS)' --speed '$(SPEED)' $(no_auth) $(ARGS)

cloud: environment
	@exec $(local) up --deploy --fleet '$(FLEET)' --speed '$(SPEED)' $(no_auth) $(ARGS)

test: environment
	@$(pytest) $(if $(ARGS),$(ARGS),$(tested))

test-fast: environment
	@$(pytest) $(quick) $(ARGS)

coverage: environment
	@$(pytest) tests/handlers tests/workflows/test_prepare.py tests/shared --cov $(goal) $(ARGS)

test-without-shortcuts: environment
	@DRS_LOCAL_SHORTCUTS=0 $(pytest) $(if $(ARGS),$(ARGS),$(unshortened))

soak: environment
	@POWERTOOLS_LOG_LEVEL=CRITICAL exec .venv/bin/python -m tests.workflows.scenarios --minutes '$(MINUTES)' \
	  $(if $(SCENARIO),--scenario '$(SCENARIO)') $(if $(SEED),--seed '$(SEED)') $(ARGS)

benchmark: environment
	@exec .venv/bin/python -m benchmarks $(ARGS)

lint: environment
	@.ci/lint

clean:
	@if [ -x .venv/bin/python ]; then $(local) down --quiet || true; fi
	@rm -rf .venv .aws-sam .local out .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .coverage.*
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
