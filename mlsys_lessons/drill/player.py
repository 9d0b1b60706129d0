"""The child's side of a league: a policy of somebody's own, behind lines of JSON.

    python -m mlsys_lessons.drill.player module:function

Each line on stdin is an observation, each line on stdout the command. The policy has a process of
its own: it can reach neither the truth nor the other players, and its memory is bounded.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys

from mlsys_lessons.drill.observation import Observation
from mlsys_lessons.drill.policies import Policy
from mlsys_lessons.errors import InputError

MEMORY_BYTES = 2 * 2**30


def policy_named(spec: str) -> Policy:
    """The function that `module:function` names. Raises InputError where there is none."""
    module, _, function = spec.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise InputError(f"policy {spec!r} is not there ({error}); name module:function.") from None
    if not callable(found):
        raise InputError(f"policy {spec!r} is no function; name module:function.")
    return found  # type: ignore[no-any-return]


def main(spec: str) -> int:
    """Answer observations until stdin ends."""
    _bound_memory()
    answers = sys.stdout
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what a policy prints is no answer
            policy = policy_named(spec)
    except InputError as error:
        print(json.dumps({"mistake": str(error)}), file=answers, flush=True)
        return 2
    print(json.dumps({"ready": spec}), file=answers, flush=True)
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            try:
                told = {"command": str(policy(Observation.of(json.loads(line))))}
            except Exception as error:  # whatever a stranger's code does
                told = {"mistake": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), file=answers, flush=True)
    return 0


def _bound_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # not every system has limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
