"""A home that came out of a backup knows it: what it began before may have happened since."""

from pathlib import Path

from answerable.base.errors import Broken
from answerable.store.files import replace_file

_NAME = "restored"


def note_restored(home: Path, *, made_at_us: int, at_us: int) -> None:
    """The home is as it was at `made_at_us`, and goes on since `at_us`. Raises Broken."""
    replace_file(home / _NAME, f"{made_at_us} {at_us}\n".encode(), mode=0o600)


def restored(home: Path) -> tuple[int, int]:
    """When the backup was made and when it was restored, the last time; zeros if never.

    Raises Broken where it cannot be read: not to know it would be to do things twice.
    """
    path = home / _NAME
    if not path.exists():
        return 0, 0
    try:
        made_at_us, at_us = map(int, path.read_text().split())
    except (OSError, ValueError) as error:
        raise Broken(
            f"'{path}' cannot be read: it says since when this home is a restored one.",
            "Nothing was started: effects of before could be done twice.",
            f"look at '{path}': it held two numbers, when the backup was made and restored",
        ) from error
    return made_at_us, at_us
