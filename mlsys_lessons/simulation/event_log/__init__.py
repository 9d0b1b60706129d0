"""The event log on disk: a run keeps its days in a DuckDB file, one transaction a tick."""

from mlsys_lessons.simulation.event_log.store import EventLog

__all__ = ["EventLog"]
