"""The league: every policy in every scenario over seeds, as one table with intervals.

    mlsys-lessons drill --league                                  shows the one that is kept
    mlsys-lessons drill --league --seeds 20 --jobs 2 --store      keeps every game in league.csv

Seeds are dealt to processes; inside one, all policies meet the same incident, the days before the
page are lived once, and so are those after it until somebody acts. With --store an incident is kept
as soon as all have played it, with date and version of code; an interrupted league goes on there.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from mlsys_lessons.drill.incident import Incident
from mlsys_lessons.drill.play import play
from mlsys_lessons.drill.policies import POLICIES, Policy, omniscient
from mlsys_lessons.drill.runs import DAILY
from mlsys_lessons.drill.scenario import FOLDER, names, scenario
from mlsys_lessons.errors import StorageError
from mlsys_lessons.experiments.statistics import mean_interval
from mlsys_lessons.files import write_whole

OMNISCIENT = "omniscient"
FIRST_SEED = 3_000  # seeds on which nothing was tried out
STORED = Path(__file__).with_name("league.csv")
PASSED, FAILED = 70.0, 40.0  # points, in the median over seeds
Games = list[dict[str, Any]]


def games(name: str, seed: int) -> Iterator[dict[str, Any]]:
    """All reference policies in one incident."""
    policies: dict[str, Policy] = {**POLICIES, OMNISCIENT: omniscient(scenario(name))}
    for called, policy in policies.items():
        played = play(Incident(name, seed), policy)
        score = played.score
        yield {
            "scenario": name, "seed": seed, "policy": called, "points": round(score.points, 2),
            "lost_euros": round(score.lost / 100, 2), "at_stake": round(score.at_stake / 100, 2),
            "looks": played.looks, "actions": played.actions, "mistakes": len(played.mistakes),
        }  # fmt: skip


def league(
    seeds: Iterable[int], scenarios: Sequence[str] | None = None, *, jobs: int = 1,
    progress: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """Every game, one row each; a seed's scenarios share a process and its quiet days."""
    wanted = {seed: tuple(scenarios or names()) for seed in seeds}
    return pd.DataFrame([row for rows in _played(wanted, jobs, progress) for row in rows])


def _played(wanted: Mapping[int, Sequence[str]], jobs: int, progress: bool) -> Iterator[Games]:
    """The games as they are over; with `progress`, how far it has come, on stderr."""
    made, asked = 0, sum(map(len, wanted.values())) * (len(POLICIES) + 1)
    for rows in _dealt(wanted, jobs):
        made += len(rows)
        if progress:
            print(f"  {made} of {asked} games played", file=sys.stderr, flush=True)
        yield rows


def _dealt(wanted: Mapping[int, Sequence[str]], jobs: int) -> Iterator[Games]:
    """The games of one incident after another; of a whole seed where several processes play."""
    if jobs == 1:
        for seed, scenarios in wanted.items():
            yield from (_of_seed((seed, (name,))) for name in scenarios)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_of_seed, wanted.items())


def _of_seed(dealt: tuple[int, Sequence[str]]) -> Games:
    seed, scenarios = dealt
    return [row for name in scenarios for row in _unswept(games(name, seed))]


def _unswept(rows: Iterable[dict[str, Any]]) -> Games:
    """The games of one incident, played while Python does not look for garbage.

    An incident leaves some fifty objects that only the search would find, among half a million
    that it would look at: a twentieth of a league.
    """
    usual = gc.get_threshold()
    gc.set_threshold(0)
    try:
        return list(rows)
    finally:
        gc.set_threshold(*usual)


# --- what was played ------------------------------------------------------------------------------


def store(
    seeds: Iterable[int], *, code: str, jobs: int = 1, progress: bool = False, path: Path = STORED
) -> pd.DataFrame:
    """Play what this version of the code has not played yet; keep each incident when it is over.

    Columns: those of `games`, and date, code, daily; `code` is the version of the package's code,
    that of the scenarios is added to it. Games of another version are dropped. Raises StorageError
    where the file cannot be written.
    """
    code = f"{code}-{_scenarios_version()}"
    kept = _kept(path, code)
    done = set(zip(kept["seed"], kept["scenario"], strict=True)) if len(kept) else set()
    wanted = {seed: [name for name in names() if (seed, name) not in done] for seed in seeds}
    about = {"date": date.today().isoformat(), "code": code, "daily": DAILY}
    for rows in _played({seed: left for seed, left in wanted.items() if left}, jobs, progress):
        kept = pd.concat([kept, pd.DataFrame([{**row, **about} for row in rows])])
        write_whole(path, kept.to_csv(index=False).encode(), way_out="make its folder writable")
    return kept


def _scenarios_version() -> str:
    """The scenarios as they are written, as a short hash."""
    texts = [path.read_bytes() for path in sorted(FOLDER.glob("*.toml"))]
    return sha256(b"".join(texts)).hexdigest()[:8]


def _kept(path: Path, code: str) -> pd.DataFrame:
    """What stands in a file of this version."""
    if not path.exists():
        return pd.DataFrame()
    found = stored(path)
    return found[found["code"] == code]


def stored(path: Path = STORED) -> pd.DataFrame:
    """The games that were kept; their date, code and seeds say where they come from.

    Raises StorageError where there are none.
    """
    if not path.exists():
        way_out = "run mlsys-lessons drill --league --store, or name --seeds to play one now"
        raise StorageError(f"there is no stored league at {path.name}; {way_out}.")
    return pd.read_csv(path)


def origin(kept: pd.DataFrame) -> str:
    """Where kept games come from, in one line."""
    seeds, last = kept["seed"], kept.iloc[-1]
    return (
        f"{seeds.nunique()} seeds from {seeds.min()} on, {last['daily']:,} payments a day, "
        f"played until {last['date']} by code {last['code']}"
    )


def table(played: pd.DataFrame) -> pd.DataFrame:
    """Median points by scenario and policy, with the interval of the mean and what is at stake."""
    rows = []
    for (name, policy), games_of in played.groupby(["scenario", "policy"], sort=False):
        points = games_of["points"].to_numpy()
        rows.append({
            "scenario": name, "policy": policy, "median": float(games_of["points"].median()),
            **mean_interval(points).columns("mean"), "at_stake": games_of["at_stake"].mean(),
        })  # fmt: skip
    summed = pd.DataFrame(rows)
    ends = ["low", "high"]  # points lie in 0..100, and so does their mean
    return summed.assign(**summed[ends].clip(0.0, 100.0))


def report(summed: pd.DataFrame) -> str:
    """The table as a page: a line a scenario, the median of each policy and its mean's interval.

    The first column is what is at stake: euros between doing nothing and the remedy at once.
    """
    cells = summed.assign(
        cell=[f"{m:3.0f} [{low:.0f}, {high:.0f}]"
              for m, low, high in summed[["median", "low", "high"]].values]
    )  # fmt: skip
    wide = cells.pivot(index="scenario", columns="policy", values="cell")
    order = list(dict.fromkeys(summed["policy"]))
    stakes = summed.groupby("scenario")["at_stake"].first().map("{:,.0f}".format)
    page = pd.concat([stakes.rename("at stake"), wide[order]], axis=1)
    return f"{page.to_string()}\n\n{_merits(summed)}"


def _merits(summed: pd.DataFrame) -> str:
    """How many scenarios each policy masters, and in how many it fails."""
    lines = []
    for policy, mine in summed.groupby("policy", sort=False):
        passed, failed = (mine["median"] >= PASSED).sum(), (mine["median"] < FAILED).sum()
        lines.append(
            f"{policy:18} {passed:2} of {len(mine)} at {PASSED:.0f} or more, "
            f"{failed:2} below {FAILED:.0f}"
        )
    return "\n".join(lines)
