"""The instrument of ageing: its arithmetic against hand-made tables, its labels against life."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from mlsys_lessons import cli
from mlsys_lessons.errors import InputError
from mlsys_lessons.experiments import ageing
from mlsys_lessons.records import MATURITY_DAYS
from mlsys_lessons.worlds import Drift


@pytest.fixture(scope="module")
def small() -> ageing.Life:
    return ageing.life(3, 300, 60, Drift())


def made_up(fall: float) -> pd.DataFrame:
    """A table in which drift takes 0.1 at once, and a frozen model loses `fall` a month more."""
    rows = [
        {"seed": seed, "setting": setting, "model": model, "age": age}
        | dict.fromkeys(
            ageing.METRICS,
            0.5 + 0.01 * seed + 0.001 * age
            - (setting != ageing.STILL) * (0.1 + fall * age / 30 * (model == ageing.FROZEN)),
        )
        for seed in range(3)
        for setting in ageing.SETTINGS
        for model in (ageing.FROZEN, ageing.REFITTED)
        for age in (0, 30, 60)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_ageing_is_told_from_the_season_and_from_the_first_answer() -> None:
    curve = ageing.curve(made_up(0.02))
    frozen = curve[(curve["setting"] == "with drift") & (curve["model"] == ageing.FROZEN)]
    by_age = frozen[frozen["metric"] == "recall"].set_index("age")
    np.testing.assert_allclose(by_age["below"], [0.10, 0.12, 0.14])
    np.testing.assert_allclose(by_age["lost"], [0.0, 0.02, 0.04], atol=1e-12)
    np.testing.assert_allclose(by_age["mean"], [0.41, 0.42, 0.43])
    ends = ageing.year_end(made_up(0.02)).set_index(["setting", "model", "metric"])
    assert ends.loc[("quick", ageing.FROZEN, "pr_auc"), "lost"] == pytest.approx(0.03)
    assert ends.loc[("quick", ageing.REFITTED, "pr_auc"), "lost"] == pytest.approx(0.0)
    assert ends.loc[("slow", ageing.FROZEN, "recall"), "relative"] == pytest.approx(0.03 / 0.41)


def test_average_precision_is_scikit_learns_with_ties() -> None:
    draw = np.random.default_rng(0)
    for _ in range(10):
        scores, fraud = draw.integers(0, 40, 400) / 40, draw.random(400) < 0.1
        wanted = average_precision_score(fraud, scores)
        assert ageing.average_precision(scores, fraud) == pytest.approx(wanted)


def test_a_fraud_is_known_as_late_as_people_report(small: ageing.Life) -> None:
    tick = small.table["tick"].to_numpy()
    live = tick >= 0
    delay = (small.known - tick)[live & small.fraud & np.isfinite(small.known)]
    assert len(delay) > 20 and delay.min() > 0.9 and delay.max() <= 121
    assert 8 < np.median(delay) < 22
    assert np.isinf(small.known[live & ~small.fraud]).all()
    assert np.isnan(small.probability[~live]).all() and not np.isnan(small.probability[live]).any()


def test_both_models_are_one_at_first_and_the_fresh_one_learns_what_has_matured(
    small: ageing.Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ageing, "life", lambda *_: small)
    rows = pd.DataFrame(ageing.measure(3, 300, 60, Drift()))
    assert rows["age"].tolist() == [0, 0, 30, 30]
    first = rows[rows["age"] == 0].drop(columns="model")
    assert (first.iloc[0] == first.iloc[1]).all()
    later = rows[rows["age"] == 30].drop(columns="model")
    assert (later.iloc[0] != later.iloc[1]).any()
    assert rows[list(ageing.METRICS[:3])].stack().between(0, 1).all()
    assert ageing.LEARNING_DAYS + MATURITY_DAYS + 30 == 180


def test_the_command_prints_the_curve(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ageing, "ageing", lambda **_: made_up(0.02))
    assert cli.main(["ageing", "--seeds", "3"]) == 0
    page = capsys.readouterr().out
    assert "recall by age in days" in page and "frozen, without drift" in page and "slow" in page
    assert cli.main(["ageing", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"curve", "last_months"} == set(facts)


def test_sizes_out_of_range_get_one_sentence() -> None:
    for wrong in ({"seeds": 1}, {"days": 30}, {"daily": 50}):
        with pytest.raises(InputError):
            ageing.ageing(**wrong)
