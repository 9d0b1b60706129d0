"""Lesson 00: its questions and bets, and its instruments."""
