# Everything a developer or a first user types. `make` alone says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
LOGS := build/logs
BUNDLE := build/bundle
# Of what pip says, the packages it is at.
BRIEFLY := sed -nu 's/^Collecting \([^ ]*\).*/  \1/p'
PROVISION := vagrant/provision
ENGINE := $(PROVISION)/docker-engine.sh
PYTHON ?= python3
PYTEST := $(BIN)/python -m pytest
NODE_SUITES := unit e2e
MACHINE_SUITES := systemd parity integration
# For suites that run side by side: no line is written before it is whole.
LINES := sed -u ''

up down: export LEDGER := /var/lib/podstrap-provision/ledger

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONUNBUFFERED := 1
# What pip installs has its bytecode: without it every command compiles podstrap anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help root setup lint unit parity integration e2e systemd soak vm-test test lanes lane-of-nodes lane-of-machines images programs bench bundle up down clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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
	@started=$$SECONDS failed=
	rm -rf $(LOGS)
	$(MAKE) lint
	$(ENGINE) during $(MAKE) programs lanes || failed=yes
	echo
	for suite in $(NODE_SUITES) $(MACHINE_SUITES); do
		grep -hsE '^(FAILED|ERROR) ' $(LOGS)/$$suite.log || true
		printf '%-12s %s\n' $$suite "$$(tail -n 1 $(LOGS)/$$suite.log 2>/dev/null || echo 'did not run')"
	done
	[ -z "$$failed" ] || { echo "error: failed after $$((SECONDS - started)) s; the suites' logs are in $(LOGS)" >&2; exit 1; }
	echo "make test passed in $$((SECONDS - started)) s"

# Both often wait, so on two cores they go side by side. Their lines are mixed, each one whole; a failure in one does
# not end the other.
lanes:
	@$(MAKE) --jobs=2 --keep-going lane-of-nodes lane-of-machines

lane-of-nodes:
	@for suite in $(NODE_SUITES); do $(MAKE) $$suite; done

lane-of-machines:
	@for suite in $(MACHINE_SUITES); do $(MAKE) $$suite; done

lint: $(VENV)/.development ## Format, lint, types, layers
	@echo "ruff format";  $(BIN)/ruff format --check .
	echo "ruff check";    $(BIN)/ruff check .
	echo "mypy";          $(BIN)/mypy
	echo "lint-imports";  $(BIN)/lint-imports

unit: $(VENV)/.development ## Tests that need nothing but Python: seconds
	@mkdir -p $(LOGS)
	$(PYTEST) -m "not docker and not e2e and not systemd and not vm and not parity" 2>&1 | tee $(LOGS)/unit.log | $(LINES)

integration: $(VENV)/.development ## Tests against a Docker Engine (root)
	@mkdir -p $(LOGS)
	$(PROVISION)/go.sh $(VENV)
	$(ENGINE) during $(PYTEST) -m docker --must-run 2>&1 | tee $(LOGS)/integration.log | $(LINES)

parity: $(VENV)/.development ## What we write and what the real kubeadm writes, compared and counted (root)
	@mkdir -p $(LOGS)
	$(MAKE) programs
	$(PYTEST) -m parity --must-run tests/parity 2>&1 | tee $(LOGS)/parity.log | $(LINES)

e2e: $(VENV)/.development ## Real control planes in lab nodes (root)
	@mkdir -p $(LOGS)
	$(MAKE) programs
	$(PYTEST) -m e2e -v --must-run 2>&1 | tee $(LOGS)/e2e.log | $(LINES)

systemd: $(VENV)/.development ## Machines with systemd: the agent's unit, offline bundles, reboots, Vagrant (root)
	@mkdir -p $(LOGS)
	$(MAKE) programs
	$(PROVISION)/packages.sh mmdebstrap vagrant vagrant-libvirt rsync openssh-client
	$(PYTEST) -m systemd -v --must-run 2>&1 | tee $(LOGS)/systemd.log | $(LINES)

vm-test: $(VENV)/.development ## The lab's scenario on a real machine by libvirt, emulated without KVM: an hour (root)
	@mkdir -p $(LOGS)
	$(MAKE) programs
	$(PROVISION)/packages.sh mmdebstrap vagrant vagrant-libvirt libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils \
		dnsmasq-base rsync openssh-client
	$(PYTEST) -m vm -v --must-run 2>&1 | tee $(LOGS)/vm.log | $(LINES)

soak: $(VENV)/.development ## Faults of the agent in full, reboots and power cuts; writes build/faults.json, reboots.json (root)
	@$(MAKE) programs
	$(PROVISION)/packages.sh mmdebstrap
	SOAK=1 $(PYTEST) tests/e2e/test_agent_{kills,engine,edits,disks,soak}.py tests/e2e/test_renewal.py -v -s --must-run
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
	@mkdir -p $(dir $(BUNDLE))
	$(ENGINE) during $(PROVISION)/bundle.sh $(VENV) $(BUNDLE)

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
