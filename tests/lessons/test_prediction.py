"""Bets: locked once, compared later, never in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlsys_lessons.errors import InputError
from mlsys_lessons.lessons import progress
from mlsys_lessons.lessons.prediction import Prediction

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
        "  measured   41 days\nNobody looked.\n"
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
        '[no bet] 7 is not one of 2, 9, 40 and "never"; try again.\n'
        "[locked] never.\n  your bet   never\n  measured   never\nYour bet holds.\n"
    )


@pytest.mark.parametrize(
    "value", ["nine", float("nan"), float("inf"), True, [9], object(), 1j, 10**400, -(10**400)]
)
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
    assert capsys.readouterr().out == "  measured   3 days\n"


# --- what looks like a slip ----------------------------------------------------------------------

HUNDRED: dict[str, Any] = {"unit": "euros", "of": 100}


@pytest.mark.parametrize("value", ["10", " 10 ", "10 %", "10%", "10 euros", "10 €", 10.0, "+10"])
def test_a_number_may_be_written(value: Any, capsys: Captured) -> None:
    bet(**HUNDRED).guess(value)
    assert capsys.readouterr().out == "[locked] 10 of 100 euros.\n"


@pytest.mark.parametrize("value", ["10 %", "10 euros", "ten", "1,5", "", "%", "1e9", "--3", "."])
def test_what_is_written_otherwise_is_no_number_of_days(value: str, capsys: Captured) -> None:
    bet().guess(value)
    assert capsys.readouterr().out.endswith("is not a number of days; try again.\n")
    assert not progress.load()["guesses"]


@pytest.mark.parametrize(
    ("value", "question"),
    [
        (0.1, "[not yet] 0.1 of 100 euros is 0.1 %; 10 % is 10."),
        (250, "[not yet] 250 of 100 euros is more than all."),
        (-5, "[not yet] -5 of 100 euros is less than none."),
    ],
)
def test_a_slip_is_asked_about_once(value: float, question: str, capsys: Captured) -> None:
    asked = bet(**HUNDRED)
    asked.guess(value)
    said = " ".join(capsys.readouterr().out.split())
    assert said == f"{question} Run the cell again to lock it as it is, or write another number."
    assert not progress.load()["guesses"]
    asked.guess(value)
    assert capsys.readouterr().out.startswith("[locked] ")
    assert progress.load()["guesses"] == {"lesson98.bet1": value}


def test_after_the_question_another_number_is_locked(capsys: Captured) -> None:
    asked = bet(**HUNDRED)
    asked.guess(0.1)
    asked.guess(10)
    assert capsys.readouterr().out.endswith("[locked] 10 of 100 euros.\n")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (-1, "-1 ticket cannot be: from 0 to 6; try again."),
        (7, "7 tickets cannot be: from 0 to 6; try again."),
        (2.5, "2.5 tickets cannot be: write a whole number."),
    ],
)
def test_what_cannot_be_is_never_locked(value: float, why: str, capsys: Captured) -> None:
    asked = bet(unit="tickets", of=6, least=0, most=6, counted=True)
    asked.guess(value)
    asked.guess(value)
    assert capsys.readouterr().out == f"[no bet] {why}\n" * 2
    asked.guess(1)
    asked.reveal(0)
    assert capsys.readouterr().out == (
        "[locked] 1 of 6 tickets.\n  your bet   1 of 6 tickets\n  measured   0 of 6 tickets\n"
        "Off by 1 ticket.\n"
    )


def test_one_is_said_in_the_singular(capsys: Captured) -> None:
    asked = bet()
    asked.guess("1 day")
    asked.reveal(2)
    assert "[locked] 1 day.\n  your bet   1 day\n" in capsys.readouterr().out


def test_a_part_of_a_choice_is_enough_when_it_is_unique(capsys: Captured) -> None:
    choices = ("a table one day older", "30 % unanswered, filled with 0", "30 % unanswered")
    asked = bet(choices=choices, unit="")
    asked.guess("unanswered")
    asked.guess("30")
    asked.guess("30 % unanswered")
    assert " ".join(capsys.readouterr().out.split()) == (
        '[no bet] \'unanswered\' may be "30 % unanswered, filled with 0" or "30 % unanswered"; '
        "write more of it. [no bet] '30' is not one of \"a table one day older\", "
        '"30 % unanswered, filled with 0" and "30 % unanswered"; try again. '
        "[locked] 30 % unanswered."
    )
    another = bet(choices=choices, unit="", id="lesson98.bet2")
    another.guess("Table")
    assert capsys.readouterr().out == "[locked] a table one day older.\n"


def test_no_bet_is_locked_after_the_reveal(capsys: Captured) -> None:
    asked = bet()
    asked.guess(...)
    asked.reveal(41)
    capsys.readouterr()
    asked.guess(41)
    assert capsys.readouterr().out.startswith("[too late] ")
    assert not progress.load()["guesses"]
    kept = bet()
    kept.guess(9)
    kept.reveal(41)
    kept.guess(41)
    assert "Your first bet stays: 9 days." in capsys.readouterr().out


@pytest.mark.parametrize(("guess", "sentence"), [(50, "Off by 48.8 euros."), (4, "Your bet holds")])
def test_a_part_of_a_whole_is_off_by_so_much_of_it(
    guess: float, sentence: str, capsys: Captured
) -> None:
    asked = bet(**HUNDRED)
    asked.guess(guess)
    asked.reveal(1.2)
    out = capsys.readouterr().out
    assert "  measured   1.2 of 100 euros\n" in out
    assert sentence in out.splitlines()[-1]


def test_authors_get_one_clear_sentence() -> None:
    with pytest.raises(InputError, match=r"must look like 'lesson01\.bet1'"):
        bet(id="days")
