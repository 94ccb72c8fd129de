# Everything a newcomer types. Only python3 with venv and pip is assumed; `make test` also wants node and npm.
PYTHON ?= python3
BIN := .venv/bin
NPM := tests/conformance/npm
PYPI := tests/conformance/pypi

.PHONY: setup torch dev demo test lint bench clean
.DEFAULT_GOAL := setup

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing Tilth into .venv (a minute, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt pip
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[data,demo]" --group dev
	@touch $@

$(NPM)/node_modules/installed: $(NPM)/package.json $(NPM)/package-lock.json
	@cd $(NPM) && npm install --no-save --silent --no-audit --no-fund
	@touch $@

# A client whose codec cannot live beside ours; its tests are skipped where pip finds no index.
$(PYPI)/.venv/installed: $(PYPI)/requirements.txt
	@$(PYTHON) -m venv $(PYPI)/.venv
	@$(PYPI)/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $< \
		&& touch $@ || rm -rf $(PYPI)/.venv

# The other oracle of the engine's tests: large, so only CI and who asks for it install it.
torch: setup
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[torch]'

dev: setup
	@$(BIN)/tilth dev

demo: setup
	@$(BIN)/tilth demo

test: setup $(NPM)/node_modules/installed $(PYPI)/.venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -q

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: setup
	@for bench in benches/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

clean:
	rm -rf .venv $(NPM)/node_modules $(PYPI)/.venv
