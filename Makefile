# Two commands do everything: `make run` and `make test`; `make check` is the quick part of the second.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
NPM := $(shell command -v npm)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --no-emit-package torch --custom-compile-command "make lock" $(ARGS)
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

.PHONY: run test test-long check unit server browser training lint format docs lock clean

run: .venv/run.stamp
	$(BIN)/python main.py $(ARGS)

# Servers and browsers mostly wait, so that two cores carry four of them.
test: lint docs
	$(PYTEST) -n 4

# Hypothesis tries a thousand examples of everything, others in every run.
test-long: lint docs
	$(PYTEST) -n 4 --hypothesis-profile=long

check: lint unit

unit: .venv/dev.stamp
	$(PYTEST) -n 2 -m "not browser and not server and not training"

server browser training: .venv/dev.stamp
	$(PYTEST) -n 4 -m $@

lint: .venv/dev.stamp $(if $(NPM),node_modules/.stamp)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	@$(if $(NPM),npm run --silent lint,echo "static/js/*.js is not linted: there is no npm on this machine.")

format: .venv/dev.stamp $(if $(NPM),node_modules/.stamp)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(NPM),npm run --silent format)

# A warning, as of a link that leads nowhere, is an error: mkdocs.yml is strict, but not with --quiet.
docs: .venv/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

node_modules/.stamp: package-lock.json
	npm ci --silent
	touch $@

# The lock holds everything but PyTorch, whose builds for processors and for GPUs have one version and different
# hashes: that comes by its pin.
.venv/run.stamp: requirements.lock requirements.txt
	$(PYTHON) -m venv .venv
	$(PIP) install --no-deps --require-hashes -r requirements.lock
	$(PIP) install -r requirements.txt
	touch $@

.venv/dev.stamp: requirements-dev.lock .venv/run.stamp
	$(PIP) install --no-deps --require-hashes -r requirements-dev.lock
	$(PIP) check
	touch $@

.venv/docs.stamp: requirements-docs.lock .venv/dev.stamp
	$(PIP) install --no-deps --require-hashes -r requirements-docs.lock
	touch $@

# Exact versions with hashes out of the ranges of requirements*.txt, for every system and Python;
# make lock ARGS=--upgrade takes the newest that the ranges allow.
lock: .venv/dev.stamp
	$(LOCK) requirements.txt -o requirements.lock
	$(LOCK) requirements-dev.txt -c requirements.lock -o requirements-dev.lock
	$(LOCK) requirements-docs.txt -c requirements.lock -c requirements-dev.lock -o requirements-docs.lock

clean:
	rm -rf .venv node_modules site .mypy_cache .pytest_cache .ruff_cache
