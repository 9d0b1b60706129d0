"""Faults that only the drill has: a bad version, a wrong default, labels and decisions gone wrong.

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
from mlsys_lessons.frames import categorical, codes, codes_in, has_action, words
from mlsys_lessons.records import APPROVE, BLOCK, REVIEW
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
    that has learned a ring's payments as innocent, above zero for one that refuses the innocent;
    at zero it is a canary that does no harm, and is called so.
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        score = frame["score"].to_numpy()
        answered = ~frame["is_fallback"].to_numpy() & ~np.isnan(score)
        served = inside & answered & share(frame, fault)
        here = served & np.asarray(frame[field] == word)
        odds = score / np.maximum(1.0 - score, 1e-12) * np.exp(log_odds)
        return answers.replaced(frame, served, np.where(here, odds / (1.0 + odds), score), label)

    return made(
        ("bad_version" if log_odds else "canary", "inference", "share of requests"),
        (start, end), severity, on_rows(change),
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
    kind = ("unattended_queue", "decisions", "share of held payments")
    return _instead((REVIEW, APPROVE), kind, (start, end), severity, "decisions.review_rate")


def polite_default(*, start: float, end: float | None = None, severity: float = 1.0) -> Fault:
    """A producer no longer knows the card's country and sends the shop's: a valid word, and wrong.

    Nothing is null and nothing unknown: no contract of types and words can refuse it.
    """

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        hit = inside & share(frame, fault)
        card = frame["card_country"]
        shop = codes_in(frame["country"], words(card))
        return frame.assign(card_country=categorical(np.where(hit, shop, codes(card)), card.dtype))

    return made(
        ("polite_default", "requests", "share of requests"), (start, end), severity,
        on_rows(change), "inputs.share_foreign",
        ("operations.error_rate", "inputs.null_rate.card_country"),
        remedies=(ask_owner("card_country"),),
    )  # fmt: skip


def mixed_up_list(*, start: float, end: float | None = None, severity: float = 0.03) -> Fault:
    """A job has filled the list of stolen cards with other numbers: good payments are refused."""
    kind = ("mixed_up_list", "decisions", "share of approved payments")
    return _instead((APPROVE, BLOCK), kind, (start, end), severity, "decisions.block_rate")


def _instead(
    swapped: tuple[int, int], kind: tuple[str, str, str], window: tuple[float, float | None],
    severity: float, moves: str,
) -> Fault:  # fmt: skip
    """Decisions of the first kind are carried out as the second; who owns the policy mends it."""

    def change(frame: pd.DataFrame, inside: Mask, fault: Fault) -> pd.DataFrame:
        hit = inside & has_action(frame, swapped[0]) & share(frame, fault)
        action = frame["action"].array
        done = np.where(hit, swapped[1], action.codes)
        return frame.assign(action=categorical(done, action.dtype))

    leaves = ("operations.error_rate", "inputs.null_rate.amount")
    remedies = (ask_owner(FRAUD),)
    return made(kind, window, severity, on_rows(change), moves, leaves, remedies=remedies)


KINDS: dict[str, Callable[..., Fault]] = {
    **CATALOGUE,
    **{made_by.__name__: made_by for made_by in (
        bad_version, flipped_labels, unattended_queue, polite_default, mixed_up_list,
    )},
}  # fmt: skip
