# Everything the course needs, from Python 3.11+ and make. Windows: make.bat has the same targets.
# Without either: `python3 tools/set_up.py` makes .venv, and each line below can be typed by hand.

PY ?= python3
RUN := .venv/bin
unexport PYTHONIOENCODING  # for a terminal; between processes it garbles the names of folders

.DEFAULT_GOAL := help
.PHONY: help setup lab test lint notebooks coverage bench soak lock clean

help:  ## show the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

setup:  ## make .venv from the lock; does nothing when it is there
	@$(PY) tools/set_up.py

lab: setup  ## copy the lessons to ./my_lessons (or DIR=...) and open JupyterLab there
	@$(RUN)/mlsys-lessons lab $(if $(DIR),--dir "$(DIR)")

test: lint  ## everything: style, types, tests with doctests, strict nbval, solved lessons
	$(RUN)/python -m pytest -n 2 --dist loadfile --nbval --nbval-current-env --nbval-sanitize-with tests/sanitize.cfg

lint: setup  ## style, spelling and types
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/codespell
	$(RUN)/mypy

notebooks: setup  ## build and execute the lessons from notebooks/source (NB=01 for one)
	$(RUN)/python tools/build_notebooks.py $(NB)

coverage: setup  ## which lines of the package no test runs
	$(RUN)/python -m pytest --cov --cov-report=term:skip-covered

bench: setup  ## speed and memory, as ratios to the bare cost of the same work
	$(RUN)/python tests/benchmarks/run.py

soak: setup  ## the full counts that a release is judged by; writes tests/soak/result.json
	$(RUN)/python tests/soak/run.py

lock: setup  ## resolve requirements.lock anew; pins stay unless pyproject.toml moves them
	$(RUN)/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header --no-annotate --group dev --output-file requirements.lock pyproject.toml

clean:  ## remove .venv and caches; learners' folders stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage build *.egg-info
