"""The door of the edge: foreign pages and names, other payments under a used id, silent callers."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

import mlsys_lessons as mls
from mlsys_lessons.errors import StorageError
from mlsys_lessons.serving import EdgeSettings, door, serve

PATH = "/v1/decisions"
HALF_A_HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"
HALF_A_BODY = HALF_A_HEAD + b"\r\n{"
PAYMENT = {
    "request_id": 1, "event_time": "2025-01-01T00:00:01Z", "customer_id": 17,
    "account_opened": "2023-06-01", "card_country": "DE", "merchant_id": 5, "category": "grocery",
    "country": "DE", "channel": "chip", "amount": 12.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def edge() -> Iterator[httpx.Client]:
    system = mls.resilient_system(seed=7)
    with serve(system, virtual=True) as url, httpx.Client(base_url=url, trust_env=False) as http:
        yield http


def decided(edge: httpx.Client) -> float:
    """How many rows the edge has decided, by its own metrics."""
    lines = edge.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("requests_total"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:80"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "text/plain; application/json"}, 415),
    ],
)
def test_a_foreign_page_decides_nothing(
    edge: httpx.Client, headers: dict[str, str], status: int
) -> None:
    before = decided(edge)
    body = json.dumps({**PAYMENT, "request_id": 800 + int(before)}).encode()
    answer = edge.post(PATH, content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["detail"].endswith(".")
    assert decided(edge) == before
    assert edge.post(PATH, content=body).status_code == 200 and decided(edge) == before + 1


@pytest.mark.parametrize("place", ["/metrics", "/docs", "/readyz", "/openapi.json"])
def test_a_foreign_page_reads_nothing(edge: httpx.Client, place: str) -> None:
    assert edge.get(place, headers={"host": "evil.example"}).status_code == 421
    assert edge.get(place, headers={"origin": "http://evil.example"}).status_code == 403
    answer = edge.get(place)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_programs_and_named_hosts_are_let_in(edge: httpx.Client) -> None:
    port = edge.base_url.port
    own = {"host": f"localhost:{port}", "origin": f"http://localhost:{port}"}
    assert edge.get("/healthz", headers=own).status_code == 200
    kinds = ("application/json; charset=utf-8", "application/problem+json", "Application/JSON")
    for number, kind in enumerate(kinds, start=910):
        body = json.dumps({**PAYMENT, "request_id": number}).encode()
        assert edge.post(PATH, content=body, headers={"content-type": kind}).status_code == 200
    settings = EdgeSettings(allow_hosts=("till.local",))
    with serve(mls.naive_system(seed=7), virtual=True, settings=settings) as url:
        for host, status in (("till.local", 200), ("other.local", 421)):
            answer = httpx.get(f"{url}/healthz", headers={"host": host}, trust_env=False)
            assert answer.status_code == status


@pytest.mark.parametrize("place", ["/healthz", "/readyz", "/metrics", "/docs"])
def test_head_is_get_without_a_body(edge: httpx.Client, place: str) -> None:
    answer = edge.head(place)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == edge.get(place).headers["content-type"]
    assert edge.head(PATH).status_code == 405


def test_a_used_id_stands_for_its_payment(edge: httpx.Client) -> None:
    first = edge.post(PATH, json={**PAYMENT, "request_id": 920})
    again = edge.post(PATH, json={**PAYMENT, "request_id": 920})
    assert again.status_code == 200 and again.json()["is_duplicate"]
    assert again.json()["action"] == first.json()["action"]
    theft = {**PAYMENT, "request_id": 920, "amount": 19_000.0, "category": "gift_cards"}
    other = edge.post(PATH, json=theft)
    assert other.status_code == 409 and "request_id 920" in other.json()["detail"]
    listed = {"transactions": [{**PAYMENT, "request_id": 921}, {**PAYMENT, "request_id": 921,
                                                              "amount": 13.0}]}  # fmt: skip
    assert edge.post(PATH, json=listed).status_code == 409
    assert edge.post(PATH, json={**theft, "request_id": 921}).status_code == 200  # nothing claimed


def test_a_used_id_is_known_after_a_restart(tmp_path: Path) -> None:
    system = mls.naive_system(seed=7)
    for amount, status in ((12.0, 200), (19_000.0, 409), (12.0, 200)):
        with serve(system, tmp_path / "d.db", virtual=True) as url:
            answer = httpx.post(url + PATH, json={**PAYMENT, "amount": amount}, trust_env=False)
            assert answer.status_code == status


def test_whole_numbers_may_be_written_with_a_point(edge: httpx.Client) -> None:
    answer = edge.post(PATH, json={**PAYMENT, "request_id": 930.0, "customer_id": 17.0})
    assert answer.status_code == 200 and answer.json()["request_id"] == 930


def test_a_body_of_unknown_keys_is_refused_in_one_line(edge: httpx.Client) -> None:
    dear = {f"k{number}": number for number in range(60_000)}
    for body in (dear, {"transactions": [dear]}):
        answer = edge.post(PATH, json=body)
        assert answer.status_code == 422 and "60000 keys" in answer.text


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everything")
def test_a_log_that_cannot_be_written_is_told_at_the_start(tmp_path: Path) -> None:
    system, log = mls.naive_system(seed=7), tmp_path / "d.db"
    with serve(system, log, virtual=True):
        pass
    log.chmod(0o444)
    with pytest.raises(StorageError, match="cannot be used as a decision log"), serve(system, log):
        pass


def test_a_file_that_only_reads_is_found_out_by_writing(tmp_path: Path) -> None:
    """The same for root, who may write everything: SQLite itself is told to read only."""
    file = tmp_path / "d.db"
    with serve(mls.naive_system(seed=7), file, virtual=True):
        pass
    reader = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("PRAGMA user_version = 1")


def test_silent_callers_are_let_go_and_a_good_one_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "SILENCE_S", 0.5)
    monkeypatch.setattr(door, "MOST_CONNECTIONS", 20)
    with serve(mls.naive_system(seed=7), virtual=True) as url:
        address = urlsplit(url)
        target = (address.hostname, address.port)
        silent = [socket.create_connection(target, timeout=10) for _ in range(60)]
        for half in silent[::3]:
            half.sendall(HALF_A_HEAD)
        for half in silent[1::3]:
            half.sendall(HALF_A_BODY)
        assert httpx.get(f"{url}/healthz", trust_env=False, timeout=5).status_code == 200
        for one in silent:  # all of them get their end, nobody waits for ever
            with contextlib.suppress(ConnectionResetError):
                assert one.recv(1_000) == b""
            one.close()
        assert httpx.get(f"{url}/healthz", trust_env=False, timeout=5).status_code == 200


@pytest.mark.parametrize("first_words", [b"", HALF_A_BODY])
def test_a_flood_is_held_to_the_room_there_is(
    monkeypatch: pytest.MonkeyPatch, first_words: bytes
) -> None:
    monkeypatch.setattr(door, "SILENCE_S", 60.0)
    monkeypatch.setattr(door, "MOST_CONNECTIONS", 20)
    monkeypatch.setattr(door, "MADE_ROOM", 5)
    patient = EdgeSettings(time_limit_s=30.0)
    with serve(mls.naive_system(seed=7), virtual=True, settings=patient) as url:
        address = urlsplit(url)
        flood = [socket.create_connection((address.hostname, address.port)) for _ in range(200)]
        for one in flood:
            with contextlib.suppress(ConnectionError):
                one.sendall(first_words)
        assert httpx.get(f"{url}/healthz", trust_env=False, timeout=5).status_code == 200
        ended = 0
        for one in flood:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                with contextlib.suppress(ConnectionResetError):
                    assert one.recv(1_000) == b""
                ended += 1
            one.close()
        assert 180 <= ended < 200  # the newest may stay: they have had the least time to speak
