"""The review desk at the edge: what waits, a person's word, and that it holds at midnight."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import httpx
import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import InputError, StorageError
from mlsys_lessons.serving import Client, serve, transactions, warmed
from mlsys_lessons.serving.decider import Decider
from mlsys_lessons.serving.decision_log import DecisionLog
from mlsys_lessons.serving.reviews import MINUTES, Review, ReviewDesk, VerdictStands
from mlsys_lessons.serving.schemas import transaction_reader
from mlsys_lessons.serving.serialisation import REQUEST_ID, row_of

WORLD = mls.payments_world(seed=7, daily=1_500)


def system() -> mls.System:
    return warmed(WORLD, mls.resilient_system(seed=7, retraining=None))


@pytest.fixture(scope="module")
def sent() -> list[list[dict[str, object]]]:
    state = WORLD.start()
    days = [transactions(WORLD.day(tick, state).requests, virtual=True) for tick in range(2)]
    return [days[0][:1_000], days[1][:200]]


def get(url: str, path: str) -> httpx.Response:
    return httpx.get(f"{url}{path}", trust_env=False)


def changed(path: Path, statement: str) -> None:
    file = sqlite3.connect(path, isolation_level=None)
    file.execute(statement)
    file.close()


def read(day: list[dict[str, object]]) -> list[tuple[object, ...]]:
    body = json.dumps({"transactions": day}).encode()
    return transaction_reader(virtual=True, max_rows=2_000).read(body, now_ms=0)[0]


def test_what_waits_is_listed_and_a_word_is_taken_once(
    sent: list[list[dict[str, object]]],
) -> None:
    with serve(system(), virtual=True) as url, Client(url) as client:
        assert get(url, "/v1/reviews").json() == {"waiting": 0, "reviews": []}
        actions = {each["request_id"]: each["action"] for each in client.decide(sent[0])}
        held = client.reviews()
        assert {each["request_id"] for each in held} == {
            request for request, action in actions.items() if action == "review"
        }
        assert len(held) >= 2 and all(each["review"] is None for each in held)
        values = [each["value_cents"] for each in held]
        assert values == sorted(values, reverse=True) and values[-1] > 0
        first, second = held[0]["request_id"], held[1]["request_id"]
        said = client.review(first, "block", reviewer="analyst", reason="new device")
        assert said["review"]["verdict"] == "block" and said["request_id"] == first
        again = client.review(first, "block", reviewer="somebody else", reason="me too")
        assert again["review"] == said["review"]  # the first word stands
        with pytest.raises(InputError, match=r"409.*analyst said block"):
            client.review(first, "approve", reviewer="manager", reason="a friend")
        approved = next(request for request, action in actions.items() if action == "approve")
        for request in (approved, 1, 10**18):
            with pytest.raises(InputError, match=r"404.*does not wait"):
                client.review(request, "block", reviewer="analyst", reason="a feeling")
        assert client.reviews()[0]["request_id"] == second
        page = client.metrics()
        assert f"reviews_open {len(held) - 1:.1f}" in page
        assert 'reviews_decided_total{verdict="block"} 1.0' in page
        client.decide(sent[1])  # midnight has passed
        with pytest.raises(InputError, match="404"):
            client.review(second, "block", reviewer="analyst", reason="too late")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"verdict": "ask", "reviewer": "a", "reason": "b"}', "verdict"),
        ('{"verdict": "block", "reviewer": " ", "reason": "b"}', "reviewer"),
        ('{"verdict": "block", "reviewer": "a"}', "reason"),
        ('{"verdict": "block", "reviewer": "a", "reason": "b", "amount": 1}', "amount"),
        (f'{{"verdict": "block", "reviewer": "a", "reason": "{"x" * 201}"}}', "reason"),
        ("nonsense", ""),
        ("[" * 3_000, ""),
    ],
)
def test_what_is_no_word_is_refused_and_names_the_field(body: str, field: str) -> None:
    with serve(mls.resilient_system(seed=7), virtual=True) as url:
        json = {"content-type": "application/json"}
        answer = httpx.post(f"{url}/v1/reviews/5", content=body, headers=json, trust_env=False)
        assert answer.status_code == 422 and field in answer.text
        form = httpx.post(f"{url}/v1/reviews/5", data={"verdict": "block"}, trust_env=False)
        assert form.status_code == 415  # a page of another site may not say a word


def test_a_word_outlives_a_restart_and_decides_at_midnight(
    sent: list[list[dict[str, object]]], tmp_path: Path
) -> None:
    """Written before it is answered, replayed in its place, and recorded as a person's."""
    path = tmp_path / "decisions.db"
    with serve(system(), path, virtual=True) as url, Client(url) as client:
        client.decide(sent[0])
        held = [each["request_id"] for each in client.reviews()]
        client.review(held[0], "block", reviewer="analyst", reason="new device")
        client.review(held[1], "approve", reviewer="analyst", reason="known to us")
    with serve(system(), path, virtual=True) as url, Client(url) as client:
        assert [each["request_id"] for each in client.reviews()] == held[2:]
    decider = Decider(system(), path, virtual=True, power_loss_safe=False)
    decider.open()
    closed = decider.system.close(0, decider.desk.verdicts())
    decider.close()
    log = closed.log.set_index("request_id")
    assert log.loc[held[0], ["final_action", "decided_by"]].tolist() == ["block", "reviewer"]
    assert log.loc[held[1], ["final_action", "decided_by"]].tolist() == ["approve", "reviewer"]
    assert (log.loc[held[2:], "decided_by"] == "timeout").all()
    assert closed.verdicts["minutes"].tolist() == [MINUTES] * 2


def test_midnight_takes_the_words_and_the_monitors_count_them(
    sent: list[list[dict[str, object]]], tmp_path: Path
) -> None:
    """Of what was held three were reached; a replay of the log says the same."""
    path = tmp_path / "decisions.db"
    with serve(system(), path, virtual=True) as url, Client(url) as client:
        client.decide(sent[0])
        held = [each["request_id"] for each in client.reviews()]
        for request in held[:3]:
            client.review(request, "block", reviewer="analyst", reason="new device")
        client.decide(sent[1])
        seen = get(url, "/v1/monitoring").json()["metrics"]
    assert seen["decisions.review_reached"] == pytest.approx(3 / len(held))
    replayed = Decider(system(), path, virtual=True, power_loss_safe=False)
    replayed.open()
    assert replayed.board.as_json()["metrics"] == seen
    replayed.close()


def test_a_log_without_reviews_is_read_and_a_changed_word_is_found(tmp_path: Path) -> None:
    path, about = tmp_path / "decisions.db", {"seed": "7"}
    log = DecisionLog(path, about)
    words = [Review(3, "block", "analyst", "new device", 5), Review(9, "approve", "b", "c", 6)]
    for word in words:
        log.append_review(word)
    assert log.reviews() == words
    log.close()
    changed(path, "UPDATE reviews SET verdict = 'approve' WHERE row_id = 3")
    log = DecisionLog(path, about)
    with pytest.raises(StorageError, match="review of row 3 is not as it was written"):
        log.reviews()
    log.close()
    changed(path, "DROP TABLE reviews")
    log = DecisionLog(path, about)  # as one from before there were any
    assert log.reviews() == []
    log.close()


def test_two_reviewers_and_one_payment(sent: list[list[dict[str, object]]]) -> None:
    desk = Decider(system(), None, virtual=True, power_loss_safe=False)
    desk.open()
    entries = desk.decide(read(sent[0]))
    request = desk.desk.waiting[0].entry[REQUEST_ID]
    assert row_of(desk.desk.waiting[0].entry) in [row_of(entry) for entry in entries]
    first = desk.review(request, "approve", reviewer="one", reason="a")
    assert desk.review(request, "approve", reviewer="two", reason="b") is first
    with pytest.raises(VerdictStands, match="one said approve"):
        desk.review(request, "block", reviewer="two", reason="b")
    assert "1 decided today" in repr(desk.desk)
    desk.close()


def test_an_empty_desk_has_nothing_for_midnight() -> None:
    desk = ReviewDesk()
    assert desk.verdicts() is None and desk.as_json() == {"waiting": 0, "reviews": []}
