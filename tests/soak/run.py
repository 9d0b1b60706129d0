"""The full counts that a release is judged by, and their record in result.json.

    python tests/soak/run.py                          # every part but the claims
    python tests/soak/run.py alerts exactness --reduced
    python tests/soak/run.py lessons --lesson 03 --seed 8   # a try: printed, not recorded
    python tests/soak/run.py claims                   # hours: only when named

Each part measures what `make test` only samples, with its own date, counts and code version. It
defines no property: those are in the test modules, and are imported from there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import mlsys_lessons as mls
from mlsys_lessons.claims import runs
from mlsys_lessons.claims.code_version import code_version
from mlsys_lessons.components.monitoring.alerts import healthy_rate
from mlsys_lessons.components.monitoring.control_limits import LEAST_DAYS
from mlsys_lessons.domain import MONTH_DAYS
from mlsys_lessons.files import write_whole
from mlsys_lessons.lessons import expectation
from mlsys_lessons.system.faults import CATALOGUE
from mlsys_lessons.worlds.payments.domain import ALERT_RULES as RULES

HERE = Path(__file__).resolve().parent
RESULT = HERE / "result.json"
PRESETS = {"naive": mls.naive_system, "resilient": mls.resilient_system}
Answer = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """How much of each part is done; `REDUCED` is for a first look, and says so in the record."""

    alert_worlds: int = 17  # a year each: 204 months, every season in each of them
    alert_months: int = 12
    alert_daily: int = 1_000
    exact_days: int = 6
    exact_daily: int = 1_000
    examples: int = 300
    kills: int = 20
    bench_days: int = 180
    bench_daily: int = 10_000
    claim_seeds: int = 20
    responder_seeds: int = 20
    replications: int = 1_000
    lessons: tuple[str, ...] = ()  # by number; none named: all
    lesson_seeds: tuple[int, ...] = (8, 9, 10, 11, 12)  # none of them is shipped
    jobs: int = 2


FULL = Counts()
REDUCED = Counts(
    alert_worlds=3, exact_days=3, exact_daily=200, examples=30, kills=5, bench_days=30,
    claim_seeds=4, responder_seeds=3, replications=400, lesson_seeds=(8, 11),
)  # fmt: skip


# --- healthy months ----------------------------------------------------------------------------


class Healthy(NamedTuple):
    """One healthy world: the alerts of each month after the silent days, and what they led to."""

    months: list[list[str]]
    cases: dict[str, int]  # by system
    mistaken: int  # cases that were closed as something else than a false alarm
    cents: dict[str, int]  # by system: pages, and the hours of those who looked
    pages: int  # of the resilient system


def healthy_months(seed: int, counts: Counts) -> Healthy:
    """Live through one healthy world with both systems."""
    days = LEAST_DAYS + counts.alert_months * MONTH_DAYS
    world = mls.scenarios.healthy(seed, daily=counts.alert_daily, days=days).world
    runs = {
        name: mls.simulate(world, make(seed=seed), days=days, keep="metrics")
        for name, make in PRESETS.items()
    }
    alerts, cases = runs["resilient"].alerts, {name: run.cases for name, run in runs.items()}
    months: list[list[str]] = [[] for _ in range(counts.alert_months)]
    columns = (alerts[name] for name in ("tick", "layer", "metric", "segment"))
    for tick, *words in zip(*columns, strict=True):
        months[(tick - LEAST_DAYS) // MONTH_DAYS].append(".".join(words))
    causes = [cause for each in cases.values() for cause in each["cause"]]
    mistaken = sum(cause not in ("", "false alarm") for cause in causes)
    return Healthy(
        months, {name: len(each) for name, each in cases.items()}, mistaken,
        {name: _looking(run) for name, run in runs.items()},
        _spent(runs["resilient"], "page") // mls.COSTS.page,
    )  # fmt: skip


def _looking(run: mls.Run) -> int:
    """Cents that pages and the search for causes came to."""
    return _spent(run, "page") + _spent(run, "response")


def _spent(run: mls.Run, item: str) -> int:
    entries = run.ledger
    return -int(entries.loc[entries["item"] == item, "cents"].sum())


def wilson(hits: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval for a share (Wilson, 1927).

    >>> [round(limit, 3) for limit in wilson(5, 100)]
    [0.022, 0.112]
    """
    share, n = hits / trials, trials
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def alerts(counts: Counts) -> Answer:
    """Share of healthy months with at least one alert, by rule too; and what alarms cost there."""
    from joblib import Parallel, delayed

    work = (delayed(healthy_months)(seed, counts) for seed in range(counts.alert_worlds))
    months: list[list[str]] = []
    years: list[Healthy] = []
    for done, year in enumerate(Parallel(n_jobs=counts.jobs, return_as="generator")(work), 1):
        months += year.months
        years.append(year)
        note(f"alerts: {done} of {counts.alert_worlds} worlds, {len(months)} months")
    stated = {f"{rule.layer}.{rule.metric}.{rule.segment}": rule.monthly_rate for rule in RULES}
    each = Counter(name for month in months for name in set(month))
    total = healthy_rate(RULES)
    noisy = sum(1 for month in months if month)
    rules = {name: _rate(each[name], len(months), rate) for name, rate in stated.items()}
    loud = [name for name, row in rules.items() if row["p_not_more"] < 0.05 / len(rules)]
    answer = _rate(noisy, len(months), total)
    mistaken = sum(year.mistaken for year in years)
    return {
        "worlds": counts.alert_worlds,
        "days_each": LEAST_DAYS + counts.alert_months * MONTH_DAYS,
        "daily": counts.alert_daily,
        "alert_days": sum(len(month) for month in months),
        "all rules": answer,
        "pages a month": round(sum(year.pages for year in years) / len(months), 3),
        "rules above their rate (Bonferroni)": loud,
        "false alarms that were looked into": {
            name: sum(year.cases[name] for year in years) for name in PRESETS
        },
        "of these blamed on something": mistaken,
        "euros a month that looking costs": {
            name: round(sum(year.cents[name] for year in years) / 100 / len(months), 2)
            for name in PRESETS
        },
        "holds": not loud and not mistaken and _is_met(answer),
        "rules": rules,
    }


def _rate(hits: int, trials: int, stated: float) -> Answer:
    from scipy.stats import binom

    return {
        "months": trials,
        "with_alert": hits,
        "rate": hits / trials,
        "interval": wilson(hits, trials),
        "stated": stated,
        "p_not_more": float(binom.sf(hits - 1, trials, stated)),
        "p_not_less": float(binom.cdf(hits, trials, stated)),
    }


def _is_met(answer: Answer) -> bool:
    """Whether a rate lies within the 99 % interval of its label, on both sides."""
    return min(answer["p_not_more"], answer["p_not_less"]) > 0.005


# --- the same bytes ------------------------------------------------------------------------------


def exactness(counts: Counts) -> Answer:
    """Actions and scores for batches of 1, 37, 1,000 and a day, with and without each fault."""
    together = tuple(CATALOGUE)
    schedules: list[tuple[str, ...]] = [(), *((name,) for name in CATALOGUE), together]
    differences, compared = [], 0
    for preset in PRESETS:
        for names in schedules:
            whole = _exact_run(preset, names, None, counts)
            for size in (1, 37, 1_000):
                cut = _exact_run(preset, names, size, counts)
                compared += 1
                gap = np.nanmax(np.abs(cut.log["score"] - whole.log["score"]), initial=0.0)
                if cut.actions_sha256 != whole.actions_sha256 or gap > 1e-12:
                    differences.append([preset, list(names), size, float(gap)])
            note(f"exactness: {preset}, {', '.join(names) or 'no fault'}: {whole.requests:,} rows")
    _tests("simulation/test_exactness").test_threads_and_fresh_processes_change_nothing()
    return {
        "days": counts.exact_days,
        "daily": counts.exact_daily,
        "comparisons": compared,
        "threads and processes": [1, 2, 4],
        "differences": differences,
        "holds": not differences,
    }


def _exact_run(preset: str, names: Sequence[str], size: int | None, counts: Counts) -> mls.Run:
    world = mls.payments_world(seed=7, daily=counts.exact_daily)
    end = counts.exact_days - 0.6
    faults = [CATALOGUE[name](start=0.7, end=end) for name in names]
    return mls.simulate(
        world, PRESETS[preset](seed=7), days=counts.exact_days, faults=faults, batch_size=size
    )


# --- responders ----------------------------------------------------------------------------------


def responders(counts: Counts) -> Answer:
    """Expected euros by who answers, in years with four times the incidents, both systems."""
    from joblib import Parallel, delayed

    answer: Answer = {"seeds": counts.responder_seeds, "days": 120, "daily": 500}
    work = [(name, 300 + seed) for name in PRESETS for seed in range(counts.responder_seeds)]
    found = Parallel(n_jobs=counts.jobs)(delayed(_answered)(*each) for each in work)
    holds = True
    for name in PRESETS:
        rows = [row for (system, _), row in zip(work, found, strict=True) if system == name]
        euros = {who: round(sum(row[who] for row in rows) / len(rows) / 100, 2) for who in rows[0]}
        answer[name] = euros
        holds &= euros["omniscient"] == max(euros.values())
    return {**answer, "holds": holds}


def _answered(name: str, seed: int) -> dict[str, float]:
    """One year of one system, by who answers; loaded where it runs, in a worker too."""
    return _tests("simulation/test_incidents").expected_by_responder(name, seed, 120, 500)


def reviews(counts: Counts) -> Answer:
    """What people who review are worth: the resilient system with its reviewers and without."""
    from joblib import Parallel, delayed

    from mlsys_lessons.experiments.statistics import mean_interval

    seeds = range(300, 300 + counts.responder_seeds)
    rows = Parallel(n_jobs=counts.jobs)(delayed(_reviewed)(seed) for seed in seeds)
    worth = mean_interval(np.array([one - other for one, other in rows]))
    return {
        "seeds": len(seeds), "days": 120, "daily": 1_000,
        "euros per 1,000 requests that reviewers add": [worth.estimate, worth.low, worth.high],
        "holds": True,
    }  # fmt: skip


def _reviewed(seed: int) -> tuple[float, float]:
    """Expected euros per 1,000 requests of an ordinary year, with and without reviewers."""
    year = mls.scenarios.ordinary_year(seed, daily=1_000, days=120)
    nobody = replace(year.world.reviewers, capacity=0)
    earned = []
    for world in (year.world, replace(year.world, reviewers=nobody)):
        run = mls.simulate(
            world, mls.resilient_system(seed=seed), days=120, faults=year.faults, keep="metrics"
        )
        earned.append(run.expected_value / run.requests * 10)
    return earned[0], earned[1]


def off_policy(counts: Counts) -> Answer:
    """How often a 95 % interval of another policy's value holds the truth, at three overlaps."""
    shared = _tests("components/test_off_policy")
    found = {
        f"{method.__name__}, {overlap}": shared.coverage(method, gap, counts.replications)
        for method in shared.METHODS
        for overlap, gap in shared.OVERLAPS.items()
    }
    holds = all(0.925 <= share <= 0.975 for share in found.values())
    return {"replications": counts.replications, "coverage": found, "holds": holds}


# --- invariants, speed, claims -------------------------------------------------------------------


def invariants(counts: Counts) -> Answer:
    """The properties of test_invariants.py over many more random calendars of faults."""
    from hypothesis import HealthCheck, given, seed, settings

    module, lucky = _tests("simulation/test_invariants"), int(time.time())
    more = settings(
        max_examples=counts.examples, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    failures = {}
    for name in sorted(name for name in dir(module) if name.startswith("test_")):
        test = getattr(module, name)
        if hasattr(test, "hypothesis"):
            inner, drawn = test.hypothesis.inner_test, test.hypothesis._given_kwargs
            test = seed(lucky)(more(given(**drawn)(_bare(inner))))
        try:
            test()
        except Exception as error:
            failures[name] = f"{type(error).__name__}: {error}"
        note(f"invariants: {name} {'FAILED' if name in failures else 'holds'}")
    return {
        "examples": counts.examples, "seed": lucky, "failures": failures, "holds": not failures,
    }  # fmt: skip


def _bare(property_of: Callable[..., None]) -> Callable[..., None]:
    """The property without the settings that `make test` gave it."""

    def again(**drawn: Any) -> None:
        property_of(**drawn)

    return again


def kills(counts: Counts) -> Answer:
    """The edge of test_edge_kill.py, killed under load at random moments, again and again."""
    import tempfile

    module, lucky = _tests("serving/test_edge_kill"), int(time.time())
    with tempfile.TemporaryDirectory() as folder:
        story = module.lived(counts.kills, Path(folder), np.random.default_rng(lucky))
        note(f"kills: {story.kills} kills, {len(story.acknowledged):,} answers acknowledged")
        again = module.settled(story.log, Path(folder), story.kills)
    by_hand = module.cents_by_hand(again.rows, again.truth)
    entries = again.ledger.entries
    agree = dict(zip(entries["request_id"], entries["cents"], strict=True)) == by_hand
    failures = [*story.lost, *story.changed, *again.differences]
    ended_well = story.exit_code == 0 and not entries["request_id"].duplicated().any()
    return {
        "kills": story.kills,
        "while there was more to ask": story.unfinished,
        "seed": lucky,
        "acknowledged": len(story.acknowledged),
        "in the log": len(again.rows),
        "without an answer": story.unanswered,
        "acknowledged and lost": len(story.lost),
        "answered otherwise when asked again": len(story.changed),
        "replayed otherwise": len(again.differences),
        "ledger agrees to the cent": agree,
        "seconds until ready": story.unready_s,
        "holds": not failures and agree and ended_well,
    }


def bench(counts: Counts) -> Answer:
    """The table of tests/benchmarks, from the one script that measures it."""
    size = ["--days", str(counts.bench_days), "--daily", str(counts.bench_daily)]
    script = HERE.parent / "benchmarks" / "run.py"
    done = _python(str(script), *size, "--json", capture_output=True, text=True)
    return {"days": counts.bench_days, "daily": counts.bench_daily, **json.loads(done.stdout)}


def claims(counts: Counts) -> Answer:
    """C1 to C4; their results are stored by the claims themselves, and read by the lessons."""
    _python("-m", "mlsys_lessons.claims", "--seeds", str(counts.claim_seeds), "--store")
    stored = Path(mls.__file__).parent / "claims" / "results"
    verdicts = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["verdict"]
        for path in sorted(stored.glob("C*.json"))
    }
    return {"seeds": counts.claim_seeds, "verdicts": verdicts}


# --- the lessons on other seeds -----------------------------------------------------------------


def lessons(counts: Counts) -> Answer:
    """Each lesson on other seeds: what ended it, and which expectations did not come.

    A sentence that says "in most worlds" and does not come in most of these is not usual: the
    lesson is to be corrected, and the part does not hold.
    """
    sources = sorted((HERE.parents[1] / "notebooks" / "source").glob("[0-9][0-9]_*.py"))
    wanted = [path for path in sources if not counts.lessons or path.name[:2] in counts.lessons]
    played: dict[str, dict[int, Answer]] = {source.stem: {} for source in wanted}
    trials = [(source, seed) for source in wanted for seed in counts.lesson_seeds]
    with ThreadPoolExecutor(counts.jobs) as pool:  # each lesson has a kernel of its own
        rows = pool.map(lambda trial: lesson_played(*trial), trials)
        for (source, seed), row in zip(trials, rows, strict=True):
            played[source.stem][seed] = row
            said = row["error"] or f"{len(row['did not come'])} expectations did not come"
            note(f"lessons: {source.stem}, seed {seed}: {row['seconds']} s, {said}")
    errors = [[name, seed, row["error"]] for name, rows in played.items()
              for seed, row in rows.items() if row["error"]]  # fmt: skip
    unusual = {name: _missed_by_most(rows) for name, rows in played.items()}
    unusual = {name: sentences for name, sentences in unusual.items() if sentences}
    return {
        "seeds": list(counts.lesson_seeds),
        "errors": errors,
        "not usual": unusual,
        "holds": not errors and not unusual,
        "played": played,
    }


def _missed_by_most(rows: Mapping[int, Answer]) -> list[str]:
    """The sentences that did not come on more than half of at least three seeds."""
    missed = Counter(text for row in rows.values() for text in set(row["did not come"]))
    return sorted(text for text, times in missed.items() if len(rows) > 2 and 2 * times > len(rows))


def lesson_played(source: Path, seed: int) -> Answer:
    """One lesson from top to bottom on one seed, as a learner would run it."""
    from nbclient.exceptions import CellExecutionError

    notebook, began, error = reseeded(source, seed), time.perf_counter(), None
    os.environ[expectation.ENVIRONMENT] = "say"
    try:
        _builder().execute(notebook, source.parents[1])
    except CellExecutionError as stopped:
        error = f"{stopped.ename}: {stopped.evalue}"
    seconds = round(time.perf_counter() - began, 1)
    said = expectation.missed("\n".join(printed(notebook)))
    return {"seconds": seconds, "error": error, "did not come": said}


def reseeded(source: Path, seed: int) -> Any:
    """The notebook of a lesson's source with the one line `SEED = ...` changed."""
    notebook, changed = _builder().read_source(source), 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source, here = re.subn(r"(?m)^SEED = \d+", f"SEED = {seed}", cell.source)
            changed += here
    if changed != 1:
        raise ValueError(f"{source.name} names its seed {changed} times; write `SEED = 7` once.")
    return notebook


def printed(notebook: Any) -> Iterator[str]:
    """What each code cell of an executed notebook has printed."""
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        yield "".join(out["text"] for out in outputs if out.get("name") == "stdout")


def _builder() -> Any:
    """tools/build_notebooks.py, which knows how a source becomes a notebook and is run."""
    import importlib.util

    place = HERE.parents[1] / "tools" / "build_notebooks.py"
    specification = importlib.util.spec_from_file_location("build_notebooks", place)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


PARTS: dict[str, Callable[[Counts], Answer]] = {
    part.__name__: part
    for part in (
        alerts, exactness, responders, reviews, off_policy, invariants, kills, bench, lessons,
        claims,
    )
}  # fmt: skip
USUAL = tuple(name for name in PARTS if name != "claims")


def _python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], check=True, **options)


def _tests(place: str) -> Any:
    """A test module by its place below tests/, so that a property is written once."""
    import importlib

    module = HERE.parent / place
    sys.path[:0] = [str(HERE.parent), str(module.parent)]  # as pytest does
    return importlib.import_module(module.name)


# --- the record ----------------------------------------------------------------------------------


def note(text: str) -> None:
    """A line of progress, on stderr."""
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def circumstances(counts: Counts) -> Answer:
    """When, where and on what code a part was run."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "counts": "full" if replace(counts, jobs=FULL.jobs) == FULL else asdict(counts),
        "python": platform.python_version(),
        "libraries": runs.libraries(),
        "package": mls.__version__,
        "code": code_version("mlsys_lessons.experiments.arms"),
        "cores": os.cpu_count(),
    }


def merge(path: Path, part: str, answer: Answer) -> None:
    """Put one part into the record; the other parts stay, and a crash leaves the old file."""
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    record[part] = answer
    ordered = {name: record[name] for name in PARTS if name in record}
    write_whole(path, f"{json.dumps(ordered, indent=1)}\n".encode(), way_out="name another file")


def run_parts(names: Sequence[str], counts: Counts, path: Path) -> Iterator[tuple[str, Answer]]:
    """Each part with its answer, recorded as soon as it is there."""
    for name in names:
        began, about = time.perf_counter(), circumstances(counts)  # the code as it is loaded
        answer = PARTS[name](counts)
        answer = {**about, "seconds": round(time.perf_counter() - began, 1), **answer}
        merge(path, name, answer)
        yield name, answer


def try_lessons(counts: Counts, lesson: str | None, seed: int | None) -> int:
    """One lesson, or one seed, or both, to see what becomes of it; nothing is recorded."""
    counts = replace(counts, lessons=() if lesson is None else (lesson.zfill(2),))
    answer = lessons(counts if seed is None else replace(counts, lesson_seeds=(seed,)))
    print(json.dumps(answer, indent=1))
    return int(not answer["holds"] or not answer["played"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen parts; the exit code is 1 when one of them does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--claims", action="store_true", help="the claims too: hours")
    parser.add_argument("--reduced", action="store_true", help="smaller counts, and marked so")
    parser.add_argument("--jobs", type=int, default=FULL.jobs, help="processes (default 2)")
    parser.add_argument("--result", type=Path, default=RESULT, help="default: beside this file")
    parser.add_argument("--lesson", metavar="NN", help="try one lesson: printed, not recorded")
    parser.add_argument("--seed", type=int, help="try the lessons on one seed, likewise")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.parts if name not in PARTS]
    if unknown:
        parser.error(f"part {unknown[0]!r} is unknown; choose from {', '.join(PARTS)}.")
    names = [*(chosen.parts or USUAL), *(["claims"] if chosen.claims else [])]
    counts = replace(REDUCED if chosen.reduced else FULL, jobs=max(1, chosen.jobs))
    if chosen.lesson is not None or chosen.seed is not None:
        return try_lessons(counts, chosen.lesson, chosen.seed)
    failed = 0
    for name, answer in run_parts(dict.fromkeys(names), counts, chosen.result):
        failed += not answer.get("holds", True)
        note(f"{name}: {'does not hold' if not answer.get('holds', True) else 'done'}")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
