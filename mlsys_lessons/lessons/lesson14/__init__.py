"""Lesson 14, on call: what its notebook needs beyond the drill itself."""
