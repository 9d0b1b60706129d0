"""Lesson 04: its questions and bets, and its instruments."""
