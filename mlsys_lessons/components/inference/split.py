"""The split: two versions in service, a share of the requests to the new one, both scores written.

A stage around the resilient inference. It routes by each request's own luck, so twins and replays
send the same requests the same way; with a share of 0 it is shadow mode: asked, written down, never
heard. It decides nothing: what a share may be, and when to stop, is told in ramp.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mlsys_lessons.components.component import Columns
from mlsys_lessons.components.inference import answers
from mlsys_lessons.components.inference.answers import NO_FAILURE, Mask
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.inference.stages import BareInference, LadderInference
from mlsys_lessons.errors import InputError
from mlsys_lessons.frames import extend
from mlsys_lessons.ids import row_keys
from mlsys_lessons.randomness import luck
from mlsys_lessons.records import within

SHADOW = "challenger_score"


@dataclass
class SplitInference(LadderInference):
    """The ladder, whose first rung is the champion or, for a share of requests, a challenger.

    Why it matters: the two versions meet the same hours, the same thieves and the same outages, so
    that what differs is the version. A challenger on next week's traffic differs by the week.
    """

    challenger: ModelVersion = field(kw_only=True)
    share: float = 0.0  # of the requests that the challenger answers
    seed: int = 0

    @classmethod
    def around(
        cls, stage: BareInference, challenger: ModelVersion, *, share: float = 0.0, seed: int = 0
    ) -> SplitInference:
        """The same stage with a challenger beside its champion; for `system.with_(inference=)`.

        Raises InputError for a stage without a ladder, or a share outside 0..1.

        >>> import mlsys_lessons as mls
        >>> from mlsys_lessons.components.inference.models import BaseRate
        >>> system = mls.resilient_system(seed=7)
        >>> new = ModelVersion("mean-2", BaseRate().fit(None, np.array([0.0, 1.0])))
        >>> split = SplitInference.around(system.inference, new, share=0.01)
        >>> system.with_(inference=split).inference.share
        0.01
        """
        if not isinstance(stage, LadderInference):
            raise InputError(
                f"{stage!r} has no ladder to split; take a resilient system's inference."
            )
        parts = {name: getattr(stage, name) for name in LadderInference.__dataclass_fields__}
        return cls(**parts, challenger=challenger, share=within("share", share, 0, 1), seed=seed)

    def send(self, share: float) -> None:
        """Send this share of requests to the challenger, from the next one on."""
        self.share = within("share", share, 0, 1)

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Answer, with the challenger where it is its turn; its score beside every answer."""
        answered = super().__call__(frame)
        shadow = self.challenger.model.predict(frame)
        called = answered["fallback_reason"].array.codes == NO_FAILURE
        hit = called & self.is_turn(frame)
        label = self.challenger.label
        return extend(answers.replaced(answered, hit, shadow, label), {SHADOW: shadow})

    def is_turn(self, frame: pd.DataFrame) -> Mask:
        """Which requests are the challenger's; those of a small share stay so in a larger one."""
        keys = row_keys(frame, self.domain.identity)
        return np.asarray(luck(self.seed, "split", keys) < self.share)

    @property
    def adds(self) -> Columns:
        """An answer, and what the challenger would have said."""
        return (*super().adds, SHADOW)
