# Two commands do everything: `make run` and `make test`; `make check` is the quick part of the second.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
PYTEST := $(BIN)/python -m pytest --dist worksteal

.PHONY: run test test-long check unit lint clean

run: .venv/run.stamp
	$(BIN)/python main.py $(ARGS)

# Servers and browsers mostly wait, so that two cores carry three of them.
test: lint
	$(PYTEST) -n 3

# Hypothesis tries a thousand examples of everything, others in every run.
test-long: lint
	$(PYTEST) -n 3 --hypothesis-profile=long

check: lint unit

unit: .venv/dev.stamp
	$(PYTEST) -n 2 -m "not browser and not server and not training"

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/run.stamp: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev.stamp: requirements-dev.txt requirements-training.txt .venv/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache
