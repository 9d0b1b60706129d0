"""Lesson 08, silent degradation: questions and bets, three lives, a green page, a board to flip."""
