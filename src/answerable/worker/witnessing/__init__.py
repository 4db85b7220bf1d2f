"""A home asks its witnesses to cosign what it has published: beside the worker, never before it."""

from answerable.worker.witnessing.memory import MEMORY, Remembered, read_memory
from answerable.worker.witnessing.own import VKEY_FILE
from answerable.worker.witnessing.rounds import Rounds, asked_of, keep_witnessed

__all__ = [
    "MEMORY", "VKEY_FILE", "Remembered", "Rounds", "asked_of", "keep_witnessed", "read_memory",
]  # fmt: skip
