"""The runbook: every line that the course has for a metric that rings, as one table.

Most lines stand beside a domain's alert rules, with an owner. The others are what the lessons end
with: the rules say nothing there, and whoever has done the lessons knows a line. What a learner
writes down for their own system is kept by lessons/runbook.py.
"""

from __future__ import annotations

import pandas as pd

from mlsys_lessons.components.response.mitigations import Mitigation, rebuild_table, scale_out
from mlsys_lessons.domain import Domain, path

COLUMNS = ("metric", "severity", "owner", "line", "from")
# A history that is missing may be a table that is old, or look-ups that time out.
OF_LESSONS: dict[str, tuple[Mitigation, str]] = {
    "operations.latency_p99": (scale_out(), "lesson 04"),
    "operations.shed_rate": (scale_out(), "lesson 04"),
    "inputs.null_rate.history": (rebuild_table(), "lesson 05"),
    "inputs.recency_median": (rebuild_table(), "lesson 03"),
}


def lines(domain: Domain) -> pd.DataFrame:
    """One row for each line: metric, severity, owner, line, and where it is from.

    Why it matters: a line that nobody can find at three in the morning is none. A rule without any
    line is listed as well, with an empty one: that is what is still to be written.

    >>> from mlsys_lessons.components.component import DEFAULT_DOMAIN
    >>> table = lines(DEFAULT_DOMAIN)
    >>> table.loc[table["metric"] == "operations.fallback_rate", "line"].tolist()
    ['roll_back()']
    """
    rows = []
    for rule in domain.alert_rules:
        metric = path(rule.layer, rule.metric, rule.segment)
        own = [(Mitigation(name, value or None), "the rule") for name, value in rule.runbook]
        taught = [OF_LESSONS[metric]] if metric in OF_LESSONS else []
        told = {str(line): source for line, source in (*taught, *own)} or {"": ""}
        rows += [(metric, rule.severity, rule.owner, *line) for line in told.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS))
