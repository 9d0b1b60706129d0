"""Lesson 09, feedback loops: questions and bets, months of successors, a loop to run by hand."""
