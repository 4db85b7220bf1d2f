"""How many may be at something at once; who comes when all places are taken waits for nobody."""

from collections.abc import Iterator
from contextlib import contextmanager

from answerable.server.errors import Overloaded


class Places:
    def __init__(self, places: int) -> None:
        self._left = places

    @contextmanager
    def take(self) -> Iterator[None]:
        """Raises Overloaded."""
        if self._left <= 0:
            raise Overloaded
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1
