"""The deterministic simulator: the real product under virtual time, drawn orders and drawn faults.

A world is a seed. `simulate(seed)` lives through it and holds it against the promises; the same
seed gives the same bytes, so a failure is a number that anybody can replay.
"""
