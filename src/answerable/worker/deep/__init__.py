"""Verify a home deeply: beside the proof, all that the proof does not speak of, file by file."""

from answerable.worker.deep.home import DeepVerified, verify_deep

__all__ = ["DeepVerified", "verify_deep"]
