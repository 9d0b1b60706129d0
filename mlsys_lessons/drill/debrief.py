"""The debrief: what broke when, what could have shown it, what was done, what it cost.

Also the postmortem as a page of Markdown: facts from the run, and places for what only people know.
It blames nobody: it names mechanisms, signals and owners.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlsys_lessons.components.response import Mitigation
from mlsys_lessons.drill.observation import Seen, command_of
from mlsys_lessons.drill.scenario import PAGE_DAY, DrillScenario
from mlsys_lessons.drill.score import Score
from mlsys_lessons.simulation.postmortem import page
from mlsys_lessons.simulation.run import Run


@dataclass(frozen=True)
class Debrief:
    """One drill, told afterwards; days count from the page."""

    title: str
    told: str
    score: Score
    timeline: tuple[tuple[float, str], ...]
    remedies: tuple[str, ...]
    truth: tuple[tuple[float, float, str], ...] = ()  # from which day to which, and what

    def __repr__(self) -> str:
        return f"Debrief({self.title!r}, {self.score.points:.0f} of 100)"

    @property
    def text(self) -> str:
        """The debrief as a few lines."""
        lines = [f"{self.title}: {self.score.points:.0f} of 100", self.told, ""]
        lines += [f"  day {day:+6.1f}  {words}" for day, words in self.timeline]
        wanted = ", then ".join(self.remedies) or "nothing, but looking"
        lines += ["", f"What ends it: {wanted}.", repr(self.score)]
        return "\n".join(lines)

    @property
    def postmortem(self) -> str:
        """A blameless postmortem to fill in, as Markdown."""
        euros = self.score.lost / 100
        side = "more" if euros >= 0 else "less"
        money = f"{abs(euros):,.0f} EUR {side} than the remedy at the first midnight."
        return page(
            self.title, summary=self.told, impact=money, timeline=self.timeline,
            clock="days from the page",
        )  # fmt: skip


def told(
    scenario: DrillScenario, run: Run, plan: Mapping[int, tuple[Mitigation, ...]],
    evidence: tuple[Seen, ...], score: Score,
) -> Debrief:  # fmt: skip
    """The debrief of a finished drill."""
    moments: list[tuple[float, str]] = [(0.0, "the page")]
    for fault in run.faults:
        moments.append((fault.start - PAGE_DAY, f"{fault.name} begins"))
        if np.isfinite(fault.end) and fault.end <= run.days:
            moments.append((fault.end - PAGE_DAY, f"{fault.name} is over"))
    alerts = run.alerts
    if len(run.faults):
        broke = min(fault.start for fault in run.faults)
        alerts = alerts[alerts["tick"] >= int(broke)]
        for layer, tick in alerts.groupby("layer", observed=True)["tick"].min().items():
            moments.append((float(tick) + 1 - PAGE_DAY, f"first alert in {layer}"))
    moments += [(float(one.day), f"looked at {one.asked}") for one in evidence]
    moments += [
        (float(tick + 1 - PAGE_DAY), command_of(item)) for tick, items in plan.items()
        for item in items
    ]  # fmt: skip
    order = tuple(sorted(moments, key=lambda moment: moment[0]))
    remedies = tuple(map(command_of, scenario.remedies))
    truth = tuple(
        (fault.start - PAGE_DAY, min(fault.end, run.days) - PAGE_DAY, fault.name)
        for fault in run.faults
    )
    return Debrief(scenario.title, scenario.told, score, order, remedies, truth)
