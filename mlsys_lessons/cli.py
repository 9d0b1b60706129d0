"""The `mlsys-lessons` command: arguments in, one clear answer out.

Every command has --help and --json; a mistake gives one line on stderr and a non-zero exit. The
work is done elsewhere and imported late, so that the command answers at once. Longer than other
files because it lists every argument of every command.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlsys_lessons import __version__

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
        sentence = " ".join(str(error).split())  # one line, whatever was typed
        print(f"mlsys-lessons {chosen.command}: {sentence}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        return 130
    _say(chosen, facts, text)
    return code


def _say(chosen: argparse.Namespace, facts: dict[str, Any], text: str) -> None:
    print(json.dumps(facts) if chosen.json else text, flush=True)


class _Parser(argparse.ArgumentParser):
    """argparse, with a mistake in one line."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mlsys-lessons", description="The production ML course on this machine.")
    parser.add_argument("--version", action="version", version=f"mlsys-lessons {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    lab = _command(commands, "lab", _lab, "copy the lessons and open JupyterLab on the first")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead")
    lab.add_argument("--port", type=int, help="a port of your choice; 0 for any that is free")
    lab.add_argument("--copy-only", action="store_true", help="copy the lessons and stop")
    _command(commands, "doctor", _doctor, "say whether this machine is ready, and what to do")
    _command(commands, "progress", _progress, "show what you have answered so far")
    reset = _command(commands, "reset", _reset, "put one lesson back, keeping a backup of yours")
    reset.add_argument("number", help="the lesson's number, 01 say")
    _simulate_arguments(_command(commands, "simulate", _simulate, "run a system through a world"))
    _serve_arguments(_command(commands, "serve", _serve, "serve a system over HTTP on loopback"))
    claims = _command(commands, "claims", _claims, "run the claims of the talk over many seeds")
    claims.add_argument("names", nargs="*", help="C1 C2 ...: all when none is given")
    claims.add_argument("--seeds", type=int, default=20, help="paired seeds (20)")
    return parser


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], Answer], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="one line of JSON for machines")
    if name not in ("simulate", "serve", "claims"):
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
    parser.add_argument(
        "--faults",
        nargs="*",
        default=[],
        metavar="NAME[:START:END[:SEVERITY]]",
        help="START and END are days; without them the middle third of the run",
    )
    parser.add_argument("--batch-size", type=int, help="rows a call (a day at a time)")
    parser.add_argument("--keep", default="log", help="log, metrics or disk")
    parser.add_argument("--path", type=Path, help="the log's file, for --keep disk")
    parser.add_argument("--no-retraining", action="store_true", help="freeze the model")
    parser.add_argument("--progress", action="store_true", help="show a bar")


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="a port of your choice (any free one)")
    parser.add_argument("--log", type=Path, help="the decision log; begun or gone on with")
    parser.add_argument("--system", default="resilient", help="naive or resilient")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model", type=Path, help="a model file to put in service")
    parser.add_argument("--power-loss-safe", action="store_true", help="slower, and safe from that")
    parser.add_argument("--daily", type=int, default=1_000, help="requests a day in its history")
    parser.add_argument(
        "--virtual", action="store_true", help="the requests' own arrival times are the clock"
    )
    parser.set_defaults(no_retraining=False)


def _desk(chosen: argparse.Namespace) -> Path:
    from mlsys_lessons.workshop.desk import desk_folder

    return desk_folder(chosen.dir)


def _lab(chosen: argparse.Namespace) -> Answer:
    from mlsys_lessons.workshop import desk, lab

    folder = _desk(chosen)
    copies = desk.set_desk(folder)
    facts = {"folder": str(folder), **vars(copies)}
    text = (
        f"{len(copies.copied)} lessons copied to {folder}, "
        f"{len(copies.kept)} of yours left as they are."
    )
    for name in copies.outdated:
        text += f"\n{name} has a newer edition: `mlsys-lessons reset {name[:2]}` fetches it and "
        text += "keeps yours as a backup."
    if chosen.copy_only:
        return facts, text, 0
    session = lab.Lab(folder, lab.free_port(chosen.port))
    _say(chosen, {**facts, "url": session.url}, f"{text}\n{session.url}")
    raise SystemExit(session.start(*(["--no-browser"] if chosen.no_browser else [])))


def _doctor(chosen: argparse.Namespace) -> Answer:
    from mlsys_lessons.workshop.doctor import examine

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
    from mlsys_lessons.lessons import progress

    folder = _desk(chosen)
    elsewhere = progress.ENVIRONMENT in os.environ and chosen.dir is None
    file = progress.progress_file() if elsewhere else folder / ".mlsys_lessons" / "progress.json"
    facts = progress.summary(file)
    lines = [f"{facts['passed']} of {facts['attempted']} attempted exercises passed ({file})."]
    for lesson, done in facts["lessons"].items():
        verdicts = ", ".join(f"{name[9:]} {outcome}" for name, outcome in done["questions"].items())
        runbook = "runbook line written" if done["runbook"] else "runbook line open"
        lines.append(
            f"{lesson}: {verdicts or 'no exercise yet'}; {len(done['guesses'])} bets; {runbook}"
        )
    return facts, "\n".join(lines), 0


def _reset(chosen: argparse.Namespace) -> Answer:
    from mlsys_lessons.workshop.desk import reset

    lesson, backup = reset(_desk(chosen), chosen.number)
    facts = {"lesson": str(lesson), "backup": str(backup) if backup else None}
    kept = f"; yours is kept as {backup.name}" if backup else ""
    return facts, f"{lesson.name} is as it ships{kept}.", 0


def _simulate(chosen: argparse.Namespace) -> Answer:
    import time

    import mlsys_lessons as mls
    from mlsys_lessons.records import whole_number
    from mlsys_lessons.simulation.simulate import LONGEST

    whole_number("days", chosen.days, 1, LONGEST)  # before any training
    world, faults = _world(chosen)
    system = _system(chosen)
    began = time.perf_counter()
    run = mls.simulate(
        world, system, days=chosen.days, faults=faults, batch_size=chosen.batch_size,
        keep=chosen.keep, path=chosen.path, progress=chosen.progress,
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
        "peak_rss_mb": peak_rss_mb(),
        "value_cents": run.value,
        "alerts": len(run.alerts),
        "actions_sha256": run.actions_sha256,
    }
    return facts, f"{run!r}\n{facts['requests_per_second']:,} rows a second", 0


def _serve(chosen: argparse.Namespace) -> NoReturn:
    import mlsys_lessons as mls
    from mlsys_lessons.components.inference.model_files import load_model
    from mlsys_lessons.serving import EdgeSettings, serve, warmed
    from mlsys_lessons.serving.server import until_told_to_stop

    world, system = mls.payments_world(seed=chosen.seed, daily=chosen.daily), _system(chosen)
    if chosen.model:
        system.inference.registry.adopt(load_model(chosen.model))
    edge = serve(
        warmed(world, system), chosen.log, virtual=chosen.virtual, port=chosen.port,
        settings=EdgeSettings(power_loss_safe=chosen.power_loss_safe),
    )  # fmt: skip
    with edge as url, until_told_to_stop():
        _say(chosen, {"url": url}, f"{system!r}\nat {url} (see {url}/docs); Ctrl-C stops it.")
    raise SystemExit(0)  # whoever reads the address may be gone: no second line


def _world(chosen: argparse.Namespace) -> tuple[Any, tuple[Any, ...]]:
    import mlsys_lessons as mls

    if chosen.world != "payments":
        raise mls.InputError(f"world {chosen.world!r} is unknown; choose payments.")
    faults = tuple(_fault(text, chosen.days) for text in chosen.faults)
    if chosen.scenario is None:
        return mls.payments_world(seed=chosen.seed, daily=chosen.daily), faults
    scenario = mls.scenarios.scenario(
        chosen.scenario, chosen.seed, daily=chosen.daily, days=chosen.days
    )
    return scenario.world, (*scenario.faults, *faults)


def _fault(text: str, days: int) -> Any:
    """A fault from NAME[:START:END[:SEVERITY]]."""
    import mlsys_lessons as mls

    name, *numbers = text.split(":")
    if name not in mls.faults.CATALOGUE:
        known = ", ".join(mls.faults.CATALOGUE)
        raise mls.InputError(f"fault {name!r} is unknown; choose one of {known}.")
    try:
        values = [float(number) for number in numbers] or [days / 3, 2 * days / 3]
        window = dict(zip(("start", "end", "severity")[: len(values)], values, strict=True))
        return mls.faults.CATALOGUE[name](**window)
    except mls.InputError:
        raise
    except (TypeError, ValueError):
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


def peak_rss_mb() -> float:
    """Peak resident memory of this process; 0 where the platform does not tell."""
    try:  # Linux: what getrusage says there may include the process that started this one
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        kilobytes = next(line.split()[1] for line in status.splitlines() if line[:6] == "VmHWM:")
        return round(int(kilobytes) / 1024, 1)
    except (OSError, StopIteration):
        pass
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
