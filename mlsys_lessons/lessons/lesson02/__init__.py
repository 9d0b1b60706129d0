"""Lesson 02, a model is a component: questions and bets, and what a model's neighbours do."""
