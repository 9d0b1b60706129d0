"""Appeals: some of the blocked come back, some of them are right, and some are believed.

Off by default; luck is keyed by the request. In a world that has them, the upheld ones reach the
system as late labels of what it blocked. They change no money there: the ledger has one effect for
each request, so `given_back` is for whoever counts beside it, as lesson 11 does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.ids import Ints
from mlsys_lessons.randomness import luck, normal_luck
from mlsys_lessons.records import within

_SPREAD = 0.8  # log points between one customer's delay and another's; assumed


@dataclass(frozen=True)
class Appeals:
    """Who appeals against a block, when, and what comes of it; every number is assumed.

    Why it matters: an upheld appeal is the only label that a blocked payment ever gets, and it
    comes from those who bother.

    genuine, fraud
        Shares of blocked genuine customers and of blocked fraudsters who appeal (0: nobody does).
    upheld_genuine, upheld_fraud
        Chance that an appeal is upheld, by the truth that whoever hears it does not know.
    median_days
        Median delay from the block to the answer (lognormal).
    given_back
        Share of the margin that an upheld appeal of a genuine customer brings back.
    """

    genuine: float = 0.0
    fraud: float = 0.0
    upheld_genuine: float = 0.9
    upheld_fraud: float = 0.3
    median_days: float = 3.0
    given_back: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is no share, and a delay that is none."""
        for field in fields(self):
            high = 365.0 if field.name == "median_days" else 1.0
            within(field.name, getattr(self, field.name), low=0.0, high=high)

    def heard(self, seed: int, request_id: Ints, fraud: NDArray[np.bool_]) -> pd.DataFrame:
        """Appeals against these blocks: request_id, days, upheld, label.

        An upheld appeal is booked as label 0 (genuine), any other as 1, whatever is true.

        >>> everybody = Appeals(genuine=1.0, upheld_genuine=1.0)
        >>> everybody.heard(0, np.array([1, 2]), np.array([False, True])).label.tolist()
        [0]
        """
        files = luck(seed, "appeal.filed", request_id) < np.where(fraud, self.fraud, self.genuine)
        ids, guilty = request_id[files], fraud[files]
        believed = np.where(guilty, self.upheld_fraud, self.upheld_genuine)
        upheld = luck(seed, "appeal.upheld", ids) < believed
        days = self.median_days * np.exp(_SPREAD * normal_luck(seed, "appeal.delay", ids))
        columns = {"request_id": ids, "days": days, "upheld": upheld}
        return pd.DataFrame({**columns, "label": (~upheld).astype(np.int8)})

    def wrong_labels(self, share: float) -> float:
        """Share of upheld appeals that are frauds, where `share` of the blocked are.

        Bayes: s f u_f / (s f u_f + (1-s) g u_g).

        >>> round(Appeals(genuine=0.3, fraud=0.1).wrong_labels(0.5), 2)
        0.1
        """
        within("share", share, low=0.0, high=1.0)
        wrong = share * self.fraud * self.upheld_fraud
        right = (1 - share) * self.genuine * self.upheld_genuine
        return wrong / (wrong + right) if wrong + right else 0.0
