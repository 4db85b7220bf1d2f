"""Fakes, kits, simulator; for authors: `running`, a world in which to test an agent."""

from answerable.testing.fakes import Called, NotFaked
from answerable.testing.scene import Decision, Heard, Scene, SceneSync, running, running_sync

__all__ = [
    "Called", "Decision", "Heard", "NotFaked", "Scene", "SceneSync", "running", "running_sync",
]  # fmt: skip
