"""Where traces go, if anywhere. Who offers something does not wait, and loses nothing else.

Ids, names of stages and models, times and counts: nothing that anybody wrote is ever in a trace.
"""

from collections.abc import Sequence
from typing import Protocol

from answerable.telemetry.passages import Passage


class Traces(Protocol):
    """`dropped` counts what was offered and did not arrive."""

    @property
    def dropped(self) -> int: ...

    def offer(self, passages: Sequence[Passage]) -> None:
        """Returns at once; where too much waits already, these are dropped."""

    def close(self) -> None:
        """What waits is sent, as far as that takes a moment."""


class NoTraces:
    """They go nowhere."""

    dropped = 0

    def offer(self, passages: Sequence[Passage]) -> None: ...

    def close(self) -> None: ...
