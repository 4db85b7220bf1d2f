"""Another home key: three steps, and a death between any two of them leaves one key that opens all.

The new key lies beside the old one before anything is wrapped under it; all keys are wrapped anew
in one transaction; then it takes the old one's place. Which of the two is the home's key is asked
of the key store itself.
"""

import os
from pathlib import Path

from answerable.base import faults
from answerable.base.chance import Chance
from answerable.base.errors import Broken
from answerable.store.files import replace_file
from answerable.store.keys import HOME_KEY, KEY_BYTES, KEYS, KeyStore, is_opened_by

HOME_KEY_NEXT = f"{HOME_KEY}.next"


async def rotate_home_key(home: Path, keys: KeyStore, chance: Chance) -> int:
    """Give a home that nobody else holds another key; returns how many keys were damaged before.

    Raises Broken; the home then opens as it did, with one or the other.
    """
    key = chance.token(KEY_BYTES)
    replace_file(home / HOME_KEY_NEXT, key, mode=0o600)
    await faults.point("rotation.after_next")
    unread = keys.rewrap(key)
    await faults.point("rotation.after_rewrap")
    _take_place(home)
    await faults.point("rotation.after_rename")
    return unread


def settle_home_key(home: Path) -> None:
    """Finish, or forget, what a death has left half done. Raises Broken."""
    following = home / HOME_KEY_NEXT
    if not following.exists():
        return
    try:
        if is_opened_by(home / KEYS, following.read_bytes()):
            _take_place(home)
        else:
            following.unlink()
    except OSError as error:
        raise Broken(
            f"'{following}' cannot be put in its place: {error.strerror}.",
            "Nothing was opened.",
            f"ls -l {home}",
        ) from error


def _take_place(home: Path) -> None:
    (home / HOME_KEY_NEXT).replace(home / HOME_KEY)
    descriptor = os.open(home, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
