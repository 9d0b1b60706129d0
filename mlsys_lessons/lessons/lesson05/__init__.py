"""Lesson 05, data is the system: questions and bets, tickets, lives of a fault, a contract editor."""
