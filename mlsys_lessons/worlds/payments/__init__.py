"""Payments: a card portfolio under attack, and what its business is made of.

domain.py is the business as plain data; world.py is reality. Bottom up: knobs (how the world may
change), merchants, customers and population, purchases; schemes and playbook, fraudsters,
campaigns, adaptation and fashion; people, truth, state. frames.py is what leaves the world.
"""

from mlsys_lessons.worlds.payments.knobs import Drift
from mlsys_lessons.worlds.payments.world import PaymentsWorld, payments_world

__all__ = ["Drift", "PaymentsWorld", "payments_world"]
