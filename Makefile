# Everything the course needs, from Python 3.11+ and make. The plain commands are in the README.
# Windows: make.bat has the same targets.

PY ?= python3
UV_VERSION := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup lab test lint notebooks bench soak lock clean

help:  ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## make .venv from the lock

$(READY): requirements.lock pyproject.toml
	@$(PY) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'Python ' + sys.version.split()[0] + ' is too old: the course needs 3.11 or newer; run make PY=python3.11 setup, say.')"
	@$(PY) -m venv --clear $(VENV) || (echo "python -m venv failed: on Debian and Ubuntu, install python3-venv first."; exit 1)
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION) \
	  && $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.lock \
	  && $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . \
	  || (echo "uv did not do it; trying plain pip" \
	  && $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock \
	  && $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .)
	@touch $(READY)

lab: setup  ## copy the lessons to ./my_lessons and open JupyterLab there
	@$(BIN)/mlsys-lessons lab

test: setup lint  ## everything: lint, types, tests with doctests, strict nbval, solved lessons
	$(BIN)/python -m pytest -q -p no:nbval
	$(BIN)/python -m pytest -q --nbval --nbval-current-env --nbval-sanitize-with tests/sanitize.cfg -p no:doctest -W default -c tests/nbval.ini notebooks

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

notebooks: setup  ## build and execute the lessons from notebooks/source (NB=01 for one)
	$(BIN)/python tools/build_notebooks.py $(NB)

bench: setup  ## speed and memory, as ratios to the bare cost of the same work
	$(BIN)/python tests/benchmarks/run.py

soak: setup  ## the full counts that a release is judged by; writes tests/soak/result.json
	$(BIN)/python tests/soak/run.py

lock: setup  ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --fork-strategy fewest --python-version 3.11 --group dev -o requirements.lock pyproject.toml

clean:  ## remove .venv and caches; learners' folders stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info
