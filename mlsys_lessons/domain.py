"""A domain: one business as plain data, on which its world and any system for it agree.

Which fields a request has and who answers for them, what a model reads, what an action earns, what
is watched and who is called. A domain computes nothing: how a field is read, a feature computed or
an alert raised is told by the components, which take a domain and know no business by name. To add
one, write a folder beside worlds/payments and its line in worlds/__init__.py. Longer than most:
whatever a business may state is stated here once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.errors import InputError
from mlsys_lessons.records import LAYERS, within

Mask = NDArray[np.bool_]
Cents = NDArray[np.int64]

# --- fields ------------------------------------------------------------------------------------

POLICIES = ("quarantine", "degrade")
# What a field is to the machinery, beyond being a value:
REQUEST, POSITION = "request", "position"  # together the identity of a row
EVENT, ARRIVAL = "event clock", "arrival clock"  # claimed by the producer; stamped by us
ENTITY = "entity"  # the id of somebody or something that comes again
ROLES = ("", REQUEST, POSITION, EVENT, ARRIVAL, ENTITY)
DTYPES = ("int64", "float64", "category", "datetime64[ms]")
_FARTHEST = 2.0**63  # the largest limit of a number


@dataclass(frozen=True)
class Field:
    """One column's promise: what it holds, in which unit and range, and who answers for it.

    `role` says what the field is to the machinery: one of ROLES. `on_breach` is the policy for a
    row that breaks the promise. "quarantine" puts the row aside: answered with what is legible,
    remembered by nobody, handled at a cost. "degrade" does without the field: the row counts like
    any other, what stands on the field is missing.

    The limits of a time are times; one that is `past` never lies behind the row's arrival.

    Raises InputError for an unknown policy or role, a field without an owner, or limits that
    nothing meets.
    """

    name: str
    dtype: str
    owner: str
    unit: str = ""
    minimum: float | np.datetime64 | None = None
    maximum: float | np.datetime64 | None = None
    past: bool = False
    categories: tuple[str, ...] | None = None
    null_rate: float = 0.0  # the share of missing values that the owner has promised to stay below
    unit_rate: float = 0.01  # the same of values that look like another unit: some always do
    unique: bool = False  # no value comes twice
    on_breach: str = "quarantine"
    role: str = ""
    about: str = ""  # for a caller who writes the field
    example: Any = None

    def __post_init__(self) -> None:
        """Refuse what could not be kept or judged."""
        low, high = self._limit("minimum"), self._limit("maximum")
        if self.on_breach not in POLICIES:
            wrong = f"on_breach={self.on_breach!r} is no policy; choose one of {POLICIES}."
        elif self.role not in ROLES or self.dtype not in DTYPES:
            wrong = f"role={self.role!r}, dtype={self.dtype!r}; choose from {ROLES} and {DTYPES}."
        elif not self.owner:
            wrong = "owner is empty; name the team that is called when the promise is broken."
        elif low is not None and high is not None and low > high:
            wrong = f"minimum={low} lies above maximum={high}; swap them."
        else:
            within(f"field {self.name!r}: null_rate", self.null_rate, high=1.0)
            return
        raise InputError(f"field {self.name!r}: {wrong}")

    def _limit(self, which: str) -> Any:
        """One limit; what compares with nothing (NaN, text, a number for a time) is refused."""
        limit = getattr(self, which)
        if limit is None or (self.is_time and isinstance(limit, np.datetime64)):
            return limit
        if self.is_time:
            wrong = "must be a time; try numpy.datetime64('2000-01-01')"
            raise InputError(f"field {self.name!r}: {which}={limit!r} {wrong}.")
        return within(f"field {self.name!r}: {which}", limit, -_FARTHEST, _FARTHEST)

    @property
    def is_time(self) -> bool:
        """Whether the field holds times."""
        return self.dtype.startswith("datetime64")

    @property
    def is_id(self) -> bool:
        """Whether the field names a row or somebody, rather than describing one."""
        return self.role in (REQUEST, POSITION, ENTITY)

    @property
    def is_clock(self) -> bool:
        """Whether the field is one of the stream's two clocks."""
        return self.role in (EVENT, ARRIVAL)

    @property
    def words(self) -> pd.CategoricalDtype | None:
        """The agreed vocabulary of a category field."""
        return None if self.categories is None else vocabulary(tuple(self.categories))


@cache
def vocabulary(words: tuple[str, ...]) -> pd.CategoricalDtype:
    """The dtype of columns of these words; one object for equal words, so `is` compares them."""
    return pd.CategoricalDtype(words)


# --- features ----------------------------------------------------------------------------------

INPUT_SCALES = ("", "log", "log1p")  # on which a linear model looks at a feature


@dataclass(frozen=True)
class Feature:
    """One number that a model reads, as data: how it is computed is components/features' business.

    `formula` is a name of definitions.FORMULAS, `reads` are the raw fields that the number stands
    on, `value` is the formula's parameter (a word, a window, a prior). `scale` says how a linear
    model should look at it: "log1p" for counts, "log" for rates, "" as it is.
    """

    name: str
    formula: str
    reads: tuple[str, ...]
    about: str
    value: Any = None
    scale: str = ""

    def __post_init__(self) -> None:
        """Refuse a scale that no model knows, and a number that stands on nothing."""
        if self.scale not in INPUT_SCALES:
            wrong = f"scale={self.scale!r} is unknown; choose one of {INPUT_SCALES}."
        elif not self.reads:
            wrong = "reads is empty; name the raw fields that the number stands on."
        else:
            return
        raise InputError(f"feature {self.name!r}: {wrong}")


# --- money -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Costs(ABC):
    """What actions and the running of a system cost, in integer cents, all of it assumed.

    The defaults are those of running a system, whatever the business. What a decision earns or
    loses is a business's own: a subclass says it in `margin` and `loss`.
    """

    review_minute: int = 60  # a reviewer, all in
    delay: int = 20  # a row held until the next midnight, whoever pays
    quarantine: int = 10  # handling a row that broke the contract
    page: int = 2_500  # somebody is called
    on_call_day: int = 500  # somebody can be called
    retraining: int = 3_000  # one fit with its checks
    upkeep_component_year: int = 240_000  # each of six components at its resilient level
    upkeep_feature_year: int = 12_000  # each model input that must be kept alive
    friction: int = 0  # a row without harm is refused
    shed: int = 0  # a row found the system too busy
    people_share: float = 1.0  # of what people's work on cases costs: 1/100 of it for a panel

    @abstractmethod
    def margin(self, amount_cents: Cents) -> Cents:
        """Cents earned by accepting each row without harm."""

    @abstractmethod
    def loss(self, amount_cents: Cents) -> Cents:
        """Cents lost by accepting each row that does harm."""


OVERHEAD_ITEMS = (
    "review", "delay", "quarantine", "page", "on_call", "response", "retraining", "upkeep",
)  # fmt: skip


# --- decisions ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class BusinessRule:
    """A line in the policy that holds whatever the model says.

    `limits` are (column, sign, number), sign ">=", ">" or "<"; the rule applies where all hold.
    """

    reason: str
    action: str
    limits: tuple[tuple[str, str, float], ...]


# --- monitoring --------------------------------------------------------------------------------


def path(layer: str, metric: str, segment: str) -> str:
    """One metric as faults, cases and runbooks name it.

    >>> path("inputs", "null_rate", "amount"), path("outputs", "psi_score", "all")
    ('inputs.null_rate.amount', 'outputs.psi_score')
    """
    return f"{layer}.{metric}" + ("" if segment == "all" else f".{segment}")


DIRECTIONS = ("up", "down", "both")
SEVERITIES = ("page", "ticket")
SCALES = ("identity", "log", "share", "cube_root")  # on which a metric's daily noise is normal
MONTH_DAYS = 30


@dataclass(frozen=True)
class Share:
    """A watched share of a day's rows: those where a field is a word, or two fields differ."""

    metric: str
    field: str
    equals: str = ""
    differs_from: str = ""


@dataclass(frozen=True)
class AlertRule:
    """One metric somebody has agreed to be called for.

    Why it matters: an alert without an owner is a log line; one without a stated rate is ignored
    by the third week.

    Parameters
    ----------
    layer, metric, segment
        Which number.
    direction
        "up", "down" or "both": the side on which it hurts.
    owner, severity
        Who is called, and whether tonight ("page") or on Monday ("ticket").
    monthly_rate
        Share of healthy months with at least one alert.
    transform
        The scale on which the metric's daily noise is about normal: one of SCALES.
    cycle
        7 for a metric with a weekly cycle (each weekday has its own baseline), else 1.
    caution
        Factor on the limits' width where the metric's tails are heavier than normal, measured on
        healthy years.
    varies
        Whether the metric moves while all is well. One that is nothing then, a share of broken rows
        say, cannot cry wolf, whatever its rate says.
    runbook
        What to do when it fires, as (mitigation, value) pairs of words; value "" for none.

    >>> AlertRule("operations", "error_rate", "all", "up", "platform", "page").daily_rate < 2e-4
    True
    """

    layer: str
    metric: str
    segment: str
    direction: str
    owner: str
    severity: str
    monthly_rate: float = 0.005
    transform: str = "share"
    cycle: int = 1
    caution: float = 1.0
    varies: bool = True
    runbook: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a word outside its vocabulary."""
        for word, words in (
            (self.layer, LAYERS),
            (self.direction, DIRECTIONS),
            (self.severity, SEVERITIES),
            (self.transform, SCALES),
            (self.cycle, (1, 7)),
        ):
            if word not in words:
                raise InputError(f"{word!r} is not known to an alert rule; choose one of {words}.")
        if not 0 < self.monthly_rate < 1:
            raise InputError(f"monthly_rate={self.monthly_rate!r}; a share between 0 and 1.")

    @property
    def daily_rate(self) -> float:
        """Probability of an alert on a healthy day that gives the stated rate a month."""
        return float(1 - (1 - self.monthly_rate) ** (1 / MONTH_DAYS))


# --- the whole ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Domain:
    """One business as data; `label` 1 is the harm that it wants to prevent.

    Parameters
    ----------
    name
        As it is written in `naive_system("payments")`.
    fields
        The raw columns of a request, in their order in the log.
    features
        What a model reads, in the order in which it reads it.
    costs, items
        What actions earn; the ledger's words for accepted without harm, accepted with harm,
        refused with harm, refused without, and shed.
    actions, reasons, label_sources
        Its words for the codes of records.py: what is done with a row; why (by score, without an
        answer, for exploration, then the business rules'); where a label comes from.
    harm
        One word for what `label` 1 means, as in the metric "reported_fraud_rate".
    actor, measure, usual_by
        Fields: whose history is kept; what is summed over it ("" without one); whose usual amount
        tells a value in another unit ("" where nobody's does).
    rules
        Business rules, the later one overruling the earlier.
    typical_genuine, typical_harmful
        Stand in for an amount that cannot be trusted: the means of the training history.
    questions
        The yes-or-no questions of the rule model: (feature, limit), a yes above the limit.
    shares, alert_rules
        What is watched beside every field's gaps and unknown words, and who is called.
    feed_owner
        Answers for clocks, freshness and volume.
    proxy, proxy_accepts
        A column of the history's labels that a notebook would learn instead of the harm, since it
        is there at once ("" without one), and the share of rows that its cut then lets through.
    caption, traced
        How `trace` describes a request, as a format of its fields, and which features it shows.
    """

    name: str
    fields: tuple[Field, ...]
    features: tuple[Feature, ...]
    costs: Costs
    items: tuple[str, str, str, str, str]
    actions: tuple[str, str, str, str]
    reasons: tuple[str, ...]
    label_sources: tuple[str, str, str, str]
    harm: str
    actor: str
    feed_owner: str
    measure: str = ""
    usual_by: str = ""
    rules: tuple[BusinessRule, ...] = ()
    typical_genuine: float = 0.0
    typical_harmful: float = 0.0
    questions: tuple[tuple[str, float], ...] = ()
    shares: tuple[Share, ...] = ()
    alert_rules: tuple[AlertRule, ...] = ()
    proxy: str = ""
    proxy_accepts: float = 1.0
    caption: str = ""
    traced: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse names that lead nowhere, and what the machinery could not work without."""
        roles = [one.role for one in self.fields]
        names = [*self.columns, *(one.name for one in self.features)]
        for what, words, known in self._references():
            lost = next((word for word in words if word and word not in known), None)
            if lost is not None:
                wrong = f"{what} {lost!r} is not there; choose one of {tuple(known)}."
                raise InputError(f"domain {self.name!r}: {wrong}")
        if [roles.count(role) for role in (REQUEST, EVENT, ARRIVAL)] != [1, 1, 1]:
            wrong = f"roles {roles} have no single request and pair of clocks; give each to one."
        elif len(set(names)) < len(names):
            wrong = f"names {names} come twice; give each field and feature one of its own."
        elif not self.history:
            wrong = f"no feature reads the actor {self.actor!r}; add one that does, a count say."
        else:
            return
        raise InputError(f"domain {self.name!r}: {wrong}")

    def _references(self) -> Iterator[tuple[str, Iterable[str], Collection[str]]]:
        """What refers to what: a part of the domain, the names that it uses, those that exist."""
        columns, features = self.columns, tuple(self.inputs)
        yield "actor", [self.actor], columns
        yield "measure", [self.measure], columns
        yield "usual_by", [self.usual_by], columns
        for feature in self.features:
            yield f"feature {feature.name!r}: field", feature.reads, columns
        for rule in self.rules:
            yield "rule: column", [limit[0] for limit in rule.limits], (*columns, *features)
            yield "rule: action", [rule.action], self.actions
            yield "rule: reason", [rule.reason], self.reasons
        yield "question: feature", [name for name, _ in self.questions], features
        for share in self.shares:
            yield f"share {share.metric!r}: field", [share.field, share.differs_from], columns
        lines = [line for rule in self.alert_rules for line in rule.runbook]
        yield "alert rule: quarantined field", [v for m, v in lines if m == "quarantine"], columns
        yield "alert rule: source", [v for m, v in lines if m == "ask_owner"], self.sources
        yield "traced: feature", self.traced, features

    def __repr__(self) -> str:
        return f"Domain({self.name!r}: {len(self.fields)} fields, {len(self.features)} features)"

    def __deepcopy__(self, memo: dict[int, object]) -> Domain:
        """Return the domain itself: nobody changes it."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what is stated, without what was worked out from it: the same bytes always."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def field(self, name: str) -> Field:
        """A field by name.  Raises InputError for one that is not there."""
        found = next((one for one in self.fields if one.name == name), None)
        if found is None:
            raise InputError(f"field {name!r} is not in {self.name}; it has {list(self.columns)}.")
        return found

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The raw columns of a request."""
        return tuple(one.name for one in self.fields)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Whom one can ask: each field stands for its owner, and each team for itself."""
        teams = [one.owner for one in self.fields] + [rule.owner for rule in self.alert_rules]
        return tuple(dict.fromkeys((*self.columns, self.feed_owner, *teams)))

    def owner_of(self, source: str) -> str:
        """Who answers for a source: the owner of a field, or the team itself."""
        return next((one.owner for one in self.fields if one.name == source), source)

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """The fields that tell one row from another: the caller's id, and a position in a slate."""
        return tuple(one.name for one in self.fields if one.role in (REQUEST, POSITION))

    @cached_property
    def promised(self) -> tuple[Field, ...]:
        """The fields that a contract judges one by one, the gravest first: ids before the rest."""
        return tuple(sorted(self.fields, key=lambda one: not one.is_id))

    @cached_property
    def vocabularies(self) -> Mapping[str, pd.CategoricalDtype]:
        """The agreed words of each category field."""
        return {one.name: one.words for one in self.fields if one.words is not None}

    @cached_property
    def nullable(self) -> tuple[str, ...]:
        """Fields whose gaps are watched: words, then numbers, then times."""
        kinds = ("category", "float64", "datetime64[ms]")
        judged = [one for one in self.fields if one.dtype in kinds and not one.is_clock]
        return tuple(one.name for one in sorted(judged, key=lambda one: kinds.index(one.dtype)))

    @cached_property
    def inputs(self) -> dict[str, str]:
        """What a model reads: each feature's name, and its scale for a linear model."""
        return {feature.name: feature.scale for feature in self.features}

    @cached_property
    def history(self) -> tuple[str, ...]:
        """The features that stand on the actor's history."""
        return tuple(one.name for one in self.features if self.actor in one.reads)

    @cached_property
    def risks(self) -> dict[str, Feature]:
        """The fields whose rate of harm is a feature, each with that feature."""
        return {one.reads[0]: one for one in self.features if one.formula == "risk"}

    @cached_property
    def derived(self) -> dict[str, tuple[str, ...]]:
        """For each raw field the features that stand on it."""
        return {
            name: tuple(one.name for one in self.features if name in one.reads)
            for name in self.columns
        }

    @property
    def target(self) -> str:
        """The column of a training table that a notebook learns."""
        return self.proxy or "label"

    @cached_property
    def action_dtype(self) -> pd.CategoricalDtype:
        """The dtype of action columns."""
        return vocabulary(self.actions)

    @cached_property
    def reason_dtype(self) -> pd.CategoricalDtype:
        """The dtype of the column that says why."""
        return vocabulary(self.reasons)

    @cached_property
    def source_dtype(self) -> pd.CategoricalDtype:
        """The dtype of a label's source."""
        return vocabulary(self.label_sources)

    @cached_property
    def item_dtype(self) -> pd.CategoricalDtype:
        """The dtype of ledger items: those of requests, then the overheads."""
        return vocabulary((*self.items, *OVERHEAD_ITEMS))
