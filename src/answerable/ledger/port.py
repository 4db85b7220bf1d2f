"""What the ledger needs from outside: somebody who signs."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class Signer(Protocol):
    """Signs checkpoints; a file's key, a process of its own, an HSM or a KMS behind the same three
    members."""

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


@runtime_checkable
class StrictSigner(Signer, Protocol):
    """Remembers the last tree that it signed, and signs none that does not continue it. So it is
    asked only about what is durable. Its `sign` is for what speaks of the log beside it, and
    signs no checkpoint."""

    async def ready(self) -> None:
        """Returns while it can be asked. Raises SignerAway."""
        ...

    async def signed_last(self) -> tuple[int, bytes]:
        """Size and root of the last tree that it signed. Raises SignerAway."""
        ...

    async def sign_tree(self, body: bytes, size: int, proof: Sequence[bytes]) -> bytes:
        """64 bytes over a checkpoint's text, given the RFC 6962 proof from its tree at `size`.

        Raises SignerAway, SignerRefused.
        """
        ...
