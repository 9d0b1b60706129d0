"""Lesson 01, the notebook works: questions and bets, notebooks' recipes, measurements."""
