"""Lesson 01: its questions and bets, and its instruments."""
