"""Ids, clock, chance, money, errors, faults, settings: no I/O."""
