"""A search engine: queries, graded documents, and clicks that teach position before relevance.

domain.py is the business as data, knobs.py the mechanisms' numbers; corpus.py what is asked and
what there is; clicks.py and outcomes.py how people look, trust, click and are satisfied; state.py
what was counted; world.py a day; faults.py which faults exist here.
"""

from mlsys_lessons.worlds.search.knobs import SearchHabits
from mlsys_lessons.worlds.search.world import SearchWorld, search_engine, search_world

__all__ = ["SearchHabits", "SearchWorld", "search_engine", "search_world"]
