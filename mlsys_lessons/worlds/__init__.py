"""Reality: people, traffic, fraudsters. Worlds know the truth; systems never import it."""

from mlsys_lessons.worlds.payments import Drift, PaymentsWorld, payments_world
from mlsys_lessons.worlds.payments.frames import Day, History
from mlsys_lessons.worlds.payments.people import Reviewers
from mlsys_lessons.worlds.payments.state import WorldState

__all__ = ["Day", "Drift", "History", "PaymentsWorld", "Reviewers", "WorldState", "payments_world"]
