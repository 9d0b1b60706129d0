"""Lesson 05: its questions and bets, and its instruments."""
