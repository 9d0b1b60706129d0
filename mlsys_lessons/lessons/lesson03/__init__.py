"""Lesson 03: its questions and bets, and its instruments."""
