"""Claim C16: its limits against closed forms, and what its judge concludes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from mlsys_lessons import claims
from mlsys_lessons.claims import c16_fixed_thresholds as c16
from mlsys_lessons.claims.claim import Evidence
from mlsys_lessons.components.monitoring.prepared import PreparedReference
from mlsys_lessons.randomness import stream
from mlsys_lessons.simulation.scenarios import ClaimSize

SIZE = ClaimSize(days=60, daily=100)


def still() -> tuple[PreparedReference, tuple[pd.DataFrame, ...]]:
    """Twenty columns of noise: nothing ever moves."""
    draw = stream(5, "still")
    frames = [pd.DataFrame(draw.normal(size=(rows, 20))) for rows in (50_000, *[600] * 60)]
    return PreparedReference.of(frames[0]), tuple(frames[1:])


@pytest.fixture
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    found = still()
    monkeypatch.setattr(c16, "_healthy", lambda seed, size: found)


def test_its_own_limit_is_that_of_chi_square() -> None:
    """PSI times the rows is about chi-square with nine degrees of freedom (Yurdakul, 2018)."""
    reference, _ = still()
    limits = np.array(list(c16.own_limits(reference, 2_000, seed=1).values()))
    closed = chi2.ppf(1 - c16.STATED, 9) * (1 / 2_000 + 1 / 50_000)
    assert limits == pytest.approx(np.full(20, closed), rel=0.12)


@pytest.mark.usefixtures("_still")
def test_where_nothing_moves_each_limit_rings_as_often_as_its_distribution_says() -> None:
    textbook = c16.alarms(1, SIZE, rows=100, limit=0.1)
    assert textbook == pytest.approx(chi2.sf(0.1 / (1 / 100 + 1 / 50_000), 9), abs=0.06)
    own = c16.alarms(1, SIZE, rows=100, limit=None)
    assert own == pytest.approx(c16.STATED, abs=0.006)  # 1,200 column-days
    assert c16.alarms(1, SIZE, rows=500, limit=0.1) < 0.01


@pytest.mark.parametrize(
    ("textbook", "own", "verdict"),
    [(350.0, 5.0, "holds"), (20.0, 5.0, "does not hold"), (350.0, 40.0, "does not hold")],
)
def test_the_judge_concludes_what_the_runs_say(textbook: float, own: float, verdict: str) -> None:
    noise = stream(1, "judge")
    rows = [
        {"seed": seed, "rate": rate, "arm": name, "requests": 1_000, "value_cents": cents,
         "expected_cents": cents}
        for rate in (0.0, 1.0, 4.0) for seed in range(12) for name in c16.arms(rate)
        for cents in [round(100 * noise.normal(own if c16.OWN in name else textbook, 0.5))]
    ]  # fmt: skip
    findings = c16.CLAIM.judge(Evidence(pd.DataFrame(rows), SIZE))
    assert findings.verdict == verdict
    assert findings.by_rate[0.0][1] == "nothing to compare"
    assert set(findings.table["limit"]) == {"0.1", "0.25", c16.OWN}


def test_it_runs_end_to_end() -> None:
    found = claims.run("C16", seeds=2, jobs=1, size=ClaimSize(days=31, daily=200), progress=False)
    assert found.effects[0].interval.estimate > 0
    assert found.by_rate[0.0][1] == "nothing to compare"
