"""Thousands of callers who say nothing, or too much, and one good one beside them.

    python tests/soak/hostile_connections.py

Starts `mlsys-lessons serve` with 1,024 file handles and sends, one after the other: 3,000 silent
connections, 3,000 with half a head, 3,000 with half a body, and eight senders of 1 MB of unknown
keys. Meanwhile a good caller pays every 50 ms. It prints, for each attack, the longest wait of the
good caller, the lines that the edge has written to stderr, and the memory it has gained.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import multiprocessing
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

HANDLES, CALLERS, SENDERS, SECONDS = 1_024, 3_000, 8, 12.0
MOST_WAIT_S, MOST_LINES, MOST_MB = 1.0, 20, 100.0
PAYMENT = {
    "customer_id": 17, "account_opened": "2023-06-01", "card_country": "DE", "merchant_id": 5,
    "category": "grocery", "country": "DE", "channel": "chip", "amount": 12.0,
}  # fmt: skip
HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
IDS = itertools.count(1)


def payment() -> dict[str, object]:
    """A good one, of now."""
    return {**PAYMENT, "request_id": next(IDS), "event_time": datetime.now(UTC).isoformat()}


@dataclass
class GoodCaller:
    """Pays every 50 ms, each time on a connection of its own, and remembers how long it waited."""

    url: str
    waits: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> GoodCaller:
        self._thread = threading.Thread(target=self._call)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _call(self) -> None:
        port = httpx.URL(self.url).port
        while not self._over.wait(0.05):
            began = time.perf_counter()
            try:
                caller = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                caller.request("POST", "/v1/decisions", json.dumps(payment()),
                               {"content-type": "application/json"})  # fmt: skip
                answer = caller.getresponse()
                said = answer.read().decode()
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {said[:80]}")
                caller.close()
            except OSError as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            except http.client.HTTPException as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            self.waits.append(time.perf_counter() - began)


def held_open(url: str, first_words: bytes) -> None:
    """3,000 connections, each opened again as soon as it is let go."""
    port, until = httpx.URL(url).port or 0, time.monotonic() + SECONDS
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (CALLERS + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    held = selectors.DefaultSelector()
    while time.monotonic() < until:
        if len(held.get_map()) < CALLERS:
            with contextlib.suppress(OSError):
                one = socket.create_connection(("127.0.0.1", port), timeout=1)
                one.sendall(first_words)
                held.register(one, selectors.EVENT_READ)
        for key, _ in held.select(0 if len(held.get_map()) < CALLERS else 0.05):
            gone = key.fileobj
            assert isinstance(gone, socket.socket)
            with contextlib.suppress(OSError):
                if gone.recv(4_096):
                    continue
            held.unregister(gone)
            gone.close()


def unknown_keys(url: str) -> None:
    """Eight senders of a body of 1 MB whose keys nobody has asked for."""
    until = time.monotonic() + SECONDS
    body = json.dumps({**payment(), **{f"key_{i:06}": i for i in range(45_000)}})[:-1] + "}"

    def send() -> None:
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError):
                httpx.post(url + "/v1/decisions", content=body, timeout=30, trust_env=False,
                           headers={"content-type": "application/json"})  # fmt: skip

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclass(frozen=True)
class Edge:
    """A running edge, seen from outside."""

    process: subprocess.Popen[bytes]
    url: str
    said: Path

    @property
    def megabytes(self) -> float:
        """What it holds in memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kilobytes = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(kilobytes.split()[1]) / 1_024

    @property
    def lines(self) -> int:
        """How many lines it has written to stderr."""
        return len(self.said.read_text(errors="replace").splitlines())


@contextlib.contextmanager
def edge(folder: Path) -> Iterator[Edge]:
    """`mlsys-lessons serve` with few file handles, ended with its context."""
    said = folder / "stderr.txt"
    command = [sys.executable, "-m", "mlsys_lessons.cli", "serve", "--port", "0", "--log",
               str(folder / "decisions.db")]  # fmt: skip

    def few_handles() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (HANDLES, HANDLES))

    with said.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors,
                                   preexec_fn=few_handles)  # fmt: skip
        try:
            assert process.stdout is not None
            url = ""
            while not url:
                line = process.stdout.readline().decode()
                if not line:
                    raise SystemExit(said.read_text())
                url = next((w.rstrip(".,;") for w in line.split() if w.startswith("http://")), "")
            threading.Thread(target=process.stdout.read, daemon=True).start()
            url = f"http://127.0.0.1:{httpx.URL(url).port}"
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(url + "/readyz", trust_env=False).status_code == 200:
                        break
                time.sleep(0.2)
            yield Edge(process, url, said)
        finally:
            process.terminate()
            process.wait()


def attack(name: str, running: Edge, made: Callable[..., None], *words: bytes) -> bool:
    """One attack from another process, the good caller beside it; true when the limits held."""
    before, lines, most = running.megabytes, running.lines, [running.megabytes]
    with GoodCaller(running.url) as caller:
        new = multiprocessing.get_context("spawn")
        attacker = new.Process(target=made, args=(running.url, *words))
        attacker.start()
        while attacker.is_alive():
            most.append(running.megabytes)
            time.sleep(0.1)
    said, gained = running.lines - lines, max(most) - before
    held = max(caller.waits) < MOST_WAIT_S and not caller.failures
    held &= said < MOST_LINES and gained < MOST_MB
    print(f"{'ok  ' if held else 'FAIL'} {name:24} good caller: {len(caller.waits)} calls, longest "
          f"{max(caller.waits):.2f} s, {len(caller.failures)} failed {caller.failures[:2] or ''}; "
          f"stderr +{said} lines; memory +{gained:.0f} MB of {before:.0f}", flush=True)  # fmt: skip
    return held


def nobody(url: str) -> None:
    """No attack, for comparison."""
    time.sleep(SECONDS)


def main() -> int:
    """Returns 0 when the good caller was served throughout."""
    half_body = HEAD + b"Content-Length: 500\r\n\r\n{"
    with tempfile.TemporaryDirectory() as folder, edge(Path(folder)) as running:
        with GoodCaller(running.url):
            time.sleep(2)  # warm
        held = [
            attack("nobody else", running, nobody),
            attack("3,000 silent", running, held_open, b""),
            attack("3,000 with half a head", running, held_open, HEAD),
            attack("3,000 with half a body", running, held_open, half_body),
            attack("8 x 1 MB of unknown keys", running, unknown_keys),
            attack("nobody else, afterwards", running, nobody),
        ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
