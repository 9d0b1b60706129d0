"""A front page: hidden tastes, slates of ten, and a loop from clicks to what is shown.

domain.py is the business as data, knobs.py the mechanisms' numbers; population.py, slates.py and
outcomes.py are who there is, what is shown and what comes of it; world.py is a day; popularity.py
the loop alone, in many parallel worlds; faults.py which faults exist here.
"""

from mlsys_lessons.worlds.recommender.knobs import Habits
from mlsys_lessons.worlds.recommender.world import RecommenderWorld, front_page, recommender_world

__all__ = ["Habits", "RecommenderWorld", "front_page", "recommender_world"]
