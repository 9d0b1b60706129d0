"""What every component says of itself."""

from __future__ import annotations

COMPONENTS = ("ingestion", "features", "model", "serving", "decisions", "monitoring")
