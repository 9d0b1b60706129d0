"""The HTTP endpoints of the edge: decisions, two probes, metrics, monitors, documentation.

FastAPI documents all of them and serves all but the decisions. Those are routed by Starlette, on
which FastAPI stands, and their bodies are read and written by schemas.py and serialisation.py:
FastAPI's way from a request to a function's arguments costs more than deciding. (FastAPI is
imported late and looks at annotations when an endpoint is defined, so they have to be real objects:
no `from __future__ import annotations` here.)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mlsys_lessons.serving.batcher import Batcher
from mlsys_lessons.serving.openapi import (
    board_responses,
    decision_request,
    decision_responses,
    desk_responses,
    review_request,
    review_responses,
    unavailable,
)
from mlsys_lessons.serving.page import page
from mlsys_lessons.serving.schemas import id_of, transaction_reader, verdict_of
from mlsys_lessons.serving.serialisation import Row, decision_of
from mlsys_lessons.serving.settings import TOO_LARGE, Refused

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response
    from starlette.applications import Starlette

DECISIONS, REVIEWS, MONITORING = "/v1/decisions", "/v1/reviews", "/v1/monitoring"
DESCRIPTION = (
    "Payments in, decisions out. Requests that come together are decided together, and every "
    "decision is in the log before its answer leaves."
)


def application(batcher: Batcher) -> "Starlette":
    """The ASGI app around one batcher, which opens and closes with the app's lifespan."""
    from fastapi import FastAPI
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.routing import Mount, Route

    from mlsys_lessons.serving.door import Door

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        batcher.open()
        yield
        await batcher.close()

    handlers: Any = {Refused: _refusal_response}
    documented = FastAPI(
        title="mlsys-lessons edge", description=DESCRIPTION, docs_url=None, redoc_url=None,
        exception_handlers=handlers,
    )  # fmt: skip
    decide = _add_decisions(documented, batcher)
    _add_probes(documented, batcher)
    _add_metrics(documented, batcher)
    _add_reviews(documented, batcher)
    _add_board(documented, batcher)
    _add_documentation(documented)
    routes = [Route(DECISIONS, decide, methods=["POST"]), Mount("", documented)]
    door = Middleware(Door, hosts=batcher.settings.allow_hosts)
    return Starlette(
        routes=routes, lifespan=lifespan, exception_handlers=handlers, middleware=[door]
    )


async def _refusal_response(request: "Request", refusal: Exception) -> "Response":
    # a coroutine, for Starlette gives functions to a few threads, before which a flood piles up
    from fastapi.responses import JSONResponse

    assert isinstance(refusal, Refused)
    return JSONResponse({"detail": refusal.detail}, refusal.status, refusal.headers)


def _add_decisions(
    app: "FastAPI", batcher: Batcher
) -> Callable[["Request"], Awaitable["Response"]]:
    from fastapi import Request, Response
    from pydantic_core import to_json

    settings, virtual = batcher.settings, batcher.decider.virtual
    reader = transaction_reader(virtual=virtual, max_rows=settings.rows_per_call)

    @app.post(
        DECISIONS, summary="Decide one transaction, or many",
        responses=decision_responses(settings),
        openapi_extra=decision_request(settings, virtual=virtual),
    )  # fmt: skip
    async def decide(request: Request) -> Response:
        began = time.perf_counter()
        rows: list[Row] = []
        try:
            async with asyncio.timeout(settings.time_limit_s):
                body = await _read_body(request, limit=settings.body_bytes)
                rows, is_list = reader.read(body, now_ms=time.time_ns() // 1_000_000)
                entries = await batcher.decide(rows)
                decisions = [decision_of(entry, batcher.decider.policy) for entry in entries]
        except TimeoutError:
            reason = f"no answer within {settings.time_limit_s:g} s"
            batcher.shed(len(rows) or 1, "too_slow", reason)
        batcher.metrics.latency.observe(time.perf_counter() - began)
        content = to_json({"decisions": decisions} if is_list else decisions[0])
        return Response(content, media_type="application/json")

    return decide


async def _read_body(request: "Request", *, limit: int) -> bytes:
    """The body of a request; raises Refused as soon as it announces or exceeds `limit` bytes."""
    from starlette.requests import ClientDisconnect

    length, body = int(request.headers.get("content-length") or 0), b""
    try:
        if length <= limit:
            async for chunk in request.stream():
                body += chunk
                if (length := len(body)) > limit:
                    break
    except ClientDisconnect:
        raise Refused(400, "the caller hung up.") from None  # nobody will read it
    if length > limit:
        raise Refused(TOO_LARGE, f"a body has at most {limit:,} bytes; send several.")
    return body


def _add_reviews(app: "FastAPI", batcher: Batcher) -> None:
    from fastapi import Request

    settings = batcher.settings

    @app.get(
        REVIEWS, summary="Payments held until midnight, the most valuable look first",
        responses=desk_responses(), response_model=None,
    )  # fmt: skip
    async def waiting() -> dict[str, Any]:
        return batcher.decider.desk.as_json()

    @app.post(
        REVIEWS + "/{request_id}", summary="A person's word on a held payment",
        responses=review_responses(settings), openapi_extra=review_request(), response_model=None,
    )  # fmt: skip
    async def say(request_id: str, request: Request) -> dict[str, Any]:
        try:
            async with asyncio.timeout(settings.time_limit_s):
                body = await _read_body(request, limit=settings.body_bytes)
                held = await batcher.review(id_of(request_id), **verdict_of(body))
        except TimeoutError:
            raise batcher.refusal(f"no answer within {settings.time_limit_s:g} s") from None
        return held.as_json()


def _add_probes(app: "FastAPI", batcher: Batcher) -> None:
    from fastapi import Request

    @app.get("/healthz", summary="Whether the process lives")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get(
        "/readyz", summary="Whether the log is replayed and requests are welcome",
        responses=unavailable("starting, or stopped"), response_model=dict[str, str],
    )  # fmt: skip
    async def readyz(request: Request) -> Any:
        if batcher.state:
            return await _refusal_response(request, batcher.refusal(batcher.state))
        return {"status": "ready"}


def _add_metrics(app: "FastAPI", batcher: Batcher) -> None:
    from fastapi import Response

    @app.get(
        "/metrics", summary="For Prometheus", response_class=Response,
        responses={200: {"content": {"text/plain": {}}}},
    )  # fmt: skip
    async def metrics() -> Response:
        content, content_type = batcher.metrics.exposition()
        return Response(content, media_type=content_type)


def _add_board(app: "FastAPI", batcher: Batcher) -> None:
    @app.get(
        MONITORING, summary="What the monitors said of the last closed day",
        responses=board_responses(), response_model=None,
    )  # fmt: skip
    async def monitoring() -> dict[str, Any]:
        return batcher.decider.board.as_json()


def _add_documentation(app: "FastAPI") -> None:
    from fastapi.responses import HTMLResponse

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()))
