"""The edge beside a bare endpoint, in one run: what a whole system costs over a lonely model.

Bare = FastAPI, the same body model, the same boosted model, one row, `async def`; no features, no
contract, no log. Its model is asked in three ways: as this package offers it, `predict` on a frame
of one row; as most would, scikit-learn's `predict_proba` kept to one thread; and by its private
tables on a bare array, which nobody would write, as the hardest opponent. The edge = what
`mlsys-lessons serve --log` starts: feature state, contract, rules, committed log. Each runs in a
process of its own; the load client is another. Nothing is asserted: machines are noisy, and only
ratios within a round are to be quoted.

    python tests/benchmarks/edge.py [--rounds 5] [--seconds 3] [--connections 64] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

SEED, DAILY = 7, 1_000
EDGE, BARE = "edge", ("bare", "bare, predict_proba", "bare, private tables")
MOST_PER_SECOND = 8_000  # bodies are made for so many answers; a faster target ends early
WARM_UP = 1_500  # requests


# --- the bare endpoint ----------------------------------------------------------------------------


def serve_bare(kind: str) -> None:
    """Serve the model alone until the process is ended; says its address on the first line."""
    import socket

    import numpy as np
    import pandas as pd
    import uvicorn
    from fastapi import FastAPI
    from threadpoolctl import threadpool_limits

    import mlsys_lessons as mls
    from mlsys_lessons.serving.schemas import transaction_model
    from mlsys_lessons.worlds.payments.domain import FEATURES

    transaction = transaction_model(virtual=False)
    model = mls.resilient_system(seed=SEED).inference.model
    names = list(FEATURES)
    model.predict(pd.DataFrame([[0.0] * len(names)], columns=names))
    calls: dict[str, Callable[[Any], Any]] = {
        BARE[0]: lambda row: model.predict(pd.DataFrame(row, columns=names))[0],
        BARE[1]: lambda row: model.estimator_.predict_proba(row)[0, 1],
        BARE[2]: lambda row: model._tables.predict(row)[0],
    }
    score_of, app = calls[kind], FastAPI()

    async def decide(asked: Any) -> dict[str, Any]:
        row = np.full((1, len(names)), np.nan)  # what cannot be known without any state is missing
        row[0, 0] = np.log(max(asked.amount, 0.01))
        row[0, 3] = asked.channel == "online"
        row[0, 4] = asked.country != asked.card_country
        score = float(score_of(row))
        action = "block" if score > 0.5 else "approve"
        return {"request_id": asked.request_id, "score": score, "action": action}

    decide.__annotations__["asked"] = transaction  # FastAPI reads it, and cannot see this frame
    app.post("/v1/decisions")(decide)
    door = socket.socket(proto=socket.IPPROTO_TCP)  # or asyncio leaves Nagle's delay on
    door.bind(("127.0.0.1", 0))
    print(json.dumps({"url": f"http://127.0.0.1:{door.getsockname()[1]}"}), flush=True)
    with threadpool_limits(1):
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[door])


# --- the targets ----------------------------------------------------------------------------------


@contextmanager
def started(arguments: list[str]) -> Iterator[tuple[str, int]]:
    """Address and process id of a server in a process of its own, ended with the context."""
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["url"], server.pid
        finally:
            server.terminate()
            server.communicate()  # what it still has to say


def command(target: str, folder: str) -> list[str]:
    """How a target is started."""
    if target != EDGE:
        return [__file__, "--bare", target]
    log = ["--log", str(Path(folder) / "decisions.db")]
    return ["-m", "mlsys_lessons", "serve", "--json", "--port", "0", "--seed", str(SEED),
            "--daily", str(DAILY), *log]  # fmt: skip


def bodies(count: int) -> list[str]:
    """Requests of the world that the edge was warmed with, made a moment ago by the wall clock."""
    import pandas as pd

    import mlsys_lessons as mls
    from mlsys_lessons.serving import transactions

    world = mls.payments_world(seed=SEED, daily=DAILY)
    state, days, have = world.start(), [], 0
    while have < count:
        days.append(world.day(len(days), state).requests)
        have += len(days[-1])
    now = int(time.time() * 1_000)
    asked = transactions(pd.concat(days).iloc[:count])
    hour = 3_600_000
    return [
        json.dumps({**each, "event_time": now - hour + hour * place // count})
        for place, each in enumerate(asked)
    ]


def batches(url: str) -> dict[str, int]:
    """Batches so far by their size, from the edge's own metrics: at most so many rows."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r'^batch_size_rows_bucket\{le="([^"]+)"\} (\S+)$', text, re.MULTILINE)
    below = [float(count) for _, count in found]
    return {
        edge.removesuffix(".0"): int(count - before)
        for (edge, _), count, before in zip(found, below, [0.0, *below], strict=False)
    }


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far; NaN where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- the run --------------------------------------------------------------------------------------


def measure(rounds: int, seconds: float, connections: int) -> dict[str, Any]:
    """Every target in every round, in an order that turns; medians, and ratios within rounds."""
    from mlsys_lessons.serving.load import drive

    targets = (EDGE, *BARE)
    at_once = int(seconds * MOST_PER_SECOND)
    text = bodies(WARM_UP + rounds * 2 * at_once)
    seen: dict[str, list[dict[str, float]]] = {target: [] for target in targets}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        up = {each: stack.enter_context(started(command(each, folder))) for each in targets}
        for url, _ in up.values():
            drive(url, text[:WARM_UP], connections=connections)
        sizes = dict.fromkeys(batches(up[EDGE][0]), 0)
        for turn in range(rounds):
            first = WARM_UP + turn * 2 * at_once
            for target in targets[turn % 4 :] + targets[: turn % 4]:
                url, pid = up[target]
                busy, before = cpu_seconds(pid), batches(url) if target == EDGE else {}
                many = drive(url, text[first : first + at_once], connections=connections,
                             requests=at_once, seconds=seconds)  # fmt: skip
                busy = cpu_seconds(pid) - busy
                for size, count in (batches(url) if before else {}).items():
                    sizes[size] += count - before[size]
                one = drive(url, text[first + at_once : first + 2 * at_once], connections=1,
                            requests=at_once, seconds=seconds)  # fmt: skip
                seen[target].append(_facts(many, one, busy))
    return _table(seen, sizes)


def _facts(many: Any, one: Any, busy: float) -> dict[str, float]:
    """The figures of one target in one round."""
    return {
        "requests a second": many.per_second,
        "p50 ms": many.p50_ms,
        "p99 ms": many.p99_ms,
        "server CPU, us a request": busy / many.requests * 1e6,
        "client's share of a core": many.client_share,
        "single client p50 ms": one.p50_ms,
        "single client p99 ms": one.p99_ms,
        "not 200": sum(
            count for load in (many, one) for status, count in load.statuses.items()
            if status != "200"
        ),
    }  # fmt: skip


def _table(seen: dict[str, list[dict[str, float]]], sizes: dict[str, int]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for target, facts in seen.items():
        for name in facts[0]:
            table[f"{target}: {name}"] = statistics.median(each[name] for each in facts)
    for target in BARE:
        pairs = list(zip(seen[EDGE], seen[target], strict=True))
        for name in ("requests a second", "single client p50 ms"):
            ratios = [ours[name] / bare[name] for ours, bare in pairs]
            table[f"edge / {target}: {name}"] = statistics.median(ratios)
            table[f"edge / {target}: {name}, each round"] = [round(each, 2) for each in ratios]
    table["edge: batches by rows, at most"] = {size: n for size, n in sizes.items() if n}
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bare", choices=BARE, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare:
        serve_bare(chosen.bare)
        return
    table = measure(chosen.rounds, chosen.seconds, chosen.connections)
    if chosen.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{chosen.connections} connections, medians of {chosen.rounds} x {chosen.seconds:g} s")
    for name, value in table.items():
        print(f"{name:<58} {value:>12,.2f}" if isinstance(value, float) else f"{name:<58} {value}")


if __name__ == "__main__":
    main()
