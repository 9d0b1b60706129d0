@echo off
rem The Makefile's targets for Windows: make.bat setup, lab, test, notebooks, bench, soak.
setlocal
set UV_VERSION=0.13.9
set UV_PYTHON_DOWNLOADS=never
if "%PY%"=="" set PY=python
set BIN=.venv\Scripts
set TARGET=%1
if "%TARGET%"=="" set TARGET=help
if "%TARGET%"=="help" (
  echo targets: setup lab test lint notebooks bench soak
  exit /b 0
)
if not exist .venv\.ready (
  %PY% -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'Python ' + sys.version.split()[0] + ' is too old: the course needs 3.11 or newer.')" || exit /b 1
  %PY% -m venv --clear .venv || exit /b 1
  %BIN%\python -m pip install --quiet uv==%UV_VERSION% && %BIN%\uv pip install --quiet --python %BIN%\python.exe --compile-bytecode --require-hashes -r requirements.lock || %BIN%\python -m pip install --quiet --require-hashes -r requirements.lock || exit /b 1
  %BIN%\python -m pip install --quiet --no-deps --no-build-isolation -e . || exit /b 1
  type nul > .venv\.ready
)
if "%TARGET%"=="setup" exit /b 0
if "%TARGET%"=="lab" %BIN%\mlsys-lessons lab & exit /b
if "%TARGET%"=="notebooks" %BIN%\python tools\build_notebooks.py %2 & exit /b
if "%TARGET%"=="bench" %BIN%\python tests\benchmarks\run.py & exit /b
if "%TARGET%"=="soak" %BIN%\python tests\soak\run.py & exit /b
%BIN%\ruff check . || exit /b 1
%BIN%\ruff format --check . || exit /b 1
%BIN%\mypy || exit /b 1
if "%TARGET%"=="lint" exit /b 0
%BIN%\python -m pytest -q -p no:nbval || exit /b 1
%BIN%\python -m pytest -q --nbval --nbval-current-env --nbval-sanitize-with tests\sanitize.cfg -p no:doctest -W default -c tests\nbval.ini notebooks
