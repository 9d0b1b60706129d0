"""How many arrivals a second the traffic laboratory takes, under policies of growing effort.

python tests/benchmarks/traffic.py [--calls 1000000] [--json]
"""

from __future__ import annotations

import argparse
import json
import time

from mlsys_lessons.components.inference.breaker import Breaker
from mlsys_lessons.traffic import Outage, Policy, Retries, Throttle, poisson, simulate_queue

POLICIES = {
    "no policy": Policy(),
    "timeout": Policy(timeout_s=5.0),
    "timeout, three retries": Policy(timeout_s=5.0, retries=Retries(3)),
    "everything": Policy(
        timeout_s=5.0, retries=Retries(3, backoff_s=0.5, budget=0.1), queue_limit=50,
        throttle=Throttle(), bulkhead=100, breaker=Breaker(),
    ),
}  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    seconds = chosen.calls / 8.0
    calls = poisson(8.0, seconds, seed=1)
    table = {}
    for name, policy in POLICIES.items():
        stall = [Outage(seconds / 2, seconds / 2 + 30)] if "retries" not in name else []
        began = time.perf_counter()
        simulate_queue(calls, servers=10, policy=policy, outages=stall, seed=1)
        table[f"{name}: seconds"] = time.perf_counter() - began
    if chosen.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{len(calls):,} arrivals at ten servers, 80 % busy")
    for name, value in table.items():
        print(f"{name:<35} {value:>10,.2f}")


if __name__ == "__main__":
    main()
