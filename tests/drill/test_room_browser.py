"""The control room in a real browser: a page arrives, evidence opens, an action changes the future.

Skipped, with the reason, where there is no Chromium to drive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import browser, lab, missing, run_all, write_notebook

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
WAIT_MS = 90_000
CELL = """from mlsys_lessons.drill import Incident
from mlsys_lessons.lessons.control_room import Room

room = Room(Incident("stale_table", seed=3))
room"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("lab")
    write_notebook(root / "room.ipynb", CELL)
    with lab(root) as running, browser() as page:
        mistakes: list[str] = []
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        run_all(page, running, "room.ipynb")
        page.wait_for_selector(".mls-room-head .mls-bar", timeout=WAIT_MS)
        yield page
        assert not mistakes


def shot(page: Any, name: str) -> None:
    """A picture for whoever develops; where, says ROOM_SHOTS."""
    if folder := os.environ.get("ROOM_SHOTS"):
        page.locator(".mls-room").screenshot(path=Path(folder) / f"{name}.png")


def wall(page: Any) -> str:
    """The picture that hangs on the wall."""
    return str(page.eval_on_selector("img.mls-wall", "image => image.src"))


def said(page: Any, words: str) -> None:
    """Wait until the room has said something."""
    page.wait_for_function(
        "words => document.querySelector('.mls-room-said')?.textContent.includes(words)",
        arg=words, timeout=WAIT_MS,
    )  # fmt: skip


def test_an_incident_from_the_page_to_the_debrief(page: Any) -> None:
    assert "naive about regulars" in page.inner_text(".mls-page")
    shot(page, "1_page")
    before = wall(page)
    page.click("button.mls-say-inputs")
    said(page, "Looked at inputs")
    assert "noises off" in page.inner_text(".mls-room-evidence")
    assert "> inspect inputs" in page.inner_text(".mls-room-twin")
    shot(page, "2_evidence")
    page.click("button.mls-say-rebuild_table")
    said(page, "Tonight: rebuild_table")
    shot(page, "3_tonight")
    page.keyboard.press("Tab")
    page.locator("button.mls-say-advance-1").focus()
    page.keyboard.press("Enter")
    said(page, "Day 1.")
    assert wall(page) != before
    page.fill(".mls-room-typed input", "inspect crystal_ball")
    page.keyboard.press("Enter")
    said(page, "choose one of")
    page.click("button.mls-say-advance-3")
    said(page, "Day 4.")
    shot(page, "4_later")
    page.fill(".mls-room-typed input", "advance 30")
    page.keyboard.press("Enter")
    said(page, "debrief")
    page.wait_for_selector(".mls-room-debrief .mls-score", timeout=WAIT_MS)
    assert "of 100" in page.inner_text(".mls-room-debrief")
    assert not page.locator("button.mls-say-advance-1").is_visible()
    shot(page, "5_debrief")
