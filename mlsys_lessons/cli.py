"""The `mlsys-lessons` command: arguments in, one clear answer out.

Every command has --help and --json; a mistake gives one line on stderr and a non-zero exit. The work
is done elsewhere and imported late, so that the command answers at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Answer = tuple[dict[str, Any], str, int]  # for --json, for people, exit code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for a finding, 2 for a mistake."""
    if sys.version_info < (3, 11):  # noqa: UP036  (a copied folder may meet any Python)
        print(f"Python {sys.version.split()[0]} is too old: use 3.11 or newer.", file=sys.stderr)
        return 2
    chosen = _parser().parse_args(arguments)
    from mlsys_lessons.records import LessonError

    try:
        facts, text, code = chosen.run(chosen)
    except LessonError as error:
        print(f"mlsys-lessons {chosen.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        return 130
    print(json.dumps(facts) if chosen.json else text)
    return code


class _Parser(argparse.ArgumentParser):
    """argparse, with a mistake in one line."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mlsys-lessons", description="The production ML course on this machine.")
    parser.add_argument("--version", action="version", version="mlsys-lessons 0.1.0")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    lab = _command(commands, "lab", _lab, "copy the lessons and open JupyterLab on the first")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead")
    lab.add_argument("--port", type=int, help="a port of your choice")
    lab.add_argument("--copy-only", action="store_true", help="copy the lessons and stop")
    _command(commands, "doctor", _doctor, "say whether this machine is ready, and what to do")
    _command(commands, "progress", _progress, "show what you have answered so far")
    reset = _command(commands, "reset", _reset, "put one lesson back, keeping a backup of yours")
    reset.add_argument("number", help="the lesson's number, 01 say")
    _simulate_arguments(_command(commands, "simulate", _simulate, "run a system through a world"))
    claims = _command(commands, "claims", _claims, "run the claims of the talk over many seeds")
    claims.add_argument("names", nargs="*", help="C1 C2 ...: all when none is given")
    claims.add_argument("--seeds", type=int, default=20, help="paired seeds (20)")
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], Answer], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="one line of JSON for machines")
    if name not in ("simulate", "claims"):
        parser.add_argument("--dir", type=Path, help="your folder of lessons (./my_lessons)")
    parser.set_defaults(run=run)
    return parser


def _simulate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--world", default="payments", help="payments")
    parser.add_argument("--system", default="resilient", help="naive, resilient or reference")
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--daily", type=int, default=10_000, help="requests a day")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scenario", help="ordinary_year, fault_free_year or healthy")
    parser.add_argument("--faults", nargs="*", default=[], metavar="NAME:START:END[:SEVERITY]")
    parser.add_argument("--batch-size", type=int, help="rows a call (a day at a time)")
    parser.add_argument("--keep", default="log", help="log or metrics")
    parser.add_argument("--no-retraining", action="store_true", help="freeze the model")
    parser.add_argument("--progress", action="store_true", help="show a bar")


def _desk(chosen: argparse.Namespace) -> Path:
    from mlsys_lessons.workshop import DESK

    return Path(chosen.dir or DESK).resolve()


def _lab(chosen: argparse.Namespace) -> Answer:
    from mlsys_lessons import workshop

    folder = _desk(chosen)
    copied, kept = workshop.set_desk(folder)
    facts = {"folder": str(folder), "copied": copied, "kept": kept}
    text = f"{len(copied)} lessons copied to {folder}, {len(kept)} of yours left as they are."
    if chosen.copy_only:
        return facts, text, 0
    print(json.dumps(facts) if chosen.json else text, flush=True)
    code = workshop.open_lab(folder, port=chosen.port, browser=not chosen.no_browser)
    return facts, "JupyterLab has stopped.", code


def _doctor(chosen: argparse.Namespace) -> Answer:
    from mlsys_lessons.workshop import examine

    findings = examine(_desk(chosen))
    ready = all(each.fine for each in findings)
    lines = [
        f"{'ok  ' if each.fine else 'FAIL'} {each.name:<16} {each.found}"
        + (f"  -> {each.advice}" if each.advice else "")
        for each in findings
    ]
    lines.append("Ready." if ready else "Not ready: see the arrows above.")
    facts = {"ready": ready, "findings": [vars(each) for each in findings]}
    return facts, "\n".join(lines), 0 if ready else 1


def _progress(chosen: argparse.Namespace) -> Answer:
    from mlsys_lessons.exercises import progress

    folder = _desk(chosen)
    path = folder / ".mlsys_lessons" / "progress.json" if chosen.dir or folder.is_dir() else None
    facts = progress.summary(path)
    return facts, json.dumps(facts, indent=2, ensure_ascii=False), 0


def _reset(chosen: argparse.Namespace) -> Answer:
    from mlsys_lessons.workshop import reset

    lesson, backup = reset(_desk(chosen), chosen.number)
    facts = {"lesson": str(lesson), "backup": str(backup) if backup else None}
    kept = f"; yours is kept as {backup.name}" if backup else ""
    return facts, f"{lesson.name} is as it ships{kept}.", 0


def _simulate(chosen: argparse.Namespace) -> Answer:
    import time

    import mlsys_lessons as mls

    world, faults = _world(chosen)
    system = _system(chosen)
    began = time.perf_counter()
    run = mls.simulate(
        world, system, days=chosen.days, faults=faults, batch_size=chosen.batch_size,
        keep=chosen.keep, progress=chosen.progress,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    facts = {
        "world": world.name,
        "system": run.system.name,
        "days": run.days,
        "seed": chosen.seed,
        "faults": [repr(fault) for fault in faults],
        "requests": run.requests,
        "seconds": round(seconds, 3),
        "requests_per_second": round(run.requests / seconds),
        "peak_rss_mb": _peak_rss_mb(),
        "value_cents": run.value,
        "alerts": len(run.alerts),
        "actions_sha256": run.actions_sha256,
    }
    return facts, f"{run!r}\n{facts['requests_per_second']:,} rows a second", 0


def _world(chosen: argparse.Namespace) -> tuple[Any, tuple[Any, ...]]:
    import mlsys_lessons as mls

    if chosen.world != "payments":
        raise mls.InputError(f"world {chosen.world!r} is unknown; choose payments.")
    faults = tuple(_fault(text) for text in chosen.faults)
    if chosen.scenario is None:
        return mls.payments_world(seed=chosen.seed, daily=chosen.daily), faults
    scenario = mls.scenarios.scenario(
        chosen.scenario, chosen.seed, daily=chosen.daily, days=chosen.days
    )
    return scenario.world, (*scenario.faults, *faults)


def _fault(text: str) -> Any:
    """A fault from NAME:START:END[:SEVERITY]."""
    import mlsys_lessons as mls

    name, *numbers = text.split(":")
    if name not in mls.faults.CATALOGUE:
        known = ", ".join(mls.faults.CATALOGUE)
        raise mls.InputError(f"fault {name!r} is unknown; choose one of {known}.")
    try:
        values = dict(zip(("start", "end", "severity"), map(float, numbers), strict=False))
        return mls.faults.CATALOGUE[name](**values)
    except (TypeError, ValueError) as error:
        if isinstance(error, mls.InputError):
            raise
        raise mls.InputError(f"fault {text!r} is not NAME:START:END, as in {name}:60:90.") from None


def _system(chosen: argparse.Namespace) -> Any:
    import mlsys_lessons as mls

    makers: dict[str, Callable[[], Any]] = {
        "naive": lambda: mls.naive_system(seed=chosen.seed),
        "resilient": lambda: (
            mls.resilient_system(seed=chosen.seed, retraining=None)
            if chosen.no_retraining
            else mls.resilient_system(seed=chosen.seed)
        ),
        "reference": lambda: mls.reference_system(seed=chosen.seed),
    }
    if chosen.system not in makers:
        raise mls.InputError(f"system {chosen.system!r} is unknown; choose one of {list(makers)}.")
    return makers[chosen.system]()


def _peak_rss_mb() -> float:
    """Peak resident memory of this process; 0 where the platform does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def _claims(chosen: argparse.Namespace) -> Answer:
    from mlsys_lessons import claims

    names = chosen.names or list(claims.CLAIMS)
    results = [claims.run(name, seeds=chosen.seeds) for name in names]
    facts = {"claims": [json.loads(result.to_json()) for result in results]}
    return facts, "\n\n".join(repr(result) for result in results), 0


if __name__ == "__main__":
    raise SystemExit(main())
