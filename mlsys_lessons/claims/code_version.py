"""The code that an answer depends on, as one short hash: no list of files to keep, no path in it.

It starts at a definition (an arm's class), takes what that needs of its own module, and follows
every import, top-level or late, to the module that defines the name: an `__init__` that only passes
a name on is seen through, one that defines it counts. Each of these modules counts with its *shape*
(the syntax tree without comments, docstrings, layout and imports), with what its imports bring in,
and with the SQL beside it.

A module counts by content: moving or renaming one that reads nothing by its path changes no
version, swapping two does. What stands above a run (judges, lessons, charts, the command line) is
imported by nothing below it and therefore counts for nothing. What a package's `__init__` does
besides naming things is not seen, nor is a name that is made up while the program runs.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from mlsys_lessons.claims.code_shapes import Code, Import, code_of, digest, sql_shape
from mlsys_lessons.errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def code_version(module: str, name: str | None = None) -> str:
    """The version of one definition of a module, or of the whole module; 12 hex digits.

    Why it matters: a cached answer to other code is a wrong answer, and nobody notices. Computed
    once in a process. Raises InputError for code that stands in no file.

    >>> code_version("mlsys_lessons.randomness") == code_version("mlsys_lessons.randomness")
    True
    """
    return _INSTALLED.version(module, name)


class Sources:
    """The files of one package as they are now; a later edit needs another object."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self._files: dict[str, Path | None] = {}
        self._codes: dict[tuple[str, str | None], Code] = {}

    def version(self, module: str, name: str | None = None) -> str:
        """The version of `name` in `module`, or of all that is in it."""
        parts = {self._part(other, self._code(other)) for other in self.closure(module, name)}
        return digest([self._part(module, self._code(module, name)), *sorted(parts)])[:12]

    def closure(self, module: str, name: str | None = None) -> set[str]:
        """The modules of the package that a definition leads to, outside its own."""
        found: set[str] = set()
        waiting = [self._code(module, name)]
        while waiting:
            targets = {self.target(imported) for imported in waiting.pop().imports}
            new = {target for target in targets if self._inside(target)} - found
            found |= new
            waiting += map(self._code, new)
        return found

    def target(self, imported: Import) -> str:
        """The module that defines an imported name; another package's by what it is called."""
        module, name = imported.module, imported.name
        if not name or not self._inside(module) or self.path(module).name != "__init__.py":
            return module
        passed_on = (line for line in self._code(module).imports if line.bound == name)
        for origin in passed_on:
            if (origin.module, origin.name) != (module, name):
                return self.target(origin)
        return f"{module}.{name}" if self._file(f"{module}.{name}") else module

    def path(self, module: str) -> Path:
        """The file of a module; of one outside the package where it was loaded from."""
        loaded = getattr(sys.modules.get(module), "__file__", None)
        path = self._file(module) or (Path(loaded) if loaded else None)
        if path is None:
            problem = f"{module} stands in no file, so its runs cannot be told from older ones"
            raise InputError(f"{problem}; put the arm's class into a module.")
        return path

    def _file(self, module: str) -> Path | None:
        if module not in self._files:
            folder = self.package.parent.joinpath(*module.split("."))
            places = (folder / "__init__.py", folder.with_name(f"{folder.name}.py"))
            self._files[module] = next((place for place in places if place.is_file()), None)
        return self._files[module]

    def _inside(self, module: str) -> bool:
        return module.split(".")[0] == self.package.name

    def _code(self, module: str, name: str | None = None) -> Code:
        if (module, name) not in self._codes:
            text = self.path(module).read_text(encoding="utf-8")
            self._codes[module, name] = code_of(text, name)
        return self._codes[module, name]

    def _part(self, module: str, code: Code) -> str:
        """A module in the version: its shape, the shapes that it brings in, the SQL beside it."""
        brought = [f"{line.bound}={line.name} of {self._origin(line)}" for line in code.imports]
        folder = self.path(module).parent
        texts = sorted([*folder.glob("*.sql"), *folder.glob("sql/*.sql")])
        sql = [f"{path.stem}: {sql_shape(path.read_text(encoding='utf-8'))}" for path in texts]
        return digest([code.shape, *sorted(brought), *sql])

    def _origin(self, imported: Import) -> str:
        """Where an imported name comes from: a module's shape, or another package's name."""
        module = self.target(imported)
        return self._code(module).shape if self._inside(module) else module


_INSTALLED = Sources(PACKAGE)
