"""A death at a named point of the product, in the test's own process."""

from collections.abc import Iterator
from contextlib import contextmanager

from answerable.base import faults


class Dead(BaseException):
    """The process died here."""


@contextmanager
def dying_at(point: str) -> Iterator[None]:
    """Whoever comes to this point dies there; nobody, where it is empty."""

    async def fault(name: str) -> None:
        if name == point:
            raise Dead

    faults.install(fault)
    try:
        yield
    finally:
        faults.install(None)
