"""Speed of the drill at its own size: a look, a day, a redraw of the control room, a whole debrief.

Wall and processor milliseconds, the median of some rounds; on a shared machine the second is the
one to quote. Nothing here is asserted: machines are noisy.

    python tests/benchmarks/drill.py [--rounds 9] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

SCENARIO, SEED = "unit_change", 3


def timed(work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Median milliseconds of a piece of work."""
    walls, processors = [], []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        processors.append(1e3 * (time.process_time() - processor))
        walls.append(1e3 * (time.perf_counter() - wall))
    return {"wall_ms": statistics.median(walls), "cpu_ms": statistics.median(processors)}


def measured(rounds: int) -> dict[str, dict[str, float]]:
    """Everything, by what was done."""
    from mlsys_lessons.drill import SHELF, Incident
    from mlsys_lessons.lessons.control_room import Room

    incident = Incident(SCENARIO, SEED)
    incident.act("quarantine amount")  # from here on the days are this player's own
    incident.advance()
    found = {}
    for kind, item in SHELF.items():
        about = "country" if item.about else ""

        def look(kind: str = kind, about: str = about) -> None:
            tuple(SHELF[kind].look(incident._run, incident.scenario, about))

        found[f"inspect {kind}"] = timed(look, rounds)
    found["advance"] = timed(incident.advance, min(rounds, incident.scenario.days - 2))
    room = Room(Incident(SCENARIO, SEED))
    room.say("inspect inputs")
    room.say("ask_owner amount")
    found["redraw of a step"] = timed(lambda: room.show("again"), rounds)
    found["the picture alone"] = timed(lambda: room.poster, rounds)
    return found


def main() -> int:
    """Print a line each, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measured(options.rounds)
    if options.json:
        print(json.dumps(found))
    else:
        for name, row in found.items():
            print(f"{name:24} {row['wall_ms']:8.2f} ms wall {row['cpu_ms']:8.2f} ms processor")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
