"""The load client: connections that send requests as fast as they are answered, and time them.

    python -m mlsys_lessons.serving.load http://127.0.0.1:8000 --bodies rows.jsonl --seconds 5

It runs in a process of its own, on bare sockets: a client library that costs more than the server
would measure itself. The loop is closed, each connection waits for its response before it sends
again: these are the latencies of callers who wait, not of callers who keep arriving (traffic/).
Longer than most: the loader is a program of its own.
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

from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.records import whole_number

PATH = "/v1/decisions"
MAX_CONNECTIONS, MAX_REQUESTS, MAX_SECONDS = 1_000, 10_000_000, 600
PATIENCE = 10  # seconds that the last responses may take after the end
LOST = "lost"  # among the statuses: sent, and no response came, or only a part


@dataclass(frozen=True)
class LoadReport:
    """The results of a load: counts, seconds, and milliseconds from sending to the full response.

    `per_second` counts responses with a status below 300; `client_share` is the part of one core
    that the client itself used: near 1, the client is what was measured.
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
    """Load a server from another process and report the results.

    `bodies` are JSON texts, or objects to be written as JSON; they are sent in their order, again
    from the first where `requests` or `seconds` ask for more (without both: each of them once).
    `answers` names a file that gets the body of every response with status 200, one a line, once it
    has been read to its end: what the server has acknowledged.

    Raises InputError for arguments out of range, StateError when nobody listens.

    >>> drive("http://127.0.0.1:1", ["{}"])
    Traceback (most recent call last):
    mlsys_lessons.errors.StateError: nobody answers at http://127.0.0.1:1; is the server up?
    """
    lines = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    names = ("connections", "requests", "seconds", "answers")
    options = zip(names, (connections, requests, seconds, answers), strict=True)
    flags = [f"--{name}={value}" for name, value in options if value is not None]
    command = [sys.executable, "-m", __name__, url, "--bodies=-", *flags]
    client = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True)
    if client.returncode:
        messages = client.stderr.strip().splitlines() or ["it gave no reason"]
        raise (StateError if client.returncode == _NO_SERVER else InputError)(messages[-1])
    report = json.loads(client.stdout)
    return LoadReport(**{**report, "latencies": tuple(report["latencies"])})


class _Load:
    """One run: the requests left to send, and the responses so far."""

    def __init__(self, url: str, lines: list[str], requests: int, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise InputError(f"url {url!r} is no plain http address; try http://127.0.0.1:8000.")
        self.host, self.port = parts.hostname, parts.port or 80
        first = f"POST {parts.path.rstrip('/') or PATH} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        head = f"{first}Content-Type: application/json\r\nContent-Length: ".encode()
        bodies = [line.encode() for line in lines]
        self.requests = cycle([b"%b%d\r\n\r\n%b" % (head, len(body), body) for body in bodies])
        self.left, self.seconds, self.stop = requests, seconds, math.inf
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.answers: IO[bytes] | None = None

    def next(self) -> bytes | None:
        """The next request, or None when the run is over."""
        if self.left <= 0 or time.perf_counter() >= self.stop:
            return None
        self.left -= 1
        return next(self.requests)

    def record(self, status: str, began: float, body: bytes) -> None:
        """Record one response that has been read to its end."""
        self.latencies.append((time.perf_counter() - began) * 1_000)
        self.statuses[status] += 1
        if self.answers is not None and status == "200":
            self.answers.write(body + b"\n")

    async def run(self, connections: int) -> LoadReport:
        """Send until nothing is left, or the time is up and the last responses are in."""
        began, cpu_began = time.perf_counter(), time.process_time()
        self.stop = began + self.seconds
        callers = [asyncio.create_task(self._call()) for _ in range(connections)]
        _, unfinished = await asyncio.wait(callers, timeout=self.seconds + PATIENCE)
        elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        for caller in unfinished:
            caller.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        await asyncio.sleep(0)  # so that their connections count what was lost
        return self._report(elapsed, cpu / elapsed)

    async def _call(self) -> None:
        """One caller: connects, and reconnects after the server has closed, until the run ends."""
        loop = asyncio.get_running_loop()
        while self.left > 0 and time.perf_counter() < self.stop:
            closed: asyncio.Future[None] = loop.create_future()
            connection = partial(_Connection, self, closed)
            try:
                transport, _ = await loop.create_connection(connection, self.host, self.port)
            except OSError:
                return
            try:
                await closed
            finally:
                transport.abort()

    def _report(self, elapsed: float, client_share: float) -> LoadReport:
        ordered = sorted(self.latencies)
        successes = sum(count for status, count in self.statuses.items() if status < "3")
        p50, p90, p99 = (_quantile(ordered, share) for share in (0.5, 0.9, 0.99))
        return LoadReport(
            requests=self.statuses.total(), seconds=elapsed, per_second=successes / elapsed,
            p50_ms=p50, p90_ms=p90, p99_ms=p99, statuses=dict(sorted(self.statuses.items())),
            client_share=client_share,
            latencies=tuple(round(latency, 3) for latency in self.latencies),
        )  # fmt: skip


class _Connection(asyncio.Protocol):
    """One keep-alive connection: a request goes out when the response before it is complete."""

    def __init__(self, load: _Load, closed: asyncio.Future[None]) -> None:
        self.load, self.closed = load, closed
        self.received = b""
        self.began: float | None = None  # when the pending request was sent; None: none is pending

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.WriteTransport = transport
        self._send()

    def _send(self) -> None:
        if (request := self.load.next()) is None:
            return self.transport.close()
        self.began = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, blank_line, body = self.received.partition(b"\r\n\r\n")
        head = head.lower()
        if not blank_line or len(body) < _content_length(head) or self.began is None:
            return
        began, self.began, self.received = self.began, None, b""
        self.load.record(head[9:12].decode("ascii"), began, body)
        if b"connection: close" in head:
            self.transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if self.began is not None:
            self.load.statuses[LOST] += 1
        if not self.closed.done():
            self.closed.set_result(None)


def _content_length(head: bytes) -> int:
    """The length of the body, from a response's head in small letters; 0 if it names none."""
    _, header, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if header else 0


def _quantile(ordered: list[float], share: float) -> float:
    """The smallest value that at least this share does not exceed; NaN of nothing."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan


# --- the process of its own ----------------------------------------------------------------------

_BAD_ARGUMENTS, _NO_SERVER = 2, 3  # exit codes


def main(arguments: Sequence[str] | None = None) -> int:
    """Load a server; print the report as one line of JSON."""
    parser = argparse.ArgumentParser("python -m mlsys_lessons.serving.load", description=__doc__)
    parser.add_argument("url", help="http://127.0.0.1:8000, or with the path of another endpoint")
    parser.add_argument("--bodies", required=True, help="a file of JSON, one a line; - for stdin")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--requests", type=int, help="how many (each body once)")
    parser.add_argument("--seconds", type=float, help="for how long at most")
    parser.add_argument("--answers", type=Path, help="a file for the bodies of good answers")
    options = parser.parse_args(arguments)
    try:
        report = _run(options)
    except (ValueError, OSError, StateError) as error:
        print(error, file=sys.stderr)
        return _NO_SERVER if isinstance(error, StateError) else _BAD_ARGUMENTS
    print(json.dumps(asdict(report)))
    return 0


def _run(options: argparse.Namespace) -> LoadReport:
    whole_number("connections", options.connections, 1, MAX_CONNECTIONS)
    text = sys.stdin.read() if options.bodies == "-" else Path(options.bodies).read_text()
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError("there are no bodies to send; give one JSON text a line.")
    seconds = MAX_SECONDS if options.seconds is None else options.seconds
    if not 0 < seconds <= MAX_SECONDS:
        raise InputError(f"seconds={seconds} must lie in 0..{MAX_SECONDS}; try 5.")
    default = len(lines) if options.seconds is None else MAX_REQUESTS
    requests = default if options.requests is None else options.requests
    load = _Load(options.url, lines, whole_number("requests", requests, 1, MAX_REQUESTS), seconds)
    with open(options.answers or os.devnull, "wb", buffering=0) as load.answers:
        report = asyncio.run(load.run(options.connections))
    if not report.requests:
        raise StateError(f"nobody answers at {options.url}; is the server up?")
    return report


if __name__ == "__main__":
    raise SystemExit(main())
