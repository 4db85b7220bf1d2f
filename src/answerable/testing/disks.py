"""A disk that is soon full: a real file system of a few megabytes."""

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NotMounted(Exception):
    """Why this machine does not let us mount."""


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mounted in `folder`, and gone with all that is on it. Raises NotMounted."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)  # noqa: S603 - our own command
    except FileNotFoundError:
        raise NotMounted("no `mount` on this machine") from None
    if done.returncode != 0:
        raise NotMounted(f"mounting needs root: {done.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)  # noqa: S603, S607 - the same


def fill(path: Path) -> None:
    """Write `path` until not one byte more fits beside it."""
    with path.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
