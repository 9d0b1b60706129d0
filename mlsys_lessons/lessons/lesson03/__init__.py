"""Lesson 03, deployment and skew: questions and bets, skew and its inspector, shadow mode."""
