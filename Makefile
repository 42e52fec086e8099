# Every target makes what it needs: `make test` on a fresh machine asks for Python >= 3.11, git and make, nothing else.

PYTHON ?= python3
VENV ?= .venv

bin := $(VENV)/bin
install := $(bin)/python -m pip install --constraint constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint docs bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.package ## solve, train, roll out and compare on 1-D Burgers; writes demo/report.html
	$(bin)/surrogate demo

test: $(VENV)/.test ## run the tests
	$(bin)/pytest --numprocesses auto --maxprocesses 8

lint: $(VENV)/.lint ## check format, style, types and who imports whom
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy
	$(bin)/lint-imports

docs: $(VENV)/.docs ## run the gallery and build docs/_build/html
	rm -rf docs/generated docs/gallery # or pages stay of what is gone
	$(bin)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build/html

bench: $(VENV)/.bench ## run every benchmark
	set -e; for script in benchmarks/*.py; do echo "$$script"; $(bin)/python "$$script"; done

clean: ## remove the environment and all that was made in it
	rm -rf $(VENV) build dist *.egg-info demo docs/_build docs/gallery docs/generated docs/sg_execution_times.rst
	rm -rf .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Expected Python 3.11 or newer, got $$($(PYTHON) --version 2>&1). Name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(install) --quiet --upgrade pip
	@touch $@

$(VENV)/.package: $(VENV)/.pip pyproject.toml constraints.txt
	@echo "Installing into $(VENV); PyTorch is large, the first time takes minutes."
	$(install) --editable .
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.docs $(VENV)/.bench: $(VENV)/.%: $(VENV)/.package
	$(install) --quiet --editable ".[$*]"
	@touch $@
