"""A home that came out of a backup knows whose keys were destroyed before its ledger says so.

The restore has destroyed them; the first worker records it, and ends what is open for them.
"""

from collections.abc import Iterable
from pathlib import Path

from answerable.base.errors import Broken
from answerable.store.files import replace_file, sync_folder

FORGOTTEN = "forgotten-again"  # in a home: ids of keys, a line each


def note_forgotten(home: Path, kids: Iterable[str]) -> None:
    """Durable on return. Raises Broken."""
    replace_file(home / FORGOTTEN, "".join(f"{kid}\n" for kid in kids).encode(), mode=0o600)


def forgotten_again(home: Path) -> list[str]:
    """Keys that a restore destroyed and of which the ledger may not say it yet. Raises Broken."""
    path = home / FORGOTTEN
    try:
        return path.read_text("ascii").split() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise Broken(
            f"'{path}' cannot be read: it says whose keys were destroyed when this home was "
            "restored.",
            "Nothing was changed.",
            f"restore the backup again, or put back '{path}'",
        ) from error


def drop_forgotten(home: Path) -> None:
    """The ledger says it all."""
    (home / FORGOTTEN).unlink(missing_ok=True)
    sync_folder(home)
