"""A home asks its witnesses to cosign what it has published: beside the worker, never before it."""

from answerable.worker.witnessing.memory import MEMORY, Remembered, read_memory
from answerable.worker.witnessing.rounds import Rounds, asked_of, keep_witnessed

__all__ = ["MEMORY", "Remembered", "Rounds", "asked_of", "keep_witnessed", "read_memory"]
