"""The system: the components wired into one pipeline, and the faults around its seams."""
