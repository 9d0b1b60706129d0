"""The loop: a world, a system, faults, one day after another; what comes out, and its price."""
