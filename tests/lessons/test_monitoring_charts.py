"""What a monitor saw, as figures: one message each, alarms in their colour, gaps left blank."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsys_lessons.lessons import charts, monitoring_charts

DAYS = np.arange(60)
LUCK = np.random.default_rng(3)
WINDOWS = [(40, 50, "unit change")]
LAYERS = ("operations", "inputs", "outputs", "decisions", "business")
VALUE = np.where((DAYS >= 40) & (DAYS < 50), 90.0, 50 + LUCK.normal(0, 1, 60))
CHART = pd.DataFrame({"value": VALUE, "lower": 44.0, "upper": 56.0}, index=DAYS)
CHART.iloc[:10, 1:] = np.nan
SCORES = pd.DataFrame(LUCK.gamma(1, 0.02, (4, 60)), index=["amount", "hour", "country", "channel"])
SCORES.iloc[0, 40:] = 0.4
SCORES.iloc[1, :5] = np.nan
CUTS = np.logspace(-3, 0, 50)
CURVE = pd.Series(1e6 * np.exp(-(np.log(CUTS / 0.03) ** 2)), index=CUTS)
ALERTS = pd.DataFrame({"tick": [41, 41, 47, 55], "layer": ["inputs"] * 3 + ["business"]})

FIGURES: Mapping[str, Callable[[], Any]] = {
    "control": lambda: monitoring_charts.control_chart(
        CHART, title="It leaves its limits", unit="euros", windows=WINDOWS
    ),
    "still learning": lambda: monitoring_charts.control_chart(
        CHART.head(5), title="No limits yet", unit="euros"
    ),
    "strip": lambda: monitoring_charts.layer_strip(
        ALERTS, layers=LAYERS, title="The inputs ring first", days=60, windows=WINDOWS
    ),
    "no alert": lambda: monitoring_charts.layer_strip(
        ALERTS.head(0), layers=LAYERS, title="Nobody rang", days=60
    ),
    "map": lambda: monitoring_charts.drift_map(
        SCORES, title="One column moves", unit="PSI", limit=0.25, windows=WINDOWS
    ),
    "curve": lambda: monitoring_charts.decision_curve(
        {"naive": CURVE, "resilient": 1.1 * CURVE}, title="The best cut is low", reference=1.3e6
    ),
}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES.keys())
def test_a_figure_has_one_message_and_stays_small(figure: Callable[[], Any]) -> None:
    axes = figure()
    assert axes.figure.get_suptitle()
    assert axes.get_legend() is None
    assert len(charts.png(axes)) <= 100_000


def test_days_outside_the_limits_are_marked_and_no_others() -> None:
    alarms = FIGURES["control"]().lines[1]
    assert alarms.get_color() == charts.ALERT
    outside = (VALUE < 44) | (VALUE > 56)
    outside[:10] = False  # there was nothing to keep yet
    assert list(alarms.get_xdata()) == list(DAYS[outside])


def test_each_layer_says_on_which_day_it_rang_first() -> None:
    said = [text.get_text() for text in FIGURES["strip"]().texts]
    assert said[:5] == ["never", "day 41", "never", "never", "day 55"]


def test_a_dot_stands_where_a_score_is_above_the_limit() -> None:
    dots = FIGURES["map"]().lines[0]
    assert len(dots.get_xdata()) == 20 and set(dots.get_ydata()) == {0}


def test_the_best_cut_and_its_money_are_written() -> None:
    said = " ".join(" ".join(text.get_text().split()) for text in FIGURES["curve"]().texts)
    assert "naive: 10 k€ at 0.029" in said and "the best anybody could do: 13 k€" in said


def test_importing_it_does_not_import_matplotlib() -> None:
    code = f"import sys, {monitoring_charts.__name__}; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
