"""Two real edges in front of the same payments, one of them broken, and what their pages say.

The page is Prometheus's own text. What is read from it are the four golden signals of operations;
latencies are told as whether they kept their promise, since no two machines have the same.
"""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.request import urlopen

import pandas as pd

from mlsys_lessons.components.decisions import Policy
from mlsys_lessons.components.monitoring.performance import expected_money
from mlsys_lessons.records import APPROVE, BLOCK, REVIEW
from mlsys_lessons.serving import Client, serve, transactions
from mlsys_lessons.simulation.run import Run
from mlsys_lessons.system.system import System

ROWS_A_CALL = 50
COUNTED = ("requests_total", "shed_total", "fallback_total", "queue_depth_rows")
CODES = {"approve": APPROVE, "review": REVIEW, "block": BLOCK}


def of_two(run: Run) -> dict[str, dict[str, Any]]:
    """Serve the day after a run on two edges, one as the run left it and one without its fault.

    "A" is the broken one on an odd day, so that a name gives nothing away. Each entry holds the
    page, the decisions, and what those decisions are expected to earn in cents.
    """
    healthy = copy.deepcopy(run.system)
    healthy.install(())
    systems = [healthy, run.system] if run.days % 2 == 0 else [run.system, healthy]
    return {name: _edge(run, system) for name, system in zip("AB", systems, strict=True)}


def _edge(run: Run, system: System) -> dict[str, Any]:
    """One edge's day: started on loopback, asked, read, and stopped."""
    state = copy.deepcopy(run.state)
    requests, truth = run.world.day(run.days, state)
    tomorrow = run.world.day(run.days + 1, state).requests.head(1)
    with serve(system, virtual=True) as url, Client(url, timeout_s=60.0) as client:
        bodies = transactions(requests, virtual=True)
        calls = (bodies[at : at + ROWS_A_CALL] for at in range(0, len(bodies), ROWS_A_CALL))
        decided = [answer for call in calls for answer in client.decide(call)]
        page = client.metrics()
        client.decide(transactions(tomorrow, virtual=True))  # midnight has passed: the day closes
        with urlopen(f"{url}/v1/monitoring") as answer:
            board = json.load(answer)
    actions = pd.DataFrame(decided)["action"]
    return {
        "page": page, "board": board, "broken": bool(system.faults), "actions": actions,
        "cents": _expected(requests, truth, actions),
    }  # fmt: skip


def _expected(requests: pd.DataFrame, truth: pd.DataFrame, actions: pd.Series) -> float:
    """What a day's decisions will earn, judged by the truth."""
    known, codes = truth.loc[requests["request_id"]], actions.map(CODES)
    chance, cents = known["true_probability"], known["true_amount_cents"]
    return expected_money(chance, codes, cents, policy=Policy()).cents


def signals(page: str) -> pd.Series:
    r"""The golden signals of a page, as a green light reads them.

    >>> text = 'requests_total{action="approve"} 9.0\nfallback_total 0.0\nqueue_depth_rows 0.0'
    >>> signals(text)["requests answered"], signals(text)["answered by a fallback"]
    ('9', '0')
    """
    lines = [line.rsplit(" ", 1) for line in page.splitlines() if line and line[0] != "#"]
    values = pd.Series({name: float(value) for name, value in lines})
    total = {part: values.filter(regex=f"^{part}").sum() for part in COUNTED}
    slow = values.get("latency_seconds_count", 0.0)
    slow -= values.get('latency_seconds_bucket{le="5.0"}', slow)
    return pd.Series({
        "requests answered": f"{total['requests_total']:,.0f}",
        "turned away": f"{total['shed_total']:,.0f}",
        "answered by a fallback": f"{total['fallback_total']:,.0f}",
        "calls slower than 5 s": f"{slow:,.0f}",
        "waiting": f"{total['queue_depth_rows']:,.0f}",
    })  # fmt: skip
