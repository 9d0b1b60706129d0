"""The registry: the fitted versions of a model, and which of them is in service.

It is the component "model": what it costs to keep is what its champion reads. It fits nothing and
answers nothing, and lives as long as its process: what outlives it, with lineage and seals, is kept
by serving/model_registry.py, which fills one of these on start.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mlsys_lessons.components.component import DEFAULT_DOMAIN, Component, Model
from mlsys_lessons.domain import Costs, Domain
from mlsys_lessons.errors import InputError


@dataclass(frozen=True)
class ModelVersion:
    """One fitted model with a name of its own, as it is written beside every score."""

    label: str
    model: Model
    fitted_tick: int = 0

    def __repr__(self) -> str:
        return f"ModelVersion({self.label!r}, fitted at tick {self.fitted_tick})"


@dataclass
class Registry(Component):
    """The fitted versions in order; the last adopted one is the champion.

    >>> from mlsys_lessons.components.inference.models import RuleModel
    >>> registry = Registry([ModelVersion("rule-1", RuleModel())])
    >>> registry.adopt(ModelVersion("rule-2", RuleModel(), fitted_tick=28))
    >>> registry.champion.label, registry.roll_back().label
    ('rule-2', 'rule-1')
    """

    versions: list[ModelVersion]
    domain: Domain = field(default=DEFAULT_DOMAIN, repr=False)

    def __post_init__(self) -> None:
        self._named = len(self.versions)  # a number that was given out is never given again

    @property
    def champion(self) -> ModelVersion:
        """The version in service."""
        return self.versions[-1]

    @property
    def resilient(self) -> bool:  # type: ignore[override]  # a level that a retraining may change
        """Whether the champion is a trained model, and has upkeep."""
        return bool(getattr(self.champion.model, "resilient", True))

    @property
    def learns(self) -> bool:
        """Whether the champion may be fitted again."""
        return bool(getattr(self.champion.model, "learns", True))

    @property
    def truth_column(self) -> str:
        """What of the truth the champion is shown; "" for every model but a reference."""
        return str(getattr(self.champion.model, "truth_column", ""))

    @property
    def model(self) -> Model:
        """The model in service."""
        return self.champion.model

    def adopt(self, version: ModelVersion) -> None:
        """Put a version in service; the one before stays for a roll-back.

        Raises InputError for a model that reads what this domain has not.
        """
        strange = set(getattr(version.model, "inputs", ())) - set(self.domain.inputs)
        if strange:
            raise InputError(
                f"{version!r} reads {sorted(strange)[0]!r}, which {self.domain!r} does not have; "
                "fit a model on this domain's features."
            )
        self.versions.append(version)

    def roll_back(self) -> ModelVersion:
        """Return to the version before, if there is one."""
        if len(self.versions) > 1:
            self.versions.pop()
        return self.champion

    def retire(self, label: str) -> bool:
        """Take a version away, wherever it stands; the last one stays. Whether one has gone."""
        kept = [version for version in self.versions if version.label != label]
        gone = 0 < len(kept) < len(self.versions)
        self.versions = kept or self.versions
        return gone

    def promote(self, model: Model, *, fitted_tick: int = 0, label: str = "") -> str:
        """Put a model in service as a version of its own; returns its label."""
        label = label or f"{model.name}-{self._named + 1}"
        self.adopt(ModelVersion(label, model, fitted_tick))
        self._named += 1
        return label

    def upkeep_year(self, costs: Costs) -> int:
        """A trained model is kept alive with every input that it may read."""
        inputs = len(self.domain.features) * costs.upkeep_feature_year if self.resilient else 0
        return super().upkeep_year(costs) + inputs
