# What each target needs is found on this machine or prepared first (docs/toolchain.md).
PYTHON ?= python3
STACK ?= local
TOOLCHAIN := $(PYTHON) -m tools.toolchain

.PHONY: up destroy test check bench env lock tools

up: ## provision the stack and show what runs where
	@$(TOOLCHAIN) run --stack $(STACK) -- .venv/bin/python -m tools.stack up $(STACK)

destroy: ## remove the stack and everything that it made
	@$(TOOLCHAIN) run --stack $(STACK) -- .venv/bin/python -m tools.stack destroy $(STACK)

test: ## run the tests, a file more at a time than there are processors; ARGS goes to pytest
	@# Empty as unset: where Python keeps no bytecode, each process rewrites the assertions of all tests anew.
	@PYTHONDONTWRITEBYTECODE= $(TOOLCHAIN) test -- .venv-test/bin/python -m pytest --numprocesses=auto --dist=loadfile $(ARGS)

check: ## lint, types, import rules, lock file
	@$(TOOLCHAIN) check
	@.venv-test/bin/ruff check
	@.venv-test/bin/ruff format --check
	@.venv-test/bin/pyright
	@.venv-test/bin/lint-imports
	@$(TOOLCHAIN) lock --check

bench: ## print the measurements as ratios
	@$(TOOLCHAIN) test -- .venv-test/bin/python -m tests.bench

env: ## eval "$$(make -s env)" makes `pulumi` work in a terminal
	@$(TOOLCHAIN) env

lock: ## write requirements.lock for pyproject.toml
	@$(TOOLCHAIN) check -- $(TOOLCHAIN) lock

tools: ## provide everything that the tests need, also what is not needed for `make up` here
	@$(TOOLCHAIN) test
