"""The OpenAPI document of the decision endpoint: the body it takes, every response it may give.

Written by hand, because bodies are read by hand and not by FastAPI; a test holds the document to
the behaviour. The transaction's own schema comes from schemas.py.
"""

from __future__ import annotations

from typing import Any

from mlsys_lessons.records import FAILURES
from mlsys_lessons.serving.schemas import transaction_model, verdict_model
from mlsys_lessons.serving.settings import (
    CONFLICT,
    NOT_FOUND,
    TOO_LARGE,
    UNAVAILABLE,
    UNPROCESSABLE,
    EdgeSettings,
)
from mlsys_lessons.worlds.payments.domain import ACTIONS

Schema = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

_STRING: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_INTEGER: Schema = {"type": "integer"}


def _object(**fields: Schema) -> Schema:
    """A JSON object with all of these fields and no others."""
    closed = {"required": list(fields), "additionalProperties": False}
    return {"type": "object", "properties": fields, **closed}


def _array(items: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": items, **limits}


_DECISION = _object(  # see serialisation.decision_of
    request_id=_INTEGER,
    row_id={**_INTEGER, "description": "the place of this row in the decision log"},
    action={"enum": [action for action in ACTIONS if action != "shed"]},
    score={"type": ["number", "null"], "description": "probability of fraud"},
    reasons=_array(_STRING, minItems=1),
    model_version=_STRING,
    policy_version={
        **_STRING,
        "description": "the policy in force; equal policies have equal versions",
    },
    is_fallback={**_BOOLEAN, "description": "a simpler model answered"},
    fallback_reason={"enum": [*FAILURES, None]},
    is_duplicate={**_BOOLEAN, "description": "asked before: this is the first answer again"},
)
_HELD: Schema = {  # see reviews.HeldPayment: the payment's fields, and these
    "type": "object",
    "required": ["request_id", "row_id", "score", "value_cents", "review"],
    "properties": {
        "request_id": _INTEGER, "row_id": _INTEGER, "score": {"type": ["number", "null"]},
        "value_cents": {**_INTEGER, "description": "what a look is worth, in expected cents"},
        "review": {"type": ["object", "null"], "description": "what a person has said of it"},
    },
}  # fmt: skip
_FIELD_ERRORS = _object(
    detail=_array(_object(loc=_array({"type": ["string", "integer"]}), msg=_STRING, type=_STRING))
)
_ERROR = _object(detail=_STRING)


def decision_request(settings: EdgeSettings, *, virtual: bool) -> dict[str, Any]:
    """The body: one transaction, or a list of them."""
    one = transaction_model(virtual=virtual).model_json_schema()
    many = _object(transactions=_array(one, minItems=1, maxItems=settings.rows_per_call))
    return {"requestBody": {"required": True, **_json({"anyOf": [one, many]})}}


def decision_responses(settings: EdgeSettings) -> Responses:
    """Every status of the decision endpoint, with the body that comes with it."""
    decided = {"anyOf": [_DECISION, _object(decisions=_array(_DECISION, minItems=1))]}
    size = f"the body is larger than {settings.body_bytes:,} bytes"
    return {
        200: {"description": "Decided, and in the log", **_json(decided)},
        403: {"description": "a page of another site may not call this server", **_json(_ERROR)},
        CONFLICT: {"description": "the request_id stood for another payment", **_json(_ERROR)},
        TOO_LARGE: {"description": size, **_json(_ERROR)},
        415: {"description": "the content-type is no JSON", **_json(_ERROR)},
        421: {"description": "the Host header names another server", **_json(_ERROR)},
        UNPROCESSABLE: {"description": "a field breaks the stated rule", **_json(_FIELD_ERRORS)},
        **unavailable(f"too many are waiting, or no answer within {settings.time_limit_s:g} s"),
    }


def review_request() -> dict[str, Any]:
    """The body of a reviewer's word."""
    return {"requestBody": {"required": True, **_json(verdict_model().model_json_schema())}}


def review_responses(settings: EdgeSettings) -> Responses:
    """Every status of a reviewer's word, with the body that comes with it."""
    statuses = decision_responses(settings)
    return {
        **statuses,
        200: {"description": "Written, and applied at midnight", **_json(_HELD)},
        NOT_FOUND: {"description": "no such payment waits today", **_json(_ERROR)},
        CONFLICT: {"description": "another verdict stands", **_json(_ERROR)},
    }


def desk_responses() -> Responses:
    """The held payments, the most valuable look first."""
    desk = _object(waiting=_INTEGER, reviews=_array(_HELD))
    return {200: {"description": "What waits for a person today", **_json(desk)}}


def board_responses() -> Responses:
    """The one status of the monitors' page: numbers and alerts, or no day yet."""
    number: Schema = {"type": ["number", "null"]}
    alert = _object(
        layer=_STRING, metric=_STRING, segment=_STRING, value=number, limit=number,
        severity=_STRING, owner=_STRING, runbook=_array(_STRING),
        is_new={**_BOOLEAN, "description": "it calls somebody: once in a spell"},
    )  # fmt: skip
    day: Schema = {"type": ["integer", "null"], "description": "null until a day has closed"}
    metrics: Schema = {"type": "object", "additionalProperties": number}
    board = _object(day=day, metrics=metrics, alerts=_array(alert))
    return {200: {"description": "The last closed day", **_json(board)}}


def unavailable(reason: str) -> Responses:
    """The response 503, with the time after which to ask again."""
    header = {"Retry-After": {"description": "seconds to wait", "schema": _INTEGER}}
    return {UNAVAILABLE: {"description": reason, "headers": header, **_json(_ERROR)}}


def _json(schema: Schema) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
