"""A search engine: queries, graded documents, and clicks that teach position before relevance.

clicks.py is how people look, trust and click, in closed form.
"""
