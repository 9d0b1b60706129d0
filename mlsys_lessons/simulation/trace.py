"""Traces: one request's life, and one incident's, readable from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlsys_lessons.components.response import Case
from mlsys_lessons.domain import Domain
from mlsys_lessons.system.faults import Fault


@dataclass(frozen=True)
class Trace:
    """A request's life, readable from top to bottom."""

    domain: Domain = field(repr=False)
    rows: pd.DataFrame
    labels: pd.DataFrame
    ledger: pd.DataFrame
    meanwhile: tuple[Fault, ...] = ()

    def __repr__(self) -> str:
        lines: list[str] = []
        for row_id, row in self.rows.iterrows():
            lines += [f"row {row_id} · request {row['request_id']}", *_life(row, self.domain)]
        for _, label in self.labels.iterrows():
            when = f"{label['label_time']:%Y-%m-%d}"
            lines.append(f"  label       {label['label']} from {label['source']}, known {when}")
        for _, entry in self.ledger.iterrows():
            lines.append(f"  ledger      {entry['item']}: {entry['cents'] / 100:+,.2f} EUR")
        lines += [f"  meanwhile   {fault!r}" for fault in self.meanwhile]
        return "\n".join(lines)


@dataclass(frozen=True)
class IncidentLife:
    """An incident's life: broke, seen, noticed, understood, ended, and the money meanwhile.

    `seen` says on which midnight each layer of monitoring raised its first alert, whether anybody
    was called or not; `cents` are those of each day since, negative when lost.
    """

    fault: Fault
    seen: Mapping[str, int]
    noticed: float | None
    noticed_by: str
    case: Case | None
    cents: NDArray[np.float64] = field(repr=False)

    @property
    def moments(self) -> list[tuple[float, str]]:
        """What happened when, in order: (day, words)."""
        first = min(self.seen.values(), default=0)
        layers = ", ".join(layer for layer, day in self.seen.items() if day == first)
        told = [(self.fault.start, "broke")]
        if layers:
            told.append((float(first), f"seen in {layers}"))
        if self.noticed is not None:
            told.append((self.noticed, f"noticed by {self.noticed_by}"))
        if self.case is not None and self.case.diagnosed is not None:
            told.append((self.case.diagnosed, "diagnosed"))
        if self.case is not None and self.case.mitigated is not None:
            done = ", ".join(map(str, self.case.applied))
            told.append((float(self.case.mitigated), f"mitigated: {done}"))
        if np.isfinite(self.fault.end):
            told.append((self.fault.end, "ended"))
        return sorted(told, key=lambda moment: moment[0])

    def __repr__(self) -> str:
        lines = [f"{self.fault!r}"]
        lines += [f"  day {day:6.1f}  {words}" for day, words in self.moments]
        lines.append(f"  meanwhile   {self.cents.sum() / 100:+,.2f} EUR")
        return "\n".join(lines)


def _life(row: pd.Series, domain: Domain) -> list[str]:
    """One row as a few lines, stage by stage."""
    flags = [name[3:] for name in ("is_duplicate", "is_late", "is_quarantined") if row[name]]
    features = ", ".join(f"{name} {row[name]:.3g}" for name in domain.traced)
    fallback = f", fallback: {row['fallback_reason']}" if row["is_fallback"] else ""
    return [
        f"  request     {row['event_time']:%Y-%m-%d %H:%M} · {domain.caption.format(**row)}",
        f"  ingestion   {', '.join(flags) or 'clean'}",
        f"  features    {features}",
        f"  inference   score {row['score']:.4f} from {row['model_version']}{fallback}",
        f"  decision    {row['action']} ({row['reason']}, propensity {row['propensity']:.2f})",
        f"  final       {row['final_action']} by {row['decided_by']}",
    ]
