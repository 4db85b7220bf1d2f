"""What the ledger needs from outside: somebody who signs."""

from typing import Protocol


class Signer(Protocol):
    """Signs checkpoints; a file's key today, an HSM or a KMS behind the same three members."""

    @property
    def name(self) -> str:
        """The key name of signed notes: the log's origin, `answerable.example/home`."""
        ...

    @property
    def public_key(self) -> bytes:
        """32 bytes, Ed25519 (RFC 8032)."""
        ...

    async def sign(self, message: bytes) -> bytes:
        """64 bytes, Ed25519 over `message`."""
        ...
