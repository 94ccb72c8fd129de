# Everything a newcomer types. Only python3 with venv and pip is assumed; `make test` also wants node and npm.
PYTHON ?= python3
BIN := .venv/bin
NPM := tests/conformance/npm
PYPI := tests/conformance/pypi
EXPLORER := tests/explorer/npm

.PHONY: setup torch ray dev demo test lint bench browser pictures clean
.DEFAULT_GOAL := setup

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing Tilth into .venv (a minute, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt pip
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[data,demo]" --group dev
	@touch $@

$(NPM)/node_modules/installed $(EXPLORER)/node_modules/installed: %/node_modules/installed: %/package.json %/package-lock.json
	@cd $* && npm install --no-save --silent --no-audit --no-fund
	@touch $@

# A client whose codec cannot live beside ours; its tests are skipped where pip finds no index.
$(PYPI)/.venv/installed: $(PYPI)/requirements.txt
	@$(PYTHON) -m venv $(PYPI)/.venv
	@$(PYPI)/.venv/bin/pip install --quiet --disable-pip-version-check --requirement $< \
		&& touch $@ || rm -rf $(PYPI)/.venv

# The other oracle of the engine's tests: large, so only CI and who asks for it install it.
torch: setup
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[torch]'

# A cluster of two machines for the worker's tests, which are skipped without it.
ray: setup
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ray]'

dev: setup
	@$(BIN)/tilth dev

demo: setup
	@$(BIN)/tilth demo

test: setup $(NPM)/node_modules/installed $(EXPLORER)/node_modules/installed $(PYPI)/.venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -q

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: setup
	@for bench in benches/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

# The explorer's tests are skipped where there is none; as root on Debian this installs it.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
		|| { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| echo "no Chromium: install it as this system does, or the explorer's page is not tested"

pictures: setup browser
	TILTH_SCREENSHOTS=docs/guide $(BIN)/python -m pytest -q tests/explorer/test_explorer_page.py -k pictures

clean:
	rm -rf .venv $(NPM)/node_modules $(EXPLORER)/node_modules $(PYPI)/.venv
