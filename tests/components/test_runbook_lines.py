"""The runbook as one table: every rule has its lines, each line a source; the drill reads it."""

from __future__ import annotations

import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.response.runbook import COLUMNS, OF_LESSONS, lines
from mlsys_lessons.domain import Domain, path
from mlsys_lessons.drill.policies import FROM_LESSONS

DOMAINS = [world(seed=0).domain for world in
           (mls.payments_world, mls.recommender_world, mls.search_world)]  # fmt: skip


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_each_rule_is_listed_with_its_lines(domain: Domain) -> None:
    table = lines(domain)
    assert tuple(table.columns) == COLUMNS
    for rule in domain.alert_rules:
        metric = path(rule.layer, rule.metric, rule.segment)
        here = table[table["metric"] == metric]
        assert set(here["owner"]) == {rule.owner} and set(here["severity"]) == {rule.severity}
        assert len(here) >= max(1, len(rule.runbook))
    assert not table.duplicated(["metric", "line"]).any()
    assert ((table["line"] == "") == (table["from"] == "")).all()


def test_the_lessons_lines_are_the_drill_s() -> None:
    assert FROM_LESSONS == {
        "operations.latency_p99": ("scale_out",),
        "operations.shed_rate": ("scale_out",),
        "inputs.null_rate.history": ("rebuild_table",),
        "inputs.recency_median": ("rebuild_table",),
    }
    watched = set(lines(mls.payments_world(seed=0, daily=100).domain)["metric"])
    assert set(OF_LESSONS) <= watched
