"""Reality: people, shops, fraudsters. Worlds know the truth; a system reads their domain alone.

A world is a folder: its domain as plain data, and what really happens. `WORLDS` names those that
can be asked for by name; whatever follows the protocol of world.py can be simulated.
"""

from collections.abc import Callable

from mlsys_lessons.worlds.payments import Drift, PaymentsWorld, payments_world
from mlsys_lessons.worlds.recommender import Habits, front_page, recommender_world
from mlsys_lessons.worlds.search import SearchHabits, search_engine, search_world
from mlsys_lessons.worlds.world import Day, History, World

__all__ = [
    "WORLDS", "Day", "Drift", "Habits", "History", "PaymentsWorld", "SearchHabits", "World",
    "payments_world", "recommender_world", "search_world",
]  # fmt: skip

WORLDS: dict[str, Callable[..., World]] = {
    "payments": payments_world,
    "recommender": front_page,
    "search": search_engine,
}
