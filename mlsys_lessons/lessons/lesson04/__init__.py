"""Lesson 04, traffic and failure: questions and bets, the overload lab and its charts."""
