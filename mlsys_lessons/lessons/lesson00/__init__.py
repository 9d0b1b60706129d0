"""Lesson 00, start here: one question, three bets, and a whole year measured on several worlds."""
