"""Lesson 13: boring systems scale; what automation hides, and what an order of inputs is worth."""
