"""A rate limit around any other policy: whoever comes too often within a window is blocked.

It counts by one visible key (a card, a shop) in slots of one minute: a row sees the rows of earlier
slots, so cutting the stream into other batches changes no answer. It looks at no score, and knows
nothing of who shares a key with whom.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import Columns, Component
from mlsys_lessons.components.decisions.policy import version_column
from mlsys_lessons.components.decisions.stages import CostDecisions, ScoreCut
from mlsys_lessons.domain import Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import array_of, categorical, codes, extend
from mlsys_lessons.ids import BitFields, Ints, count_between, merged
from mlsys_lessons.records import BLOCK, SLOT_MS, ClosedDay, milliseconds, whole_number

TOO_OFTEN = "velocity"  # the reason that is logged
KEY_SLOT = BitFields("key", slot=28)  # a key on one minute; keys stay below 2^35
_FIRST_SLOT = 2**27  # minutes are counted from 255 years before day 0: none is negative


@dataclass
class RateLimit(Component):
    """Lets each key through so many times within a window, as the policy inside it decides.

    Why it matters: whoever searches for a cut needs answers; a limit does not hide the cut, it
    makes each answer dearer. It also stops good customers who come often.

    inside
        The policy that decides the rest.
    key
        A column of whole numbers: customer_id (the card) or merchant_id (the shop).
    limit, minutes
        Attempts within so many minutes that are left to the policy; those beyond are blocked.
        Attempts count whatever became of them, from the next minute on.

    Raises InputError for a limit below 1, a window outside a minute to thirty days, a key that the
    domain has not, or a domain that has no word for it.

    >>> limited = RateLimit(ScoreCut(0.5), limit=1, minutes=60)
    >>> times = np.array(["2025-01-01T09:00", "2025-01-01T09:30"], dtype="datetime64[ms]")
    >>> rows = pd.DataFrame({"request_id": [1, 2], "customer_id": 7, "arrival_time": times,
    ...                      "score": 0.1})
    >>> limited(rows)["action"].tolist()
    ['approve', 'block']
    """

    inside: ScoreCut | CostDecisions
    key: str = "customer_id"
    limit: int = 3
    minutes: int = 1_440
    seen: Ints = field(default_factory=lambda: np.empty(0, np.int64), repr=False)  # sorted
    plugs_into = "decisions"

    def __post_init__(self) -> None:
        """Refuse what limits nothing."""
        whole_number("limit", self.limit, 1, 10**6)
        whole_number("minutes", self.minutes, 1, 43_200)
        known = [one.name for one in self.domain.fields if one.dtype == "int64"]
        if self.key not in known:
            raise InputError(f"key={self.key!r} cannot be counted; choose one of {known}.")
        if TOO_OFTEN not in self.domain.reasons:
            raise InputError(
                f"{self.domain.name} has no reason {TOO_OFTEN!r}; limit a domain that has it."
            )

    @property
    def domain(self) -> Domain:  # type: ignore[override]
        """The business that it is made for: that of the policy inside."""
        return self.inside.domain

    @property
    def cut(self) -> float:
        """The cut of the policy inside; whoever sets it here sets it there."""
        return self.inside.cut

    @cut.setter
    def cut(self, score: float) -> None:
        self.inside.cut = score

    @property
    def resilient(self) -> bool:  # type: ignore[override]
        """As the policy inside says."""
        return self.inside.resilient

    @property
    def needs(self) -> Columns:
        """What the policy inside needs, the key, the time of arrival."""
        return tuple(dict.fromkeys((*self.inside.needs, self.key, "arrival_time")))

    @property
    def adds(self) -> Columns:
        """What any policy adds."""
        return self.inside.adds

    @property
    def version(self) -> str:
        """Which policy this is: the one inside, and the limit."""
        return f"{self.inside.version}-{self.limit}-in-{self.minutes}-by-{self.key}"

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Decide as the policy inside, and block whoever came too often."""
        decided = self.inside(frame)
        often = self.count(frame) >= self.limit
        code = self.domain.reasons.index(TOO_OFTEN)
        action = np.where(often, BLOCK, codes(array_of(decided, "action")))
        reason = np.where(often, code, codes(array_of(decided, "reason")))
        stopped = {
            "action": categorical(action.astype(np.int8), self.domain.action_dtype),
            "reason": categorical(reason.astype(np.int8), self.domain.reason_dtype),
            "propensity": np.where(often, 1.0, array_of(decided, "propensity")),
            "review_value": array_of(decided, "review_value"),
            "policy_version": version_column(self.version, len(frame)),
        }
        return extend(frame, stopped)

    def count(self, frame: pd.DataFrame) -> Ints:
        """Attempts of each row's key in the window before its own minute; takes the rows in."""
        key = array_of(frame, self.key, np.int64)
        slot = milliseconds(array_of(frame, "arrival_time")) // SLOT_MS + _FIRST_SLOT
        now = KEY_SLOT.pack(key=key, slot=slot)
        self.seen = merged(self.seen, np.sort(now))
        return count_between(KEY_SLOT.pack(key=key, slot=slot - self.minutes), now, self.seen)

    def staff(self, capacity: int) -> None:
        """Hear how many cases people can look at in a day."""
        self.inside.staff(capacity)

    def step(self, day: ClosedDay) -> None:
        """Take a closed day over midnight: forget what no window reaches back to."""
        self.inside.step(day)
        if len(self.seen):
            slots = KEY_SLOT.get(self.seen, "slot")
            self.seen = self.seen[slots >= slots.max() - self.minutes]
