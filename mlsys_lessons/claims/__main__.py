"""The claims from the command line: python -m mlsys_lessons.claims C2 --seeds 20.

Prints table and verdict; `--store` writes the committed result. The course's own command wraps it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import pandas as pd

from mlsys_lessons.claims.laboratory import CLAIMS, keep, run
from mlsys_lessons.records import LessonError
from mlsys_lessons.simulation.scenarios import CLAIM_SIZE, ClaimSize


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser("python -m mlsys_lessons.claims", description=__doc__)
    made.add_argument("claims", nargs="*", metavar="C2", help=f"default: {' '.join(CLAIMS)}")
    made.add_argument("--seeds", type=int, default=20, help="paired seeds (default 20)")
    made.add_argument("--jobs", type=int, help="processes (default: cores, at most two)")
    made.add_argument("--days", type=int, default=CLAIM_SIZE.days)
    made.add_argument("--daily", type=int, default=CLAIM_SIZE.daily, help="requests a day")
    made.add_argument("--json", action="store_true", help="print the result as JSON")
    made.add_argument("--store", action="store_true", help="keep it as the committed result")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the claims asked for; 0, or 2 with one line on standard error."""
    asked = parser().parse_args(arguments)
    size = ClaimSize(asked.days, asked.daily)
    try:
        for name in asked.claims or CLAIMS:
            result = run(name, seeds=asked.seeds, jobs=asked.jobs, size=size)
            if asked.store:
                print(f"stored {keep(result).name}", file=sys.stderr)
            if asked.json:
                print(result.to_json(), end="")
            else:
                with pd.option_context("display.width", 140, "display.max_columns", None):
                    print(f"{result.table.round(3).to_string(index=False)}\n\n{result!r}\n")
    except LessonError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
