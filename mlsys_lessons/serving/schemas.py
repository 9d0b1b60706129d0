"""What a caller may send: the fields of a transaction, their types, and the reader of bodies.

Readable is not plausible. A negative amount is a readable number, which the data contract then
quarantines with a reason; NaN, a missing field, or a word in the place of a number is refused here,
by field and rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from mlsys_lessons.domain import Field as DomainField
from mlsys_lessons.reading import SECONDS, epoch_ms
from mlsys_lessons.serving.serialisation import (
    ARRIVAL_TIME,
    CATEGORY_DTYPES,
    EVENT_TIME,
    REALS,
    TIMES,
    Row,
)
from mlsys_lessons.serving.settings import NOT_FOUND, UNPROCESSABLE, Refused
from mlsys_lessons.worlds.payments.domain import PAYMENTS, RAW_COLUMNS

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

# --- what a caller reads of each field: the domain says it ---------------------------------------


def _description(field: DomainField) -> str | None:
    if field.about or field.maximum is None:
        return field.about or None
    return f"{field.minimum:,} to {field.maximum:,} {field.unit}, or it is quarantined"


_DESCRIPTIONS = {field.name: _description(field) for field in PAYMENTS.fields}
_EXAMPLE = {field.name: field.example for field in PAYMENTS.fields if field.example is not None}

# --- limits of any field -------------------------------------------------------------------------

_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999
_LARGEST = 2**53 - 1  # beyond it JSON readers disagree (RFC 8259, section 6)
_TEXT_LENGTH = 64
_REAL_LIMIT = 1e12
_MAX_ERRORS = 20  # in one response
_MOST_KEYS = 50  # of a transaction, known or not
_SUSPECT = 4_000  # bytes: a larger body is looked at before its errors are listed


@dataclass(frozen=True)
class TransactionReader:
    """Reads request bodies, on the wall clock or in the virtual time of the callers' stamps."""

    virtual: bool
    one: type[BaseModel]
    many: type[BaseModel]

    def read(self, body: bytes, *, now_ms: int) -> tuple[list[Row], bool]:
        """The rows of a body, and whether it was a list. Raises Refused with fields and rules.

        On the wall clock every row arrives at `now_ms`; in virtual time at its own arrival_time
        or, without one, at its event_time.
        """
        from pydantic import ValidationError

        if len(body) > _SUSPECT:
            _checked(body)
        try:
            return [self._row(self.one.model_validate_json(body), now_ms)], False
        except ValidationError as error:
            if not any(problem["loc"] == ("transactions",) for problem in error.errors()):
                raise _refused(error) from None
        try:
            batch: Any = self.many.model_validate_json(body)
        except ValidationError as error:
            raise _refused(error) from None
        return [self._row(transaction, now_ms) for transaction in batch.transactions], True

    def _row(self, transaction: Any, now_ms: int) -> Row:
        if not self.virtual:
            values = _values_without_arrival(transaction)
            return (*values[:ARRIVAL_TIME], now_ms, *values[ARRIVAL_TIME:])
        row: Row = _values(transaction)
        if row[ARRIVAL_TIME] is not None:
            return row
        return (*row[:ARRIVAL_TIME], row[EVENT_TIME], *row[ARRIVAL_TIME + 1 :])


_values = attrgetter(*RAW_COLUMNS)
_values_without_arrival = attrgetter(*(name for name in RAW_COLUMNS if name != "arrival_time"))


@lru_cache(maxsize=8)
def transaction_reader(*, virtual: bool, max_rows: int) -> TransactionReader:
    """The reader of one kind of edge, cached: building pydantic models is slow."""
    from pydantic import ConfigDict, Field, create_model

    one: Any = transaction_model(virtual=virtual)
    listed: Any = (list[one], Field(min_length=1, max_length=max_rows))
    many = create_model(
        "Transactions", __config__=ConfigDict(extra="forbid", strict=True), transactions=listed
    )
    return TransactionReader(virtual, one, many)


@lru_cache(maxsize=2)
def transaction_model(*, virtual: bool) -> type[BaseModel]:
    """A transaction in JSON: every field, no others, and no conversion between types."""
    from pydantic import ConfigDict, Field, create_model

    types = _field_types()
    fields: dict[str, Any] = {
        name: (types[name], Field(description=_DESCRIPTIONS.get(name))) for name in RAW_COLUMNS
    }
    if virtual:
        optional = Field(None, description=_DESCRIPTIONS["arrival_time"])
        fields["arrival_time"] = (types["arrival_time"] | None, optional)
    else:
        del fields["arrival_time"]
    config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra={"example": _EXAMPLE}
    )
    return create_model("Transaction", __config__=config, **fields)


def _field_types() -> dict[str, Any]:
    """The type of each raw column, with its limits."""
    from pydantic import BeforeValidator, Field, WithJsonSchema

    whole = Annotated[int, BeforeValidator(_whole), Field(ge=-_LARGEST, le=_LARGEST)]
    documented: list[Any] = [{"type": "string", "format": form} for form in ("date-time", "date")]
    seconds = {"minimum": SECONDS[0], "maximum": SECONDS[1]}
    documented.append(
        {"type": "integer", "minimum": _FIRST_MS, "maximum": _LAST_MS, "not": seconds}
    )
    time = Annotated[
        int, BeforeValidator(epoch_ms), Field(ge=_FIRST_MS, le=_LAST_MS),
        WithJsonSchema({"anyOf": documented}),
    ]  # fmt: skip
    text = Annotated[str, Field(max_length=_TEXT_LENGTH)]
    real = Annotated[float, Field(gt=-_REAL_LIMIT, lt=_REAL_LIMIT)]
    types: dict[str, Any] = dict.fromkeys(RAW_COLUMNS, whole)
    types |= dict.fromkeys(TIMES, time) | dict.fromkeys(CATEGORY_DTYPES, text)
    return types | dict.fromkeys(REALS, real)


def _whole(value: Any) -> Any:
    """5.0 as 5, which JSON Schema takes for an integer too; all else as it came."""
    return int(value) if type(value) is float and value.is_integer() else value


def _checked(body: bytes) -> None:
    """Refuse a body with more keys than a transaction has, before each of them is reported."""
    from pydantic_core import from_json

    try:
        document = from_json(body)
    except ValueError:
        return  # what is no JSON is refused with its place
    rows = document.get("transactions") if isinstance(document, dict) else None
    for row in (document, *(rows if isinstance(rows, list) else ())):
        if isinstance(row, dict) and len(row) > _MOST_KEYS:
            rule = f"has {len(row)} keys; a transaction has {len(RAW_COLUMNS)}"
            raise Refused(UNPROCESSABLE, [{"type": "value_error", "loc": ["body"], "msg": rule}])


def _refused(error: ValidationError) -> Refused:
    """The first broken rules, each with its field; never the value, which may be anything."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    detail = [{**problem, "loc": ["body", *problem["loc"]]} for problem in problems[:_MAX_ERRORS]]
    return Refused(UNPROCESSABLE, detail)


@lru_cache(maxsize=1)
def verdict_model() -> type[BaseModel]:
    """A reviewer's word in JSON: verdict, name and reason, no other fields, nothing empty."""
    from pydantic import ConfigDict, Field, create_model

    limits: dict[str, Any] = {"min_length": 1, "max_length": 200, "pattern": r"\S"}
    who: Any = (str, Field(description="who says so", **limits))
    why: Any = (str, Field(description="and why, for whoever asks later", **limits))
    word: Any = (Literal["approve", "block"], Field(description="approve or block"))
    config = ConfigDict(extra="forbid", strict=True)
    return create_model("Verdict", __config__=config, verdict=word, reviewer=who, reason=why)


def id_of(text: str) -> int:
    """A request_id in a path.  Raises Refused for what is none.

    >>> id_of("42")
    42
    """
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise Refused(NOT_FOUND, "a request_id is a whole number; GET /v1/reviews lists some.")
    return int(text)


def verdict_of(body: bytes) -> dict[str, str]:
    """The fields of a reviewer's word.  Raises Refused with fields and rules."""
    from pydantic import ValidationError

    if len(body) > _SUSPECT:
        _checked(body)
    try:
        return verdict_model().model_validate_json(body).model_dump()
    except ValidationError as error:
        raise _refused(error) from None
