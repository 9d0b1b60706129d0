"""The overload lab: a fleet under a stall, on the bench and on sliders, and what its answers earn.

`Overload` is the pure state of the lab, with a text twin (its repr) and a thin view (`widget`).
Queues are simulated by `traffic`, prices come from a stored claim; neither is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlsys_lessons.components.inference.stages import CALLER_PATIENCE_MS
from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import charts, stored_claims
from mlsys_lessons.traffic import (
    Arrivals,
    Outage,
    Policy,
    QueueRun,
    Retries,
    mean_wait,
    poisson,
    simulate_queue,
)

if TYPE_CHECKING:
    from mlsys_lessons.lessons.house_style import Axes

SERVERS, SERVICE_S = 4, 0.02  # together 200 calls a second
STALL = Outage(20.0, 25.0)
CALLS = 60_000  # behind one dot of the hockey stick
PRICED_BY = "model timeouts"  # the failure mode of claim C7 in which nobody, or the rule, answers


# --- on the bench --------------------------------------------------------------------------------


def fleet(calls: Arrivals, policy: Policy, *, servers: int = SERVERS, seed: int = 7) -> QueueRun:
    """Let calls meet the lesson's fleet, which does nothing from second 20 to 25."""
    return simulate_queue(
        calls, servers=servers, service_s=SERVICE_S, policy=policy, outages=[STALL], seed=seed
    )


def recovery(load: float, retries: int, seed: int = 7) -> float:
    """Per cent answered in time in the third minute after the stall, by a fleet of one server."""
    calls = poisson(load / SERVICE_S, 180.0, seed=seed)
    run = fleet(calls, Policy(0.5, Retries(retries)), servers=1, seed=seed)
    return 100 * run.served_between(160, 180)


def mean_waits(servers: int, seed: int = 7) -> pd.DataFrame:
    """Mean waits in service times by utilisation: `simulated`, and in `closed form` (Erlang C)."""
    rows = {}
    for share in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        calls = poisson(share * servers, CALLS / (share * servers), seed=seed)
        waits = simulate_queue(calls, servers=servers, seed=seed).waits
        rows[share] = {"simulated": waits.mean(), "closed form": mean_wait(share, servers)}
    return pd.DataFrame(rows).T


def answer_prices() -> dict[str, float]:
    """Cents that an answer is worth beyond none at all, by who gave it; from claim C7.

    >>> sorted(answer_prices())
    ['fallback', 'served']
    """
    row = stored_claims.table("C7").set_index("failure mode").loc[PRICED_BY]
    nobody, rule = row["without"] / 10, row["with"] / 10  # cents a request
    return {"served": round(nobody), "fallback": round(nobody - rule)}


def euros_earned(run: QueueRun) -> float:
    """Euros that the answers of a run are worth; one after the caller has gone is worth nothing."""
    requests, prices = run.requests, answer_prices()
    outcome = requests["outcome"].to_numpy()
    in_time = requests["latency"].to_numpy() <= CALLER_PATIENCE_MS / 1_000
    return float(sum(prices[name] * (in_time & (outcome == name)).sum() for name in prices) / 100)


# --- on sliders ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overload:
    """One setting of the overload lab: a fleet, its callers, and five seconds without an answer.

    >>> Overload(load=0.2, retries=3)
    in time: 100 % before the stall, 100 % in the last ten of 90 seconds; 1.7 calls a request
    the fleet comes back by itself: once everything times out, 0.2 x (1 + 3) = 0.8 of capacity
    """

    load: float = 0.6
    timeout_s: float = 0.5
    retries: int = 3
    budget: bool = False
    seed: int = 7

    def __post_init__(self) -> None:
        if not 0.05 <= self.load <= 0.95 or not 0.05 <= self.timeout_s <= 10:
            raise InputError(
                f"load={self.load!r}, timeout_s={self.timeout_s!r}: load lies in 0.05..0.95 and "
                "timeout_s in 0.05..10."
            )

    @property
    def run(self) -> QueueRun:
        """Ninety seconds with this setting, on the luck of its seed."""
        return _ninety_seconds(self)

    @property
    def shares(self) -> tuple[float, float]:
        """Share of the calls that were answered in time, before the stall and at the end."""
        return self.run.served_between(0, 19), self.run.served_between(80, 90)

    def set(self, **sliders: Any) -> Overload:
        """The lab with some of its sliders moved."""
        return replace(self, **sliders)

    def __repr__(self) -> str:
        before, after = self.shares
        stays = "the outage stays" if after < 0.5 else "the fleet comes back by itself"
        return (
            f"in time: {before:.0%} before the stall, {after:.0%} in the last ten of 90 seconds; "
            f"{self.run.amplification:.1f} calls a request\n{stays}: {self._reason}"
        ).replace("%", " %")

    @property
    def _reason(self) -> str:
        if self.timeout_s > STALL.end - STALL.start:
            return "the timeout outlasts the stall"
        most, name = (1.1, "1.1") if self.budget else (1 + self.retries, f"(1 + {self.retries})")
        demand = f"{self.load:g} x {name} = {self.load * most:.2g}"
        return f"once everything times out, {demand} of capacity"


@lru_cache(maxsize=64)
def _ninety_seconds(lab: Overload) -> QueueRun:
    calls = poisson(lab.load * SERVERS / SERVICE_S, 90.0, seed=lab.seed)
    retries = Retries(lab.retries, budget=0.1 if lab.budget else None)
    return fleet(calls, Policy(lab.timeout_s, retries), seed=lab.seed)


def share_in_time(runs: Mapping[str, QueueRun], *, title: str) -> Axes:
    """Draw the share of each second's requests that was answered in time; the stall is shaded."""
    series = {}
    for name, run in runs.items():
        seconds = run.per_second()
        series[name] = 100 * (seconds["served"] / seconds["requests"].clip(lower=1))
    axes = charts.metric_over_time(
        series, title=title, unit="% of the requests answered in time",
        windows=[(STALL.start, STALL.end, "the stall")],
    )  # fmt: skip
    with charts.style():
        axes.set_xlabel("second", loc="right")
    return axes


def widget(seed: int = 7) -> Any:
    """The overload lab as a form: load, timeout, retries, a budget, and what becomes of it."""
    import ipywidgets as forms

    late = {"continuous_update": False}
    inputs: dict[str, Any] = {
        "load": forms.FloatSlider(0.6, min=0.1, max=0.95, step=0.05, description="load", **late),
        "timeout_s": forms.FloatSlider(
            0.5, min=0.1, max=6, step=0.1, description="timeout, s", **late
        ),
        "retries": forms.IntSlider(3, min=0, max=5, description="retries", **late),
        "budget": forms.Checkbox(False, description="a retry budget of 10 %"),
    }
    status, picture = forms.HTML(), forms.Image(format="png", width=640)

    def change(_: Any = None) -> None:
        lab = Overload(seed=seed, **{name: part.value for name, part in inputs.items()})
        status.value = f"<pre>{lab!r}</pre>"
        picture.value = charts.png(
            share_in_time({"this setting": lab.run}, title="Answered in time")
        )

    for part in inputs.values():
        part.observe(change, names="value")
    change()
    for name, part in {**inputs, "status": status, "picture": picture}.items():
        part.add_class(f"mls-overload-{name.replace('_', '-')}")
    return forms.VBox([*inputs.values(), status, picture]).add_class("mls-overload-lab")
