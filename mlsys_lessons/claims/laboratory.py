"""The laboratory: runs a claim's experiment, and keeps the committed results.

`run` measures, `stored` reads what was measured before, `family` judges all stored claims together
with Holm's correction. What a claim means stands in its own module, which is found by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path

import pandas as pd

from mlsys_lessons.claims.claim import ORDINARY, RATES, SWEEP_LEAST, SWEEP_SHARE, Claim, Evidence
from mlsys_lessons.claims.code_version import code_version
from mlsys_lessons.claims.result import Result, flip
from mlsys_lessons.claims.runs import Job, Summary, summaries
from mlsys_lessons.domain import OVERHEAD_ITEMS
from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.experiments.arms import Arm
from mlsys_lessons.experiments.statistics import holm
from mlsys_lessons.experiments.unseen_years import made
from mlsys_lessons.files import make_folder, write_whole
from mlsys_lessons.records import whole_number
from mlsys_lessons.simulation.scenarios import ClaimSize

FIRST_SEED = 1_000  # seeds that no lesson and no test shows
RESULTS = Path(__file__).with_name("results")


def _claims() -> dict[str, Claim]:
    """The claim of every module c<number>_<words>.py of this folder, in order of the numbers."""
    files = Path(__file__).parent.glob("c[0-9]*_*.py")
    names = sorted((path.stem for path in files), key=lambda stem: int(stem[1:].split("_")[0]))
    claims = (import_module(f"{__package__}.{name}").CLAIM for name in names)
    return {claim.name: claim for claim in claims}


CLAIMS = _claims()

_Plan = list[tuple[int, float, str, Arm]]  # seed, incident rate, name of the arm, arm


def run(
    name: str, *, seeds: int = 20, jobs: int | None = None, size: ClaimSize | None = None,
    progress: bool = True, system: str | None = None,
) -> Result:  # fmt: skip
    """Measure a claim on `seeds` paired seeds (the other incident rates on a quarter).

    `jobs` is the number of processes (default: the cores, at most two). `size` defaults to the
    claim's own, which is `scenarios.CLAIM_SIZE` unless its module says why not; at another size
    the result says so. `system` is a `module:factory` for the claims that are about one's own.
    Raises InputError for a claim that does not exist or fewer than two seeds.
    """
    claim = _claim(name) if system is None else _about(name, system)
    size = claim.size if size is None else size
    whole_number("seeds", seeds, 2, 10_000)
    chosen = range(FIRST_SEED, FIRST_SEED + seeds)
    plan = _planned(claim, chosen)
    promises = [Job(seed, claim.promises) for seed in chosen] if claim.promises else []
    wanted = [*promises, *(Job(seed, arm) for seed, _, _, arm in plan)]
    answers = summaries(wanted, size, workers=jobs, progress=progress)
    return _result(claim, Evidence(_runs(plan, answers), size, _promises(promises, answers)))


def _planned(claim: Claim, seeds: range) -> _Plan:
    """Every run that a claim needs."""
    plan: _Plan = []
    few = seeds[: max(SWEEP_LEAST, len(seeds) // SWEEP_SHARE)]
    for rate in RATES:
        some = seeds if rate == ORDINARY else few
        arms = claim.arms(rate).items()
        plan += [(seed, rate, name, arm) for seed in some for name, arm in arms]
    return plan


def _runs(plan: _Plan, answers: Mapping[Job, Summary]) -> pd.DataFrame:
    """One row a run: seed, rate, arm, requests and money in cents."""
    rows = []
    for seed, rate, name, arm in plan:
        summary = answers[Job(seed, arm)]
        overhead = sum(summary["items"].get(item, 0) for item in OVERHEAD_ITEMS)
        row = {"seed": seed, "rate": rate, "arm": name, "overhead_cents": overhead}
        kept = ("requests", "value_cents", "expected_cents", "alerts")
        measured = summary.get("measured", {})  # what a claim's own arms count beside money
        rows.append({**row, **{key: summary[key] for key in kept}, **measured})
    return pd.DataFrame(rows)


def _promises(jobs: list[Job], answers: Mapping[Job, Summary]) -> pd.DataFrame:
    """The notebook's own predictions, by seed."""
    rows = [answers[job] for job in jobs]
    return pd.DataFrame(rows, index=pd.Index([job.seed for job in jobs], name="seed"))


def _result(claim: Claim, evidence: Evidence) -> Result:
    findings = claim.judge(evidence)
    threshold = findings.effects[0].threshold
    odd_size = () if evidence.size == claim.size else ("not at the claim's own size",)
    some = evidence.runs.loc[evidence.runs["rate"] != ORDINARY, "seed"].nunique()
    sweep = f"incident rates other than the ordinary year's on {some} seeds, without correction"
    return Result(
        claim=claim.name,
        sentence=claim.sentence,
        verdict=findings.verdict,
        effects=findings.effects,
        table=findings.table,
        by_rate=findings.by_rate,
        flips_at=flip(findings.by_rate, threshold),
        seeds=tuple(sorted(evidence.runs["seed"].unique().tolist())),
        size=evidence.size,
        date=date.today().isoformat(),
        code_version=code_version(claim.arms.__module__),
        fails_where=claim.fails_where,
        p=findings.p,
        notes=(*findings.notes, sweep, *odd_size),
        earlier=claim.earlier,
    )


def stored(name: str) -> Result:
    """The committed result of a claim; its `date`, `size` and `seeds` say where it comes from.

    Raises StorageError when there is none, InputError when the file is damaged.
    """
    claim, path = _claim(name), RESULTS / f"{name}.json"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        command = f"python -m mlsys_lessons.claims {claim.name} --store"
        raise StorageError(f"{name} has no stored result at {path.name}; run {command}.") from error
    return Result.from_json(text)


def keep(result: Result) -> Path:
    """Write a result where `stored` finds it."""
    path = RESULTS / f"{result.claim}.json"
    make_folder(RESULTS, way_out="use --json instead")
    write_whole(path, result.to_json().encode(), way_out="use --json instead")
    return path


def family(names: Iterable[str] | None = None) -> pd.DataFrame:
    """All stored claims judged together: p of each claim, adjusted by Holm over the 28."""
    known = [name for name in names or CLAIMS if (RESULTS / f"{name}.json").exists()]
    results = {name: stored(name) for name in known}
    adjusted = holm({name: result.p for name, result in results.items()})
    rows = [
        {"claim": name, "verdict": result.verdict, "p": result.p,
         "p adjusted": adjusted[name], "seeds": len(result.seeds), "date": result.date}
        for name, result in results.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["claim", "verdict", "p", "p adjusted", "seeds", "date"])


def _about(name: str, system: str) -> Claim:
    """A claim about somebody's own system; the factory is tried before anything is run."""
    claim = _claim(name)
    if claim.by_system is None:
        raise InputError(f"claim {name} is about no system of yours; --system is for C28.")
    made(system, FIRST_SEED)
    return replace(claim, arms=claim.by_system(system))


def _claim(name: str) -> Claim:
    if name not in CLAIMS:
        raise InputError(f"claim {name!r} is unknown; choose one of {', '.join(CLAIMS)}.")
    return CLAIMS[name]
