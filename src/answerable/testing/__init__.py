"""Fakes, kits, simulator; for authors: `running`, a world in which to test an agent."""

from answerable.testing.fakes import Called, NotFaked
from answerable.testing.scene import Decision, Heard, Scene, SceneSync, running, running_sync
from answerable.testing.scripted import ScriptedModel, calls

__all__ = [
    "Called", "Decision", "Heard", "NotFaked", "Scene", "SceneSync", "ScriptedModel", "calls",
    "running", "running_sync",
]  # fmt: skip
