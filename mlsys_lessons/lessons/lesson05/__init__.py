"""Lesson 05, data is the system: questions and bets, tickets, four lives, a contract editor."""
