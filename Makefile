# Everything a developer or a first user types. `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
LOGS := build/logs
# Of what pip says, the packages it is at.
BRIEFLY := sed -nu 's/^Collecting \([^ ]*\).*/  \1/p'
PROVISION := vagrant/provision
ENGINE := $(PROVISION)/docker-engine.sh
PYTHON ?= python3
PYTEST := $(BIN)/python -m pytest

up down: export LEDGER := /var/lib/podstrap-provision/ledger

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUNBUFFERED := 1

.PHONY: help root setup lint unit parity integration e2e systemd soak test images programs bench bundle up down clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

root:
	@test "$$(id -u)" = 0 || { echo "error: this changes the machine: run it as root" >&2; exit 1; }

# ---- a first look ----------------------------------------------------------------------------------------

up: root $(VENV)/.program ## A control plane on this machine: installs what is missing, then `bootstrap init` (root)
	@$(ENGINE) start
	$(PROVISION)/images.sh $(VENV)
	$(BIN)/bootstrap init
	$(PROVISION)/show.sh $(VENV)

down: root ## Undo `make up`: the control plane, the engine and the packages it brought (root)
	@if [ -x $(BIN)/bootstrap ] && docker version >/dev/null 2>&1; then $(BIN)/bootstrap reset --yes; fi
	$(PROVISION)/undo.sh
	echo "Left: $(VENV) and the built programs in $${XDG_CACHE_HOME:-$$HOME/.cache}/podstrap (make clean)"

# ---- tests -----------------------------------------------------------------------------------------------

test: root ## Everything, real components included, from a bare machine (root)
	@started=$$SECONDS
	$(MAKE) lint
	$(ENGINE) during $(MAKE) programs unit parity integration e2e
	echo
	for suite in unit parity integration e2e; do printf '%-12s %s\n' $$suite "$$(tail -n 1 $(LOGS)/$$suite.log)"; done
	echo "make test passed in $$((SECONDS - started)) s"

lint: $(VENV)/.development ## Format, lint, types, layers
	@echo "ruff format";  $(BIN)/ruff format --check .
	echo "ruff check";    $(BIN)/ruff check .
	echo "mypy";          $(BIN)/mypy
	echo "lint-imports";  $(BIN)/lint-imports

unit: $(VENV)/.development ## Tests that need nothing but Python: seconds
	@mkdir -p $(LOGS)
	$(PYTEST) -m "not docker and not e2e and not systemd and not parity" 2>&1 | tee $(LOGS)/unit.log

integration: $(VENV)/.development ## Tests against a Docker Engine (root)
	@mkdir -p $(LOGS)
	$(PROVISION)/go.sh $(VENV)
	$(ENGINE) during $(PYTEST) -m docker --must-run 2>&1 | tee $(LOGS)/integration.log

parity: $(VENV)/.development ## What we write and what the real kubeadm writes, compared and counted (root)
	@mkdir -p $(LOGS)
	$(MAKE) programs
	$(PYTEST) -m parity --must-run tests/parity 2>&1 | tee $(LOGS)/parity.log

e2e: $(VENV)/.development ## Real control planes in lab nodes (root)
	@mkdir -p $(LOGS)
	$(MAKE) programs
	$(PYTEST) -m e2e -v --must-run 2>&1 | tee $(LOGS)/e2e.log

systemd: $(VENV)/.development ## Machines with systemd: the agent's unit, offline bundles, reboots, Vagrant (root)
	@mkdir -p $(LOGS)
	$(MAKE) programs
	$(PROVISION)/packages.sh mmdebstrap vagrant vagrant-libvirt rsync openssh-client
	$(PYTEST) -m systemd -v --must-run 2>&1 | tee $(LOGS)/systemd.log

soak: $(VENV)/.development ## Faults of the agent in full, reboots and power cuts; writes build/faults.json, reboots.json (root)
	@$(MAKE) programs
	$(PROVISION)/packages.sh mmdebstrap
	SOAK=1 $(PYTEST) tests/e2e/test_agent_{kills,engine,edits,disks,soak}.py -v -s --must-run
	REBOOTS=20 $(PYTEST) tests/systemd/test_power.py -v -s --must-run --timeout=3600

bench: $(VENV)/.development ## Measure everything that has a budget, side by side; writes docs/benchmarks.md (root)
	@$(MAKE) programs
	$(BIN)/python -m tests.bench

programs: $(VENV)/.development ## Programs that tests need, from the cache or built: two minors, kubeadm of a third
	@$(PROVISION)/packages.sh iproute2
	$(ENGINE) install
	$(PROVISION)/go.sh $(VENV)
	for version in $$($(BIN)/python -m tests.lab.programs missing); do
		$(ENGINE) during $(BIN)/bootstrap images build --kubernetes-version "$$version" --programs "build/programs/$$version"
	done
	$(BIN)/python -m tests.lab.programs build-kubeadm

bundle: $(VENV)/.program ## build/bundle: wheels, images and install.sh for machines without a network
	@mkdir -p build
	$(ENGINE) during $(PROVISION)/bundle.sh $(VENV) build/bundle

# ---- the environment -------------------------------------------------------------------------------------

setup: $(VENV)/.development ## The venv with bootstrap (editable) and the development tools

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || $(PROVISION)/packages.sh python3 python3-venv
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed" >&2; exit 1; }
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(PROVISION)/packages.sh python3-venv
	echo "Making $(VENV)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.program: pyproject.toml | $(VENV)/bin/python
	@test -e $(VENV)/.development || { echo "Installing podstrap into $(VENV)"; $(BIN)/pip install --editable . | $(BRIEFLY); }
	touch $@

$(VENV)/.development: pyproject.toml | $(VENV)/bin/python
	@echo "Installing podstrap and the development tools into $(VENV)"
	$(BIN)/pip install --editable '.[dev]' | $(BRIEFLY)
	touch $@

clean: ## Remove the venv, logs, caches and the lab's images; built programs stay in ~/.cache/podstrap
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf /var/lib/podstrap-lab
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
