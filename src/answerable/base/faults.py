"""Named fault points in product code: free when off, a crash or a delay when a test says so."""

from collections.abc import Awaitable, Callable

Fault = Callable[[str], Awaitable[None]]

_fault: Fault | None = None


async def point(name: str) -> None:
    """Where a test may stop, delay or kill us. `name` is `room.before_or_after_what`."""
    if _fault is not None:
        await _fault(name)


def install(fault: Fault | None) -> None:
    """Set (or with None remove) what happens at every point. For tests and the simulator."""
    global _fault  # noqa: PLW0603 - one switch for the process, so that product code carries no parameter
    _fault = fault
