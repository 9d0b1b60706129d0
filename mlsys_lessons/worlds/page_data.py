"""What the businesses of pages share as plain data: kinds of fields, and who is called for what.

A page is a slate of places. Each business has its own fields, owners and costs, in its folder; here
is what a front page and a results page are watched for alike. Nothing is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlsys_lessons.domain import AlertRule, Field

_FIRST, _LAST = np.datetime64("2000-01-01", "ms"), np.datetime64("2100-01-01", "ms")


class Crew(NamedTuple):
    """The teams of a business of pages, by what they answer for."""

    front: str  # the page itself
    models: str
    platform: str
    reporter: str  # whoever hears that a page has answered nothing


def time_field(name: str, owner: str, role: str = "", *, past: bool = False) -> Field:
    """A time that is left out of the row where it breaks its promise."""
    return Field(name, "datetime64[ms]", owner, minimum=_FIRST, maximum=_LAST, past=past,
                 on_breach="degrade", role=role)  # fmt: skip


def word_field(name: str, owner: str, words: tuple[str, ...]) -> Field:
    """A word of an agreed vocabulary."""
    return Field(name, "category", owner, categories=words, on_breach="degrade")


def alert_rules(
    fields: Sequence[Field], crew: Crew, *, stake: str, share: tuple[str, str]
) -> tuple[AlertRule, ...]:
    """Who is called for what on a page: of the `stake`, its mean; of a `share`, name and owner."""
    front, models, platform, reporter = crew
    owner = next(one.owner for one in fields if one.name == stake)
    return (
        *_of_operations(models, platform),
        *(_broken("null_rate", one.name, one.owner, one.name) for one in fields
          if one.dtype in ("category", "float64")),
        *(_broken("unknown_category_rate", one.name, one.owner, one.name) for one in fields
          if one.categories),
        _broken("null_rate", "history", platform, platform),
        _broken("duplicate_rate", "all", front, "request_id"),
        _broken("late_rate", "all", front, "event_time"),
        _broken("future_rate", "all", front, "event_time"),
        AlertRule("inputs", f"{stake}_mean", "all", "both", owner, "page", transform="log", cycle=7,
                  caution=1.5, runbook=(("ask_owner", stake),)),
        AlertRule("inputs", "recency_median", "all", "up", models, "ticket", transform="log",
                  cycle=7, caution=1.5, runbook=(("rebuild_table", ""),)),
        _weekly("inputs", share[0], share[1]),
        AlertRule("outputs", "score_log_odds", "all", "both", models, "page", transform="identity",
                  cycle=7, caution=1.5, runbook=(("roll_back", ""),)),
        _weekly("decisions", "drop_rate", front),
        AlertRule("business", "reported_miss_rate", "all", "both", reporter, "ticket", cycle=7,
                  caution=1.5, runbook=(("ask_owner", models),)),
    )  # fmt: skip


def _of_operations(models: str, platform: str) -> tuple[AlertRule, ...]:
    """What the platform's dashboard rings for."""
    return (
        AlertRule("operations", "requests", "all", "both", platform, "page", transform="log",
                  cycle=7),
        AlertRule("operations", "error_rate", "all", "up", platform, "page", varies=False,
                  runbook=(("ask_owner", platform),)),
        AlertRule("operations", "shed_rate", "all", "up", platform, "page", varies=False),
        AlertRule("operations", "fallback_rate", "all", "up", models, "page", varies=False,
                  runbook=(("roll_back", ""),)),
    )  # fmt: skip


def _weekly(layer: str, metric: str, owner: str) -> AlertRule:
    return AlertRule(layer, metric, "all", "both", owner, "ticket", transform="share", cycle=7)


def _broken(metric: str, segment: str, owner: str, source: str) -> AlertRule:
    """A page about rows that are broken where none is while all is well."""
    return AlertRule("inputs", metric, segment, "up", owner, "page", varies=False,
                     runbook=(("ask_owner", source),))  # fmt: skip
