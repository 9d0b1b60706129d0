"""The edge as a caller meets it: over loopback, in any mood, and gone when the block ends.

What the log holds and how it replays is test_decision_log.py's concern.
"""

from __future__ import annotations

import asyncio
import copy
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pandas as pd
import pytest

import mlsys_lessons as mls
from mlsys_lessons.components.inference.models import BaseRate
from mlsys_lessons.components.inference.registry import ModelVersion
from mlsys_lessons.errors import InputError, LessonError, StateError
from mlsys_lessons.records import DAY_MS
from mlsys_lessons.serving import Client, EdgeSettings, serve, server, transactions, warmed
from mlsys_lessons.serving.app import application
from mlsys_lessons.serving.batcher import Batcher
from mlsys_lessons.serving.decider import Decider
from mlsys_lessons.serving.decision_log import DecisionLog
from mlsys_lessons.serving.metrics import Metrics
from mlsys_lessons.serving.model_files import save_model
from mlsys_lessons.serving.serialisation import EPOCH_MS, Entry
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

WORLD = mls.payments_world(seed=7, daily=200)
GOOD: dict[str, Any] = {
    "request_id": 1, "event_time": "2025-01-01T09:30:00Z", "customer_id": 17,
    "account_opened": "2023-06-01", "card_country": "DE", "merchant_id": 5, "category": "grocery",
    "country": "DE", "channel": "chip", "amount": 23.5,
}  # fmt: skip
ANSWER = {
    "request_id", "row_id", "action", "score", "reasons", "model_version", "policy_version",
    "is_fallback", "fallback_reason", "is_duplicate",
}  # fmt: skip
PATH = "/v1/decisions"


@pytest.fixture(scope="module")
def system() -> System:
    return warmed(WORLD, mls.resilient_system(seed=7))


@pytest.fixture(scope="module")
def edge(system: System) -> Iterator[httpx.Client]:
    """One server in virtual time for the tests that leave nothing behind."""
    with serve(system, virtual=True) as url, httpx.Client(base_url=url, trust_env=False) as http:
        yield http


@pytest.fixture(scope="module")
def bodies() -> list[dict[str, Any]]:
    return transactions(WORLD.day(0, WORLD.start()).requests, virtual=True)


def metric(http: httpx.Client, name: str) -> float:
    """The sum of one metric's samples on the page."""
    samples = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", http.get("/metrics").text, re.M)
    return sum(map(float, samples))


# --- decisions and refusals ----------------------------------------------------------------------


def test_one_transaction_and_many_are_answered_alike(edge: httpx.Client) -> None:
    one = edge.post(PATH, json=GOOD).json()
    many = edge.post(PATH, json={"transactions": [GOOD, {**GOOD, "request_id": 2}]}).json()
    assert set(one) == ANSWER and one["action"] == "approve" and 0 < one["score"] < 0.1
    assert (one["model_version"], one["reasons"]) == ("boosted-1", ["score"])
    first, second = many["decisions"]
    assert first == {**one, "row_id": first["row_id"], "is_duplicate": True}
    assert (second["request_id"], second["is_duplicate"]) == (2, False)
    assert second["row_id"] == first["row_id"] + 1


@pytest.mark.parametrize("when", ["2025-01-01T10:30:00+01:00", "2025-01-01T09:30:00.000",
                                  EPOCH_MS + 34_200_000])  # fmt: skip
def test_a_time_can_be_written_in_several_ways(system: System, when: Any) -> None:
    with serve(system, virtual=True) as url, Client(url) as client:
        decisions = client.decide([GOOD, {**GOOD, "request_id": 5, "event_time": when}])
    assert decisions[0]["score"] == decisions[1]["score"]  # neither is earlier than the other


BREACHES = {
    "amount": [-5, 0, 20_001, 1e-9, 9e11],
    "category": ["", "transactions", "früh\x00stück", "x" * 64],
    "country": ["XX"],
    "customer_id": [-1, 2**24, 2**53 - 1],
    "merchant_id": [-1, 2**20],
    "event_time": ["2024-06-01T00:00:00Z", "2031-01-01T00:00:00Z", "0001-01-01", -1],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f in BREACHES for v in BREACHES[f]])
def test_a_broken_promise_is_decided_and_quarantined(
    system: System, field: str, value: Any
) -> None:
    """Legible nonsense is the contract's business: an answer with a reason, not a 422."""
    asked = {**GOOD, "request_id": 77, field: value, "arrival_time": GOOD["event_time"]}
    decider = Decider(system, None, virtual=True, power_loss_safe=False)
    edge = application(Batcher(decider, EdgeSettings(), Metrics()))

    async def ask() -> httpx.Response:
        async with running(edge) as http:
            return await http.post(PATH, json=asked)

    answer = asyncio.run(ask())
    assert answer.status_code == 200, answer.text
    assert answer.json()["reasons"][1].startswith(f"{field}: ")


def test_a_slow_model_is_replaced_by_its_fallback_and_counted(system: System) -> None:
    slowed = copy.deepcopy(system)
    slowed.install([mls.faults.latency(start=0, end=2, severity=1_000)])
    with serve(slowed, virtual=True) as url, httpx.Client(base_url=url, trust_env=False) as http:
        decisions = [http.post(PATH, json={**GOOD, "request_id": k}).json() for k in range(3)]
        assert metric(http, "fallback_total") == 3
    assert {decision["is_fallback"] for decision in decisions} == {True}
    assert {decision["fallback_reason"] for decision in decisions} == {"deadline"}
    assert {decision["model_version"] for decision in decisions} == {"rule-fallback"}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


REFUSED: list[tuple[str, str, str]] = [  # body, the field that is named, the rule
    *((json.dumps(without(name)), name, "missing") for name in GOOD),
    (json.dumps({**GOOD, "colour": 1}), "colour", "extra_forbidden"),
    (json.dumps({**GOOD, "amount": float("nan")}), "amount", "finite_number"),
    (json.dumps({**GOOD, "amount": float("-inf")}), "amount", "finite_number"),
    (json.dumps(GOOD).replace("23.5", "1e999"), "amount", "finite_number"),
    (json.dumps({**GOOD, "amount": 1e12}), "amount", "less_than"),
    (json.dumps({**GOOD, "amount": "23.5"}), "amount", "float_type"),
    (json.dumps({**GOOD, "amount": None}), "amount", "float_type"),
    (json.dumps({**GOOD, "amount": [1]}), "amount", "float_type"),
    (json.dumps({**GOOD, "amount": True}), "amount", "float_type"),
    (json.dumps({**GOOD, "request_id": 2**53}), "request_id", "less_than_equal"),
    (json.dumps({**GOOD, "request_id": -(10**300)}), "request_id", "greater_than_equal"),
    (json.dumps({**GOOD, "request_id": 1.5}), "request_id", "int_type"),
    (json.dumps({**GOOD, "request_id": float("nan")}), "request_id", "int_type"),
    (json.dumps({**GOOD, "customer_id": "17"}), "customer_id", "int_type"),
    (json.dumps({**GOOD, "merchant_id": False}), "merchant_id", "int_type"),
    (json.dumps({**GOOD, "category": 5}), "category", "string_type"),
    (json.dumps({**GOOD, "channel": "x" * 65}), "channel", "string_too_long"),
    (json.dumps({**GOOD, "event_time": "yesterday"}), "event_time", "value_error"),
    (json.dumps({**GOOD, "event_time": "2025-02-30"}), "event_time", "value_error"),
    (json.dumps({**GOOD, "event_time": None}), "event_time", "value_error"),
    (json.dumps({**GOOD, "event_time": 1.5}), "event_time", "value_error"),
    (json.dumps({**GOOD, "event_time": True}), "event_time", "value_error"),
    (json.dumps({**GOOD, "event_time": float("inf")}), "event_time", "value_error"),
    (json.dumps({**GOOD, "event_time": 10**15}), "event_time", "less_than_equal"),
    (json.dumps({**GOOD, "account_opened": "0001-01-01T00:00+14:00"}), "account_opened",
     "greater_than_equal"),
    (json.dumps({**GOOD, "arrival_time": "2025-02-09T00:00:00Z"}), "arrival_time", "value_error"),
    (json.dumps({"transactions": []}), "transactions", "too_short"),
    (json.dumps({"transactions": [GOOD] * 1_001}), "transactions", "too_long"),
    (json.dumps({"transactions": GOOD}), "transactions", "list_type"),
    (json.dumps({"transactions": [GOOD], "more": 1}), "more", "extra_forbidden"),
    (json.dumps({"transactions": [GOOD, {**GOOD, "amount": "x"}]}), "amount", "float_type"),
    ("", "body", "json_invalid"),
    ("{", "body", "json_invalid"),
    ("[" * 100_000, "body", "json_invalid"),
    (json.dumps(GOOD).replace("grocery", "\\ud800"), "body", "json_invalid"),
    ("null", "body", "model_type"),
    ("[1]", "body", "model_type"),
    ('"text"', "body", "model_type"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "rule"), REFUSED)
def test_what_cannot_be_read_is_refused_by_field_and_rule(
    edge: httpx.Client, body: str, field: str, rule: str
) -> None:
    before = metric(edge, "requests_total")
    answer = edge.post(PATH, content=body)
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert (field, rule) in [(error["loc"][-1], error["type"]) for error in detail]
    assert all(error["loc"][0] == "body" and error["msg"] for error in detail)
    assert metric(edge, "requests_total") == before


def test_bytes_that_are_no_text_are_refused(edge: httpx.Client) -> None:
    for content in (b"\xff\xfe", json.dumps(GOOD).encode("utf-16"), bytes(200)):
        assert edge.post(PATH, content=content).status_code == 422


def test_the_wall_clock_stamps_and_takes_no_stamps(system: System) -> None:
    now = time.time_ns() // 1_000_000
    asked = {**GOOD, "event_time": now - 1_000, "account_opened": now - 400 * DAY_MS}
    with serve(system) as url, httpx.Client(base_url=url, trust_env=False) as http:
        decision = http.post(PATH, json=asked).json()
        refused = http.post(PATH, json={**asked, "arrival_time": now})
    assert decision["reasons"] == ["score"] and decision["is_fallback"] is False
    assert refused.json()["detail"][0]["loc"] == ["body", "arrival_time"]


# --- how much is let in --------------------------------------------------------------------------


def chunked(size: int) -> Iterator[bytes]:
    for _ in range(size // 10_000):
        yield b" " * 10_000


def test_a_body_that_is_too_large_is_not_read_to_its_end(edge: httpx.Client) -> None:
    for content in (b" " * 1_000_001, chunked(2_000_000)):
        answer = edge.post(PATH, content=content)
        assert answer.status_code == 413 and "1,000,000 bytes" in answer.json()["detail"]
    assert edge.post(PATH, json={**GOOD, "request_id": 3}).status_code == 200


def test_other_methods_and_addresses_are_told_so(edge: httpx.Client) -> None:
    assert edge.get(PATH).status_code == edge.put(PATH, json=GOOD).status_code == 405
    assert edge.get(PATH).headers["allow"] == "POST"
    assert edge.get("/v2/decisions").status_code == 404


def test_concurrent_callers_share_batches_and_each_gets_its_own_answer(
    system: System, bodies: list[dict[str, Any]], tmp_path: Path
) -> None:
    with (
        serve(system, tmp_path / "a.db", virtual=True) as url,
        httpx.Client(base_url=url, trust_env=False) as http,
        ThreadPoolExecutor(24) as pool,
    ):
        decisions = list(pool.map(lambda body: http.post(PATH, json=body).json(), bodies))
        rows, batches = (metric(http, f"batch_size_rows_{total}") for total in ("sum", "count"))
        assert metric(http, "requests_total") == metric(http, "latency_seconds_count") == rows
        assert metric(http, "queue_depth_rows") == metric(http, "shed_total") == 0
    ids = [decision["request_id"] for decision in decisions]
    assert ids == [body["request_id"] for body in bodies]
    assert sorted(row["row_id"] for row in decisions) == list(range(len(bodies)))
    assert rows == len(bodies) and batches < rows
    with sqlite3.connect(tmp_path / "a.db") as file:
        logged = file.execute("SELECT row_id, request_id, action, score FROM decisions").fetchall()
    file.close()
    keys = ("row_id", "request_id", "action", "score")
    assert sorted(logged) == sorted(tuple(row[key] for key in keys) for row in decisions)


# --- in one process, where time can be stopped ---------------------------------------------------


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """An app with its lifespan, without sockets; ready when its log is replayed."""
    transport = httpx.ASGITransport(app)
    client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
    async with app.router.lifespan_context(app), client as http:
        while "being replayed" in (await http.get("/readyz")).text:
            await asyncio.sleep(0.01)
        yield http


class Slow:
    """A system whose model can be held up."""

    def __init__(self, system: System) -> None:
        self.decider = Decider(system, None, virtual=True, power_loss_safe=False)
        self.begun, self.go = threading.Event(), threading.Event()
        self.handle = self.decider.system.handle
        self.decider.system.handle = self._handle  # type: ignore[method-assign]

    def _handle(self, frame: Any) -> Any:
        self.begun.set()
        assert self.go.wait(timeout=20)
        return self.handle(frame)

    def edge(self, **limits: Any) -> Any:
        return application(Batcher(self.decider, EdgeSettings(**limits), Metrics()))


def asked(request_id: int) -> dict[str, Any]:
    return {**GOOD, "request_id": request_id}


def test_a_full_queue_sheds_at_once_and_decides_the_rest(system: System) -> None:
    slow = Slow(system)

    async def story() -> tuple[list[httpx.Response], list[httpx.Response], str]:
        async with running(slow.edge(queue_rows=4, rows_per_call=4)) as http:
            working = asyncio.create_task(http.post(PATH, json=asked(1)))
            await asyncio.to_thread(slow.begun.wait, 20)
            waiting = [asyncio.create_task(http.post(PATH, json=asked(k))) for k in range(2, 6)]
            await asyncio.sleep(0.05)
            shed = [await http.post(PATH, json=asked(k)) for k in range(6, 9)]
            alive = [
                (await http.get("/healthz")).status_code,
                (await http.get("/readyz")).status_code,
            ]
            assert alive == [200, 200]
            slow.go.set()
            answered = await asyncio.gather(working, *waiting)
            return shed, answered, (await http.get("/metrics")).text

    shed, answered, page = asyncio.run(story())
    assert {response.status_code for response in shed} == {503}
    assert all(response.headers["retry-after"] == "1" for response in shed)
    assert "4 transactions are waiting; try again in 1 s." in shed[0].json()["detail"]
    assert [response.json()["request_id"] for response in answered] == [1, 2, 3, 4, 5]
    assert 'shed_total{cause="queue_full"} 3.0' in page
    assert 'requests_total{action="approve"} 5.0' in page
    assert "batch_size_rows_count 2.0" in page  # the one, and the four that gathered meanwhile
    assert slow.decider.system.ingestion.rows_seen == 5


def test_nobody_waits_longer_than_the_limit(system: System) -> None:
    """Whoever gave up in the queue was not decided; whoever was being decided can ask again."""
    slow = Slow(system)

    async def story() -> tuple[list[httpx.Response], httpx.Response, str]:
        async with running(slow.edge(time_limit_s=0.2, retry_after_s=7)) as http:
            first = asyncio.create_task(http.post(PATH, json=asked(1)))
            await asyncio.sleep(0.1)
            late = await asyncio.gather(first, http.post(PATH, json=asked(2)))
            slow.go.set()
            while not slow.decider.system.ingestion.rows_seen:
                await asyncio.sleep(0.01)
            again = await http.post(PATH, json=asked(1))
            return late, again, (await http.get("/metrics")).text

    late, again, page = asyncio.run(story())
    assert [response.status_code for response in late] == [503, 503]
    assert late[0].headers["retry-after"] == "7" and "within 0.2 s" in late[0].json()["detail"]
    assert again.json()["is_duplicate"] and again.json()["row_id"] == 1
    assert 'shed_total{cause="too_slow"} 2.0' in page


def test_nothing_is_decided_before_the_log_is_replayed(system: System) -> None:
    decider = Decider(system, None, virtual=True, power_loss_safe=False)
    go, really_open = threading.Event(), decider.open
    decider.open = lambda: go.wait(timeout=20) and really_open()  # type: ignore[method-assign]
    app = application(Batcher(decider, EdgeSettings(), Metrics()))

    async def story() -> list[tuple[int, str]]:
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
                early = [await http.get("/healthz"), await http.get("/readyz"),
                         await http.post(PATH, json=GOOD)]  # fmt: skip
                go.set()
                while (await http.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.01)
                late = await http.post(PATH, json=GOOD)
                return [
                    (response.status_code, response.headers.get("retry-after", ""))
                    for response in (*early, late)
                ]

    assert asyncio.run(story()) == [(200, ""), (503, "1"), (503, "1"), (200, "")]


def test_an_edge_ahead_of_its_log_stops_and_says_so(system: System) -> None:
    """Whatever goes wrong between the system and the log: no answer is left unwritten."""
    decider = Decider(system, None, virtual=True, power_loss_safe=False)
    app = application(Batcher(decider, EdgeSettings(), Metrics()))

    def broken(*lines: Any) -> None:
        raise StateError("the disk is full.")

    async def story() -> list[httpx.Response]:
        async with running(app) as http:
            fine = await http.post(PATH, json=asked(1))
            assert decider._log is not None
            decider._log.append = broken  # type: ignore[method-assign]
            responses = await asyncio.gather(*(http.post(PATH, json=asked(k)) for k in (2, 3)))
            responses.append(await http.post(PATH, json=asked(1)))
            probes = [await http.get("/readyz"), await http.get("/healthz")]
            return [fine, *responses, *probes]

    responses = asyncio.run(story())
    assert [response.status_code for response in responses] == [200, 503, 503, 503, 503, 200]
    assert all(
        "the disk is full; only a restart of the edge ends this." in response.text
        for response in responses[1:5]
    )


# --- its life ------------------------------------------------------------------------------------


def closed(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((urlsplit(url).hostname, urlsplit(url).port)) != 0


def test_nothing_outlives_the_block(system: System, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with serve(system, tmp_path / "a.db") as url, Client(url) as client:
        assert not closed(url) and client.ready()
        more = {thread.name for thread in set(threading.enumerate()) - before}
        assert more == {"edge", "decider_0"}
    assert closed(url) and not set(threading.enumerate()) - before
    with pytest.raises(ZeroDivisionError), serve(system, tmp_path / "a.db") as url:
        idle = socket.create_connection((urlsplit(url).hostname, urlsplit(url).port))
        idle.sendall(b"POST /v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Le")
        raise ZeroDivisionError
    idle.close()
    assert closed(url) and not set(threading.enumerate()) - before
    with serve(system, tmp_path / "a.db"):  # and the log is free again
        pass


def test_a_long_replay_ends_with_the_block(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody presses Ctrl-C while a log is being replayed: nobody waits for its end."""
    with serve(system, tmp_path / "a.db", virtual=True) as url, Client(url) as client:
        client.decide([GOOD])
    lines, read_to_its_end = DecisionLog.entries, []

    def endless(log: DecisionLog) -> Iterator[list[Entry]]:
        (chunk,) = lines(log)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            yield chunk
        read_to_its_end.append(True)

    def interrupted(*edge: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(DecisionLog, "entries", endless)
    monkeypatch.setattr(Decider, "_check_replay", lambda *entries: None)
    monkeypatch.setattr(server, "_wait_until_ready", interrupted)
    with pytest.raises(KeyboardInterrupt), serve(system, tmp_path / "a.db", virtual=True):
        pytest.fail("the block was entered")
    assert not read_to_its_end


def test_a_request_on_its_way_is_answered_before_the_end(system: System) -> None:
    with ThreadPoolExecutor(1) as pool:
        with serve(system, virtual=True) as url:
            many = {"transactions": [asked(k) for k in range(500)]}
            answer = pool.submit(httpx.post, url + PATH, json=many, trust_env=False)
            time.sleep(0.02)
        response = answer.exception() or answer.result()
    assert isinstance(response, httpx.ConnectError) or len(response.json()["decisions"]) == 500


HALF = b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"


def test_a_caller_who_falls_silent_is_given_up(system: System) -> None:
    settings = EdgeSettings(time_limit_s=0.3)
    with serve(system, virtual=True, settings=settings) as url:
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as half:
            half.sendall(
                b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
            )
            assert half.recv(4_096).startswith(b"HTTP/1.1 503")
        with socket.create_connection((address.hostname, address.port)) as gone:
            gone.sendall(
                b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
            )
        with Client(url) as client:
            assert client.decide([GOOD])[0]["action"] == "approve"


def test_a_port_that_is_taken_is_named(system: System) -> None:
    with serve(system) as url:
        taken = urlsplit(url).port or 0
        with pytest.raises(StateError, match=f"port {taken} "), serve(system, port=taken):
            pytest.fail("the block was entered")
    with pytest.raises(InputError, match="port"), serve(system, port=70_000):
        pass


def test_a_log_that_cannot_be_served_is_said_before_the_block(
    system: System, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine, all mine; " * 20)
    before = set(threading.enumerate())
    for log, words in ((tmp_path / "notes.txt", "notes.txt"), (tmp_path / "no" / "a.db", "a.db")):
        with pytest.raises(LessonError, match=words), serve(system, log):
            pytest.fail("the block was entered")
    log = tmp_path / "a.db"
    with serve(system, log), pytest.raises(StateError, match="open in another"), serve(system, log):
        pytest.fail("the block was entered")
    assert not set(threading.enumerate()) - before


@pytest.mark.parametrize("wrong", [
    {"max_batch": 0}, {"queue_rows": 0}, {"rows_per_call": 5_000}, {"body_bytes": -1},
    {"retry_after_s": 1.5}, {"time_limit_s": 0}, {"time_limit_s": float("nan")},
    {"time_limit_s": "5"},
])  # fmt: skip
def test_limits_are_held_to_their_ranges(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        EdgeSettings(**wrong)


# --- what it says of itself ----------------------------------------------------------------------


def test_the_document_tells_the_fields_and_every_answer(edge: httpx.Client) -> None:
    document = edge.get("/openapi.json").json()
    desk = {"/v1/reviews", "/v1/reviews/{request_id}"}
    plain = {PATH, "/healthz", "/readyz", "/metrics", "/v1/monitoring"}
    assert set(document["paths"]) == plain | desk
    decide = document["paths"][PATH]["post"]
    assert set(decide["responses"]) == {"200", "403", "409", "413", "415", "421", "422", "503"}
    assert "Retry-After" in decide["responses"]["503"]["headers"]
    one, many = decide["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert list(one["properties"]) == list(RAW_COLUMNS) and not one["additionalProperties"]
    assert set(one["required"]) == set(RAW_COLUMNS) - {"arrival_time"}
    assert (
        one["properties"]["amount"]["description"] == "0.01 to 20,000.0 EUR, or it is quarantined"
    )
    assert many["properties"]["transactions"]["maxItems"] == 1_000
    assert edge.post(PATH, json={**one["example"], "request_id": 901}).status_code == 200
    decision = decide["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"][0]
    assert set(decision["properties"]) == set(decision["required"]) == ANSWER


def test_the_page_of_documents_needs_no_network(edge: httpx.Client) -> None:
    page = edge.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//|@import|<script", page.text)
    for word in ("POST /v1/decisions", "GET /metrics", "arrival_time", "413", "422", "503"):
        assert word in page.text


# --- the client and the command ------------------------------------------------------------------


def test_the_client_turns_a_no_into_an_exception(edge: httpx.Client) -> None:
    with Client(str(edge.base_url)) as client:
        assert client.ready() and "requests_total" in client.metrics()
        with pytest.raises(InputError, match=r"422: transactions\.1\.amount: .*finite number"):
            client.decide([GOOD, {**GOOD, "amount": float("nan")}])
        with pytest.raises(InputError, match=r"transactions\(frame\)"):
            client.decide([{**GOOD, "amount": object()}])
    with Client("http://127.0.0.1:9") as nobody:
        assert not nobody.ready()
        with pytest.raises(StateError, match="does not answer"):
            nobody.decide([GOOD])


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path, stop: signal.Signals) -> None:
    model = save_model(ModelVersion("mine-7", BaseRate().fit(pd.DataFrame({"x": [0]}), np.ones(1))),
                       tmp_path / "mine.skops")  # fmt: skip
    command = [sys.executable, "-m", "mlsys_lessons", "serve", "--json", "--virtual", "--daily",
               "100", "--system", "naive", "--model", str(model), "--log",
               str(tmp_path / "a.db")]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = json.loads(next(lines_of(process)))["url"]
        with Client(url) as client:
            decisions = client.decide([GOOD])
            assert (decisions[0]["model_version"], decisions[0]["score"]) == ("mine-7", 1.0)
    finally:
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "") and closed(url)


@pytest.mark.parametrize(("arguments", "word"), [
    (("--system", "reference"), "truth"), (("--system", "wild"), "wild"),
    (("--port", "-1"), "port"), (("--log", "."), "decision log"), (("--model", "no"), "no"),
])  # fmt: skip
def test_the_command_says_a_mistake_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], word: str
) -> None:
    from mlsys_lessons import cli

    assert cli.main(["serve", "--daily", "100", *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and word in output.err
