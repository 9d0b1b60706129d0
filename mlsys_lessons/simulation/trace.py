"""A trace: one request's life, readable from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from mlsys_lessons.domain import Domain


@dataclass(frozen=True)
class Trace:
    """A request's life, readable from top to bottom."""

    domain: Domain = field(repr=False)
    rows: pd.DataFrame
    labels: pd.DataFrame
    ledger: pd.DataFrame

    def __repr__(self) -> str:
        lines: list[str] = []
        for row_id, row in self.rows.iterrows():
            lines += [f"row {row_id} · request {row['request_id']}", *_life(row, self.domain)]
        for _, label in self.labels.iterrows():
            when = f"{label['label_time']:%Y-%m-%d}"
            lines.append(f"  label       {label['label']} from {label['source']}, known {when}")
        for _, entry in self.ledger.iterrows():
            lines.append(f"  ledger      {entry['item']}: {entry['cents'] / 100:+,.2f} EUR")
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
