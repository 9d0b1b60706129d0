"""Lesson 14, on call: questions and bets, four pages of one week, a system's unseen season."""
