"""Lesson 02: its questions and bets, and its instruments."""
