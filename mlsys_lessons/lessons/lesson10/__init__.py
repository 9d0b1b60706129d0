"""Lesson 10, ranking loops: questions and bets, parallel front pages, a results page, a slider."""
