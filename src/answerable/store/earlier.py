"""Where the keys lie of the backups that a home came out of.

A restored home that names no place begins a folder of its own, and the backups of before go on
opening with the one of before. A restore out of them reads the list of erased keys that lies there:
so it is told who is erased here, too.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from answerable.base.errors import Broken
from answerable.store.files import replace_file

EARLIER = "backup-keys-earlier"  # in a home: folders


def note_earlier(home: Path, folders: Iterable[Path]) -> None:
    """Durable on return, with those that were there. Raises Broken."""
    known = earlier(home)
    if new := [folder for folder in folders if folder not in known]:
        told = [str(folder) for folder in dict.fromkeys([*known, *new])]
        replace_file(home / EARLIER, msgspec.json.encode(told) + b"\n", mode=0o600)


def earlier(home: Path) -> list[Path]:
    """None where no restore made the home. Raises Broken."""
    path = home / EARLIER
    try:
        found = msgspec.json.decode(path.read_bytes(), type=list[str]) if path.exists() else []
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Broken(
            f"'{path}' cannot be read: it says where the keys lie of the backups that this home "
            "came out of.",
            "Nothing was done.",
            f"put it back; without it those backups bring back who is erased here: rm {path}",
        ) from error
    return [Path(each) for each in found]
