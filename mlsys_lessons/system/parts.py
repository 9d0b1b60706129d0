"""What a system is made of: its components, their levels, what keeping them costs; `with_`.

What the parts do together is told in system.py. A system adds up what its parts say of themselves:
nothing here asks which level a component has.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from mlsys_lessons.components.component import COMPONENTS, Component, Model
from mlsys_lessons.components.decisions import CostDecisions, RateLimit, ScoreCut
from mlsys_lessons.components.features import BatchFeatures, OnlineFeatures
from mlsys_lessons.components.feedback.labels import LabelQueue
from mlsys_lessons.components.feedback.retraining import Frozen, Retraining, RetrainingPolicy
from mlsys_lessons.components.feedback.reviews import ReviewQueue
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.components.inference.stages import BareInference
from mlsys_lessons.components.ingestion.stages import ParsingIngestion
from mlsys_lessons.components.monitoring import OperationsOnly
from mlsys_lessons.components.response import Mitigation, Response
from mlsys_lessons.components.response.responders import Responder
from mlsys_lessons.components.response.response import checked_responder
from mlsys_lessons.domain import OVERHEAD_ITEMS, Domain
from mlsys_lessons.errors import InputError
from mlsys_lessons.records import ClosedDay

YEAR_DAYS = 365
_SAME: Any = object()  # as it is: None means something of its own for retraining


@dataclass
class Parts:
    """The components of one system of a domain, and everything that they remember."""

    name: str
    seed: int
    domain: Domain
    ingestion: ParsingIngestion
    features: OnlineFeatures | BatchFeatures
    inference: BareInference
    decisions: ScoreCut | CostDecisions | RateLimit
    monitor: OperationsOnly
    retraining: Retraining | Frozen
    labels: LabelQueue
    reviews: ReviewQueue
    response: Response
    charged: bool = True  # reference systems pay nothing for themselves
    last_tick: int | None = None  # the last day that was taken over midnight
    in_force: dict[Mitigation, Any] = field(default_factory=dict)  # what was changed; the way back

    @property
    def components(self) -> Mapping[str, Component]:
        """The six components that have a level, by name."""
        parts = (
            self.ingestion, self.features, self.inference.registry, self.inference,
            self.decisions, self.monitor,
        )  # fmt: skip
        return dict(zip(COMPONENTS, parts, strict=True))

    @property
    def levels(self) -> frozenset[str]:
        """The components at their resilient level, as they say themselves."""
        return frozenset(name for name, part in self.components.items() if part.resilient)

    def with_(
        self, *, name: str = _SAME, ingestion: ParsingIngestion = _SAME,
        features: OnlineFeatures | BatchFeatures = _SAME, model: Model | ModelVersion = _SAME,
        inference: BareInference = _SAME, decisions: ScoreCut | CostDecisions | RateLimit = _SAME,
        monitor: OperationsOnly = _SAME, retraining: RetrainingPolicy | None = _SAME,
        responder: Responder | None = _SAME,
    ) -> Self:  # fmt: skip
        """Another system: a copy with other components, whose levels and upkeep follow from them.

        `model` is put in service on top of the versions that are there, under a label of its own
        if it has none. `retraining` is a policy, or None for a model that stays; `responder` is any
        function observation -> mitigations, or None for one that never acts. Raises InputError for
        what is no component of that place and domain, or a model that reads what is not there.

        >>> import mlsys_lessons as mls
        >>> from mlsys_lessons.components.decisions import CostDecisions
        >>> sorted(mls.naive_system(seed=7).with_(decisions=CostDecisions(seed=7)).levels)
        ['decisions', 'model']
        """
        other = copy.deepcopy(self)
        plugs = {
            "ingestion": ingestion, "features": features, "inference": inference,
            "decisions": decisions, "monitor": monitor,
        }  # fmt: skip
        for place, part in plugs.items():
            if part is not _SAME:
                setattr(other, place, copy.deepcopy(_checked(place, part, self.domain)))
        if model is not _SAME:
            _put_in_service(other, model)
        if retraining is not _SAME:
            other.retraining = retrained_by(retraining, self.seed, self.domain)
        if responder is not _SAME:
            other.response = answered_by(responder, self.domain)
        other.name = self.name if name is _SAME else name
        other.staff(self.reviews.capacity)
        return other

    def overheads(self, day: ClosedDay) -> dict[str, int]:
        """What the day cost beyond its payments, as each part says: people, pages, upkeep."""
        if not self.charged:
            return {}
        costs = self.domain.costs
        spent = Counter({"upkeep": self._upkeep_year // YEAR_DAYS})
        for part in (*self.components.values(), self.reviews, self.retraining, self.response):
            spent.update(part.overheads(day, costs))
        return {item: spent[item] for item in OVERHEAD_ITEMS}

    @property
    def _upkeep_year(self) -> int:
        """Cents a year that the components cost to keep, whatever comes."""
        return sum(part.upkeep_year(self.domain.costs) for part in self.components.values())

    def staff(self, capacity: int) -> None:
        """Say how many held rows people can look at in a day."""
        self.reviews.capacity = capacity
        self.decisions.staff(capacity)


def answered_by(responder: Responder | None, domain: Domain) -> Response:
    """The response of a system to what is noticed.  Raises InputError for what cannot be called."""
    return Response(copy.deepcopy(checked_responder(responder)), domain)


def retrained_by(policy: RetrainingPolicy | None, seed: int, domain: Domain) -> Retraining | Frozen:
    """The level of retraining that a policy asks for.  Raises InputError for what is no policy."""
    if policy is None:
        return Frozen()
    if not isinstance(policy, RetrainingPolicy):
        raise InputError(f"retraining={policy!r} is no policy; pass RetrainingPolicy() or None.")
    return policy.kept_by(seed, domain)


def _checked(place: str, part: Any, domain: Domain) -> Any:
    if isinstance(part, type) or not isinstance(part, Component):
        wrong = "is no component; subclass one of components/, say"
    elif part.plugs_into != place:
        wrong = f"plugs into {part.plugs_into or 'nothing'}; pass it there"
    elif part.domain.name != domain.name:
        wrong = f"is made for {part.domain.name}, the system for {domain.name}; make it for that"
    else:
        return part
    raise InputError(f"{place}={part!r} {wrong}.")


def _put_in_service(system: Parts, model: Model | ModelVersion) -> None:
    """Adopt a model on top of the versions that are there."""
    if isinstance(model, ModelVersion):
        return system.inference.registry.adopt(copy.deepcopy(model))
    whole = all(hasattr(model, trait) for trait in ("name", "fit", "predict"))
    if isinstance(model, type) or not whole:
        raise InputError(f"model={model!r} is no model; it needs a name, fit and predict.")
    system.inference.registry.promote(copy.deepcopy(model))
