"""`python -m mlsys_lessons`: the `mlsys-lessons` command where scripts are not on the path."""

from mlsys_lessons.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
