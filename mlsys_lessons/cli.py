"""The `mlsys-lessons` command: arguments in, one clear answer out.

Every command has --help and --json; a mistake gives one line on stderr and a non-zero exit. The
work is done elsewhere and imported late, so that the command answers at once. Longer than most:
one short function a command, and its arguments.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlsys_lessons import __version__
from mlsys_lessons.errors import InputError, LessonError
from mlsys_lessons.files import said_by

Answer = tuple[dict[str, Any], str, int]  # for --json, for people, exit code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for a finding, 2 for a mistake."""
    if sys.version_info < (3, 11):  # noqa: UP036  (a copied folder may meet any Python)
        print(f"Python {sys.version.split()[0]} is too old: use 3.11 or newer.", file=sys.stderr)
        return 2
    for stream in (sys.stdout, sys.stderr):  # a file or a pipe may have another alphabet
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        facts, text, code = options.run(options)
        _print(options, facts, text)
        return code
    except LessonError as error:
        return _mistake(options.command, str(error))
    except BrokenPipeError:  # whoever read this has read enough
        sys.stdout = None  # type: ignore[assignment]
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _mistake(
            options.command, f"{where}{said_by(error)}; see that it is there and yours."
        )
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        return 130


def _mistake(command: str, sentence: str) -> int:
    """Say what is wrong in one line, whatever was typed; the exit code of a mistake."""
    print(f"mlsys-lessons {command}: {' '.join(sentence.split())}", file=sys.stderr)
    return 2


def _print(options: argparse.Namespace, facts: dict[str, Any], text: str) -> None:
    print(json.dumps(facts) if options.json else text, flush=True)


# --- arguments ---------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """argparse, with a mistake in one line."""

    def error(self, message: str) -> NoReturn:
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
    _claims_arguments(_command(commands, "claims", _claims, "measure the claims of the talk"))
    _ageing_arguments(_command(commands, "ageing", _ageing, "show how a model ages, by its months"))
    _seeds(
        _command(commands, "noticing", _noticing, "who notices a lasting fault, and its price"), 20
    )
    _seeds(_command(commands, "faults", _faults, "what each fault costs, nobody responding"), 10)
    _drill_arguments(_command(commands, "drill", _drill, "be on call for an incident"))
    return parser


def _drill_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    parser.add_argument("--scenario", help="which incident; without it the seed draws one")
    parser.add_argument("--seed", type=int, default=7, help="the same one, the same incident")
    parser.add_argument("--policy", help="a reference policy's name, or your module:function")
    parser.add_argument("--league", action="store_true", help="all reference policies, a table: "
                        "the one that is kept, or one of so many --seeds played now")  # fmt: skip
    parser.add_argument("--seeds", type=int, help="of a league that is played now")
    parser.add_argument("--jobs", type=int, default=1, help="processes of a league")
    parser.add_argument("--store", action="store_true", help="keep its games, incident by incident")


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], Answer], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="one line of JSON for machines")
    if name in ("lab", "doctor", "progress", "reset"):
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
        metavar="NAME[:START[:END[:SEVERITY]]]",
        help="START and END are days; without END it lasts until somebody ends it, without both "
        "it breaks in the middle third of the run",
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
    parser.add_argument(
        "--allow-host", action="append", default=[], help="another name that callers may use"
    )
    parser.add_argument("--power-loss-safe", action="store_true", help="slower, and safe from that")
    parser.add_argument("--daily", type=int, default=1_000, help="requests a day in its history")
    parser.add_argument(
        "--virtual", action="store_true", help="the requests' own arrival times are the clock"
    )


def _claims_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="C1", help="all when none is given")
    parser.add_argument("--seeds", type=int, default=20, help="paired seeds (20)")
    parser.add_argument("--jobs", type=int, help="processes (the cores, at most two)")
    parser.add_argument("--days", type=int, help="of each run (the claim's own)")
    parser.add_argument("--daily", type=int, help="requests a day (the claim's own)")
    parser.add_argument("--store", action="store_true", help="keep it as the committed result")
    parser.add_argument("--system", help="C28 only: your own, as module:factory")
    parser.add_argument("--coverage", action="store_true", help="only: how far intervals hold")


def _ageing_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=20, help="worlds (20); about a minute each")
    parser.add_argument("--days", type=int, default=360, help="after the history, in months of 30")
    parser.add_argument("--daily", type=int, default=500, help="requests a day")


def _seeds(parser: argparse.ArgumentParser, usual: int) -> None:
    parser.add_argument(
        "--seeds", type=int, default=usual, help=f"worlds ({usual}); about a minute each"
    )


# --- commands ----------------------------------------------------------------------------------


def _desk(options: argparse.Namespace) -> Path:
    from mlsys_lessons.workshop.desk import desk_folder

    return desk_folder(options.dir)


def _lab(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.workshop import desk, lab

    folder = _desk(options)
    copies = desk.set_desk(folder)
    facts, text = {"folder": str(folder), **vars(copies)}, copies.report(folder)
    if options.copy_only:
        return facts, text, 0
    session = lab.Lab(folder, lab.free_port(options.port))
    _print(options, {**facts, "url": session.url}, f"{text}\n{session.url}")
    raise SystemExit(session.start(*(["--no-browser"] if options.no_browser else [])))


def _doctor(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.workshop.doctor import Finding, examine

    try:
        findings = examine(_desk(options))
    except LessonError as error:  # there is no folder to look at
        findings = [Finding("folder", False, "none", str(error))]
    ready = all(finding.fine for finding in findings)
    verdict = "Ready." if ready else "Not ready: see the arrows above."
    facts = {"ready": ready, "findings": [vars(finding) for finding in findings]}
    return facts, "\n".join([*map(str, findings), verdict]), 0 if ready else 1


def _progress(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.lessons import progress

    folder = _desk(options)
    elsewhere = progress.ENVIRONMENT in os.environ and options.dir is None
    file = progress.progress_file() if elsewhere else folder / ".mlsys_lessons" / "progress.json"
    facts = progress.summary(file)
    lines = [f"{facts['passed']} of {facts['attempted']} attempted exercises passed ({file})."]
    for lesson, records in facts["lessons"].items():
        outcomes = [f"{name[9:]} {outcome}" for name, outcome in records["questions"].items()]
        runbook = "runbook line written" if records["runbook"] else "runbook line open"
        exercises = ", ".join(outcomes) or "no exercise yet"
        lines.append(f"{lesson}: {exercises}; {len(records['guesses'])} bets; {runbook}")
    return facts, "\n".join(lines), 0


def _reset(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.workshop.desk import reset

    lesson, backup = reset(_desk(options), options.number)
    facts = {"lesson": str(lesson), "backup": str(backup) if backup else None}
    kept = f"; yours is kept as {backup.name}" if backup else ""
    return facts, f"{lesson.name} is as it ships{kept}.", 0


def _simulate(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.records import whole_number
    from mlsys_lessons.simulation.simulate import LONGEST
    from mlsys_lessons.workshop import by_name
    from mlsys_lessons.workshop.trial import trial

    whole_number("days", options.days, 1, LONGEST)  # before any training
    world, faults = by_name.world(
        options.world, seed=options.seed, daily=options.daily, days=options.days,
        scenario=options.scenario, faults=options.faults,
    )  # fmt: skip
    frozen = options.no_retraining and options.system == "resilient"  # no other one retrains
    parts = {"retraining": None} if frozen else {}
    run, facts = trial(
        world, by_name.system(options.system, seed=options.seed, **parts), days=options.days,
        faults=faults, batch_size=options.batch_size, keep=options.keep, path=options.path,
        progress=options.progress,
    )  # fmt: skip
    lines = [repr(run), f"{facts['requests_per_second']:,} rows a second", *facts["incidents"]]
    return facts, "\n".join(lines), 0


def _serve(options: argparse.Namespace) -> NoReturn:
    from mlsys_lessons.serving import EdgeSettings, serve, warmed
    from mlsys_lessons.serving.model_files import load_model
    from mlsys_lessons.serving.server import until_told_to_stop
    from mlsys_lessons.workshop import by_name
    from mlsys_lessons.worlds import payments_world

    world = payments_world(seed=options.seed, daily=options.daily)
    system = by_name.system(options.system, seed=options.seed)
    if options.model:
        system = system.with_(model=load_model(options.model))
    edge = serve(
        warmed(world, system), options.log, virtual=options.virtual, port=options.port,
        settings=EdgeSettings(
            power_loss_safe=options.power_loss_safe, allow_hosts=tuple(options.allow_host)
        ),
    )  # fmt: skip
    alerts = logging.getLogger("mlsys_lessons.serving")
    alerts.addHandler(logging.StreamHandler())
    alerts.setLevel(logging.INFO)
    with edge as url, until_told_to_stop():
        _print(options, {"url": url}, f"{system!r}\nat {url} (see {url}/docs); Ctrl-C stops it.")
    raise SystemExit(0)  # whoever reads the address may be gone: no second line


def _claims(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.claims import laboratory
    from mlsys_lessons.experiments import coverage
    from mlsys_lessons.simulation.scenarios import ClaimSize

    if options.coverage:
        return coverage.answer()
    scale = {"days": options.days, "daily": options.daily}
    chosen = {name: number for name, number in scale.items() if number is not None}
    size = ClaimSize(**chosen) if chosen else None  # the claim's own
    if options.system and options.store:
        raise InputError("--store keeps the course's own result; leave it out beside --system.")
    results = []
    for name in options.names or laboratory.CLAIMS:
        result = laboratory.run(
            name, seeds=options.seeds, jobs=options.jobs, size=size, system=options.system
        )
        if options.store:
            print(f"stored {laboratory.keep(result).name}", file=sys.stderr)
        if not options.json:  # at once: all claims take hours
            print(f"{result.table.round(3).to_string(index=False)}\n\n{result!r}\n", flush=True)
        results.append(result)
    facts = {"claims": [json.loads(result.to_json()) for result in results]}
    return facts, "\n".join(f"{result.claim}: {result.verdict}" for result in results), 0


def _ageing(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.experiments import ageing

    table = ageing.ageing(seeds=options.seeds, days=options.days, daily=options.daily)
    curve, ends = ageing.curve(table), ageing.year_end(table)
    facts = {"curve": curve.to_dict("records"), "last_months": ends.to_dict("records")}
    return facts, ageing.report(curve, ends), 0


def _worlds(options: argparse.Namespace) -> range:
    """Worlds that no lesson shows: those behind the README's tables."""
    from mlsys_lessons.records import whole_number

    return range(200, 200 + whole_number("seeds", options.seeds, 2, 1_000))


def _noticing(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.experiments import noticing

    table = noticing.summary(noticing.lives(seeds=_worlds(options)))
    return {"noticing": table.to_dict("records")}, noticing.report(table), 0


def _faults(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.experiments import fault_by_fault

    table = fault_by_fault.compared(fault_by_fault.losses(_worlds(options)))
    return {"faults": table.to_dict("records")}, fault_by_fault.report(table), 0


def _drill(options: argparse.Namespace) -> Answer:
    from mlsys_lessons.drill import command

    if options.store:
        from mlsys_lessons.claims.code_version import code_version

        options.code = code_version("mlsys_lessons.drill.league")
    return command.answer(options)


if __name__ == "__main__":
    raise SystemExit(main())
