@echo off
rem The Makefile's targets for Windows: make.bat setup, make.bat lab, make.bat test, ...
setlocal
cd /d "%~dp0"
if "%PY%"=="" set "PY=python"
set "RUN=.venv\Scripts"
rem for a terminal; between processes it garbles the names of folders
set "PYTHONIOENCODING="
set "TARGET=%~1"
if "%TARGET%"=="" set "TARGET=help"

for %%T in (help setup lab test lint notebooks coverage bench soak lock clean) do (
  if "%TARGET%"=="%%T" goto known
)
echo make.bat: there is no target %TARGET%; make.bat help shows them. 1>&2
exit /b 2

:known
if "%TARGET%"=="help" goto help
if "%TARGET%"=="clean" goto clean
%PY% tools\set_up.py
if errorlevel 1 exit /b 1
goto %TARGET%

:help
echo   setup      make .venv from the lock; does nothing when it is there
echo   lab        copy the lessons to .\my_lessons (or a folder you name) and open JupyterLab there
echo   test       everything: style, types, tests with doctests, strict nbval, solved lessons
echo   lint       style, spelling and types
echo   notebooks  build and execute the lessons from notebooks\source (a number for one)
echo   coverage   which lines of the package no test runs
echo   bench      speed and memory, as ratios to the bare cost of the same work
echo   soak       the full counts that a release is judged by
echo   lock       resolve requirements.lock anew
echo   clean      remove .venv and caches; learners' folders stay
exit /b 0

:setup
exit /b 0

:lab
if "%~2"=="" (%RUN%\mlsys-lessons lab) else (%RUN%\mlsys-lessons lab --dir "%~2")
exit /b %errorlevel%

:test
call :lint
if errorlevel 1 exit /b 1
%RUN%\python -m pytest -n 2 --dist loadfile --nbval --nbval-current-env --nbval-sanitize-with tests\sanitize.cfg
exit /b %errorlevel%

:lint
%RUN%\ruff check . || exit /b 1
%RUN%\ruff format --check . || exit /b 1
%RUN%\codespell || exit /b 1
%RUN%\mypy
exit /b %errorlevel%

:notebooks
%RUN%\python tools\build_notebooks.py %2
exit /b %errorlevel%

:coverage
%RUN%\python -m pytest --cov --cov-report=term:skip-covered
exit /b %errorlevel%

:bench
%RUN%\python tests\benchmarks\run.py
exit /b %errorlevel%

:soak
%RUN%\python tests\soak\run.py
exit /b %errorlevel%

:lock
%RUN%\uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-header --no-annotate --group dev --output-file requirements.lock pyproject.toml
exit /b %errorlevel%

:clean
for %%D in (.venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build mlsys_lessons.egg-info) do (
  if exist %%D rmdir /s /q %%D
)
if exist .coverage del .coverage
exit /b 0
