"""Handing a log over to another key: the entry decides, the file follows.

The new key lies beside the old one before the entry names it; when the entry is durable, sealed by
both, the new one takes the old one's place. A death in between is settled as the entry says.
"""

import os
from pathlib import Path

from answerable.adapters.signers.file import FileSigner
from answerable.base.chance import Chance
from answerable.base.errors import Broken
from answerable.engine.port import Record
from answerable.ledger.domain import decode_entry
from answerable.ledger.keychain import handing_over

SIGNER_KEY = "signer.key"  # in the home
SIGNER_KEY_NEXT = f"{SIGNER_KEY}.next"


def take_over(home: Path) -> None:
    """The next key is the log's from here on."""
    (home / SIGNER_KEY_NEXT).replace(home / SIGNER_KEY)
    descriptor = os.open(home, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle_signer(home: Path, last: Record | None, *, name: str, chance: Chance) -> None:
    """Finish, or forget, what a death has left; `last` is the newest `key.rotated`. Raises Broken.

    A next key that no entry names was never the log's, and nobody has seen it sign.
    """
    if not (home / SIGNER_KEY_NEXT).exists():
        return
    handing = handing_over(decode_entry(last.data)) if last is not None else None
    try:
        following = FileSigner.open(
            home / SIGNER_KEY_NEXT, name=name, chance=chance, may_create=False
        )
        is_named = handing is not None and handing.new == following.vkey
    except Broken:
        is_named = False
    if is_named:
        take_over(home)
    else:
        (home / SIGNER_KEY_NEXT).unlink()
