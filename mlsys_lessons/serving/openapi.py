"""What the edge's OpenAPI document says of a decision: the body it takes, every answer it may give.

Written by hand, because the bodies are read by hand; a test holds the document to the behaviour.
"""

from __future__ import annotations

from typing import Any

from mlsys_lessons.records import FAILURES
from mlsys_lessons.serving.schemas import transaction_model
from mlsys_lessons.serving.settings import BUSY, TOO_LARGE, UNREADABLE, EdgeSettings
from mlsys_lessons.worlds.payments.domain import ACTIONS

_TEXT: dict[str, Any] = {"type": "string"}
_TRUTH: dict[str, Any] = {"type": "boolean"}
_WHOLE: dict[str, Any] = {"type": "integer"}


def _object(**fields: Any) -> dict[str, Any]:
    """A JSON object with all of these fields and no others."""
    closed = {"required": list(fields), "additionalProperties": False}
    return {"type": "object", "properties": fields, **closed}


def _list(of: dict[str, Any], **bounds: int) -> dict[str, Any]:
    return {"type": "array", "items": of, **bounds}


_DECISION = _object(
    request_id=_WHOLE,
    row_id={**_WHOLE, "description": "the place of this row in the decision log"},
    action={"enum": [each for each in ACTIONS if each != "shed"]},
    score={"type": ["number", "null"], "description": "probability of fraud"},
    reasons=_list(_TEXT, minItems=1),
    model_version=_TEXT,
    is_fallback={**_TRUTH, "description": "a simpler model answered"},
    fallback_reason={"enum": [*FAILURES, None]},
    is_duplicate={**_TRUTH, "description": "asked before: this is the first answer again"},
)
_RULES = _object(
    detail=_list(_object(loc=_list({"type": ["string", "integer"]}), msg=_TEXT, type=_TEXT))
)
_SENTENCE = _object(detail=_TEXT)


def body_of(virtual: bool, settings: EdgeSettings) -> dict[str, Any]:
    """One transaction, or many of them in a list."""
    one = transaction_model(virtual).model_json_schema()
    many = _object(transactions=_list(one, minItems=1, maxItems=settings.rows_per_call))
    return {"requestBody": {"required": True, **_json({"anyOf": [one, many]})}}


def answers_of(settings: EdgeSettings) -> dict[int | str, dict[str, Any]]:
    """Every status that a decision may end with."""
    told = {"anyOf": [_DECISION, _object(decisions=_list(_DECISION, minItems=1))]}
    size = f"the body is larger than {settings.body_bytes:,} bytes"
    return {
        200: {"description": "Decided, and in the log", **_json(told)},
        TOO_LARGE: {"description": size, **_json(_SENTENCE)},
        UNREADABLE: {"description": "a field breaks the stated rule", **_json(_RULES)},
        **busy(f"too many are waiting, or no answer within {settings.time_limit_s:g} s"),
    }


def busy(why: str) -> dict[int | str, dict[str, Any]]:
    """The answer to come again later."""
    header = {"Retry-After": {"description": "seconds to wait", "schema": _WHOLE}}
    return {BUSY: {"description": why, "headers": header, **_json(_SENTENCE)}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}
