"""A client of the edge for notebooks: rows in, decisions out, a no as an exception.

It asks once. When to ask again, and how often, is a policy of its own: see traffic.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mlsys_lessons.records import InputError, StateError, milliseconds
from mlsys_lessons.serving.serialisation import EPOCH_MS, TIMES
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS


class Client:
    """A connection to an edge, to be closed or used in a `with`.

    >>> with Client("http://127.0.0.1:1") as client:
    ...     client.ready()
    False
    """

    def __init__(self, url: str, timeout_s: float = 10.0) -> None:
        import httpx

        self.url = url
        self._http = httpx.Client(base_url=url, timeout=timeout_s, trust_env=False)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def decide(self, transactions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The decision on each transaction, in their order.

        Raises InputError for what the edge cannot read, StateError when it is busy or not there.
        """
        try:
            body = json.dumps(
                {"transactions": list(transactions)}
            )  # NaN goes too: the edge says no
        except TypeError as error:
            raise InputError(f"{error}; `transactions(frame)` makes plain values.") from None
        told = self._asked("POST", "/v1/decisions", content=body)
        decisions: list[dict[str, Any]] = told.json()["decisions"]
        return decisions

    def ready(self) -> bool:
        """Whether somebody is there and welcomes requests."""
        try:
            self._asked("GET", "/readyz")
        except StateError:
            return False
        return True

    def metrics(self) -> str:
        """The edge's own numbers, as Prometheus would fetch them."""
        return self._asked("GET", "/metrics").text

    def _asked(self, method: str, path: str, **body: Any) -> Any:
        import httpx

        try:
            answer = self._http.request(method, path, **body)
        except httpx.TransportError as error:
            raise StateError(f"{self.url} does not answer ({error}); is the edge up?") from None
        if answer.is_success:
            return answer
        kind = InputError if answer.status_code < 429 else StateError
        raise kind(f"{answer.status_code}: {_sentence(answer)}")


def _sentence(answer: Any) -> str:
    """What an answer that is a no says, in one line."""
    try:
        said = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"{answer.reason_phrase}; is this an edge of ours?"
    if isinstance(said, str):
        return said
    return "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in said)


def transactions(frame: pd.DataFrame, *, virtual: bool = False) -> list[dict[str, Any]]:
    """A frame of requests as bodies for the edge, times in milliseconds since 1970.

    The arrival times go along in virtual time only.

    >>> import mlsys_lessons as mls
    >>> world = mls.payments_world(seed=7, daily=100)
    >>> first = transactions(world.day(0, world.start()).requests)[0]
    >>> len(first), type(first["event_time"])
    (10, <class 'int'>)
    """
    names = [name for name in RAW_COLUMNS if virtual or name != "arrival_time"]
    columns = [
        (milliseconds(frame[name]) + EPOCH_MS if name in TIMES else frame[name]).tolist()
        for name in names
    ]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
