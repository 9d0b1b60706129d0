"""A client of the edge for notebooks: rows in, decisions out, an error response as an exception.

It sends each request once. When to ask again, and how often, is a policy of its own: see
traffic/policy.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mlsys_lessons import reading
from mlsys_lessons.errors import InputError, StateError
from mlsys_lessons.records import milliseconds
from mlsys_lessons.serving.serialisation import EPOCH_MS, TIMES
from mlsys_lessons.worlds.payments.domain import PAYMENTS, RAW_COLUMNS


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
        """Close the connection."""
        self._http.close()

    def decide(self, transactions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The decision on each transaction, in their order.

        Raises InputError for what the edge cannot read, StateError when it is busy or not there.
        """
        try:  # NaN is written as it is: the edge refuses it, and names the field
            body = json.dumps({"transactions": list(transactions)})
        except TypeError as error:
            raise InputError(f"{error}; `transactions(frame)` makes plain values.") from None
        response = self._request("POST", "/v1/decisions", content=body)
        decisions: list[dict[str, Any]] = response.json()["decisions"]
        return decisions

    def reviews(self) -> list[dict[str, Any]]:
        """The payments that wait for a person today, the most valuable look first."""
        waiting: list[dict[str, Any]] = self._request("GET", "/v1/reviews").json()["reviews"]
        return waiting

    def review(
        self, request_id: int, verdict: str, *, reviewer: str, reason: str
    ) -> dict[str, Any]:
        """A person's word, "approve" or "block", on a held payment; it holds from midnight on.

        Raises InputError for what the edge cannot take, a payment that does not wait say.
        """
        body = json.dumps({"verdict": verdict, "reviewer": reviewer, "reason": reason})
        response = self._request("POST", f"/v1/reviews/{request_id}", content=body)
        held: dict[str, Any] = response.json()
        return held

    def ready(self) -> bool:
        """Whether an edge answers and accepts requests."""
        try:
            self._request("GET", "/readyz")
        except StateError:
            return False
        return True

    def metrics(self) -> str:
        """The edge's own numbers, as Prometheus would fetch them."""
        return self._request("GET", "/metrics").text

    def _request(self, method: str, path: str, **body: Any) -> Any:
        """The successful response to a request; an error response is raised."""
        import httpx

        try:
            response = self._http.request(method, path, **body)
        except httpx.TransportError as error:
            raise StateError(f"{self.url} does not answer ({error}); is the edge up?") from None
        if response.is_success:
            return response
        kind = InputError if response.status_code < 429 else StateError
        raise kind(f"{response.status_code}: {_reason(response)}")


def _reason(response: Any) -> str:
    """Why a request was refused, in one line."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"{response.reason_phrase}; is this an edge of ours?"
    if isinstance(detail, str):
        return detail
    return "; ".join(f"{'.'.join(map(str, rule['loc'][1:]))}: {rule['msg']}" for rule in detail)


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
    frame = reading.requests(frame, PAYMENTS)
    columns = [
        (milliseconds(frame[name]) + EPOCH_MS if name in TIMES else frame[name]).tolist()
        for name in names
    ]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
