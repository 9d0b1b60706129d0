"""The edge: the same system behind HTTP, with micro-batches, a durable log and limits.

with serve(warmed(world, system), log="decisions.db") as url, Client(url) as client:
    client.decide(transactions(requests))

settings.py       the limits, and the refusal that a caller gets beyond them
serialisation.py  a payment as the caller's values, the system's frame, the log's entry
schemas.py        what a caller may send, and the reader of request bodies
decision_log.py   every decision on disk before its response leaves (SQLite)
model_files.py    a fitted model in one file that runs no code when it is opened
model_registry.py the versions on disk: lineage, champion, challenger, a roll-back in one call
decider.py        a system, its clock and its log in one thread; rebuilt by replay
board.py          what the monitors said of the last closed day
batcher.py        admission, the queue, and which requests share a batch
metrics.py        the edge's own numbers, for Prometheus
openapi.py        the document of the decision endpoint; page.py shows it to people
app.py            the HTTP endpoints
server.py         starting and stopping it all
client.py         a client for notebooks; load.py is one that measures under load
"""

from __future__ import annotations

from mlsys_lessons.serving.client import Client, transactions
from mlsys_lessons.serving.server import serve
from mlsys_lessons.serving.settings import EdgeSettings
from mlsys_lessons.simulation.simulate import warmed

__all__ = ["Client", "EdgeSettings", "serve", "transactions", "warmed"]
