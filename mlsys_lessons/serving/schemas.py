"""What may be said over the wire: a transaction's fields, held to their types.

It knows what can be read, not what is plausible: a negative amount is a legible number, which the
data contract then puts into quarantine with a reason; NaN, a missing field or a word where a number
belongs is refused here, by field and rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any

from mlsys_lessons.components.ingestion.contract import PAYMENTS_CONTRACT
from mlsys_lessons.serving.serialisation import ARRIVAL, TIMES, WORDS, Row
from mlsys_lessons.serving.settings import UNREADABLE, Refused
from mlsys_lessons.worlds.payments.domain import RAW_COLUMNS

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_1970 = datetime(1970, 1, 1)
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999
_LARGEST = 2**53 - 1  # beyond it JSON readers disagree (RFC 8259, section 6)
_MOST_ERRORS = 20
_ABOUT = {
    "request_id": "the caller's own id; repeated within 7 days it gets the first answer again",
    "event_time": "when the payment was made: ISO 8601 (UTC if no zone) or ms since 1970",
    "arrival_time": "virtual time only: when it reached us; never before an earlier arrival",
    "account_opened": "ISO 8601 or ms since 1970",
    **{
        each.name: f"{each.minimum:,} to {each.maximum:,} {each.unit}, or it is quarantined"
        for each in PAYMENTS_CONTRACT.fields
        if each.maximum is not None
    },
}
_EXAMPLE: dict[str, Any] = {
    "request_id": 1, "event_time": "2025-01-01T09:30:00Z", "customer_id": 17,
    "account_opened": "2023-06-01", "card_country": "DE", "merchant_id": 5, "category": "grocery",
    "country": "DE", "channel": "chip", "amount": 23.5,
}  # fmt: skip


@dataclass(frozen=True)
class Wire:
    """How requests are read: on the wall clock, or in the virtual time of their own stamps."""

    virtual: bool
    one: type[BaseModel]
    many: type[BaseModel]

    def read(self, body: bytes, now_ms: int) -> tuple[list[Row], bool]:
        """The rows of a body, and whether it was a list; raises Refused by field and rule."""
        from pydantic import ValidationError

        try:
            return [self._row(self.one.model_validate_json(body), now_ms)], False
        except ValidationError as wrong:
            if not any(each["loc"] == ("transactions",) for each in wrong.errors()):
                raise _refused(wrong) from None
        try:
            told: Any = self.many.model_validate_json(body)
        except ValidationError as wrong:
            raise _refused(wrong) from None
        return [self._row(each, now_ms) for each in told.transactions], True

    def _row(self, told: Any, now_ms: int) -> Row:
        if not self.virtual:
            values = _UNSTAMPED(told)
            return (*values[:ARRIVAL], now_ms, *values[ARRIVAL:])
        row: Row = _STAMPED(told)
        return row if row[ARRIVAL] is not None else (*row[:ARRIVAL], row[1], *row[ARRIVAL + 1 :])


_STAMPED = attrgetter(*RAW_COLUMNS)
_UNSTAMPED = attrgetter(*(name for name in RAW_COLUMNS if name != "arrival_time"))


@lru_cache(maxsize=8)
def wire(virtual: bool, most_rows: int) -> Wire:
    """The reader of one kind of edge."""
    from pydantic import ConfigDict, Field, create_model

    one: Any = transaction_model(virtual)
    listed: Any = (list[one], Field(min_length=1, max_length=most_rows))
    many = create_model(
        "Transactions", __config__=ConfigDict(extra="forbid", strict=True), transactions=listed
    )
    return Wire(virtual, one, many)


@lru_cache(maxsize=2)
def transaction_model(virtual: bool) -> type[BaseModel]:
    """A transaction as the wire accepts it: every field, nothing else, no conversion."""
    from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model

    whole = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
    shown: list[Any] = [{"type": "string", "format": each} for each in ("date-time", "date")]
    shown.append({"type": "integer", "minimum": _FIRST_MS, "maximum": _LAST_MS})
    moment = Annotated[
        int, BeforeValidator(_moment), Field(ge=_FIRST_MS, le=_LAST_MS),
        WithJsonSchema({"anyOf": shown}),
    ]  # fmt: skip
    word = Annotated[str, Field(max_length=64)]
    kinds: dict[str, Any] = dict.fromkeys(RAW_COLUMNS, whole)
    kinds |= {**dict.fromkeys(TIMES, moment), **dict.fromkeys(WORDS, word)}
    kinds["amount"] = Annotated[float, Field(gt=-1e12, lt=1e12)]
    fields: dict[str, Any] = {
        name: (kinds[name], Field(description=_ABOUT.get(name))) for name in RAW_COLUMNS
    }
    if virtual:
        fields["arrival_time"] = (moment | None, Field(None, description=_ABOUT["arrival_time"]))
    else:
        del fields["arrival_time"]
    config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra={"example": _EXAMPLE}
    )
    return create_model("Transaction", __config__=config, **fields)


def _moment(value: Any) -> int:
    """Milliseconds since 1970 from what a caller may write."""
    if type(value) is int:
        return value
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        rule = "should be a time: 2025-01-01T09:30:00Z, say, or whole milliseconds since 1970"
        raise ValueError(rule) from None
    since = moment - (_1970 if moment.tzinfo is None else _1970.replace(tzinfo=UTC))
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def _refused(wrong: ValidationError) -> Refused:
    """The first broken rules, each with its field; never the value, which may be anything."""
    found = wrong.errors(include_url=False, include_context=False, include_input=False)
    detail = [{**each, "loc": ["body", *each["loc"]]} for each in found[:_MOST_ERRORS]]
    return Refused(UNREADABLE, detail)
