"""Lesson 11, humans in the loop: questions and bets, a desk of known cases, staffing in money."""
