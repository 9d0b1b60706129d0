"""The load client: a few connections that ask as fast as they are answered, and take the time.

    python -m mlsys_lessons.serving.load http://127.0.0.1:8000 --bodies rows.jsonl --seconds 5

It runs in a process of its own, on bare sockets: a client library that costs more than the server
would measure itself. The loop is closed, each connection waits for its answer before it asks again:
the latencies are those of callers who wait, not of callers who keep arriving (see traffic.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from mlsys_lessons.records import InputError, StateError, whole_number

PATH = "/v1/decisions"
MOST_CONNECTIONS, MOST_REQUESTS, MOST_SECONDS = 1_000, 10_000_000, 600
PATIENCE = 10  # seconds that the last answers may take after the end
LOST = "lost"  # among the statuses: asked, and no answer came, or only a part


@dataclass(frozen=True)
class LoadReport:
    """What a load met: counts, seconds, and milliseconds from asking to the full answer.

    `per_second` counts answers below 300; `client_share` is the part of one core that the client
    itself took: near 1, the client is what was measured.
    """

    requests: int
    seconds: float
    per_second: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    statuses: dict[str, int]
    client_share: float
    latencies: tuple[float, ...] = field(repr=False)


def drive(
    url: str, bodies: Sequence[Any], *, connections: int = 64, requests: int | None = None,
    seconds: float | None = None, answers: str | Path | None = None,
) -> LoadReport:  # fmt: skip
    """Load a server from another process and report what it met.

    `bodies` are JSON texts, or objects to be written as JSON; they are sent in their order, again
    from the first where `requests` or `seconds` ask for more (without both: each of them once).
    `answers` names a file that gets the body of every answer with status 200, one a line, when it
    has been read to its end: what the server has acknowledged.

    Raises InputError for arguments out of range, StateError when nobody listens.

    >>> drive("http://127.0.0.1:1", ["{}"])
    Traceback (most recent call last):
    mlsys_lessons.records.StateError: nobody answers at http://127.0.0.1:1; is the server up?
    """
    lines = [each if isinstance(each, str) else json.dumps(each) for each in bodies]
    names = ("connections", "requests", "seconds", "answers")
    options = zip(names, (connections, requests, seconds, answers), strict=True)
    given = [f"--{name}={value}" for name, value in options if value is not None]
    command = [sys.executable, "-m", __name__, url, "--bodies=-", *given]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True)
    if done.returncode:
        problem = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise (StateError if done.returncode == _NOBODY else InputError)(problem[-1])
    facts = json.loads(done.stdout)
    return LoadReport(**{**facts, "latencies": tuple(facts["latencies"])})


class _Load:
    """One run: what is left to ask, and what came back."""

    def __init__(self, url: str, lines: list[str], requests: int, seconds: float) -> None:
        place = urlsplit(url)
        if place.scheme != "http" or not place.hostname:
            raise InputError(f"url {url!r} is no plain http address; try http://127.0.0.1:8000.")
        self.host, self.port = place.hostname, place.port or 80
        first = f"POST {place.path.rstrip('/') or PATH} HTTP/1.1\r\nHost: {place.netloc}\r\n"
        head = f"{first}Content-Type: application/json\r\nContent-Length: ".encode()
        texts = [line.encode() for line in lines]
        self.asked = cycle([b"%b%d\r\n\r\n%b" % (head, len(text), text) for text in texts])
        self.left, self.seconds, self.stop = requests, seconds, math.inf
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.answers: IO[bytes] | None = None

    def next(self) -> bytes | None:
        """The next request, or None when the run is over."""
        if self.left <= 0 or time.perf_counter() >= self.stop:
            return None
        self.left -= 1
        return next(self.asked)

    def answered(self, status: str, began: float, body: bytes) -> None:
        """Note one answer that has been read to its end."""
        self.latencies.append((time.perf_counter() - began) * 1_000)
        self.statuses[status] += 1
        if self.answers is not None and status == "200":
            self.answers.write(body + b"\n")

    async def run(self, connections: int) -> LoadReport:
        """Ask until nothing is left, or the time is up and the last answers are in."""
        began, busy = time.perf_counter(), time.process_time()
        self.stop = began + self.seconds
        callers = [asyncio.create_task(self._call()) for _ in range(connections)]
        _, hanging = await asyncio.wait(callers, timeout=self.seconds + PATIENCE)
        took, busy = time.perf_counter() - began, time.process_time() - busy
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        await asyncio.sleep(0)  # their connections report what was lost
        return self._report(took, busy / took)

    async def _call(self) -> None:
        """One caller: connects, and again when the server has hung up, until the run is over."""
        loop = asyncio.get_running_loop()
        while self.left > 0 and time.perf_counter() < self.stop:
            over: asyncio.Future[None] = loop.create_future()
            connection = partial(_Connection, self, over)
            try:
                wire, _ = await loop.create_connection(connection, self.host, self.port)
            except OSError:
                return
            try:
                await over
            finally:
                wire.abort()

    def _report(self, took: float, share: float) -> LoadReport:
        ordered = sorted(self.latencies)
        good = sum(count for status, count in self.statuses.items() if status < "3")
        p50, p90, p99 = (_quantile(ordered, each) for each in (0.5, 0.9, 0.99))
        statuses = dict(sorted(self.statuses.items()))
        rounded = tuple(round(each, 3) for each in self.latencies)
        return LoadReport(
            sum(statuses.values()), took, good / took, p50, p90, p99, statuses, share, rounded
        )


class _Connection(asyncio.Protocol):
    """One keep-alive connection: a request goes out when the answer before it is complete."""

    def __init__(self, load: _Load, over: asyncio.Future[None]) -> None:
        self.load, self.over = load, over
        self.received = b""
        self.began: float | None = None  # None: no answer is awaited

    def connection_made(self, transport: Any) -> None:
        self.wire: asyncio.WriteTransport = transport
        self._ask()

    def _ask(self) -> None:
        if (request := self.load.next()) is None:
            return self.wire.close()
        self.began = time.perf_counter()
        self.wire.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, gap, body = self.received.partition(b"\r\n\r\n")
        head = head.lower()
        if not gap or len(body) < _length(head) or self.began is None:
            return
        began, self.began, self.received = self.began, None, b""
        self.load.answered(head[9:12].decode("ascii"), began, body)
        if b"connection: close" in head:
            self.wire.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.began is not None:
            self.load.statuses[LOST] += 1
        if not self.over.done():
            self.over.set_result(None)


def _length(head: bytes) -> int:
    """The length of the body that a response's head (in small letters) announces."""
    _, found, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def _quantile(ordered: list[float], share: float) -> float:
    """The smallest value that at least this share does not exceed; NaN of nothing."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan


# --- the process of its own ----------------------------------------------------------------------

_MISTAKE, _NOBODY = 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Load a server; print the report as one line of JSON."""
    parser = argparse.ArgumentParser("python -m mlsys_lessons.serving.load", description=__doc__)
    parser.add_argument("url", help="http://127.0.0.1:8000, or with the path of another endpoint")
    parser.add_argument("--bodies", required=True, help="a file of JSON, one a line; - for stdin")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--requests", type=int, help="how many (each body once)")
    parser.add_argument("--seconds", type=float, help="for how long at most")
    parser.add_argument("--answers", type=Path, help="a file for the bodies of good answers")
    chosen = parser.parse_args(arguments)
    try:
        report = _run(chosen)
    except (ValueError, OSError, StateError) as error:
        print(error, file=sys.stderr)
        return _NOBODY if isinstance(error, StateError) else _MISTAKE
    print(json.dumps(asdict(report)))
    return 0


def _run(chosen: argparse.Namespace) -> LoadReport:
    whole_number("connections", chosen.connections, 1, MOST_CONNECTIONS)
    text = sys.stdin.read() if chosen.bodies == "-" else Path(chosen.bodies).read_text()
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError("there are no bodies to send; give one JSON text a line.")
    seconds = MOST_SECONDS if chosen.seconds is None else chosen.seconds
    if not 0 < seconds <= MOST_SECONDS:
        raise InputError(f"seconds={seconds} must lie in 0..{MOST_SECONDS}; try 5.")
    usual = len(lines) if chosen.seconds is None else MOST_REQUESTS
    requests = usual if chosen.requests is None else chosen.requests
    load = _Load(chosen.url, lines, whole_number("requests", requests, 1, MOST_REQUESTS), seconds)
    with open(chosen.answers or os.devnull, "wb", buffering=0) as load.answers:
        report = asyncio.run(load.run(chosen.connections))
    if not report.requests:
        raise StateError(f"nobody answers at {chosen.url}; is the server up?")
    return report


if __name__ == "__main__":
    raise SystemExit(main())
