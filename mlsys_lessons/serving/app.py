"""The HTTP edge: five addresses around a gate, and what each may answer.

FastAPI describes all of them and answers four. The fifth, a decision, is answered by the router
that FastAPI itself stands on, and read and written byte by byte in wire.py and lines.py: finding
out what a function wants to be told costs more than deciding. (FastAPI reads annotations and is
itself imported late, so they are evaluated at once: no `from __future__ import annotations`.)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mlsys_lessons.serving.batcher import Gate
from mlsys_lessons.serving.openapi import answers_of, body_of, busy
from mlsys_lessons.serving.page import page
from mlsys_lessons.serving.schemas import wire
from mlsys_lessons.serving.serialisation import Row, answer
from mlsys_lessons.serving.settings import TOO_LARGE, Refused

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.applications import Starlette

DECISIONS = "/v1/decisions"
ABOUT = (
    "Payments in, decisions out. Requests that come together are decided together, and every "
    "decision is in the log before its answer leaves."
)


def application(gate: Gate) -> "Starlette":
    """The app of one gate, which opens and closes with the app's lifespan."""
    from fastapi import FastAPI
    from starlette.applications import Starlette
    from starlette.routing import Mount, Route

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        gate.open()
        yield
        await gate.close()

    described = FastAPI(
        title="mlsys-lessons edge", description=ABOUT, docs_url=None, redoc_url=None
    )
    decide = _decisions(described, gate)
    _probes(described, gate)
    _pages(described)
    routes = [Route(DECISIONS, decide, methods=["POST"]), Mount("", described)]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={Refused: _refused})


def _refused(request: "Request", no: Exception) -> "Response":
    from fastapi.responses import JSONResponse

    assert isinstance(no, Refused)
    return JSONResponse({"detail": no.detail}, no.status, no.headers)


def _decisions(app: "FastAPI", gate: Gate) -> Callable[["Request"], Awaitable["Response"]]:
    from fastapi import Request, Response
    from pydantic_core import to_json

    settings, meters = gate.settings, gate.meters
    reader = wire(gate.decider.virtual, settings.rows_per_call)

    @app.post(
        DECISIONS, summary="Decide one transaction, or many", responses=answers_of(settings),
        openapi_extra=body_of(gate.decider.virtual, settings),
    )  # fmt: skip
    async def decide(request: Request) -> Response:
        began = time.perf_counter()
        rows: list[Row] = []
        try:
            async with asyncio.timeout(settings.time_limit_s):
                body = await _bounded(request, settings.body_bytes)
                rows, listed = reader.read(body, time.time_ns() // 1_000_000)
                told = [answer(entry) for entry in await gate.ask(rows)]
        except TimeoutError:
            why = f"no answer within {settings.time_limit_s:g} s"
            gate.turn_away(len(rows) or 1, "too_slow", why)
        meters.latency.observe(time.perf_counter() - began)
        content = to_json({"decisions": told} if listed else told[0])
        return Response(content, media_type="application/json")

    return decide


async def _bounded(request: "Request", most: int) -> bytes:
    """The body, up to a size; one that announces or reaches more is not read to its end."""
    from starlette.requests import ClientDisconnect

    refusal = Refused(TOO_LARGE, f"a body has at most {most:,} bytes; send several.")
    if int(request.headers.get("content-length") or 0) > most:
        raise refusal
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise refusal
    except ClientDisconnect:
        raise Refused(400, "the caller hung up.") from None  # nobody will read it
    return body


def _probes(app: "FastAPI", gate: Gate) -> None:
    from fastapi import Request, Response

    @app.get("/healthz", summary="Whether the process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get(
        "/readyz", summary="Whether the log is replayed and requests are welcome",
        responses=busy("starting, or stopped"), response_model=dict[str, str],
    )  # fmt: skip
    async def readyz(request: Request) -> Any:
        if gate.state:
            return _refused(request, gate.refusal(gate.state))
        return {"status": "ready"}

    @app.get(
        "/metrics", summary="For Prometheus", response_class=Response,
        responses={200: {"content": {"text/plain": {}}}},
    )  # fmt: skip
    async def metrics() -> Response:
        content, kind = gate.meters.text()
        return Response(content, media_type=kind)


def _pages(app: "FastAPI") -> None:
    from fastapi.responses import HTMLResponse

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()))
