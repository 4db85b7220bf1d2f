"""Engines: what accepts, claims, appends and reads for us."""
