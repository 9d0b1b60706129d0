"""Lesson 04's instruments: an overload on the bench and on sliders, its price, and its pictures.

`Overload` is the pure state of the overload lab, with a text twin (its repr) and a thin view
(`widget`). Queues are simulated by `traffic`, prices come from a stored claim; neither is decided
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlsys_lessons import claims
from mlsys_lessons.components.inference.stages import CALLER_PATIENCE_MS
from mlsys_lessons.lessons import charts
from mlsys_lessons.records import InputError
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


def recovered(load: float, retries: int) -> float:
    """Per cent answered in time in the third minute after the stall, by a fleet of one server."""
    calls = poisson(load / SERVICE_S, 180.0, seed=7)
    run = fleet(calls, Policy(0.5, Retries(retries)), servers=1)
    return 100 * run.served_between(160, 180)


def queued(servers: int) -> pd.DataFrame:
    """Mean waits in service times by utilisation: `simulated`, and in `closed form` (Erlang C)."""
    rows = {}
    for share in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        calls = poisson(share * servers, CALLS / (share * servers), seed=7)
        waits = simulate_queue(calls, servers=servers, seed=7).waits
        rows[share] = {"simulated": waits.mean(), "closed form": mean_wait(share, servers)}
    return pd.DataFrame(rows).T


def worth() -> dict[str, float]:
    """Cents that an answer is worth beyond none at all, by who gave it; from claim C7.

    >>> sorted(worth())
    ['fallback', 'served']
    """
    row = claims.stored("C7").table.set_index("failure mode").loc[PRICED_BY]
    nobody, rule = row["without"] / 10, row["with"] / 10  # cents a request
    return {"served": round(nobody), "fallback": round(nobody - rule)}


def earned(run: QueueRun) -> float:
    """Euros that the answers of a run are worth; one after the caller has gone is worth nothing."""
    requests, prices = run.requests, worth()
    outcome = requests["outcome"].to_numpy()
    there = requests["latency"].to_numpy() <= CALLER_PATIENCE_MS / 1_000
    return float(sum(prices[name] * (there & (outcome == name)).sum() for name in prices) / 100)


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
        return _played(self)

    @property
    def shares(self) -> tuple[float, float]:
        """Share of the calls that were answered in time, before the stall and at the end."""
        return self.run.served_between(0, 19), self.run.served_between(80, 90)

    def set(self, **changed: Any) -> Overload:
        """The lab with some of its sliders moved."""
        return replace(self, **changed)

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
        reached = f"{self.load:g} x {name} = {self.load * most:.2g}"
        return f"once everything times out, {reached} of capacity"


@lru_cache(maxsize=64)
def _played(lab: Overload) -> QueueRun:
    calls = poisson(lab.load * SERVERS / SERVICE_S, 90.0, seed=lab.seed)
    retries = Retries(lab.retries, budget=0.1 if lab.budget else None)
    return fleet(calls, Policy(lab.timeout_s, retries), seed=lab.seed)


def widget(seed: int = 7) -> Any:
    """The overload lab as a form: load, timeout, retries, a budget, and what becomes of it."""
    import ipywidgets as forms

    late = {"continuous_update": False}
    shown: dict[str, Any] = {
        "load": forms.FloatSlider(0.6, min=0.1, max=0.95, step=0.05, description="load", **late),
        "timeout_s": forms.FloatSlider(
            0.5, min=0.1, max=6, step=0.1, description="timeout, s", **late
        ),
        "retries": forms.IntSlider(3, min=0, max=5, description="retries", **late),
        "budget": forms.Checkbox(False, description="a retry budget of 10 %"),
    }
    status, picture = forms.HTML(), forms.Image(format="png", width=640)

    def change(_: Any = None) -> None:
        lab = Overload(seed=seed, **{name: part.value for name, part in shown.items()})
        status.value = f"<pre>{lab!r}</pre>"
        picture.value = charts.png(answered({"this setting": lab.run}, title="Answered in time"))

    for part in shown.values():
        part.observe(change, names="value")
    change()
    for name, part in {**shown, "status": status, "picture": picture}.items():
        part.add_class(f"mls-overload-{name.replace('_', '-')}")
    return forms.VBox([*shown.values(), status, picture]).add_class("mls-overload-lab")


# --- pictures ------------------------------------------------------------------------------------


def answered(runs: Mapping[str, QueueRun], *, title: str) -> Axes:
    """Draw the share of each second's requests that was answered in time; the stall is shaded."""
    series = {}
    for name, run in runs.items():
        seconds = run.per_second()
        in_time = seconds["served"] / seconds["requests"].clip(lower=1)
        series[name] = 100 * in_time
    axes = charts.metric_over_time(
        series, title=title, unit="% of the requests answered in time",
        windows=[(STALL.start, STALL.end, "the stall")],
    )  # fmt: skip
    with charts.style():
        axes.set_xlabel("second", loc="right")
    return axes


def hockey_stick(points: Mapping[int, pd.DataFrame], *, title: str) -> Axes:
    """Draw simulated mean waits as dots on the closed form's lines, by number of servers.

    Frames are indexed by utilisation, with columns `simulated` and `closed form`.
    """
    with charts.style():
        axes = charts.canvas(title, unit="mean wait, in service times")
        for place, (servers, frame) in enumerate(points.items()):
            colour = charts.OTHERS[place % len(charts.OTHERS)]
            axes.plot(frame.index, frame["closed form"], color=colour)
            axes.plot(frame.index, frame["simulated"], "o", color=colour, markersize=9)
            end = (frame.index[-1], frame["closed form"].iloc[-1])
            name = f"{servers} server" + "s" * (servers > 1)
            axes.annotate(name, end, xytext=(-10, 4), textcoords="offset points", ha="right",
                          fontweight="bold")  # fmt: skip
        axes.set_xlabel("utilisation", loc="right")
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    return axes


def percentiles(waits: pd.DataFrame, *, title: str) -> Axes:
    """Draw latency percentiles (rows) by number of callers (columns), in milliseconds."""
    with charts.style():
        axes = charts.canvas(title, unit="ms from asking to the answer")
        places = np.arange(len(waits.columns))
        for place, (name, row) in enumerate(waits.iterrows()):
            axes.plot(places, row.to_numpy(), "o-", color=charts.OTHERS[place % 3], markersize=9)
            axes.annotate(str(name), (places[-1], row.iloc[-1]), xytext=(12, 0), va="center",
                          textcoords="offset points", fontweight="bold",
                          annotation_clip=False)  # fmt: skip
        axes.set_xticks(places, [f"{each} at once" for each in waits.columns])
        axes.set_ylim(bottom=0)
    return axes


def with_and_without(prices: pd.DataFrame, *, title: str) -> Axes:
    """Draw what each failure mode costs without and with its design (columns), in euros."""
    with charts.style():
        axes = charts.canvas(title, height=1.6 + 0.55 * len(prices))
        places = np.arange(len(prices))[::-1]
        axes.hlines(places, prices["with"], prices["without"], color=charts.REFERENCE, zorder=1)
        for name, colour in (("with", charts.RESILIENT), ("without", charts.NAIVE)):
            axes.scatter(prices[name], places, s=150, color=colour, zorder=2)
            axes.annotate(name, (prices[name].iloc[0], places[0]), xytext=(0, 12), ha="center",
                          textcoords="offset points", fontweight="bold")  # fmt: skip
        axes.axvline(0, color=charts.TRUTH, linewidth=1.5, zorder=0)
        axes.set_yticks(places, list(prices.index))
        axes.set_ylim(-0.6, len(prices) - 0.3)
        axes.set_xlabel("euros lost", loc="right")
        axes.spines["left"].set_visible(False)
    return axes
