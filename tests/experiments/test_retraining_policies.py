"""Retraining policies compared: one luck, one setting, and what a spell in service is worth."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mlsys_lessons.components.feedback.retraining import RetrainingPolicy
from mlsys_lessons.experiments import retraining_policies as policies


def test_policies_differ_in_the_day_alone() -> None:
    learning = [each for each in policies.POLICIES.values() if each is not None]
    shared = {(p.first, p.window, p.holdout, p.rows_a_day) for p in learning}
    assert len(shared) == 1
    assert policies.POLICIES["calendar"] == RetrainingPolicy()


@pytest.mark.parametrize("setting", list(policies.DAYS))
def test_a_policy_that_never_speaks_lives_the_life_of_never(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "DAYS", dict.fromkeys(policies.DAYS, 8))
    never = policies.lived(setting, None, 3, daily=60)
    calendar = policies.lived(setting, RetrainingPolicy(), 3, daily=60)
    found = policies.summary(calendar, never)
    assert (found["gain"], found["fits"], found["stand"], found["harm"]) == (0, 0, 0, 0)
    assert found["euros"] == pytest.approx(never.expected_value / 100)


def test_harm_is_what_a_spell_has_lost() -> None:
    def run(*earned: float) -> SimpleNamespace:
        versions = [SimpleNamespace(label=name, fitted_tick=day) for name, day in
                    (("a", 0), ("b", 1), ("c", 3))]  # fmt: skip
        ledger = __import__("pandas").DataFrame({"item": ["retraining"] * 2, "cents": [-3_000] * 2})
        return SimpleNamespace(
            days=len(earned), ledger=ledger,
            accounts=SimpleNamespace(days=[SimpleNamespace(earned=each) for each in earned]),
            system=SimpleNamespace(
                inference=SimpleNamespace(registry=SimpleNamespace(versions=versions)),
                domain=SimpleNamespace(costs=SimpleNamespace(retraining=3_000)),
            ),
        )  # fmt: skip

    found = policies.summary(run(0, 100, 300, 0, 0), run(0, 0, 0, 200, 500))
    assert found == {"euros": 4.0, "gain": -3.0, "fits": 2, "stand": 2, "worse": 1, "harm": 7.0}
