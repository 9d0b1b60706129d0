"""Lesson 06, decisions, not predictions: questions and bets, candidates, a threshold explorer."""
