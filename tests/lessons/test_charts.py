"""Figures: small pictures with a description, colours that survive grey and colour blindness."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import charts, house_style
from mlsys_lessons.lessons.house_style import Picture, lightness
from mlsys_lessons.simulation.trace import IncidentLife
from mlsys_lessons.system.faults import stale_features

DAYS = np.arange(120)
LUCK = np.random.default_rng(5)
WINDOWS = [(20, 45, "unit change"), (40, 60, "null flood"), (100, 101, "replay")]
MEANT = {
    "naive": charts.NAIVE,
    "resilient": charts.RESILIENT,
    "reference": charts.REFERENCE,
    "truth": charts.TRUTH,
    "alert": charts.ALERT,
}


def earned(daily_cents: float) -> pd.Series:
    return pd.Series(LUCK.normal(daily_cents, 20_000, len(DAYS)).cumsum(), index=DAYS)


def lived(daily_cents: float, noticed: float | None) -> IncidentLife:
    """An incident of thirty days: a table that was not refreshed."""
    fault = stale_features(start=20) if noticed is None else stale_features(start=20, end=50)
    return IncidentLife(fault, {"inputs": 21}, noticed, "till", None, np.full(30, daily_cents))


def effects() -> pd.DataFrame:
    return pd.DataFrame(
        {"effect": [9e5, -4e5], "low": [5e5, -9e5], "high": [12e5, 1e5]},
        index=["resilient", "a model with one feature more"],
    )


FIGURES: Mapping[str, Callable[[], Any]] = {
    "value": lambda: charts.value_over_time(
        {name: earned(mean) for name, mean in (("naive", 9e4), ("resilient", 15e4))},
        title="Operations saw nothing; the till did",
        windows=WINDOWS,
    ),
    "life": lambda: charts.life_of_incident(
        {"naive": lived(-4e4, None), "nothing()": lived(-4.1e4, 25.0)}, title="Nobody was told"
    ),
    "metric": lambda: charts.metric_over_time(
        {"PSI of amount": pd.Series(LUCK.random(120), index=DAYS)},
        title="One day in twenty is loud by chance",
        unit="PSI",
        threshold=0.95,
        windows=WINDOWS,
    ),
    "gap": lambda: charts.metric_over_time(
        {"AUC": pd.Series([np.nan] * 3)}, title="Nobody knows yet", unit="AUC"
    ),
    "bars": lambda: charts.bars_with_intervals(effects(), title="Two changes and their price"),
    "points": lambda: charts.bars_with_intervals(
        effects() / 1e6 + 1, title="Shares", unit="share", reference=1.0
    ),
    "scores": lambda: charts.score_distribution(
        {"genuine": LUCK.beta(1, 9, 900), "fraud": LUCK.beta(4, 3, 90)},
        title="Half of the fraud is below the threshold",
        threshold=0.5,
    ),
    "calibration": lambda: charts.calibration_curve(
        {
            "logistic": charts.calibration_table(
                p := LUCK.beta(1, 20, 9_000), LUCK.random(9_000) < p
            )
        },
        title="It promises what happens",
    ),
    "heat": lambda: charts.heat_map(
        pd.DataFrame([[np.nan, 3.0], [0, 40]], index=["unit", "nulls"], columns=["inputs", "till"]),
        title="Who notices first",
        unit="days until noticed",
    ),
    "shares": lambda: charts.stacked_shares(
        pd.DataFrame(
            [[0.5, 0.52, -0.02], [0.9, 0.1, 0.0]], columns=["model", "features", "alerts"]
        ),
        title="The model is half of it",
    ),
    "waterfall": lambda: charts.waterfall(
        pd.Series([9e7, -2e7, 5e6], index=["all", "stale features", "rules"]),
        title="Most of the gap is one table",
        start="Bayes reference",
        end="naive",
    ),
}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES.keys())
def test_a_figure_has_one_message_and_stays_small(figure: Callable[[], Any]) -> None:
    axes = figure()
    assert axes.figure.get_suptitle()
    assert axes.get_legend() is None
    image = charts.png(axes)
    assert image.startswith(b"\x89PNG")
    assert len(image) <= 100_000


def test_money_is_on_the_axis() -> None:
    axes = FIGURES["value"]()
    axes.figure.canvas.draw()
    ticks = [label.get_text() for label in axes.get_yticklabels()]
    assert any(tick.endswith(" k€") for tick in ticks)


def test_lines_are_named_where_they_end() -> None:
    axes = FIGURES["value"]()
    names = {text.get_text() for text in axes.texts}
    assert {"naive", "resilient", "unit change", "null flood", "replay"} <= names


def test_a_name_has_its_colour_and_a_second_line_of_it_is_dashed() -> None:
    runs = {name: earned(1e5) for name in ("naive", "naive, repaired", "Bayes reference")}
    axes = charts.value_over_time(runs, title="Three runs")
    lines = [line for line in axes.lines if len(line.get_xdata()) == len(DAYS)]
    looks = [(line.get_color(), line.get_linestyle()) for line in lines]
    assert looks == [(charts.NAIVE, "-"), (charts.NAIVE, "--"), (charts.REFERENCE, "-")]


def test_a_waterfall_ends_at_the_sum_of_its_parts() -> None:
    axes = FIGURES["waterfall"]()
    assert axes.patches[-1].get_height() == 9e7 - 2e7 + 5e6
    assert [t.get_text() for t in axes.texts] == [
        "900 k€", f"{house_style.MINUS}200 k€", "+50 k€", "750 k€",
    ]  # fmt: skip


def test_parts_below_zero_go_to_the_left() -> None:
    axes = FIGURES["shares"]()
    edges = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert min(x + min(width, 0) for x, width in edges) == pytest.approx(-0.02)
    assert max(x + width for x, width in edges) == pytest.approx(1.02)


def test_meanings_read_in_grey() -> None:
    levels = sorted(lightness(colour) for colour in MEANT.values())
    assert min(np.diff(levels)) >= 8


# What the three kinds of dichromats see (linear RGB; Machado, Oliveira and Fernandes, 2009).
VISION = {
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("matrix", VISION.values(), ids=VISION.keys())
def test_meanings_stay_apart_for_colour_blind_eyes(matrix: list[list[float]]) -> None:
    colours = {name: np.clip(matrix @ linear(colour), 0, 1) for name, colour in MEANT.items()}
    for one, other in combinations(colours, 2):
        distance = np.linalg.norm(colours[one] ** (1 / 2.2) - colours[other] ** (1 / 2.2))
        assert distance > 0.15, f"{one} and {other} look alike"


def linear(colour: str) -> np.ndarray:
    return (np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255) ** 2.2


def test_labels_are_moved_apart_in_order() -> None:
    places = charts.spread([0.9, 0.5, 0.51, 0.5], [0.1] * 4)
    assert np.diff(np.sort(places)).min() >= 0.0999
    assert places[0] == max(places)
    assert charts.spread([], []).size == 0


def test_a_picture_carries_its_description() -> None:
    picture = Picture(charts.png(FIGURES["bars"]()), "The repair earns 9 k€, 5 to 12.")
    assert repr(picture) == "[figure] The repair earns 9 k€, 5 to 12."
    data, metadata = picture._repr_mimebundle_(include=None, exclude=None)
    assert set(data) == {"image/png", "text/plain"}
    assert metadata == {"image/png": {"alt": "The repair earns 9 k€, 5 to 12."}}


def test_show_prints_the_description_outside_of_notebooks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    charts.show(FIGURES["heat"](), alt="Inputs never noticed 1 of 2 faults.")
    assert capsys.readouterr().out == "[figure] Inputs never noticed 1 of 2 faults.\n"
    with pytest.raises(InputError, match="holds no number"):
        charts.show(FIGURES["heat"](), alt="a heat map")


def test_a_busy_figure_is_shown_coarser() -> None:
    axes = charts.canvas("Noise")
    axes.plot(*LUCK.random((2, 90)), linewidth=1)
    image = charts.png(axes)
    assert len(image) <= 100_000
    assert int.from_bytes(image[16:20]) < 9 * 110  # pixels across


def test_the_style_leaves_no_trace() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    FIGURES["bars"]()
    with charts.style():
        assert matplotlib.rcParams["font.size"] == 13
    assert dict(matplotlib.rcParams) == before


def test_importing_charts_does_not_import_matplotlib() -> None:
    code = "import sys, mlsys_lessons.lessons.charts; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_life_of_an_incident_says_who_noticed_and_its_names_stay_apart() -> None:
    """Two lines that end at nearly the same height have two labels that can be read."""
    axes = FIGURES["life"]()
    axes.figure.canvas.draw()
    boxes = {
        text.get_text().replace("\n", " "): text.get_window_extent()
        for text in axes.texts if "ended" in text.get_text().replace("\n", " ")
    }  # fmt: skip
    first, second = boxes.values()
    assert not first.overlaps(second)
    assert any("never noticed; not ended" in words for words in boxes)
    assert any("till, day 25; ended day 50" in words for words in boxes)
