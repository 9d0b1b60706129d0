"""A release in a running system: how it is taken on night by night, and what its two arms count.

The split is a stage (components/inference/split.py), the words of a night are ramp.py's; here they
meet a run and its log. Nothing here chooses a version.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from mlsys_lessons.components.inference.canary import Arm
from mlsys_lessons.components.inference.ramp import (
    EVERYBODY,
    GO,
    HARM,
    WRONG_SPLIT,
    RampPlan,
    word_of,
)
from mlsys_lessons.components.inference.split import SplitInference
from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import in_words
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import copied

OUTCOMES = ("blocked", "reported")
HELD = "held"  # clear already, and its step is not over


def sending(run: Run) -> SplitInference:
    """The stage that splits a run's requests.  Raises InputError where there is none."""
    stage = run.system.inference
    if not isinstance(stage, SplitInference):
        raise InputError(f"{run!r} splits nothing; plug in SplitInference.around(...) with with_.")
    return stage


def gone_on(run: Run, *, share: float, days: int) -> Run:
    """The same run some days later, the candidate answering this share of them."""
    later = copied(run)
    sending(later).send(share)
    for _ in range(days):
        later.step()
    return later


def answered(run: Run, *, since: int = 0) -> list[pd.DataFrame]:
    """Day by day, the rows that came for the first time and that a version answered."""
    days = run.recorder.kept("log")[since:]
    return [day[~day["is_duplicate"].to_numpy() & ~day["is_fallback"].to_numpy()] for day in days]


def counted(run: Run, *, since: int = 0, segment: str = EVERYBODY) -> pd.DataFrame:
    """A row for each of the two versions: requests answered, blocked, reported as fraud by now.

    Of everybody, or of a segment: a field and one of its agreed words, "country=DE". Raises
    InputError for a segment that this business does not have.
    """
    field, word = segment_of(segment, run.system.domain)
    known = run.labels.loc[run.labels["label"] == 1, "request_id"]
    inference = sending(run)
    names = {inference.registry.champion.label: "old", inference.challenger.label: "new"}
    total = pd.DataFrame(0, index=["old", "new"], columns=["rows", *OUTCOMES])
    for everybody in answered(run, since=since):
        day = everybody[in_words(everybody[field], (word,))] if field else everybody
        blocked = day["final_action"].eq("block").to_numpy()
        reported = ~blocked & day["request_id"].isin(known).to_numpy()
        counts = pd.DataFrame({"rows": 1, "blocked": blocked, "reported": reported}).astype(int)
        version = day["model_version"].astype("str").map(names).to_numpy()
        total += counts.groupby(version).sum().reindex(total.index, fill_value=0)
    return total


def segment_of(segment: str, domain: Domain) -> tuple[str, str]:
    """A segment's field and word; none for everybody.

    >>> from mlsys_lessons.worlds.payments.domain import PAYMENTS
    >>> segment_of("country=DE", PAYMENTS), segment_of("all", PAYMENTS)
    (('country', 'DE'), ('', ''))
    """
    if segment == EVERYBODY:
        return "", ""
    field, _, word = segment.partition("=")
    agreed = domain.vocabularies
    if field not in agreed or word not in agreed[field].categories:
        fields = ", ".join(agreed)
        raise InputError(
            f"segment={segment!r} is nobody; say a field and one of its words, as 'country=DE', "
            f"the field one of {fields}."
        )
    return field, word


def arms(table: pd.DataFrame, outcome: str) -> tuple[Arm, Arm]:
    """The old and the new version's counts of one outcome.  Raises InputError for another word."""
    if outcome not in OUTCOMES:
        raise InputError(f"nobody counts {outcome!r}; choose one of {', '.join(OUTCOMES)}.")
    old, new = (Arm(*map(int, table.loc[name, [outcome, "rows"]])) for name in ("old", "new"))
    return old, new


def ramped(run: Run, plan: RampPlan) -> Iterator[tuple[int, float, str, Run]]:
    """Take a run through a plan, night by night: day, share, the word of that night, the run.

    A step that is not clear by its last night is held on; GO after the last one is everybody. Any
    stop sends everybody back to the old version, the same night. Each guardrail is counted in its
    own segment. Raises InputError for a guardrail that nobody can count, before the first night.
    """
    run, segments = copied(run), {EVERYBODY, *(rail.segment for rail in plan.guardrails)}
    for rail in plan.guardrails:  # of no day yet
        arms(counted(run, since=run.days, segment=rail.segment), rail.metric)
    for step in plan.steps:
        sending(run).send(step.share)
        since, word = run.days, ""
        while word != GO:
            run.step()
            of = {name: counted(run, since=since, segment=name) for name in segments}
            rows = int(of[EVERYBODY].at["old", "rows"]), int(of[EVERYBODY].at["new", "rows"])
            found = {rail: arms(of[rail.segment], rail.metric) for rail in plan.guardrails}
            word = word_of(found, share=step.share, rows=rows, alpha=plan.alpha)
            if word in (HARM, WRONG_SPLIT):
                sending(run).send(0.0)
                yield run.days, step.share, word, run
                return
            if run.days - since < step.days and word == GO:
                word = HELD
            yield run.days, step.share, word, run
    sending(run).send(1.0)
