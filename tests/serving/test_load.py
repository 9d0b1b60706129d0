"""The load client, against servers of a few lines that misbehave in known ways."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.serving import load

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Counts connections and requests; what it answers is given."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.connections, self.bodies = answer, 0, []
        self.at_once = self.most_at_once = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.bodies.append((head.split(b"\r\n")[0].decode(), body.decode()))
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                await self.answer(body, writer)
                self.at_once -= 1
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            self.at_once = 0
        finally:
            writer.close()


@contextmanager
def listening(answer: Answer) -> Iterator[tuple[str, Server]]:
    """The address of a server in a thread of its own, which ends with the context."""
    server, ready = Server(answer), threading.Event()
    state: dict[str, Any] = {}

    async def main() -> None:
        state["loop"], state["end"] = asyncio.get_running_loop(), asyncio.Event()
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        state["port"] = listener.sockets[0].getsockname()[1]
        ready.set()
        await state["end"].wait()
        listener.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{state['port']}", server
    finally:
        state["loop"].call_soon_threadsafe(state["end"].set)
        thread.join(10)


def reply(
    writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK", more: str = ""
) -> None:
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    writer.write(head.encode() + body)


async def echo(body: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.001)
    reply(writer, body)


def test_each_body_is_sent_once_and_its_answer_is_kept(tmp_path: Path) -> None:
    bodies = [{"request_id": number, "town": "Köln"} for number in range(200)]
    with listening(echo) as (url, server):
        report = load.drive(url, bodies, connections=7, answers=tmp_path / "answers")
    assert report.statuses == {"200": 200}
    assert report.requests == len(report.latencies) == 200
    assert server.connections == server.most_at_once == 7
    assert {line for line, _ in server.bodies} == {"POST /v1/decisions HTTP/1.1"}
    kept = [json.loads(line) for line in (tmp_path / "answers").read_text().splitlines()]
    assert sorted(kept, key=lambda answer: answer["request_id"]) == bodies


def test_bodies_go_round_until_the_number_asked_for_is_reached() -> None:
    with listening(echo) as (url, server):
        report = load.drive(f"{url}/other", ["1", "2", "3"], connections=1, requests=7)
    assert report.requests == 7
    assert [body for _, body in server.bodies] == ["1", "2", "3", "1", "2", "3", "1"]
    assert server.bodies[0][0] == "POST /other HTTP/1.1"


def test_latency_is_the_time_to_the_end_of_the_answer_and_quantiles_are_observed_values() -> None:
    async def in_two_pieces(body: bytes, writer: asyncio.StreamWriter) -> None:
        slow = body == b"9"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        await writer.drain()
        await asyncio.sleep(0.2 if slow else 0.002)
        writer.write(b"cd")

    with listening(in_two_pieces) as (url, _):
        report = load.drive(url, [str(number) for number in range(10)], connections=1)
    ordered = sorted(report.latencies)
    assert ordered[-1] >= 195
    assert ordered[0] >= 1.5
    observed = (report.p50_ms, report.p90_ms, report.p99_ms)
    assert [round(quantile, 3) for quantile in observed] == [ordered[4], ordered[8], ordered[9]]
    assert report.per_second == pytest.approx(10 / report.seconds)


def test_a_time_limit_ends_a_load_without_breaking_answers_off() -> None:
    async def thoughtful(body: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        reply(writer, body)

    with listening(thoughtful) as (url, _):
        report = load.drive(url, ["{}"], connections=3, seconds=0.4)
    assert set(report.statuses) == {"200"}
    assert 3 <= report.requests <= 3 * 9


def test_refusals_are_counted_by_status_and_are_not_acknowledged(tmp_path: Path) -> None:
    async def full(body: bytes, writer: asyncio.StreamWriter) -> None:
        odd = int(body) % 2
        reply(writer, b"{}", *(("503 Busy", "Retry-After: 1\r\n") if odd else ()))

    with listening(full) as (url, _):
        report = load.drive(url, range(20), connections=4, answers=tmp_path / "answers")
    assert report.statuses == {"200": 10, "503": 10}
    assert report.per_second == pytest.approx(10 / report.seconds)
    assert len((tmp_path / "answers").read_bytes().splitlines()) == 10


def test_a_server_that_hangs_up_is_asked_again_on_a_new_connection() -> None:
    async def once(body: bytes, writer: asyncio.StreamWriter) -> None:
        if body == b"3":
            writer.close()
            return
        reply(writer, body, more="Connection: close\r\n")
        writer.close()

    with listening(once) as (url, server):
        report = load.drive(url, range(6), connections=1)
    assert report.statuses == {"200": 5, "lost": 1}
    assert server.connections == 6


def test_half_an_answer_is_lost_not_acknowledged(tmp_path: Path) -> None:
    async def half(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    with listening(half) as (url, _):
        report = load.drive(url, ["1"], answers=tmp_path / "answers")
    assert report.statuses == {"lost": 1}
    assert report.per_second == 0
    assert not (tmp_path / "answers").read_bytes()


def test_a_server_that_never_answers_does_not_hold_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(body: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(load, "PATIENCE", 0.2)
    began = time.perf_counter()
    with listening(never) as (url, _):
        report = asyncio.run(load._Load(url, ["{}"], 10, 0.2).run(4))
    assert time.perf_counter() - began < 10
    assert report.statuses == {"lost": 4}


def test_the_client_stops_when_the_server_is_gone() -> None:
    async def die(body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    with listening(die) as (url, _):
        report = load.drive(url, range(50), connections=5)
    assert report.statuses == {"lost": 50}
    with pytest.raises(StateError, match="nobody answers"):
        load.drive(url, ["{}"])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"connections": 0}, "connections=0"), ({"connections": 1_001}, "connections=1001"),
        ({"requests": 0}, "requests=0"), ({"seconds": 0}, "seconds=0"),
        ({"seconds": 601}, "seconds=601"), ({"bodies": []}, "no bodies"),
        ({"url": "http://127.0.0.1:99999"}, "Port"), ({"answers": "/no/such/file"}, "No such file"),
        ({"url": "ftp://127.0.0.1"}, "ftp://127.0.0.1"), ({"url": "127.0.0.1:80"}, "plain http"),
    ],
)  # fmt: skip
def test_a_mistake_gets_one_sentence(change: dict[str, Any], part: str) -> None:
    arguments = {"url": "http://127.0.0.1:1", "bodies": ["{}"], **change}
    with pytest.raises(InputError, match=part) as refused:
        load.drive(**arguments)
    assert "\n" not in str(refused.value)
