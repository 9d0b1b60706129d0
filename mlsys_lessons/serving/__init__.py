"""The real edge: the same system behind HTTP, with micro-batches, a durable log and bounds.

    with serve(warmed(world, system), log="decisions.db") as url, Client(url) as client:
        client.decide(transactions(requests))

Bottom up: limits; lines and wire (what is read and said); decision_log; decider (system, clock and
log in one thread); gate (queue and batches); app (addresses); server (its life); client. The load
client and the model files stand beside.
"""

from __future__ import annotations

from mlsys_lessons.serving.client import Client, transactions
from mlsys_lessons.serving.server import serve
from mlsys_lessons.serving.settings import EdgeSettings
from mlsys_lessons.simulation.simulate import warmed

__all__ = ["Client", "EdgeSettings", "serve", "transactions", "warmed"]
