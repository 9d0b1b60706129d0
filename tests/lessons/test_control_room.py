"""The control room is one face of three: what a button says, text says too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlsys_lessons.drill import SHELF, Incident
from mlsys_lessons.drill.text import converse
from mlsys_lessons.errors import StateError
from mlsys_lessons.lessons.control_room import Master, Room, words
from mlsys_lessons.lessons.control_room.wall import Picture, Wall

SEED, NAME = 3, "stale_table"


@pytest.fixture
def room() -> Room:
    return Room(Incident(NAME, SEED))


def buttons(part: Any) -> dict[str, Any]:
    """Every button below a widget, by the class that says what it says."""
    found = {}
    for child in getattr(part, "children", ()):
        found |= buttons(child)
        if type(child).__name__ == "Button":
            found[child._dom_classes[0]] = child
    return found


def test_three_faces_are_one_machine(room: Room) -> None:
    script = ["inspect inputs", "rebuild_table", "advance", "advance 3"]
    text, bare = Incident(NAME, SEED), Incident(NAME, SEED)
    assert not converse(text, script, lambda _: None)
    for command in script:
        bare.do(command)
    click = buttons(room.box)
    for name in ("inputs", "rebuild_table", "advance-1", "advance-3"):
        click[f"mls-say-{name}"].click()
    plain = {json.dumps(one.observation.plain()) for one in (room.incident, text, bare)}
    assert len(plain) == 1


def test_every_look_and_every_mitigation_has_a_button_with_its_price(room: Room) -> None:
    click = buttons(room.box)
    for kind, item in SHELF.items():
        assert f"{item.minutes} min" in click[f"mls-say-{kind}"].description
        assert click[f"mls-say-{kind}"].tooltip
    assert "50 €" in click["mls-say-rebuild_table"].description
    assert "way back" in click["mls-say-fall_back"].tooltip


def test_an_argument_stands_beside_its_button(room: Room) -> None:
    click = buttons(room.box)
    room.values["quarantine"].value = "amount"
    click["mls-say-quarantine"].click()
    room.values["retrain"].value = 5.0
    click["mls-say-retrain"].click()
    assert room.incident.observation.asked == ("quarantine amount",)
    assert "takes a number of days in 30..150" in room.html["said"].value


def test_the_runbook_s_line_is_a_button_until_it_is_asked(room: Room) -> None:
    lines = [one for one in room.lines if one.layout.display != "none"]
    assert lines and {one.command for one in lines} <= {
        line for alert in room.incident.observation.alerts for line in alert.runbook
    }
    first = lines[0].command
    lines[0].click()
    assert first in room.incident.observation.asked
    assert first not in [one.command for one in room.lines if one.layout.display != "none"]


def test_what_is_in_force_can_be_taken_back(room: Room) -> None:
    room.say("fall_back")
    room.say("advance")
    assert [one.command for one in room.back if one.command] == ["undo fall_back"]
    room.back[0].click()
    assert room.incident.observation.asked == ("undo fall_back",)


def test_a_mistake_is_said_and_changes_nothing(room: Room) -> None:
    before = room.incident.observation
    room.typed.value = "inspect <b>crystal_ball</b>"
    assert "&lt;b&gt;" in room.html["said"].value and "<b>crystal" not in room.html["twin"].value
    assert room.typed.value == "" and room.incident.observation == before


def test_the_end_is_a_debrief_with_the_truth(room: Room) -> None:
    assert "stale_features" not in "".join(part.value for part in room.html.values())
    room.say("advance 30")
    assert "of 100" in room.html["debrief"].value
    assert room.desk.layout.display == "none"
    assert "The frozen table" in room.html["debrief"].value
    assert room.poster.png.startswith(b"\x89PNG") and "14" in room.poster.alt


def test_the_text_twin_says_what_the_room_shows(room: Room) -> None:
    room.say("inspect inputs")
    seen = room.incident.observation
    assert "&gt; inspect inputs" in room.html["twin"].value
    for alert in seen.alerts:
        assert alert.path in room.html["alerts"].value and alert.owner in room.html["twin"].value


def test_alerts_of_the_weeks_before_are_known_and_none_of_the_days_to_come() -> None:
    incident, further = Incident(NAME, SEED), Incident(NAME, SEED)
    further.advance(5)  # another player of the same process lives on
    assert incident.rung and max(day for day, _, _ in incident.rung) == 0
    now = {path for day, path, _ in incident.rung if day == 0}
    assert now == {alert.path for alert in incident.observation.alerts}
    assert incident.rung == tuple(one for one in further.rung if one[0] <= 0)


def test_what_comes_from_data_is_escaped() -> None:
    assert "<script" not in words.said("<script>")
    assert "<script" not in words.image(b"", "<script>'")
    assert "<script" not in words.twin(["<script>"])


def test_a_picture_is_drawn_again_and_is_the_same() -> None:
    picture = Picture(14)
    plain = Wall(0, 14)
    busy = Wall(
        3, 14, [(1, "inputs", "page"), (2, "inputs", "ticket")],
        [(1, "ask_owner amount"), (1, "roll_back"), (13, "undo quarantine account_opened")], [0],
        [(-1.0, 4.0, "unit_change")], "three days in",
    )  # fmt: skip
    first = picture.draw(plain)
    assert picture.draw(busy) != first
    assert picture.draw(plain) == first


def test_a_game_master_sees_the_truth_and_gives_clues(room: Room) -> None:
    master = Master(room)
    assert "rebuild_table" in master.text and "frozen" not in room.html["head"].value
    clues = []
    while master._left:
        master.button.click()
        clues = list(room.clues)
    assert (
        clues[-1] == room.incident.scenario.told
        and words.escape(clues[0]) in room.html["head"].value
    )
    with pytest.raises(StateError, match="every clue"):
        master.reveal()
