"""Gaps: a training table with holes in it, as live rows have when a field or a history is lost.

Data is whole in the notebook and is not in production. A model that has met each gap knows what the
rest of a row is worth without it. It fits nothing and judges no live row.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.domain import EVENT, Domain
from mlsys_lessons.frames import array_of
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck

SHARE = 0.05  # of training rows that lose one source; each source by its own luck (assumed)


def sources(domain: Domain) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What can be lost, and the features that are lost with it.

    A raw field, where a feature stands on it; the actor's is the whole history. The measure of a
    row is lost without its past sums. For the event's time there is always a stand-in.
    """
    clocks = [one.name for one in domain.fields if one.role == EVENT]
    for field, features in domain.derived.items():
        if features and field not in clocks:
            yield field, features
    own = [one.name for one in domain.features if one.formula in ("log", "to_habit")]
    if own:
        yield f"this {domain.measure}", tuple(own)


def with_gaps(table: pd.DataFrame, domain: Domain, seed: int, share: float = SHARE) -> pd.DataFrame:
    """The table with gaps: each source is missing in a share of the rows, chosen by luck.

    `table` has the domain's identity and features. The rows, their order and their labels stay.

    Why it matters: a field that is quarantined is a missing field. A model that was never shown one
    sends it down whichever branch came first.
    """
    keys = row_keys(table, domain.identity)
    lost: dict[str, NDArray[np.bool_]] = {}
    for source, features in sources(domain):
        hit = luck(seed, f"gap {source}", keys) < share
        lost |= {name: lost.get(name, False) | hit for name in features}
    holed = {name: np.where(hit, np.nan, array_of(table, name)) for name, hit in lost.items()}
    return table.assign(**holed)
