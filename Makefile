# Everything runs in .venv, which `make install` builds from pyproject.toml and constraints.txt.
# Another Python: make install PYTHON=python3.12. Options for the tests or the quickstart: make test ARGS="-k table".

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
INSTALLED := .venv/.installed

# Without compiled modules every one of the tests' processes would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install quickstart test check build clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Make .venv with polysense, its extras and what the tests need

quickstart: install ## Train, compare and predict on made-up posts (or: ARGS="--data posts.csv")
	$(BIN)/polysense quickstart $(ARGS)

test: install ## Run all tests
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

check: install ## Lint, check the format, the types and the import floors
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

build: install ## Build the wheel and the source archive into dist/
	$(BIN)/python -m build

clean: ## Remove builds and caches (.venv and runs stay)
	rm -rf build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./.venv -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "polysense needs Python 3.11 or newer; $(PYTHON) is older, or not there." >&2; \
		echo "Name another one: make install PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into .venv; the first time this takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[offline,features,fast,media,search,knowledge,tune,dev]'
	@touch $@
	@echo "Installed: $(BIN)/polysense --help"
