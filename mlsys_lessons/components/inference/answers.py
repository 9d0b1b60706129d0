"""Answers: what comes of a model call, as columns; which calls fail, and whose score is written.

Who answers instead is told in stages.py, what a call meets on its way in service.py.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.component import Model
from mlsys_lessons.domain import vocabulary
from mlsys_lessons.frames import array_of, categorical
from mlsys_lessons.records import FAILURES

Mask = NDArray[np.bool_]
Scores = NDArray[np.float64]

FAILURE_DTYPE = pd.CategoricalDtype(FAILURES)
DEPENDENCY, DEADLINE, BREAKER, QUARANTINED, REFUSED, VERSION, ARTEFACT, BYPASSED = range(
    len(FAILURES)
)
NO_FAILURE = -1
ANSWER = ("score", "model_version", "is_fallback", "fallback_reason")


def failures(frame: pd.DataFrame, limit_ms: float) -> NDArray[np.int8]:
    """Index into FAILURES of what goes wrong with each row's model call, or NO_FAILURE."""
    latency = array_of(frame, "latency_ms")
    failure = np.full(len(frame), NO_FAILURE, dtype=np.int8)
    failure[latency > limit_ms] = DEADLINE
    failure[~array_of(frame, "dependency_up")] = DEPENDENCY
    failure[np.isnan(latency)] = REFUSED  # at the door: no call was made
    return failure


def scored(model: Model, frame: pd.DataFrame, wanted: Mask) -> Scores:
    """The model's scores on the wanted rows, NaN elsewhere; no call for rows that need none."""
    if wanted.all():
        return model.predict(frame)
    scores = np.full(len(frame), np.nan)
    if wanted.any():
        scores[wanted] = model.predict(frame[wanted])
    return scores


def answer(
    scores: Scores,
    version: NDArray[np.int8],
    names: list[str],
    fallback: Mask,
    failure: NDArray[np.int8],
) -> dict[str, object]:
    """The columns of an answer: score, version, whether and why a fallback stepped in."""
    columns = (
        scores, categorical(version, vocabulary(tuple(names))), fallback,
        categorical(failure, FAILURE_DTYPE),
    )  # fmt: skip
    return dict(zip(ANSWER, columns, strict=True))


def replaced(
    answered: pd.DataFrame, hit: Mask, scores: Scores, label: str, failure: int = NO_FAILURE
) -> pd.DataFrame:
    """Answers with other ones where hit: score, version, and why a fallback stepped in, if so."""
    version = answered["model_version"].array
    if label not in version.categories:
        version = version.add_categories([label])
    place = np.where(hit, version.categories.get_loc(label), version.codes)
    changed = answered.assign(
        score=np.where(hit, scores, answered["score"]),
        model_version=categorical(place, version.dtype),
    )
    if failure == NO_FAILURE:
        return changed
    reasons = np.where(hit, failure, answered["fallback_reason"].array.codes).astype(np.int8)
    return changed.assign(
        is_fallback=array_of(answered, "is_fallback") | hit,
        fallback_reason=categorical(reasons, FAILURE_DTYPE),
    )
