"""A disk that is soon full, where this machine lets us mount one."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from answerable.testing import disks


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mounted in `folder`; where that is not allowed the test is skipped."""
    with ExitStack() as mounted:
        try:
            disk = mounted.enter_context(disks.small_disk(folder, megabytes))
        except disks.NotMounted as why:
            pytest.skip(str(why))
        yield disk
