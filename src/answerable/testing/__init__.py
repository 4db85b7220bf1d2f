"""Fakes, kits, simulator."""
