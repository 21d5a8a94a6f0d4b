# Two commands: `make run` and `make test`. Both install what they need, stay in the foreground and pass ARGS on.
# They work with any GNU make since 3.81 (macOS) and any POSIX shell.

PYTHON  ?= python3
WORKERS ?= 2
ARGS    ?=

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
NIGHTLY := tests/property tests/simulation tests/scenarios tests/bench tests/crash/test_escalation_crash.py tests/integration/test_no_gap.py
LOCK  := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test nightly check install system lock clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo '  make run ARGS="--hubs 50 --http-port 8081"     arguments of telecare demo'
	@echo '  make test ARGS="-k alarm" WORKERS=0            arguments of pytest; 0 workers: in one process, for --pdb'

# exec: Python itself is make's child, so that signals to make reach it, and nothing stays behind.
run: install ## Install and run the demo: database, broker, service and simulated homes
	@exec sh tools/as-make-child.sh $(BIN)/telecare demo $(ARGS)

test: install system check ## Install, check the code and run the tests
	@exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

nightly: install system ## Run the property tests with 20,000 histories each, 20,000 simulated afternoons, all races, large files (hours)
	@TELECARE_NIGHTLY=1 exec $(BIN)/python -m pytest -n $(WORKERS) --dist load $(NIGHTLY) $(ARGS)

check: install ## Check style, types, import rules, and that the migrations make the models' schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/telecare db check --embedded

install: $(STAMP) ## Install everything into .venv, with the hashes of requirements/dev.lock

# The stamp goes first and comes back last: an install that was cut off is done again.
$(STAMP): requirements/dev.lock pyproject.toml
	@rm -f $@
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer is needed as "$(PYTHON)". Name another one: make run PYTHON=python3.13' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'Python lacks its venv module. On Debian and Ubuntu: sudo apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || rm -rf $(VENV)
	@echo 'Installing into $(VENV) (the first time: a minute or two)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

system: # What the tests need beside Python packages: a browser and Mosquitto
	@sh tools/system-packages.sh

lock: install ## Resolve the lock files anew (ARGS="--upgrade" for newer versions)
	$(LOCK) $(ARGS) pyproject.toml -o requirements/runtime.lock
	$(LOCK) $(ARGS) pyproject.toml --extra dev -c requirements/runtime.lock -o requirements/dev.lock
	echo hatchling | $(LOCK) - -c requirements/dev.lock -o requirements/build.lock

clean: ## Remove what was installed and every cache; the demo's data stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
