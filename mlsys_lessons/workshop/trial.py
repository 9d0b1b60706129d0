"""A trial: one run with a stopwatch beside it, and what it came to as plain facts.

The run itself is simulation's; nothing here changes it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from mlsys_lessons.simulation.run import Run
from mlsys_lessons.simulation.simulate import simulate
from mlsys_lessons.system.system import System
from mlsys_lessons.worlds import World


def trial(world: World, system: System, **options: Any) -> tuple[Run, dict[str, Any]]:
    """Run a system and measure it; `options` are those of `simulate`.

    Returns the run, and facts that can be written as JSON: seconds on the wall, memory in
    megabytes, money in cents, each incident's life, and a digest of all actions.
    """
    began = time.perf_counter()
    run = simulate(world, system, **options)
    seconds = time.perf_counter() - began
    return run, {
        "world": world.name,
        "system": run.system.name,
        "days": run.days,
        "seed": world.seed,
        "faults": [repr(fault) for fault in options.get("faults", ())],
        "requests": run.requests,
        "seconds": round(seconds, 3),
        "requests_per_second": round(run.requests / seconds),
        "peak_rss_mb": peak_rss_mb(),
        "value_cents": run.value,
        "alerts": len(run.alerts),
        "cases": len(run.cases),
        "incidents": [str(run.life(number)) for number in run.incidents["incident"]],
        "actions_sha256": run.actions_sha256,
    }


def peak_rss_mb() -> float:
    """Peak resident memory of this process in megabytes; 0 where the platform does not tell.

    >>> peak_rss_mb() >= 0
    True
    """
    try:  # Linux: what getrusage says there may include the process that started this one
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        kilobytes = next(line.split()[1] for line in status.splitlines() if line[:6] == "VmHWM:")
        return round(int(kilobytes) / 1024, 1)
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
