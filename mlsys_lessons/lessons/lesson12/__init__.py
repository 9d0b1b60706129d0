"""Lesson 12: a version goes out: registry, canary, ramp, the next fit, and who owns it."""
