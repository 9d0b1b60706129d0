"""The registry: the fitted versions of a model, and which of them is in service."""

from __future__ import annotations

from dataclasses import dataclass

from mlsys_lessons.components.inference.models import Model


@dataclass(frozen=True)
class ModelVersion:
    """One fitted model with a name of its own, as it is written beside every score."""

    label: str
    model: Model
    fitted_tick: int = 0

    def __repr__(self) -> str:
        return f"ModelVersion({self.label!r}, fitted at tick {self.fitted_tick})"


@dataclass
class Registry:
    """The fitted versions in order; the last adopted one is the champion.

    >>> from mlsys_lessons.models import RuleModel
    >>> registry = Registry([ModelVersion("rule-1", RuleModel())])
    >>> registry.adopt(ModelVersion("rule-2", RuleModel(), fitted_tick=28))
    >>> registry.champion.label, registry.roll_back().label
    ('rule-2', 'rule-1')
    """

    versions: list[ModelVersion]

    @property
    def champion(self) -> ModelVersion:
        """The version in service."""
        return self.versions[-1]

    def adopt(self, version: ModelVersion) -> None:
        """Put a version in service; the one before stays for a roll-back."""
        self.versions.append(version)

    def roll_back(self) -> ModelVersion:
        """Return to the version before, if there is one."""
        if len(self.versions) > 1:
            self.versions.pop()
        return self.champion
