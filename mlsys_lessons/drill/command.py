"""The `drill` command: list, play by hand, play by policy, or run the league.

It reads options and returns facts, text and an exit code; what they mean is told in cli.py.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from mlsys_lessons.drill import league as leagues
from mlsys_lessons.drill.child import ChildPolicy
from mlsys_lessons.drill.incident import Incident
from mlsys_lessons.drill.play import Played, play
from mlsys_lessons.drill.policies import POLICIES, Policy, omniscient
from mlsys_lessons.drill.scenario import PAGE_DAY, drawn, names, scenario
from mlsys_lessons.drill.text import PROMPT, converse
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import whole_number

Answer = tuple[dict[str, Any], str, int]
SEEDS = 20  # of a league that is kept


def answer(options: Namespace) -> Answer:
    """Do what the options say."""
    if options.list:
        return _listed()
    if options.league:
        return _league(options)
    incident = Incident(options.scenario or drawn(options.seed), options.seed)
    return _by_policy(incident, options) if options.policy else _by_hand(incident, options)


def _announce(options: Namespace) -> None:
    """Say why nothing happens for a while."""
    if not options.json:
        print(f"{PAGE_DAY} days come before the page; that takes some seconds.", file=sys.stderr)


def _listed() -> Answer:
    """Names and pages, and nothing that gives one away."""
    pages = {name: scenario(name).page for name in names()}
    return {"scenarios": names()}, "\n".join(f"{n:18} {page}" for n, page in pages.items()), 0


def _league(options: Namespace) -> Answer:
    """The league that is kept; with a number of seeds, one that is played now."""
    chosen = names() if options.scenario is None else (scenario(options.scenario).name,)
    if options.store and options.scenario is not None:
        raise InputError("--store keeps whole leagues; leave --scenario out.")
    is_shown = options.seeds is None and not options.store
    played = leagues.stored() if is_shown else _played_now(options, chosen)
    origin = leagues.origin(played) if is_shown or options.store else "played now"
    summed = leagues.table(played[played["scenario"].isin(chosen)])
    facts = {"league": summed.to_dict("records"), "origin": origin}
    return facts, f"{origin}\n\n{leagues.report(summed)}", 0


def _played_now(options: Namespace, chosen: Sequence[str]) -> pd.DataFrame:
    """The games of so many seeds; with --store those that are kept already are not played again."""
    asked = SEEDS if options.seeds is None else options.seeds
    first, count = leagues.FIRST_SEED, whole_number("seeds", asked, 2, 1_000)
    seeds, jobs = range(first, first + count), whole_number("jobs", options.jobs, 1, 64)
    if options.store:
        return leagues.store(seeds, code=options.code, jobs=jobs, progress=not options.json)
    return leagues.league(seeds, chosen, jobs=jobs, progress=not options.json)


def _by_policy(incident: Incident, options: Namespace) -> Answer:
    spec: str = options.policy
    known: dict[str, Policy] = {**POLICIES, leagues.OMNISCIENT: omniscient(incident.scenario)}
    if spec in known:
        _announce(options)
        played = play(incident, known[spec])
    elif ":" in spec:
        with ChildPolicy(spec) as policy:
            _announce(options)
            played = play(incident, policy)
    else:
        raise InputError(
            f"policy {spec!r} is unknown; choose one of {', '.join(known)}, "
            "or name module:function."
        )
    return _facts(played), incident.debrief().text, 0


def _facts(played: Played) -> dict[str, Any]:
    return {
        "scenario": played.scenario, "seed": played.seed, "points": played.score.points,
        "lost_cents": round(played.score.lost), "at_stake_cents": round(played.score.at_stake),
        "looks": played.looks, "actions": played.actions, "mistakes": list(played.mistakes),
    }  # fmt: skip


def _by_hand(incident: Incident, options: Namespace) -> Answer:
    """A conversation on stdin; for machines it says nothing until it is over."""

    def say(text: str) -> None:
        if not options.json:
            print(text, flush=True)

    _announce(options)
    ended = converse(incident, _typed(), say)
    facts: dict[str, Any] = {
        "scenario": incident.scenario.name,
        "seed": incident.seed,
        "over": ended,
    }
    if ended:
        facts["points"] = incident.score.points
    return facts, "" if ended else "left before the end; the same seed is the same incident.", 0


def _typed() -> Iterator[str]:
    """Lines from stdin, with a prompt where somebody sits before it."""
    while True:
        if sys.stdin.isatty():
            print(PROMPT, end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        yield line
