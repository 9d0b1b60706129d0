"""The data contract: what each field promises, who answers for it, and how a frame is read.

field.py is one column's promise, agreement.py the whole contract, feed.py what a day of rows
promises together, parsing.py how a frame is read, export.py the same as pandera. ingestion.py
applies it to traffic.
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
    UNUSUAL,
    Promise,
    lag_ms,
)
from mlsys_lessons.components.ingestion.contract.field import POLICIES, Field
from mlsys_lessons.components.ingestion.contract.parsing import parse

__all__ = [
    "FUTURE_MS", "LATE_MS", "PAYMENTS_CONTRACT", "POLICIES", "REPORT_COLUMNS", "STALE_MS",
    "UNUSUAL", "Contract", "Field", "Promise", "lag_ms", "parse",
]  # fmt: skip
