"""The data contract: what each field promises, who answers for it, and how a frame is read.

agreement.py is the whole contract, values.py which values break a field's promise, feed.py what a
day of rows promises together, parsing.py how a frame is read, export.py the same as pandera. The
stages apply it to traffic.
"""

from mlsys_lessons.components.ingestion.contract.agreement import (
    FUTURE_MS,
    LATE_MS,
    PAYMENTS_CONTRACT,
    STALE_MS,
    Contract,
)
from mlsys_lessons.components.ingestion.contract.feed import (
    REPORT_COLUMNS,
    Promise,
    lag_ms,
    unusual,
)
from mlsys_lessons.components.ingestion.contract.parsing import parse
from mlsys_lessons.components.ingestion.contract.values import broken, missing

__all__ = [
    "FUTURE_MS", "LATE_MS", "PAYMENTS_CONTRACT", "REPORT_COLUMNS", "STALE_MS", "Contract",
    "Promise", "broken", "lag_ms", "missing", "parse", "unusual",
]  # fmt: skip
