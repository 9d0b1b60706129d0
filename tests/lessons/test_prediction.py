"""Bets: locked once, compared later, never in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.prediction import Prediction
from mlsys_lessons.records import InputError

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_progress_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(progress.ENVIRONMENT, str(tmp_path / "progress.json"))
    return tmp_path / "progress.json"


def bet(**changes: Any) -> Prediction:
    """A bet as a freshly opened notebook holds it."""
    parts = {"id": "lesson98.bet1", "question": "Days until a human notices?", "unit": "days"}
    return Prediction(**{**parts, **changes})


def test_an_open_bet_prints_and_stores_nothing(capsys: Captured, own_progress_file: Path) -> None:
    asked = bet()
    asked.guess(...)
    asked.reveal(41, "Nobody looked.")
    assert capsys.readouterr().out == (
        "[no bet] Days until a human notices? "
        "Replace the `...` with a number of days and run the cell.\n"
        "  your bet   none\n  measured   41 days\nNobody looked.\n"
    )
    assert not own_progress_file.exists()


def test_the_first_bet_is_locked(capsys: Captured) -> None:
    asked = bet()
    asked.guess(9)
    asked.guess(12)
    asked.guess(9)
    assert capsys.readouterr().out == (
        "[locked] 9 days.\n[locked] Your first bet stays: 9 days.\n[locked] 9 days.\n"
    )
    asked.reveal(41)
    assert capsys.readouterr().out == (
        "  your bet   9 days\n  measured   41 days\nReality is 4.6 times your bet.\n"
    )


def test_a_bet_outlives_the_kernel(capsys: Captured) -> None:
    bet().guess(9)
    later = bet()
    later.reveal(9)
    bet().guess(30)
    out = capsys.readouterr().out
    assert "your bet   9 days" in out
    assert "Your first bet stays: 9 days" in out


def test_an_open_cell_prints_the_same_whatever_the_file_remembers(capsys: Captured) -> None:
    fresh = bet()
    fresh.guess(...)
    fresh.reveal(5)
    before = capsys.readouterr().out
    bet().guess(9)
    capsys.readouterr()
    again = bet()
    again.guess(...)
    again.reveal(5)
    assert capsys.readouterr().out == before


def test_choices(capsys: Captured) -> None:
    asked = bet(choices=(2, 9, 40, "never"), unit="")
    asked.guess(7)
    asked.guess(" Never ")
    asked.reveal("never")
    assert capsys.readouterr().out == (
        "[no bet] 7 is not one of 2, 9, 40, never; try again.\n"
        "[locked] never.\n  your bet   never\n  measured   never\nYour bet holds.\n"
    )


@pytest.mark.parametrize("value", ["nine", float("nan"), float("inf"), True, [9], object(), 1j])
def test_what_is_no_bet_is_said_and_not_locked(value: Any, capsys: Captured) -> None:
    asked = bet()
    asked.guess(value)
    assert capsys.readouterr().out.startswith("[no bet] ")
    assert not progress.load()["guesses"]


@pytest.mark.parametrize(
    ("guess", "measured", "sentence"),
    [
        (10, 10.4, "Your bet holds, within a tenth."),
        (40, 10, "Your bet is 4 times reality."),
        (np.int64(5), np.float64(-5), "Off by 10 days, and on the other side of zero."),
        (0, 3, "Off by 3 days."),
        (3, "never", "Not what you bet."),
    ],
)
def test_one_sentence_about_the_gap(
    guess: Any, measured: Any, sentence: str, capsys: Captured
) -> None:
    asked = bet()
    asked.guess(guess)
    asked.reveal(measured)
    assert capsys.readouterr().out.splitlines()[-1] == sentence


def test_a_bet_is_held_in_memory_when_it_cannot_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (tmp_path / "plain").write_text("a file, not a folder")
    monkeypatch.setenv(progress.ENVIRONMENT, str(tmp_path / "plain" / "progress.json"))
    asked = bet()
    asked.guess(9)
    asked.guess(10)
    asked.reveal(9)
    out = capsys.readouterr().out
    assert "[locked] 9 days. (Not saved: " in out
    assert "Your first bet stays: 9 days." in out
    assert "  your bet   9 days" in out


def test_a_damaged_file_does_not_stop_a_reveal(own_progress_file: Path, capsys: Captured) -> None:
    own_progress_file.write_text("{")
    bet().reveal(3)
    assert "your bet   none" in capsys.readouterr().out


def test_authors_get_one_clear_sentence() -> None:
    with pytest.raises(InputError, match=r"must look like 'lesson01\.bet1'"):
        bet(id="days")
