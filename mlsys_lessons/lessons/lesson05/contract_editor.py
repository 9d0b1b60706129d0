"""The contract editor: change one field's promise, and see what the same day of traffic becomes.

Pure state (`Editor`) with a text twin (its repr) and a thin view (`widget`). The day is real: three
producers are at fault on it, and every edit is priced by running the whole system again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT, Contract
from mlsys_lessons.components.ingestion.stages import ContractIngestion
from mlsys_lessons.domain import POLICIES
from mlsys_lessons.errors import InputError
from mlsys_lessons.simulation.presets import resilient_system
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system import faults
from mlsys_lessons.system.faults import Fault
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import payments_world

# What the question's team has inherited: whatever is broken, its whole row is put aside.
INHERITED = replace(
    PAYMENTS_CONTRACT,
    fields=tuple(replace(one, on_breach="quarantine") for one in PAYMENTS_CONTRACT.fields),
)
EDITABLE = ("minimum", "maximum", "null_rate", "on_breach")
BAD_DAY: tuple[Fault, ...] = (
    faults.unit_change(start=0, end=1, severity=0.25),
    faults.null_flood(start=0, end=1, severity=0.1),
    faults.renamed_category(start=0, end=1, severity=1.0),
)


def edited(contract: Contract, name: str, **promise: Any) -> Contract:
    """The contract with one field's promise changed; raises InputError for what is no promise.

    >>> edited(PAYMENTS_CONTRACT, "amount", maximum=500.0).fields[-1].maximum
    500.0
    """
    unknown = sorted(set(promise) - set(EDITABLE))
    if unknown:
        raise InputError(f"{unknown[0]!r} cannot be edited; choose from {EDITABLE}.")
    contract.owner(name)
    fields = (replace(field, **promise) if field.name == name else field
              for field in contract.fields)  # fmt: skip
    return replace(contract, fields=tuple(fields))


def under(contract: Contract, seed: int, **options: Any) -> System:
    """The resilient system with this contract at its door; `options` go to `resilient_system`."""
    return resilient_system(seed=seed, **options).with_(ingestion=ContractIngestion(contract))


@lru_cache(maxsize=64)
def _day(contract: Contract, seed: int) -> Run:
    world = payments_world(seed=seed, daily=1_000)
    return simulate(world, under(contract, seed), days=1, faults=BAD_DAY)


@lru_cache(maxsize=4)
def _clean(seed: int) -> pd.DataFrame:
    world = payments_world(seed=seed, daily=1_000)
    return world.day(0, world.start()).requests.set_index("request_id")


@dataclass(frozen=True)
class Editor:
    """One contract and what it makes of the bad day; `set` gives the next one.

    >>> Editor().set("amount", on_breach="quarantine").contract.fields[-1].on_breach
    'quarantine'
    """

    contract: Contract = field(default=PAYMENTS_CONTRACT, repr=False)
    seed: int = 7

    def set(self, name: str, **promise: Any) -> Editor:
        """The editor with one promise changed: minimum, maximum, null_rate or on_breach."""
        return replace(self, contract=edited(self.contract, name, **promise))

    @property
    def counts(self) -> pd.Series:
        """Rows of the day: bad ones put aside, degraded or let in; good ones that suffer."""
        log = _day(self.contract, self.seed).log
        clean = _clean(self.seed).loc[log["request_id"]]
        amount = np.isclose(log["amount"].to_numpy(), clean["amount"].to_numpy())
        word = log["category"].astype(str).to_numpy() == clean["category"].astype(str).to_numpy()
        bad, aside = ~(amount & word), log["is_quarantined"].to_numpy()
        noticed = log["quarantine_reason"].notna().to_numpy()
        return pd.Series({
            "bad rows put aside": (bad & aside).sum(),
            "bad rows degraded": (bad & noticed & ~aside).sum(),
            "bad rows let in": (bad & ~noticed).sum(),
            "good rows put aside": (~bad & aside).sum(),
            "good rows degraded": (~bad & noticed & ~aside).sum(),
        })  # fmt: skip

    @property
    def euros(self) -> float:
        """What the day is worth under this contract beyond the contract as agreed."""
        run, agreed = (_day(terms, self.seed) for terms in (self.contract, PAYMENTS_CONTRACT))
        return (run.expected_value - agreed.expected_value) / 100

    @property
    def called(self) -> list[str]:
        """Who is called, and for what: the owners of promises that the day has broken."""
        ingestion = _day(self.contract, self.seed).system.ingestion
        assert isinstance(ingestion, ContractIngestion)
        report = ingestion.report
        broken = report[report["broken"]].groupby(["owner", "field"], sort=False)["promise"]
        return [f"{owner} ({name}: {', '.join(promises)})" for (owner, name), promises in broken]

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        return f"{counts}; {self.euros:+,.0f} euros.\ncalled: {', '.join(self.called) or 'nobody'}"


def widget(seed: int = 7) -> Any:
    """The editor as a small form: a field, its range, null rate and policy, and the outcome."""
    return _Form(seed).box


class _Form:
    """The view: inputs that call `Editor.set`, and a label that shows its text."""

    def __init__(self, seed: int) -> None:
        import ipywidgets as forms

        self.editor, self.loading = Editor(seed=seed), False
        names = [promise.name for promise in self.editor.contract.fields]
        late = {"continuous_update": False}
        self.name = forms.Dropdown(options=names, value="amount", description="field")
        self.parts: dict[str, Any] = {
            "minimum": forms.FloatText(description="at least", **late),
            "maximum": forms.FloatText(description="at most", **late),
            "null_rate": forms.BoundedFloatText(max=1.0, step=0.01, description="missing", **late),
            "on_breach": forms.ToggleButtons(options=POLICIES, description="on breach"),
        }
        self.status = forms.HTML()
        self.load()
        self.show(repr(self.editor))
        self.name.observe(self.load, names="value")
        for part in self.parts.values():
            part.observe(self.change, names="value")
        form = {"field": self.name, **self.parts, "status": self.status}
        for name, part in form.items():
            part.add_class(f"mls-contract-{name.replace('_', '-')}")
        self.box = forms.VBox(list(form.values())).add_class("mls-contract-editor")

    def show(self, text: str) -> None:
        self.status.value = f"<pre>{text}</pre>"

    def load(self, _: Any = None) -> None:
        """Fill the inputs with the promise of the chosen field."""
        fields = self.editor.contract.fields
        promise = next(field for field in fields if field.name == self.name.value)
        self.loading = True
        for name, part in self.parts.items():
            value = getattr(promise, name)
            part.disabled = value is None or isinstance(value, np.datetime64)
            part.value = 0.0 if part.disabled else value
        self.loading = False

    def change(self, event: Any) -> None:
        """Put one edit into the contract, and say what became of the day, or what is wrong."""
        if self.loading:
            return
        edit = next(name for name, part in self.parts.items() if part is event["owner"])
        try:
            self.editor = self.editor.set(self.name.value, **{edit: event["new"]})
            self.show(repr(self.editor))
        except InputError as error:
            self.show(str(error))
