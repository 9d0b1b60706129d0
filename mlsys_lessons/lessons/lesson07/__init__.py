"""Lesson 07, drift: questions and bets, moved worlds, three shifts, four reports, an explorer."""
