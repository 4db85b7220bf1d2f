"""All attacks: to import this is to have the list."""

from attacked import on_bodies, on_effects, on_log, on_proofs, on_verifiers

__all__ = ["on_bodies", "on_effects", "on_log", "on_proofs", "on_verifiers"]
