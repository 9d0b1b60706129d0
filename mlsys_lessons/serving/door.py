"""The door of the edge: who is let in, and for how long a caller may say nothing.

Loopback is not a wall. A page of another site, open in a browser on this machine, can send a
request to any port of it; and whoever can connect can hold connections open. `Door` is ASGI
middleware and looks at headers alone; `Visit` is one connection, with a limit to its silence. What
is asked, and how it is answered, is told in app.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

OWN_HOSTS = ("127.0.0.1", "localhost")
SILENCE_S = 5.0  # a connection without a whole request for so long is let go
MOST_CONNECTIONS = 400  # beyond them those that have been silent longest are let go ...
MADE_ROOM = 50  # ... so many at once: to look for them costs something
_HEADERS = [  # no page may read an answer, show it in a frame, or take it for a script
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; "
     b"frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]  # fmt: skip


class Door:
    """Lets in callers that name this server, come from no other site, and bring JSON.

    Why it matters: any page in a browser may POST to 127.0.0.1 without asking (a form, a beacon, a
    fetch without CORS), and with a name that resolves to 127.0.0.1 it may even read the answer.
    """

    def __init__(self, app: Any, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = {*OWN_HOSTS, *hosts}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request: by the app, or with the reason why it is not let in."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = dict(scope["headers"])
        status, reason = self._refusal(headers)
        if status:
            return await _refuse(send, status, reason)
        is_head = scope["method"] == "HEAD"

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"} if is_head else scope, receive, guarded)

    def _refusal(self, headers: dict[bytes, bytes]) -> tuple[int, str]:
        """Status and reason for a request that is not let in; (0, "") for one that is."""
        host = headers.get(b"host", b"").decode("latin-1")
        if host.rsplit(":", 1)[0] not in self.hosts:
            known = ", ".join(sorted(self.hosts))
            return 421, f"Host {host!r} is not this server, which is {known}; see --allow-host."
        origin = headers.get(b"origin", f"http://{host}".encode()).decode("latin-1")
        if origin != f"http://{host}":
            return 403, f"a page of {origin} may not call this server; call it from a program."
        kind = headers.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
        if kind != b"application/json" and not kind.endswith(b"+json"):
            said = kind.decode("latin-1")
            return 415, f"content-type {said!r} is no JSON; send application/json."
        return 0, ""


async def _refuse(send: Send, status: int, reason: str) -> None:
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": status, "headers": [kind, *_HEADERS]})
    await send({"type": "http.response.body", "body": json.dumps({"detail": reason}).encode()})


def visits() -> Any:
    """Uvicorn's protocol of one connection, with the limits of `Visit`."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    return type("EdgeProtocol", (Visit, H11Protocol), {})


class Visit:
    """One connection: silent for a few seconds, before or between requests, it is let go."""

    transport: Any
    loop: asyncio.AbstractEventLoop
    connections: set[Any]  # all that are open
    cycle: Any  # the request that is answered, or was last
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Somebody has connected, and has a few seconds to ask."""
        super().connection_made(transport)  # type: ignore[misc]
        self._wait_for_a_head()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)  # type: ignore[misc]

    def on_response_complete(self) -> None:
        """An answer is out, and the caller has a few seconds to ask again."""
        super().on_response_complete()  # type: ignore[misc]
        self._wait_for_a_head()

    @property
    def is_silent(self) -> bool:
        """Whether no whole request is here to be answered."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def _wait_for_a_head(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self.loop.call_later(SILENCE_S, self._let_go)

    def _let_go(self) -> None:
        if self.is_silent:
            self.transport.abort()

    def _make_room(self) -> None:
        """Let go of the silent connections that have had the most time to speak."""
        visits = [visit for visit in self.connections if isinstance(visit, Visit)]
        silent = [visit for visit in visits if visit.is_silent and visit is not self]
        silent.sort(key=lambda visit: visit._patience.when() if visit._patience else 0.0)
        for visit in silent[:MADE_ROOM] or [self]:
            visit.transport.abort()
            self.connections.discard(visit)  # at once: the next caller may come in this very loop
