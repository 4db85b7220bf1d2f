"""The engine on one SQLite file: a thin journal of our own, group commit, one partition."""

from answerable.adapters.engines.embedded.journal import DATABASE, EmbeddedJournal

__all__ = ["DATABASE", "EmbeddedJournal"]
