"""Faults that only the drill has: a bad version in service, flipped labels, a queue nobody opens.

They are made as those of the catalogue are (system/faults), and are no part of it: no rate says how
often they come, so no calendar and no claim draws them. Each changes rows at its seam and nothing
else; which mitigation truly ends it stands in its `remedies`. All severities are assumed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mlsys_lessons.components.inference import answers
from mlsys_lessons.components.response import ask_owner, roll_back
from mlsys_lessons.frames import categorical, has_action
from mlsys_lessons.records import APPROVE, REVIEW
from mlsys_lessons.system.faults import CATALOGUE, Fault
from mlsys_lessons.system.faults.fault import Mask, made, on_rows, share
from mlsys_lessons.worlds.payments.domain import FRAUD, MODELS


def bad_version(
    *, start: float, end: float | None = None, severity: float = 1.0, field: str = "channel",
    word: str = "online", log_odds: float = -2.0, label: str = "boosted-2",
) -> Fault:  # fmt: skip
    """A version that somebody has put in service on a share of traffic misjudges one segment.

    It passed every check: it has a label of its own, answers in time, and scores the other rows as
    the old one did. Where `field` is `word` its log-odds are off by so much: below zero for a model
    that has learned a ring's payments as innocent, above zero for one that refuses the innocent.
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        score = frame["score"].to_numpy()
        answered = ~frame["is_fallback"].to_numpy() & ~np.isnan(score)
        served = inside & answered & share(frame, fault)
        here = served & np.asarray(frame[field] == word)
        odds = score / np.maximum(1.0 - score, 1e-12) * np.exp(log_odds)
        return answers.replaced(frame, served, np.where(here, odds / (1.0 + odds), score), label)

    return made(
        ("bad_version", "inference", "share of requests"), (start, end), severity, on_rows(change),
        "outputs.score_log_odds", ("operations.error_rate", "operations.fallback_rate"),
        remedies=(roll_back(),),
    )  # fmt: skip


def flipped_labels(*, start: float, end: float | None = None, severity: float = 1.0) -> Fault:
    """The label job has its classes the wrong way round: what is reported is filed as innocent."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        hit = inside & share(frame, fault)
        label = frame["label"].to_numpy()
        return frame.assign(label=np.where(hit, 1 - label, label).astype(np.int8))

    return made(
        ("flipped_labels", "labels", "share of reports"), (start, end), severity, on_rows(change),
        "business.reported_fraud_rate", ("operations.error_rate", "inputs.null_rate.amount"),
        remedies=(ask_owner(MODELS),),
    )  # fmt: skip


def unattended_queue(*, start: float, end: float | None = None, severity: float = 1.0) -> Fault:
    """Those who deal out the cases are away: what should be looked at is approved unseen.

    Temporary staff do not help, for nobody gives them anything to look at.
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        hit = inside & has_action(frame, REVIEW) & share(frame, fault)
        action = frame["action"].array
        return frame.assign(action=categorical(np.where(hit, APPROVE, action.codes), action.dtype))

    return made(
        ("unattended_queue", "decisions", "share of held payments"), (start, end), severity,
        on_rows(change), "decisions.review_rate",
        ("operations.error_rate", "inputs.null_rate.amount"),
        remedies=(ask_owner(FRAUD),),
    )  # fmt: skip


KINDS: dict[str, Callable[..., Fault]] = {
    **CATALOGUE,
    **{factory.__name__: factory for factory in (bad_version, flipped_labels, unattended_queue)},
}
