"""A room for each component: frame in, frame out, naive and resilient side by side.

component.py is what every component says of itself. Rooms never import each other; system/ wires
them.
"""
