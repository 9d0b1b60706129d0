"""`python -m mlsys_lessons.claims C2 --seeds 20`: the command `mlsys-lessons claims`, from here.

Nobody imports this entry point, so it may call the command line that stands above the claims.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mlsys_lessons import cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the claims asked for; 0, or 2 with one line on standard error."""
    return cli.main(["claims", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    raise SystemExit(main())
