"""SIGKILL under load, again and again on one log: what was acknowledged is there, and stays true.

The edge runs as a learner starts it, in a process of its own; the load client acknowledges an
answer when it has read it to its end. The log is read here with sqlite3 alone, from a copy made
while nobody is alive. `make soak` tells the same story with 20 kills.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.records import DAY_MS, EPOCH
from mlsys_lessons.serving import Client, load, transactions, warmed
from mlsys_lessons.serving.load import LoadReport
from mlsys_lessons.simulation.ledger import Ledger
from mlsys_lessons.worlds.payments.domain import COSTS, RAW_COLUMNS

KILLS = int(os.environ.get("MLSYS_KILLS", "3"))
SEED, DAILY = 7, 500
DAYS_A_LIFE = 8  # of traffic: more than a life is long enough to answer
LONGEST_LIFE_S = 0.8  # from the first answer to the kill
ASKED_AGAIN = 25
TIMES = ("event_time", "arrival_time", "account_opened")
# the decision itself in a caller's answer; the other fields differ between repeats of a request
DECISION_FIELDS = (
    "action", "score", "reasons", "model_version", "policy_version", "is_fallback",
    "fallback_reason",
)  # fmt: skip


@dataclass
class Story:
    """What happened in all lives of one edge; every list of differences should stay empty."""

    log: Path
    kills: int = 0
    acknowledged: dict[int, dict[str, Any]] = field(default_factory=dict)  # row_id -> answer
    unanswered: int = 0  # asked when the process died
    unfinished: int = 0  # lives that ended while there was more to ask
    lost: list[Any] = field(default_factory=list)  # acknowledged, and not in the log
    changed: list[Any] = field(default_factory=list)  # asked again, and answered otherwise
    unready_s: list[float] = field(default_factory=list)  # from start to welcome, log replayed
    exit_code: int | None = None


def edge_command(log: Path) -> list[str]:
    return [
        sys.executable, "-m", "mlsys_lessons", "serve", "--port", "0", "--json", "--virtual",
        "--seed", str(SEED), "--daily", str(DAILY), "--log", str(log),
    ]  # fmt: skip


@contextmanager
def edge(log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A living edge and its address; nothing of it is left behind."""
    with open(log.with_suffix(".stderr"), "w") as stderr, subprocess.Popen(
        edge_command(log), stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first, log.with_suffix(".stderr").read_text()
            yield process, json.loads(first)["url"]
        finally:
            process.kill()
            process.communicate()


@lru_cache(maxsize=1)
def world() -> mls.worlds.PaymentsWorld:
    return mls.payments_world(seed=SEED, daily=DAILY)


@lru_cache(maxsize=64)
def life(number: int) -> pd.DataFrame:
    """The requests of one life's days."""
    days = range(number * DAYS_A_LIFE, (number + 1) * DAYS_A_LIFE)
    return pd.concat([world().day(tick, world().start()).requests for tick in days])


def lived(kills: int, folder: Path, luck: np.random.Generator) -> Story:
    """Start, load, kill; as often as asked for, on one log; then start once more and end well."""
    story = Story(folder / "decisions.db")
    asked_last: list[dict[str, Any]] = []
    for number in range(kills):
        began = time.perf_counter()
        with edge(story.log) as (process, url):
            story.unready_s.append(round(time.perf_counter() - began, 2))
            ask_again(story, url, asked_last)
            answers = folder / f"answers-{number}"
            report = loaded_and_killed(process, url, life(number), answers, luck)
        story.kills += 1
        story.unanswered += report.statuses.get("lost", 0)
        story.unfinished += report.requests < len(life(number))
        asked_last = [json.loads(line) for line in answers.read_text().splitlines()]
        story.acknowledged |= {answer["row_id"]: answer for answer in asked_last}
        story.lost += missing(story, folder)
    with edge(story.log) as (process, url):
        ask_again(story, url, asked_last)
        process.send_signal(signal.SIGTERM)
        story.exit_code = process.wait(timeout=30)
    return story


def loaded_and_killed(
    process: subprocess.Popen[str], url: str, requests: pd.DataFrame, answers: Path,
    luck: np.random.Generator,
) -> LoadReport:  # fmt: skip
    """Load an edge and kill it at a random moment after its first answer."""
    with ThreadPoolExecutor(1) as apart:
        driven: Future[LoadReport] = apart.submit(
            load.drive, url, transactions(requests, virtual=True), connections=32, answers=answers
        )
        while not driven.done() and not (answers.exists() and answers.stat().st_size):
            time.sleep(0.005)
        time.sleep(luck.uniform(0, LONGEST_LIFE_S))
        process.kill()
        return driven.result()


def logged(log: Path, folder: Path) -> pd.DataFrame:
    """The log as SQLite recovers it, read from a copy, in row_id order."""
    copy = folder / "copy"
    copy.mkdir(exist_ok=True)
    for path in log.parent.glob(f"{log.name}*"):
        shutil.copy(path, copy / path.name)
    with closing(sqlite3.connect(copy / log.name)) as file:
        file.row_factory = sqlite3.Row
        entries = [dict(row) for row in file.execute("SELECT * FROM decisions ORDER BY row_id")]
    shutil.rmtree(copy)
    return pd.DataFrame(entries)


def missing(story: Story, folder: Path) -> list[Any]:
    """Acknowledged answers that the log does not have, or has otherwise."""
    rows = logged(story.log, folder).set_index("row_id")
    held = zip(rows["request_id"], rows["action"], strict=True)
    there = dict(zip(rows.index.tolist(), held, strict=True))
    return [
        answer
        for row_id, answer in story.acknowledged.items()
        if there.get(row_id) != (answer["request_id"], answer["action"])
    ]


def ask_again(story: Story, url: str, before: list[dict[str, Any]]) -> None:
    """Repeat some requests of the life before: the answer must be the one given then."""
    chosen = before[:: max(1, len(before) // ASKED_AGAIN)]
    if not chosen:
        return
    requests = life(story.kills - 1).set_index("request_id", drop=False)
    asked = requests.loc[[answer["request_id"] for answer in chosen]]
    with Client(url) as client:
        answers = client.decide(transactions(asked, virtual=True))
    for before_kill, after_kill in zip(chosen, answers, strict=True):
        same = all(before_kill[name] == after_kill[name] for name in DECISION_FIELDS)
        if not same or not after_kill["is_duplicate"] or after_kill["row_id"] in story.acknowledged:
            story.changed.append((before_kill, after_kill))


# --- reading the log again -----------------------------------------------------------------------


@dataclass
class Settled:
    """A log handed to a copy of the system and settled with the world's truth, day by day."""

    rows: pd.DataFrame
    ledger: Ledger
    differences: list[Any]
    truth: pd.DataFrame


def settled(log: Path, folder: Path, lives: int) -> Settled:
    """Replay a log a day at a time: another cut than the edge made, and no code of the edge."""
    rows = logged(log, folder)
    system = warmed(world(), mls.resilient_system(seed=SEED))
    days = [world().day(tick, world().start()) for tick in range(lives * DAYS_A_LIFE)]
    truth = pd.concat([day.truth for day in days])
    ledger, differences = Ledger(SEED), []
    frame = rows[list(RAW_COLUMNS)].copy()
    for name in TIMES:
        frame[name] = frame[name].to_numpy().astype("datetime64[ms]")
    tick_of = (frame["arrival_time"].to_numpy() - EPOCH).astype(np.int64) // DAY_MS
    for tick in range(int(tick_of.max()) + 1):
        today = tick_of == tick
        if today.any():
            again = system.handle(frame[today])
            was = rows[today]
            moved = again["action"].to_numpy() != was["action"].to_numpy()
            moved |= again.index.to_numpy() != was["row_id"].to_numpy()
            moved |= ~np.isclose(again["score"], was["score"].astype(float), rtol=0, atol=1e-12)
            differences += was[moved].to_dict("records")
        closed = system.close(tick)
        ledger.settle(closed, truth.loc[closed.log["request_id"].to_numpy()])
        system.step(closed)
    return Settled(rows, ledger, differences, truth)


def cents_by_hand(rows: pd.DataFrame, truth: pd.DataFrame) -> dict[int, int]:
    """What each request earned: the first answer it got, the truth, and the words of the costs.

    Nobody reviews at the edge, so a held payment is approved when its day ends.
    """
    first = rows.drop_duplicates("request_id").set_index("request_id")["action"]
    facts = truth.loc[first.index]
    earned = {}
    for request, action, fraud, cents in zip(
        first.index, first, facts["true_label"], facts["true_amount_cents"], strict=True
    ):
        margin = round(cents * COSTS.margin_rate) + COSTS.margin_fixed
        if action == "block":
            earned[request] = 0 if fraud else -COSTS.friction
        else:
            earned[request] = -(cents + COSTS.chargeback_fee) if fraud else margin
    return earned


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return lived(KILLS, tmp_path_factory.mktemp("edge"), np.random.default_rng(SEED))


@pytest.fixture(scope="module")
def replay(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    return settled(story.log, tmp_path_factory.mktemp("replay"), story.kills)


def test_the_edge_was_killed_while_it_had_work(story: Story) -> None:
    assert story.kills == KILLS
    assert story.unanswered > 0
    assert story.unfinished >= KILLS - 1  # a very quick machine may come to the end of a life
    assert len(story.acknowledged) > 50 * KILLS


def test_nothing_acknowledged_is_lost(story: Story) -> None:
    assert story.lost == []


def test_the_same_request_gets_the_same_answer_after_a_restart(story: Story) -> None:
    assert story.changed == []


def test_the_last_life_ends_when_it_is_told_to(story: Story) -> None:
    assert story.exit_code == 0


def test_rows_are_numbered_without_gaps_and_time_never_runs_back(replay: Settled) -> None:
    assert (replay.rows["row_id"] == np.arange(len(replay.rows))).all()
    assert replay.rows["arrival_time"].is_monotonic_increasing


def test_replaying_the_log_gives_the_same_actions(replay: Settled) -> None:
    assert replay.differences == []


def test_every_logged_request_has_one_effect_and_the_cents_agree(replay: Settled) -> None:
    entries = replay.ledger.entries
    assert not entries["request_id"].duplicated().any()
    assert replay.rows["is_duplicate"].sum() > 0  # some came twice, and count once
    by_hand = cents_by_hand(replay.rows, replay.truth)
    assert dict(zip(entries["request_id"], entries["cents"], strict=True)) == by_hand
    assert replay.ledger.accrued == sum(by_hand.values())
    booked = int(replay.ledger.books["cents"].sum())
    assert replay.ledger.accrued == booked + replay.ledger.outstanding
